//! `cargo xtask test`: the tests that a change must pass, cheapest first, the whole workspace late, the service last.

use crate::service;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs all tests; stops at the first step that fails.
pub(crate) fn run() -> Result<(), String> {
    let root = workspace_root()?;
    let nextest = has_nextest();

    if !root.join("../shared/data").is_dir() {
        // Runners hide what a test that passes prints.
        println!(
            "-- `../shared/data` is absent: tests that compare with its samples are skipped and pass"
        );
    }

    step("examples: build each, then run it");
    cargo(&root, &["build", "--workspace", "--examples"])?;
    for example in examples(&root)? {
        run_example(&root, &example)?;
    }

    step("documentation: run the code in it");
    cargo(&root, &["test", "--workspace", "--doc"])?;

    step("double precision: traccc-core with `--cfg traccc_f64`");
    let selection = ["-p", "traccc-core", "--lib", "--tests", "--target-dir", "target/f64"];
    let arguments = test_arguments(nextest, &selection);
    // The variable replaces the flags of `.cargo/config.toml`. Core is tested without those: it must not need them.
    complete(
        cargo_command(&root, &arguments).env("RUSTFLAGS", "--cfg traccc_f64"),
        "the tests in double precision",
    )?;

    if cfg!(target_arch = "x86_64") {
        step("bits: the golden events on a processor without AVX (target-cpu=x86-64)");
        same_bytes_without_avx(&root)?;
    }

    step(if nextest {
        "workspace: unit and integration tests, by cargo-nextest"
    } else {
        "workspace: unit and integration tests, by cargo test (cargo-nextest is not installed)"
    });
    cargo(&root, &test_arguments(nextest, &["--workspace", "--lib", "--bins", "--tests"]))?;

    if let Some(reason) = service::test(&root)? {
        println!("== LEFT OUT: the service tests (deploy/tests): {reason}");
    }
    Ok(())
}

pub(crate) fn step(what: &str) {
    println!("== {what}");
}

pub(crate) fn workspace_root() -> Result<PathBuf, String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().map(Path::to_owned).ok_or_else(|| "xtask has no parent folder".to_owned())
}

fn has_nextest() -> bool {
    let mut probe = Command::new("cargo");
    probe.args(["nextest", "--version"]).output().is_ok_and(|output| output.status.success())
}

fn test_arguments<'a>(nextest: bool, selection: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = if nextest {
        // A selection without any test is for cargo test a success too.
        vec!["nextest", "run", "--no-tests", "pass", "--no-fail-fast"]
    } else {
        vec!["test", "--no-fail-fast"]
    };
    arguments.extend(selection);
    arguments
}

/// The workspace's tests run with the processor of `.cargo/config.toml`; here the same hashes must come from another one.
fn same_bytes_without_avx(root: &Path) -> Result<(), String> {
    // In a folder of its own: other flags would make everything anew, here and in the next build.
    let folder = "target/x86-64";
    let test = ["test", "-p", "traccc", "--test", "golden_events", "same_bytes"];
    let mut command = cargo_command(root, &test);
    command.env("CARGO_TARGET_DIR", folder).env("RUSTFLAGS", "-C target-cpu=x86-64");
    complete(&mut command, &test.join(" "))
}

pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let name = format!("cargo {}", arguments.join(" "));
    complete(&mut cargo_command(root, arguments), &name)
}

fn cargo_command(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    // What Cargo told this program about itself: build scripts of others take it for a change, and TLS is built anew.
    for (name, _) in std::env::vars_os() {
        let own =
            |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(own) {
            command.env_remove(&name);
        }
    }
    command.args(arguments).current_dir(root);
    command
}

pub(crate) fn complete(command: &mut Command, name: &str) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{name}` ended with {status}")),
        Err(error) => Err(format!("`{name}` cannot be started: {error}")),
    }
}

/// The names of the programs in `examples/`, in order.
fn examples(root: &Path) -> Result<Vec<String>, String> {
    let folder = root.join("examples");
    let entries = folder.read_dir().map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .filter(|name| name != "lib")
        .collect();
    names.sort();
    Ok(names)
}

/// Runs what the build left beside this very program: `cargo run --package` would resolve other features and build the
/// dependencies once more.
fn run_example(root: &Path, name: &str) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let folder = program.parent().ok_or_else(|| "xtask has no folder".to_owned())?;
    let example = folder.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    println!("-- example {name}");
    complete(Command::new(example).current_dir(root), &format!("example {name}"))
}
