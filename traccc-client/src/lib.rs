//! Client of the traccc service.
#![forbid(unsafe_code)]
