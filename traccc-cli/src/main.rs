//! The `traccc` program: reconstructs, simulates, compares and inspects events.
//!
//! Results go to standard output, everything else to standard error. Exit status: 0 done, 1 a check failed, 2 the
//! input or the command line cannot be used.
#![forbid(unsafe_code)]

mod args;
mod command;
mod events;
mod output;
mod progress;
mod raw_events;
mod report;
mod terminal;
mod workers;

use args::{Arguments, Command};
use clap::Parser;
use std::io::Write;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Done.
    Done,
    /// Done, and what was checked is not as it should be.
    CheckFailed,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            let _ = write!(terminal::stderr(), "{}", error.render());
            return ExitCode::from(2);
        }
        // Help and version.
        Err(error) => error.exit(),
    };
    start_log(arguments.verbose);
    let outcome = match arguments.command {
        Command::Run(run) => command::run(&run),
        Command::Throughput(throughput) => command::throughput(&throughput),
        Command::Scan(scan) => command::scan(&scan),
        Command::Serve(serve) => command::serve(&serve),
        Command::Simulate(simulate) => command::simulate(&simulate),
        Command::Calibrate(calibrate) => command::calibrate(&calibrate),
        Command::Compare(compare) => command::compare(&compare),
        Command::Inspect(inspect) => command::inspect(&inspect),
        Command::Demo(demo) => command::demo(&demo),
        Command::ModelRepository(model) => command::model_repository(&model),
        Command::Infer(infer) => command::infer(&infer),
        Command::BenchService(bench) => command::bench_service(&bench),
        Command::Cuda(cuda) => command::cuda(&cuda),
        Command::Completions { shell } => args::write_completions(shell),
    };
    match outcome {
        Ok(Verdict::Done) => ExitCode::SUCCESS,
        Ok(Verdict::CheckFailed) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done when standard error is closed too.
            let _ = writeln!(terminal::stderr(), "error: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether the reader of our output has gone: `traccc run | head -1` is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
    };
    error.chain().any(|cause| kind(cause) == Some(std::io::ErrorKind::BrokenPipe))
}

/// Warnings, and more with `-v`, or what `RUST_LOG` says.
fn start_log(verbose: u8) {
    let level = ["warn", "info", "debug", "trace"][usize::from(verbose.min(3))];
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(terminal::stderr)
        .init();
}
