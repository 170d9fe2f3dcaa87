//! The program `traccc` from outside: exit status, standard output, files.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail loudly too")]

mod calibrate;
mod commands;
mod files;
mod infer;
mod model_repository;
mod run;
mod serve;
mod support;
