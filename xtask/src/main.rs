//! The project's own tasks, run as `cargo xtask TASK`. Uses the standard library alone, so that it builds at once.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program that reports what it does"
)]

#[cfg(feature = "codegen")]
mod codegen;
mod gpu_bundle;
mod service;
mod tests;

use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask TASK

Tasks:
  test    Run every test: examples, documentation, double precision, bits on an older processor, the workspace's
          tests, and with Python those of the service
  service Run the tests of the service alone: Python's clients, Triton, Envoy, manifests
  gpu-bundle FILE.tar.gz
          Pack tests, measurements and the program, built here, for a machine that has a GPU and no Rust: unpack,
          `./run.sh`
  soak    Load both servers for minutes and watch their memory; `cargo xtask soak --help` lists its options
  codegen Write the gRPC messages of traccc-protocol anew; `--check` only compares them (with --features codegen)
  help    Print this text";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["test"] => tests::run(),
        ["service"] => tests::workspace_root().and_then(|root| match service::test(&root)? {
            None => Ok(()),
            Some(reason) => Err(reason),
        }),
        ["soak", options @ ..] => {
            tests::workspace_root().and_then(|root| service::soak(&root, options))
        }
        ["gpu-bundle", archive] => {
            tests::workspace_root().and_then(|root| gpu_bundle::pack(&root, archive))
        }
        #[cfg(feature = "codegen")]
        ["codegen"] => tests::workspace_root().and_then(|root| codegen::run(&root)),
        #[cfg(feature = "codegen")]
        ["codegen", "--check"] => tests::workspace_root().and_then(|root| codegen::check(&root)),
        ["help" | "--help" | "-h"] => {
            println!("{HELP}");
            Ok(())
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
