//! Where the small files that tests read lie, and where the larger samples are, if they are there.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};

/// The path of the test file `name`, for example `telescope/telescope_detector_geometry.json`.
///
/// The folder is `files` of this crate, or that of the environment variable `TRACCC_TESTDATA`: test binaries also run on
/// machines without the sources.
pub fn path(name: &str) -> PathBuf {
    let folder = std::env::var_os("TRACCC_TESTDATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("files"), PathBuf::from);
    folder.join(name)
}

/// The folder of the larger samples, `../shared/data` seen from the workspace or that of the environment variable
/// `TRACCC_SHARED`; `None` where it is absent.
///
/// Tests that need it say so and return when it is absent.
pub fn shared() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("TRACCC_SHARED") {
        return Some(folder.into());
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let folder = workspace.parent()?.join("shared/data");
    folder.is_dir().then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixtures_are_where_path_says() {
        for name in ["telescope/telescope_detector_geometry.json", "field.cvf", "athena_ids.txt"] {
            assert!(path(name).is_file(), "{name}");
        }
    }
}
