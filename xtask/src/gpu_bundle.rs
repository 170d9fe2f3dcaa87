//! What a machine with a GPU needs to test and measure the CUDA engine, in one archive.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs on the machine with the GPU.
const RUN: &str = r#"#!/usr/bin/env bash
# Tests and measures the CUDA engine; prints a table last. Needs a driver of CUDA 13 and NVRTC 13.
set -uo pipefail
cd "$(dirname "$0")"
export TRACCC_TEST_CARD="${TRACCC_TEST_CARD:-0}" TRACCC_CONFIGS="$PWD/configs" TRACCC_TESTDATA="$PWD/files"
[ -d data ] && export TRACCC_SHARED="$PWD/data"
./traccc cuda info
./parity --test-threads 4 > tests.log 2>&1
tests=$(grep "^test result" tests.log)
grep -A4 panicked tests.log
./parity --ignored --nocapture speed 2>&1 | grep -E "^(chain|throughput|service|generic) "
echo "$tests"
"#;

/// Samples that the tests use, where `../shared/data` is.
const SAMPLES: [&str; 6] = [
    "generic/geometry",
    "generic/events/mixed_100",
    "generic/events/mu20",
    "generic/events/mu200",
    "odd/geometry",
    "odd/real",
];

/// Builds and packs everything into `archive`.
pub(crate) fn pack(root: &Path, archive: &str) -> Result<(), String> {
    run(Command::new("cargo").current_dir(root).args(["build", "--release", "-p", "traccc-cli"]))?;
    let tests = ["test", "--release", "-p", "traccc-cuda", "--test", "parity", "--no-run"];
    let told = Command::new("cargo").current_dir(root).args(tests).output();
    let told = told.map_err(|error| format!("cargo cannot be run: {error}"))?;
    let told = String::from_utf8_lossy(&told.stderr).into_owned();
    let parity = told
        .lines()
        .find_map(|line| line.trim().strip_prefix("Executable ")?.split(['(', ')']).nth(1))
        .ok_or_else(|| format!("cargo built no tests:\n{told}"))?;

    let folder = root.join("target/gpu-bundle");
    // It may not be there.
    let _ = fs::remove_dir_all(&folder);
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(&folder).map_err(failed)?;
    for (from, to) in [(parity, "parity"), ("target/release/traccc", "traccc")] {
        run(Command::new("strip").arg("-o").arg(folder.join(to)).arg(root.join(from)))?;
    }
    copy(&root.join("configs"), &folder.join("configs"))?;
    copy(&root.join("testdata/files"), &folder.join("files"))?;
    let shared =
        root.parent().map(|parent| parent.join("shared/data")).filter(|data| data.is_dir());
    match shared {
        Some(data) => {
            for sample in SAMPLES {
                copy(&data.join(sample), &folder.join("data").join(sample))?;
            }
        }
        None => println!("without the samples: ../shared/data is absent"),
    }
    fs::write(folder.join("run.sh"), RUN).map_err(failed)?;
    run(Command::new("chmod").arg("+x").arg(folder.join("run.sh")))?;
    let archive = std::path::absolute(archive).map_err(failed)?;
    let parent = root.join("target");
    run(Command::new("tar").arg("-czf").arg(&archive).arg("-C").arg(parent).arg("gpu-bundle"))?;
    let bytes = fs::metadata(&archive).map_or(0, |metadata| metadata.len());
    println!("{}: {} MiB", archive.display(), bytes >> 20);
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let parent = to.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    fs::create_dir_all(&parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    run(Command::new("cp").arg("-r").arg(from).arg(to))
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
