//! Every kernel compiles for every architecture, with the registers and memory that `kernels/resources.txt` says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use traccc_cuda::{Nvrtc, SOURCES};

/// From Turing to the consumer cards of Blackwell.
const ARCHITECTURES: [&str; 7] = ["sm_75", "sm_80", "sm_86", "sm_89", "sm_90", "sm_100", "sm_120"];

/// What the assembler says: for each kernel registers, stack, spilled bytes stored and loaded, shared memory.
fn resources(log: &str) -> BTreeMap<String, String> {
    let mut kernel = String::new();
    let mut found = BTreeMap::<String, String>::new();
    for line in log.lines() {
        if let Some(rest) = line.split("Compiling entry function '").nth(1) {
            kernel = rest.split('\'').next().unwrap().to_owned();
        } else if line.contains("bytes stack frame") && !found.contains_key(&kernel) {
            found.insert(kernel.clone(), line.trim().to_owned());
        } else if let Some(rest) = line.split("Used ").nth(1) {
            let parts: Vec<&str> = rest
                .split(", ")
                .filter(|part| part.contains("registers") || part.contains("smem"))
                .collect();
            let entry = found.entry(kernel.clone()).or_default();
            *entry = format!("{}, {entry}", parts.join(", "));
        }
    }
    found
}

#[test]
fn every_kernel_compiles_within_its_resources() {
    let nvrtc = match Nvrtc::load() {
        Ok(nvrtc) => nvrtc,
        Err(error) => return println!("skipped: {error}"),
    };
    let mut table = String::new();
    for (file, _) in SOURCES.iter().filter(|(name, _)| name.ends_with(".cu")) {
        for architecture in ARCHITECTURES {
            let start = std::time::Instant::now();
            let (code, log) = nvrtc.compile(file, architecture).unwrap();
            println!(
                "{file} {architecture}: {} bytes, {:.1} s",
                code.len(),
                start.elapsed().as_secs_f64()
            );
            if architecture == "sm_90" {
                for (kernel, resources) in resources(&log) {
                    writeln!(table, "{kernel}: {resources}").unwrap();
                }
            }
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/resources.txt");
    if std::env::var_os("UPDATE_KERNELS").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    println!("{table}");
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(table, expected, "UPDATE_KERNELS=1 cargo test -p traccc-cuda --test compile");
}
