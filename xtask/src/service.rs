//! Tests of the service with Python's clients, a real Triton and a real Envoy: `deploy/tests`, and the soak test.

use crate::tests::{cargo, complete, step};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Longer than any healthy run; a hanging one must not hold up everything.
const TEST_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Wheels of 0.5 GB over a slow line.
const INSTALL_LIMIT: Duration = Duration::from_secs(15 * 60);
/// Asks a Python whether it can make the virtual environment.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 9) else 1)";

/// Sets up Python, and runs the tests with the programs that the workspace's build left beside this one. Gives the reason
/// when they were left out.
pub(crate) fn test(root: &Path) -> Result<Option<String>, String> {
    step("service: Python's clients, Triton, Envoy, manifests");
    let Some(python) = environment(root)? else {
        return Ok(Some(missing()));
    };
    // With the features of the whole workspace: what the steps before have built is not built again.
    cargo(root, &["build", "--workspace", "--lib", "--bins"])?;
    let program = std::env::current_exe().map_err(|error| format!("own path: {error}"))?;
    let folder = program.parent().ok_or_else(|| "xtask has no folder".to_owned())?;
    let mut pytest = with_programs(&python, folder);
    pytest.args(["-m", "pytest", "-c", "deploy/tests/pytest.ini", "deploy/tests"]);
    run_bounded(pytest.current_dir(root), "the service tests", TEST_LIMIT)?;
    Ok(None)
}

/// `cargo xtask soak`: hands its arguments to `deploy/tests/soak.py`.
pub(crate) fn soak(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let Some(python) = environment(root)? else {
        return Err(missing());
    };
    cargo(root, &["build", "--release", "-p", "traccc-cli", "-p", "traccc-triton"])?;
    let mut soak = with_programs(&python, &target(root).join("release"));
    complete(soak.arg("deploy/tests/soak.py").args(arguments).current_dir(root), "the soak test")
}

fn missing() -> String {
    "no Python from 3.9 on with `venv` was found as python3 or python on Linux on x86-64 (Debian: apt install python3-venv)"
        .to_owned()
}

fn with_programs(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .env("TRACCC_PROGRAM", folder.join("traccc"))
        .env("TRACCC_BACKEND", folder.join("libtriton_traccc.so"))
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

/// The Python of `target/service-venv`, made when it is missing or lacks something; `None` without a Python to make it.
fn environment(root: &Path) -> Result<Option<PathBuf>, String> {
    let folder = target(root).join("service-venv");
    let python = folder.join("bin/python");
    let requirements = root.join("deploy/tests/requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .map_err(|error| format!("{}: {error}", requirements.display()))?;
    // Written last: who finds it finds everything.
    let mark = folder.join("installed.txt");
    let works = || complete(Command::new(&python).args(["-c", "import pytest"]), "python").is_ok();
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == wanted) && works() {
        return Ok(Some(python));
    }
    // Triton and Envoy exist as wheels for this platform alone.
    let platform = cfg!(all(target_os = "linux", target_arch = "x86_64"));
    let Some(host) = ["python3", "python"].into_iter().find(|python| platform && is_able(python))
    else {
        return Ok(None);
    };
    let packages: Vec<&str> =
        wanted.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    println!(
        "-- {host} installs into {}, from PyPI, about 0.5 GB: {}",
        folder.display(),
        packages.join(" ")
    );
    let mut venv = Command::new(host);
    venv.args(["-m", "venv", "--clear"]).arg(&folder);
    run_bounded(&mut venv, "python -m venv", INSTALL_LIMIT)?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "--disable-pip-version-check", "install", "--quiet"])
        .args(["--only-binary", ":all:", "--requirement"])
        .arg(&requirements);
    run_bounded(&mut pip, "pip install", INSTALL_LIMIT)
        .map_err(|error| format!("the service tests cannot be set up (offline?): {error}"))?;
    std::fs::write(&mark, wanted).map_err(|error| format!("{}: {error}", mark.display()))?;
    Ok(Some(python))
}

fn is_able(python: &str) -> bool {
    Command::new(python).args(["-c", PROBE]).output().is_ok_and(|output| output.status.success())
}

/// Runs to the end, or kills at the limit.
fn run_bounded(command: &mut Command, name: &str, limit: Duration) -> Result<(), String> {
    let mut child =
        command.spawn().map_err(|error| format!("`{name}` cannot be started: {error}"))?;
    let start = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(()),
            Ok(Some(status)) => return Err(format!("`{name}` ended with {status}")),
            Ok(None) if start.elapsed() < limit => std::thread::sleep(Duration::from_millis(100)),
            Ok(None) => {
                end(&mut child);
                return Err(format!("`{name}` was killed after {} s", limit.as_secs()));
            }
            Err(error) => return Err(format!("`{name}`: {error}")),
        }
    }
}

fn end(child: &mut Child) {
    // Nothing can be done about a child that is gone already.
    let _ = child.kill();
    let _ = child.wait();
}
