//! `cargo run --package xtask --features codegen -- codegen`: the messages and stubs in `traccc-protocol/src/grpc`.

use std::path::Path;

/// Compiles `proto/inference.proto` without protoc.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let protocol = root.join("traccc-protocol");
    let folder = protocol.join("src/grpc");
    let say = |error: &dyn std::fmt::Display| error.to_string();
    let files = protox::compile([protocol.join("proto/inference.proto")], [protocol.join("proto")])
        .map_err(|error| say(&error))?;
    let descriptor = protox::prost::Message::encode_to_vec(&files);
    std::fs::write(folder.join("inference.bin"), descriptor).map_err(|error| say(&error))?;
    tonic_prost_build::configure()
        .build_transport(false)
        .bytes(".inference.ModelInferRequest.raw_input_contents")
        .bytes(".inference.ModelInferResponse.raw_output_contents")
        .out_dir(&folder)
        .compile_fds(files)
        .map_err(|error| say(&error))
}
