//! Messages of `ModelInfer` and `ModelStreamInfer`: refused before they are decoded if they would take too much memory.

use super::bounds::typed_size;
use crate::infer::ServeError;
use crate::ticket::Ticket;
use bytes::Buf;
use prost::Message;
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstDecoder, ProstEncoder};
use traccc_protocol::grpc::ModelInferRequest;

/// Reads the messages of one call, and writes replies of type `M`.
#[derive(Debug)]
pub(super) struct InferCodec<M> {
    ticket: Ticket,
    limit: usize,
    replies: PhantomData<fn(M)>,
}

impl<M> InferCodec<M> {
    /// Of messages with up to `limit` bytes of content.
    pub(super) fn new(ticket: Ticket, limit: usize) -> Self {
        Self { ticket, limit, replies: PhantomData }
    }
}

impl<M: Message + 'static> Codec for InferCodec<M> {
    type Encode = M;
    type Decode = ModelInferRequest;
    type Encoder = ProstEncoder<M>;
    type Decoder = InferDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        let (ticket, limit) = (self.ticket.clone(), self.limit);
        InferDecoder { ticket, limit, inner: ProstDecoder::default() }
    }
}

/// Reads a `ModelInferRequest`.
#[derive(Debug)]
pub(super) struct InferDecoder {
    ticket: Ticket,
    limit: usize,
    inner: ProstDecoder<ModelInferRequest>,
}

impl Decoder for InferDecoder {
    type Item = ModelInferRequest;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        // tonic has the whole message in one piece.
        if message.chunk().len() < message.remaining() {
            return Err(Status::internal("a message in several pieces"));
        }
        // Once as the message has them, once as tensors.
        let typed = 2 * typed_size(message.chunk(), self.limit)?;
        self.ticket.memory().grow_to(message.remaining().saturating_add(typed))?;
        self.inner.decode(message).map_err(|_| ServeError::NoMessage.into())
    }
}
