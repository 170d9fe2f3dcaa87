//! The engine against the CPU's: to the byte. On a card where `TRACCC_TEST_CARD` names one, else on the simulated device.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and says what it skips"
)]

mod chain;
mod edges;
mod speed;
mod stages;
mod support;
mod track_settings;
