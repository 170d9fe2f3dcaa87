//! Files that are written from lists in the sources.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares a file with what it should hold, or writes it where `UPDATE_KERNELS` is set.
fn assert_holds(file: &str, text: &str) {
    let path = folder(file);
    if std::env::var_os("UPDATE_KERNELS").is_some() {
        fs::write(path, text).unwrap();
        return;
    }
    assert!(
        fs::read_to_string(path).is_ok_and(|found| found == text),
        "{file} is out of date: UPDATE_KERNELS=1 cargo test -p traccc-cuda --test layout"
    );
}

fn names(folder: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            names_below(&path, &format!("{prefix}{name}/"), names);
        } else if name.ends_with(".cu") || name.ends_with(".cuh") {
            names.push(format!("{prefix}{name}"));
        }
    }
}

fn names_below(folder: &Path, prefix: &str, names_so_far: &mut Vec<String>) {
    names(folder, prefix, names_so_far);
}

#[test]
fn the_arrays_of_a_batch_are_declared_for_the_kernels() {
    assert_holds("kernels/batch.cuh", &traccc_cuda::declarations());
}

#[test]
fn every_kernel_source_is_embedded() {
    let mut found = Vec::new();
    names(&folder("kernels"), "", &mut found);
    found.sort();
    let list: String = found.iter().map(|name| format!("    \"{name}\",\n")).collect();
    assert_holds("src/sources.rs", &format!("sources! {{\n{list}}}\n"));
}
