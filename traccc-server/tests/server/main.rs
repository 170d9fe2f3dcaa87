//! The server from outside, over loopback.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod bad_input;
mod batches;
mod limits;
mod overload;
mod replies;
mod service;
mod shared_memory;
mod support;
mod tls;
mod wire;
