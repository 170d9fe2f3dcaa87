//! Runs the program and makes events for it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The program with these arguments.
pub(crate) fn program<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_traccc"));
    command.args(arguments).env_remove("RUST_LOG");
    command
}

/// What the program did.
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the program to its end.
pub(crate) fn traccc(arguments: &[&str]) -> Outcome {
    let Output { status, stdout, stderr } = program(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { status: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

/// As [`traccc`], for what must succeed: its standard output.
pub(crate) fn succeed(arguments: &[&str]) -> String {
    let outcome = traccc(arguments);
    assert_eq!(outcome.status, 0, "{arguments:?}: {}", outcome.err);
    outcome.out
}

/// The standard error of what must be refused as bad input.
pub(crate) fn refused(arguments: &[&str]) -> String {
    let outcome = traccc(arguments);
    assert_eq!(outcome.status, 2, "{arguments:?}: {}{}", outcome.out, outcome.err);
    assert_eq!(outcome.out, "", "{arguments:?}");
    outcome.err
}

/// Simulated events in a folder that is removed at the end.
pub(crate) struct Sample {
    folder: TempDir,
}

impl Sample {
    /// `events` events of 20 particles in the toy detector.
    pub(crate) fn toy(events: usize) -> Self {
        let sample = Self { folder: tempfile::tempdir().unwrap() };
        let (output, events) = (sample.directory(), events.to_string());
        succeed(&[
            "simulate",
            "toy",
            "--output",
            &output,
            "--events",
            &events,
            "--particles",
            "20",
        ]);
        sample
    }

    pub(crate) fn directory(&self) -> String {
        self.folder.path().to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `command` with detector, events and settings of this sample, and `more` arguments.
    pub(crate) fn arguments(&self, command: &str, more: &[&str]) -> Vec<String> {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../configs/toy.toml");
        let directory = self.directory();
        let common = [
            command,
            "--detector",
            &directory,
            "--input",
            &directory,
            "--config",
            config.to_str().unwrap(),
        ];
        common.iter().chain(more).map(|argument| (*argument).to_owned()).collect()
    }

    /// `traccc run` on this sample: its standard output.
    pub(crate) fn run(&self, more: &[&str]) -> String {
        let arguments = self.arguments("run", more);
        succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// `traccc run` on this sample, which must be refused: its standard error.
    pub(crate) fn refused(&self, more: &[&str]) -> String {
        let arguments = self.arguments("run", more);
        refused(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    }
}
