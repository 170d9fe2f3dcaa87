//! The sources of the kernels and the list of what can be launched.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// The source file that has it, without `.cu`.
    pub(crate) file: &'static str,
    /// Its name.
    pub(crate) name: &'static str,
    /// Threads of a block.
    pub(crate) threads: u32,
}

/// Declares the kernels of a source file as constants of their names in capitals.
macro_rules! kernels {
    ($file:literal: $($constant:ident = $name:literal, $threads:literal;)*) => {
        $(pub(super) const $constant: &crate::kernels::Kernel =
            &crate::kernels::Kernel { file: $file, name: $name, threads: $threads };)*

        /// All of them.
        pub(crate) const KERNELS: &[&crate::kernels::Kernel] = &[$($constant),*];
    };
}
pub(crate) use kernels;

macro_rules! sources {
    ($($name:literal,)*) => {
        /// All source files by their names below `kernels`: headers, and a `.cu` for each module that is compiled.
        pub const SOURCES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../kernels/", $name))),)*];
    };
}

include!("sources.rs");

/// The sources: those that are built in, or, for whoever works on them, those of the folder that `TRACCC_KERNELS` names.
pub(crate) fn sources() -> Vec<(&'static str, Cow<'static, str>)> {
    let folder = std::env::var_os("TRACCC_KERNELS").map(PathBuf::from);
    let read = |name: &str| std::fs::read_to_string(folder.as_ref()?.join(name)).ok();
    SOURCES
        .iter()
        .map(|&(name, built_in)| (name, read(name).map_or(Cow::Borrowed(built_in), Cow::Owned)))
        .collect()
}

/// The source files that are compiled, each by itself.
pub fn kernel_files() -> Vec<String> {
    let files: BTreeSet<&str> = crate::stages::kernels().map(|kernel| kernel.file).collect();
    files.into_iter().map(|file| format!("{file}.cu")).collect()
}
