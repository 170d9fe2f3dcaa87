//! The traccc service as a backend of NVIDIA Triton.
