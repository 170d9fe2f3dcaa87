//! The command line.

use crate::Verdict;
use crate::command::{
    BenchServiceArguments, CalibrateCommand, CompareArguments, CudaCommand, DemoArguments,
    InferArguments, InspectArguments, ModelRepositoryArguments, RunArguments, ScanArguments,
    ServeArguments, SimulateArguments, ThroughputArguments,
};
use crate::events::{EventArguments, Events};
use anyhow::{Context, Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::io::Write;
use std::path::{Path, PathBuf};
use traccc::detector::Numbering;
use traccc::io::{self, DetectorFiles};
use traccc::{
    Backend, Chain, ChainConfig, Engine, FieldSource, Setup, SetupFiles, Warning, settings,
};
use traccc_service::MAX_THREADS;

/// Track reconstruction for silicon detectors: from fired channels to fitted tracks.
///
/// Results go to standard output, logs and progress to standard error. Exit status: 0 done, 1 a check failed, 2 the input
/// or the command line cannot be used. Units: mm, GeV, T, rad, time as c·t in mm.
#[derive(Debug, Parser)]
#[command(name = "traccc", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say more on standard error; twice for more still
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reconstruct events from files
    Run(RunArguments),
    /// Measure how many events per second are reconstructed
    Throughput(ThroughputArguments),
    /// Reconstruct the same events with several settings and tell how good each is
    Scan(ScanArguments),
    /// Serve a model repository over the network: KServe v2, gRPC and HTTP
    Serve(ServeArguments),
    /// Make a detector and events
    Simulate(SimulateArguments),
    /// Measure tables that reconstruction needs from events with truth
    #[command(subcommand)]
    Calibrate(CalibrateCommand),
    /// Compare the results of two runs
    Compare(CompareArguments),
    /// Tell what a file or folder holds
    Inspect(InspectArguments),
    /// Simulate an event, reconstruct it, and print the tracks beside the truth
    Demo(DemoArguments),
    /// Write a model repository for Triton and for our own server
    ModelRepository(Box<ModelRepositoryArguments>),
    /// Send events to a server and get their tracks
    Infer(Box<InferArguments>),
    /// Measure how a server bears load
    BenchService(BenchServiceArguments),
    /// Tell what there is for GPUs, or make kernels ahead of time
    #[command(subcommand)]
    Cuda(CudaCommand),
    /// Print a script that completes this program's arguments
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Writes the completion script of a shell to standard output.
pub(crate) fn write_completions(shell: Shell) -> Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "traccc", &mut script);
    // Not directly: the generator panics when the output is closed.
    std::io::stdout().lock().write_all(&script)?;
    Ok(Verdict::Done)
}

/// Detector, segmentation and field.
#[derive(Args, Debug)]
#[command(next_help_heading = "Detector and field")]
pub(crate) struct SetupArguments {
    /// Folder of the detector: files are recognised by the `tag` in their headers
    #[arg(long, value_name = "DIR", conflicts_with_all = ["geometry", "grids", "material"])]
    detector: Option<PathBuf>,
    /// Geometry file, instead of --detector
    #[arg(long, value_name = "FILE")]
    geometry: Option<PathBuf>,
    /// File of the surfaces' search grids; without it all surfaces of a volume are searched
    #[arg(long, value_name = "FILE", requires = "geometry")]
    grids: Option<PathBuf>,
    /// File of homogeneous material or of material maps; once for each
    #[arg(long, value_name = "FILE", requires = "geometry")]
    material: Vec<PathBuf>,
    /// ACTS digitization file; needed unless the folder of the detector has exactly one
    #[arg(long, value_name = "FILE")]
    digitization: Option<PathBuf>,
    /// Conditions file [default: the digitization file]
    #[arg(long, value_name = "FILE")]
    conditions: Option<PathBuf>,
    /// Magnetic field: three numbers in T, or a covfie file
    #[arg(long, value_name = "constant:BX,BY,BZ|FILE.cvf", default_value_t)]
    field: FieldSource,
}

impl SetupArguments {
    /// Whether a detector is named.
    fn is_given(&self) -> bool {
        self.detector.is_some() || self.geometry.is_some()
    }

    /// Reads everything.
    pub(crate) fn read(&self) -> Result<Setup> {
        let files = self.files()?;
        tracing::info!(?files, "reading the detector");
        let setup = Setup::read(&files)?;
        warn(&setup.warnings);
        Ok(setup)
    }

    /// The files, found but not read.
    pub(crate) fn files(&self) -> Result<SetupFiles> {
        let detector = match (&self.detector, &self.geometry) {
            (Some(directory), _) => DetectorFiles::find(directory)
                .context("--detector: name the files one by one with --geometry, --grids and --material if need be")?,
            (None, Some(geometry)) => self.named_files(geometry.clone())?,
            (None, None) => bail!("no detector given: name its folder with --detector, or its files with --geometry"),
        };
        let digitization = match &self.digitization {
            Some(path) => path.clone(),
            None => detector.digitization().context("choose one with --digitization")?.to_owned(),
        };
        let (conditions, field) = (self.conditions.clone(), self.field.clone());
        Ok(SetupFiles { detector, digitization, conditions, field })
    }

