//! Short programs that use the library, each run by `cargo xtask test`:
//!
//! * `01_simulate_and_reconstruct`: all in memory, without a file
//! * `02_read_detector`: what detector files hold
//! * `03_cpu_chain`: a chain on events from files
//! * `04_write_tracks`: tracks into files
//!
//! Run one with `cargo run --package traccc-examples --example 01_simulate_and_reconstruct`.
