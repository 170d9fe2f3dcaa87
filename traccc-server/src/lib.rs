//! The traccc service without Triton.
#![forbid(unsafe_code)]