    fn named_files(&self, geometry: PathBuf) -> Result<DetectorFiles> {
        let mut files = DetectorFiles {
            geometry,
            surface_grids: self.grids.clone(),
            ..DetectorFiles::default()
        };
        for path in &self.material {
            let slot = match io::file_kind(path)? {
                io::FileKind::Detray { tag, .. } if tag == "homogeneous_material" => {
                    &mut files.homogeneous_material
                }
                io::FileKind::Detray { tag, .. } if tag == "material_maps" => {
                    &mut files.material_maps
                }
                _ => bail!(
                    "--material: `{}` has neither the tag `homogeneous_material` nor `material_maps`",
                    path.display()
                ),
            };
            if let Some(other) = slot.replace(path.clone()) {
                bail!("--material: `{}` and `{}` are of one kind", other.display(), path.display());
            }
        }
        Ok(files)
    }
}

/// A named setting of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NamedChain {
    /// Finding, greedy ambiguity resolution, Kalman fit
    Full,
    /// Finding with smoothing and measurement voting, neither ambiguity resolution nor fit
    Service,
}

/// The chain and its settings.
#[derive(Args, Debug)]
#[command(next_help_heading = "Chain")]
pub(crate) struct ChainArguments {
    /// Named settings
    #[arg(long, value_enum, default_value_t = NamedChain::Full)]
    chain: NamedChain,
    /// TOML file of settings; wins over the named ones, which hold for what it leaves out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Engine: auto, cpu, cuda, cuda:N or cuda:all
    #[arg(long, default_value_t)]
    backend: Backend,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
}

impl ChainArguments {
    /// The settings, checked.
    pub(crate) fn config(&self) -> Result<ChainConfig> {
        read_config(self.chain, self.config.as_deref())
    }

    /// Starts the engine; one that it chose itself is named on standard error.
    pub(crate) fn engine(&self, setup: &Setup) -> Result<Engine> {
        let engine = setup.engine(self.backend)?;
        if let Some(reason) = engine.reason() {
            // There is nobody to tell when standard error is closed.
            let _ = writeln!(std::io::stderr(), "backend: {} ({reason})", engine.backend());
        }
        Ok(engine)
    }
}

/// Named settings, with those of a TOML file in their place; checked.
pub(crate) fn read_config(chain: NamedChain, path: Option<&Path>) -> Result<ChainConfig> {
    let named = match chain {
        NamedChain::Full => ChainConfig::full(),
        NamedChain::Service => ChainConfig::service(),
    };
    let config = match path {
        Some(path) => settings::read(path, &named)?,
        None => named,
    };
    config
        .validate()
        .with_context(|| path.map_or_else(String::new, |path| path.display().to_string()))?;
    Ok(config)
}

/// What is reconstructed, and how: the arguments of all commands that read events and reconstruct them.
#[derive(Args, Debug)]
pub(crate) struct JobArguments {
    #[command(flatten)]
    setup: SetupArguments,
    #[command(flatten)]
    events: EventArguments,
    #[command(flatten)]
    pub(crate) chain: ChainArguments,
    /// Measure how long each stage takes on a GPU, too, which slows it down a little; the processor always tells
    #[arg(long)]
    stage_times: bool,
}

impl JobArguments {
    /// Starts a chain of an engine.
    pub(crate) fn open_chain(&self, engine: &Engine, config: &ChainConfig) -> Result<Chain> {
        let mut chain = engine.chain(config)?;
        chain.time_stages(self.stage_times);
        Ok(chain)
    }

    /// Whether the stages of an engine are measured.
    pub(crate) fn times_stages(&self, engine: &Engine) -> bool {
        self.stage_times || engine.backend() == Backend::Cpu
    }

    /// Finds the events; names all that is missing on the command line.
    pub(crate) fn find_events(&self) -> Result<Events> {
        if !self.events.is_given() && !self.setup.is_given() {
            bail!(
                "no events and no detector given: name the folder of the events with --input, and that of the detector with --detector (or its files with --geometry)"
            );
        }
        self.events.find()
    }

    /// Reads the detector and tells what does not look as if it belongs together: its pieces, the settings, the events.
    /// The warnings stay with the setup.
    pub(crate) fn read_setup(&self, config: &ChainConfig, events: &Events) -> Result<Setup> {
        let mut setup = self.setup.read()?;
        let mut warnings = setup.check(config)?;
        warnings.extend(setup.check_events(events.folder()));
        warn(&warnings);
        setup.warnings.extend(warnings);
        Ok(setup)
    }
}

/// Tells warnings on standard error.
pub(crate) fn warn(warnings: &[Warning]) {
    for warning in warnings {
        tracing::warn!("{warning}");
    }
}

/// A number of threads, or of what has at least one each.
pub(crate) fn threads(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|n| (1..=MAX_THREADS).contains(n));
    number.ok_or_else(|| format!("expected a whole number from 1 to {MAX_THREADS}"))
}

/// A whole number from 1.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&n| n > 0).ok_or_else(|| "expected a whole number from 1".to_owned())
}

/// A numbering of sensors, one of `names`.
pub(crate) fn numbering(
    names: &'static [&'static str],
) -> impl TypedValueParser<Value = Numbering> {
    PossibleValuesParser::new(names)
        .try_map(|name| Numbering::from_name(&name).ok_or("no numbering of sensors"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
