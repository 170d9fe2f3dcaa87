//! `cargo run --package xtask --features codegen -- codegen`: the messages and stubs in `traccc-protocol/src/grpc`.

use std::path::Path;

/// What is made of the descriptions.
const MADE: [&str; 2] = ["inference.rs", "inference.bin"];

/// Compiles `proto/inference.proto` without protoc.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    generate(root, &committed(root))
}

/// Fails when what is committed is not what the descriptions give.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let fresh = std::env::temp_dir().join(format!("traccc-codegen-{}", std::process::id()));
    std::fs::create_dir_all(&fresh).map_err(|error| say(&fresh, &error))?;
    let outcome = generate(root, &fresh).and_then(|()| compare(&fresh, &committed(root)));
    std::fs::remove_dir_all(&fresh).map_err(|error| say(&fresh, &error))?;
    outcome
}

fn committed(root: &Path) -> std::path::PathBuf {
    root.join("traccc-protocol/src/grpc")
}

fn generate(root: &Path, folder: &Path) -> Result<(), String> {
    let descriptions = root.join("traccc-protocol/proto");
    let files = protox::compile([descriptions.join("inference.proto")], [&descriptions])
        .map_err(|error| say(&descriptions, &error))?;
    let descriptor = protox::prost::Message::encode_to_vec(&files);
    std::fs::write(folder.join("inference.bin"), descriptor)
        .map_err(|error| say(folder, &error))?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".inference.ModelInferRequest.raw_input_contents")
        .bytes(".inference.ModelInferResponse.raw_output_contents")
        .out_dir(folder)
        .compile_fds(files)
        .map_err(|error| say(folder, &error))
}

fn compare(fresh: &Path, committed: &Path) -> Result<(), String> {
    for name in MADE {
        let read = |folder: &Path| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|error| say(&path, &error))
        };
        if read(fresh)? != read(committed)? {
            return Err(format!(
                "`{}` is not what `traccc-protocol/proto` gives: run `cargo run --package xtask --features codegen -- codegen`",
                committed.join(name).display()
            ));
        }
    }
    Ok(())
}

fn say(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("`{}`: {error}", path.display())
}
