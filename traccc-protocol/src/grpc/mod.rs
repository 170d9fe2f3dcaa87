//! The KServe v2 gRPC protocol: messages, client and server stubs, and the description of a model (`config.pbtxt`).
//!
//! Generated from `proto/inference.proto` by `cargo run --package xtask --features codegen -- codegen`.

#[expect(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    clippy::restriction,
    reason = "generated; the messages are documented where the protocol is"
)]
#[rustfmt::skip]
mod inference;

pub use inference::*;

/// The description of all messages, for reading `config.pbtxt`.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("inference.bin");
