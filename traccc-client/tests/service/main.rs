//! The client against a server with a real model behind it, which fails when it is told to.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod calls;
mod events;
mod failures;
mod load;
mod mock;
mod shared_memory;
mod wire;
