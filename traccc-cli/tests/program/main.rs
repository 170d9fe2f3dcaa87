//! The program `traccc` from outside: exit status, standard output, files.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod commands;
mod model_repository;
mod infer;
mod run;
mod support;
