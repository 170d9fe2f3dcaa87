use crate::json::HierarchyKey;
use std::path::PathBuf;
use thiserror::Error;

pub use crate::problem::{Columns, ContentProblem, CsvProblem, FieldProblem};

/// The answer of a reader or writer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file could not be read or written. The cause, where there is one, is the source of the error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error("`{path}` cannot be read")]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Neither the plain nor a compressed file exists.
    #[error("`{path}` does not exist, neither plain nor with the suffix .gz or .zst")]
    Missing {
        /// The plain name.
        path: PathBuf,
    },
    /// A compressed file is cut short or damaged, or followed by something else.
    #[error("`{path}` is not a complete {format} file, or there is other data after its end")]
    Compressed {
        /// The file.
        path: PathBuf,
        /// gzip or zstd.
        format: &'static str,
        /// What the decoder met.
        source: std::io::Error,
    },
    /// The file cannot be written.
    #[error("`{path}` cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Not JSON, or not the structure expected.
    #[error("`{path}`, at `{at}`")]
    Json {
        /// The file.
        path: PathBuf,
        /// The place in the document, for example `data.volumes[3].surfaces[17].masks[0].boundaries`.
        at: String,
        /// What was expected there.
        source: serde_json::Error,
    },
    /// A JSON file whose structure is right and whose content is not.
    #[error("`{path}`, at `{at}`: {problem}")]
    Content {
        /// The file.
        path: PathBuf,
        /// The place in the document, for example `data.volumes[3].surfaces[17].masks[0].boundaries`.
        at: String,
        /// What is wrong.
        problem: ContentProblem,
    },
    /// A CSV file or id map with a line that cannot be used.
    #[error("`{path}`, line {line}: {problem}")]
    Csv {
        /// The file.
        path: PathBuf,
        /// The line; the header is line 1.
        line: usize,
        /// What is wrong.
        problem: CsvProblem,
    },
    /// Not a covfie field map of the supported kind.
    #[error("`{path}`: {problem}")]
    Field {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: FieldProblem,
    },
    /// A folder without a detray geometry file.
    #[error("no detray file with the tag `geometry` in `{directory}`")]
    NoGeometry {
        /// The folder searched.
        directory: PathBuf,
    },
    /// A detector without a digitization file.
    #[error("no ACTS digitization file in the folder of `{geometry}`: name one")]
    NoDigitization {
        /// The geometry file beside which it was expected.
        geometry: PathBuf,
    },
    /// Several files of a kind of which one is needed.
    #[error("several files have the tag `{tag}`, name one of: {}", list(.candidates))]
    Ambiguous {
        /// What kind of file.
        tag: &'static str,
        /// The files, in ascending order of their names.
        candidates: Vec<PathBuf>,
    },
    /// A grid or material file of another detector than the geometry file.
    #[error(
        "`{path}` is of the detector `{}`, but `{geometry}` of `{}`", .detectors[0], .detectors[1]
    )]
    OtherDetector {
        /// The file of grids or material.
        path: PathBuf,
        /// The geometry file.
        geometry: PathBuf,
        /// The detectors in the headers of both, in this order.
        detectors: Box<[String; 2]>,
    },
    /// Two files of one kind whose names have the same event number.
    #[error("`{}` and `{}` are both the {kind} of event {event}: remove or rename one", .files[0].display(), .files[1].display())]
    TwoFiles {
        /// The kind as it stands in file names.
        kind: &'static str,
        /// The event number.
        event: u64,
        /// Both files.
        files: [PathBuf; 2],
    },
    /// Sensors whose entry in the digitization file does not divide them into channels.
    #[error(
        "the entry of {key} has {instead}: its {sensors} sensors cannot have cells (the first: surface {surface}, \
         ACTS geometry id {geometry_id})"
    )]
    NoChannels {
        /// Which sensors the entry is of.
        key: HierarchyKey,
        /// What it has instead of channels on two axes.
        instead: String,
        /// How many sensors of the detector need it.
        sensors: usize,
        /// The number of the first of them.
        surface: u32,
        /// Its identifier in the experiment's numbering.
        geometry_id: u64,
    },
    /// A sensor without an entry in the conditions file.
    #[error("no conditions entry matches surface {surface} (ACTS geometry id {geometry_id})")]
    NoConditions {
        /// Surface number.
        surface: u32,
        /// Identifier of the surface in the experiment's numbering.
        geometry_id: u64,
    },
    /// A detector, event or segmentation that the file format cannot express.
    #[error("{what} cannot be written: {reason}")]
    NotWritable {
        /// Which part.
        what: String,
        /// What the format asks for.
        reason: &'static str,
    },
    /// What was read does not make a detector or a set of modules.
    #[error(transparent)]
    Core(#[from] traccc_core::Error),
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| format!("`{}`", p.display())).collect::<Vec<_>>().join(", ")
}
