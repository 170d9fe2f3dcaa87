//! Replies on their way to a reader that may be slow.

use crate::ticket::Ticket;
use axum::Error;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// The most that is handed on at once, in bytes: a reader moves on when it has taken one piece.
const PIECE: usize = 16 << 10;

/// A connection that can be closed from a reply: travels in the extensions of its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connection(Arc<Notify>);

impl Connection {
    fn close(&self) {
        self.0.notify_one();
    }

    /// Waits until it is to be closed.
    pub(crate) async fn closed(&self) {
        self.0.notified().await;
    }
}

/// The body of a reply, in pieces: it holds the ticket of its request until the reader has taken all but the last of them. Over
/// HTTP/2, where a client can be alive and take nothing, it closes the connection of a reader that stands still.
#[derive(Debug)]
pub(crate) struct ReplyBody {
    body: Body,
    /// Of the last frame.
    rest: Bytes,
    begun: bool,
    ticket: Ticket,
    reader: Option<Reader>,
}

impl ReplyBody {
    /// Over a connection that ends by itself when its reader stands still.
    pub(crate) fn new(body: Body, ticket: Ticket) -> Self {
        Self { body, rest: Bytes::new(), begun: false, ticket, reader: None }
    }

    /// Over a connection that is closed when the reader stands still for so long.
    pub(crate) fn watched(
        body: Body,
        ticket: Ticket,
        connection: Connection,
        stall: Duration,
    ) -> Self {
        let reader = Some(Reader::watch(connection, stall));
        Self { reader, ..Self::new(body, ticket) }
    }
}

impl HttpBody for ReplyBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        this.reader.iter().for_each(Reader::asks);
        if this.rest.is_empty() {
            if std::mem::take(&mut this.begun) {
                this.ticket.answered();
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
            this.begun = true;
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        this.reader.iter().for_each(Reader::has_more_to_take);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, inner) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + rest);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + rest);
        }
        hint
    }
}

/// Sees whether a reader moves on.
#[derive(Debug)]
struct Reader {
    /// Odd while it is the reader's turn.
    turn: Arc<AtomicU64>,
    watch: JoinHandle<()>,
}

impl Reader {
    fn watch(connection: Connection, stall: Duration) -> Self {
        let turn = Arc::new(AtomicU64::new(0));
        let seen = turn.clone();
        let watch = tokio::spawn(async move {
            let mut last = 0;
            loop {
                tokio::time::sleep(stall).await;
                let now = seen.load(Ordering::Relaxed);
                if now == last && now % 2 == 1 {
                    tracing::debug!("the reader of a reply stands still: its connection is closed");
                    return connection.close();
                }
                last = now;
            }
        });
        Self { turn, watch }
    }

    fn asks(&self) {
        let turn = self.turn.load(Ordering::Relaxed);
        self.turn.store(turn + turn % 2, Ordering::Relaxed);
    }

    fn has_more_to_take(&self) {
        self.turn.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.watch.abort();
    }
}
