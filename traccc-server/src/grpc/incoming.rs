//! The body of a gRPC call: its memory is counted, and a client that stands still is cut off.

use crate::infer::ServeError;
use crate::ticket::Ticket;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::Status;

/// What comes of a call.
#[derive(Debug)]
pub(super) struct Incoming {
    body: Body,
    ticket: Ticket,
    stall: Duration,
    /// Since it is waited for.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Of calls that may stand still between two messages.
    messages: Option<Messages>,
}

impl Incoming {
    /// `may_pause`: between two messages nothing needs to come.
    pub(super) fn new(body: Body, ticket: Ticket, stall: Duration, may_pause: bool) -> Self {
        let messages = may_pause.then(Messages::default);
        Self { body, ticket, stall, deadline: None, messages }
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) else {
            if this.messages.as_ref().is_some_and(Messages::is_between) {
                return Poll::Pending;
            }
            let stall = this.stall;
            let deadline = this.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
            return deadline
                .as_mut()
                .poll(context)
                .map(|()| Some(Err(ServeError::StoodStill.into())));
        };
        this.deadline = None;
        let frame = match frame {
            None => return Poll::Ready(None),
            Some(Err(error)) => {
                return Poll::Ready(Some(Err(Status::from_error(error.into_inner()))));
            }
            Some(Ok(frame)) => frame,
        };
        if let Some(data) = frame.data_ref() {
            if let Err(error) = this.ticket.memory().grow(data.len()) {
                return Poll::Ready(Some(Err(error.into())));
            }
            if let Some(messages) = &mut this.messages {
                messages.pass(data);
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Where one message ends and the next begins.
#[derive(Debug, Default)]
struct Messages {
    /// What has come of the next prefix: a flag, and the length of the message as four bytes.
    prefix: Vec<u8>,
    /// What has not come of the message.
    left: usize,
}

impl Messages {
    fn pass(&mut self, mut data: &[u8]) {
        while let Some((&byte, rest)) = data.split_first() {
            if self.left > 0 {
                let of_message = self.left.min(data.len());
                self.left -= of_message;
                data = &data[of_message..];
                continue;
            }
            self.prefix.push(byte);
            data = rest;
            if let [_, a, b, c, d] = self.prefix[..] {
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
                self.prefix.clear();
            }
        }
    }

    fn is_between(&self) -> bool {
        self.left == 0 && self.prefix.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_where_their_prefix_says_however_they_are_cut() {
        let two = [&[0, 0, 0, 1, 2][..], &[7; 258], &[1, 0, 0, 0, 0], &[0, 0, 0, 0, 1, 9]].concat();
        let ends = [5 + 258, 5 + 258 + 5, two.len()];
        for size in [1, 2, 3, 5, 100, 1000] {
            let mut messages = Messages::default();
            let mut passed = 0;
            assert!(messages.is_between());
            for part in two.chunks(size) {
                messages.pass(part);
                passed += part.len();
                assert_eq!(messages.is_between(), ends.contains(&passed), "{passed} by {size}");
            }
        }
    }
}
