use super::calibrate::{calibrate_simulated, same_file};
use super::collisions::CollisionArguments;
use super::effects::EffectArguments;
use super::gun::GunArguments;
use crate::Verdict;
use crate::args::{positive, threads, warn};
use crate::events::write_event;
use crate::progress::progress_bar;
use crate::report::counted;
use crate::terminal;
use crate::workers::Workers;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use traccc::detector::{Detector, DetectorModel, Modules};
use traccc::io::{
    self, AxisBinning, DetectorFiles, Digitization, DigitizationEntry, EntrySegmentation,
    EventDirectory, EventFile, HierarchyKey, Readout,
};
use traccc::{FieldSource, Scalar, Setup, SurfaceIndex};
use traccc_sim::detectors::{
    OddReadout, TelescopeConfig, ToyConfig, ToyMaterial, odd_readout, open_data_detector,
    pixel_modules, telescope, toy_detector,
};
use traccc_sim::{DigitizationConfig, Gun, SimulationConfig, Simulator};

/// Settings for events in the toy detector.
const TOY_SETTINGS: &str = include_str!("../../../configs/toy.toml");

/// Settings for events in the OpenDataDetector.
const ODD_SETTINGS: &str = include_str!("../../../configs/odd.toml");

/// The file of these settings beside the events.
const CHAIN_FILE: &str = "chain.toml";

/// The file that says how the events were made.
const RECORD_FILE: &str = "simulation.toml";

/// Arguments of `traccc simulate`.
#[derive(Args, Debug)]
pub(crate) struct SimulateArguments {
    #[command(subcommand)]
    detector: SimulatedDetector,
}

#[derive(Debug, Subcommand)]
enum SimulatedDetector {
    /// Detray's toy detector: four barrel layers and seven endcap layers a side
    Toy(ToyArguments),
    /// Square sensors in a row along the global x axis
    Telescope(TelescopeArguments),
    /// The OpenDataDetector: pixels, short strips, pairs of long strips
    Odd(OddArguments),
    /// Any detector from its files
    Files(FilesArguments),
}

#[derive(Args, Debug)]
struct ToyArguments {
    /// Where the material is
    #[arg(long, value_enum, default_value_t = MaterialChoice::Homogeneous)]
    material: MaterialChoice,
    #[command(flatten)]
    pixels: PixelArguments,
    #[command(flatten)]
    events: EventsArguments,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MaterialChoice {
    /// Nowhere
    None,
    /// On sensors and beam pipe
    Homogeneous,
    /// In maps on portals and beam pipe
    Maps,
}

#[derive(Args, Debug)]
struct TelescopeArguments {
    /// Number of sensors
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 9)]
    planes: usize,
    /// Distance between sensors, and of the first from the origin, in mm
    #[arg(long, value_name = "MM", default_value_t = 20.0)]
    spacing: f64,
    /// Half the side of a sensor, in mm
    #[arg(long, value_name = "MM", default_value_t = 50.0)]
    half_length: f64,
    #[command(flatten)]
    pixels: PixelArguments,
    #[command(flatten)]
    events: EventsArguments,
}

#[derive(Args, Debug)]
struct PixelArguments {
    /// Size of a pixel along local x and y, in mm
    #[arg(long, value_name = "MM", default_value_t = 0.05)]
    pitch: Scalar,
}

#[derive(Args, Debug)]
struct OddArguments {
    #[command(flatten)]
    events: EventsArguments,
}

#[derive(Args, Debug)]
struct FilesArguments {
    /// Folder of the detector: geometry, search grids, material, digitization, recognised by what is in them
    #[arg(long, value_name = "DIR")]
    detector: PathBuf,
    /// ACTS digitization file: channels, and thickness, threshold, charge smearing of the sensors; needed unless the folder
    /// of the detector has exactly one
    #[arg(long, value_name = "FILE")]
    digitization: Option<PathBuf>,
    #[command(flatten)]
    events: EventsArguments,
}

/// What is made, and where it goes.
#[derive(Args, Debug)]
struct EventsArguments {
    /// Folder for all files
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Number of events
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 1)]
    events: usize,
    /// Number of the first event
    #[arg(long, value_name = "K", default_value_t = 0)]
    skip: u64,
    /// Magnetic field: three numbers in T, or a covfie file
    #[arg(long, value_name = "constant:BX,BY,BZ|FILE.cvf", default_value_t)]
    field: FieldSource,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
    #[command(flatten)]
    gun: GunArguments,
    #[command(flatten)]
    collisions: CollisionArguments,
    #[command(flatten)]
    effects: EffectArguments,
}

/// Writes a detector and events: geometry, material and grids, digitization, cells and truth.
pub(crate) fn simulate(arguments: &SimulateArguments) -> Result<Verdict> {
    match &arguments.detector {
        SimulatedDetector::Toy(toy) => {
            let material = match toy.material {
                MaterialChoice::None => ToyMaterial::None,
                MaterialChoice::Homogeneous => ToyMaterial::Homogeneous,
                MaterialChoice::Maps => ToyMaterial::Maps,
            };
            let model = toy_detector(&ToyConfig { material, ..ToyConfig::full() })?;
            let sensors = &Sensors::Pixels(toy.pixels.pitch);
            make(&toy.events, &model, sensors, toy.events.gun.around(), Some(TOY_SETTINGS))
        }
        SimulatedDetector::Telescope(t) => {
            let length = t.spacing * t.planes.saturating_sub(1) as f64;
            let model = telescope(&TelescopeConfig {
                positions: TelescopeConfig::equidistant(t.planes, length),
                half_lengths: [t.half_length; 2],
                origin: [t.spacing, 0.0, 0.0],
                direction: [1.0, 0.0, 0.0],
                // Room around the origin, where the particles start.
                envelope: t.spacing,
                ..TelescopeConfig::default()
            })?;
            make(&t.events, &model, &Sensors::Pixels(t.pixels.pitch), t.events.gun.along_x(), None)
        }
        SimulatedDetector::Odd(odd) => {
            let sensors = &Sensors::File(odd_digitization());
            let gun = odd.events.gun.around();
            make(&odd.events, &open_data_detector(), sensors, gun, Some(ODD_SETTINGS))
        }
        SimulatedDetector::Files(arguments) => from_files(arguments),
    }
}

/// What a digitization file holds of the settings.
fn readout(config: &DigitizationConfig) -> Readout {
    let DigitizationConfig { thickness, threshold, noise, digital, .. } = *config;
    Readout { thickness, threshold, noise, digital }
}

fn odd_digitization() -> Digitization {
    let entry = |readout: OddReadout| {
        let axis = |axis: usize| {
            let half = readout.half[axis];
            AxisBinning::Equidistant { bins: readout.channels[axis], min: -half, max: half }
        };
        DigitizationEntry {
            key: HierarchyKey { volume: readout.volume, ..HierarchyKey::default() },
            segmentation: EntrySegmentation::Channels([0, 1].map(axis)),
            shift: [0.0; 2],
            errors: [Vec::new(), Vec::new()],
            readout: self::readout(&readout.signal),
        }
    };
    Digitization { entries: odd_readout().into_iter().map(entry).collect() }
}

fn from_files(arguments: &FilesArguments) -> Result<Verdict> {
    let (FilesArguments { detector, digitization, events }, output) =
        (arguments, &arguments.events.output);
    if same_file(detector, output) {
        bail!("--output `{}` is the folder of the detector: name another one", output.display());
    }
    let files = DetectorFiles::find(detector)?;
    let digitization = match digitization {
        Some(path) => path,
        None => files.digitization().context("choose one with --digitization")?,
    };
    let sensors = &Sensors::File(io::read_digitization(digitization)?);
    make(events, &io::read_detector(&files)?, sensors, events.gun.around(), None)
}

/// How sensors are divided into channels, and what is known of them beside.
enum Sensors {
    /// Pixels of this size in mm, all with the settings of the simulation.
    Pixels(Scalar),
    /// As a file says.
    File(Digitization),
}

impl Sensors {
    fn modules(&self, detector: &Detector) -> Result<Modules> {
        match self {
            Self::Pixels(pitch) => Ok(pixel_modules(detector, [*pitch; 2])?),
            Self::File(digitization) => Ok(digitization.modules(detector, None)?),
        }
    }

    /// The file to write beside the events of `seed`: that which was read, or one with errors of clusters as other events have them.
    fn digitization(
        &self,
        setup: &Setup,
        config: &SimulationConfig,
        seed: u64,
    ) -> Result<Digitization> {
        if let Self::File(digitization) = self {
            return Ok(digitization.clone());
        }
        let mut digitization = Digitization::from_modules(&setup.detector, &setup.modules)?;
        for entry in &mut digitization.entries {
            entry.readout = readout(&config.digitization);
        }
        calibrate_simulated(setup, config, seed, &mut digitization)?;
        Ok(digitization)
    }
}

/// The settings of each sensor by the entries of a digitization file.
fn settings_of_sensors(
    digitization: &Digitization,
    setup: &Setup,
    common: &DigitizationConfig,
) -> Vec<DigitizationConfig> {
    let settings = |surface: &SurfaceIndex| {
        let entry = digitization.find(setup.detector.geometry_ids[surface.get()]);
        let Readout { thickness, threshold, noise, digital } =
            entry.map_or_else(Readout::default, |row| digitization.entries[row].readout);
        DigitizationConfig { thickness, threshold, noise, digital, ..common.clone() }
    };
    setup.modules.surface.iter().map(settings).collect()
}

/// Makes everything; `chain` are settings for reconstructing the events.
fn make(
    arguments: &EventsArguments,
    model: &DetectorModel,
    sensors: &Sensors,
    mut gun: Gun,
    chain: Option<&str>,
) -> Result<Verdict> {
    let last = arguments.skip.checked_add(arguments.events as u64 - 1);
    last.with_context(|| {
        let (skip, events) = (arguments.skip, arguments.events);
        format!("--skip {skip} --events {events}: event numbers end at {}", u64::MAX)
    })?;
    let detector = Detector::compile(model)?;
    let modules = sensors.modules(&detector)?;
    let setup = Setup::new(detector, modules, arguments.field.read()?);
    warn(&setup.warnings);
    let collisions = arguments.collisions.collisions(&mut gun)?;
    let config = SimulationConfig {
        gun,
        collisions,
        transport: arguments.effects.transport(),
        digitization: arguments.effects.digitization(),
    };
    let simulator = Simulator::of(&setup.detector, &setup.field, &config)?;

    let digitization = sensors.digitization(&setup, &config, arguments.gun.seed)?;
    let configs = settings_of_sensors(&digitization, &setup, &config.digitization);
    configs.iter().try_for_each(DigitizationConfig::validate)?;

    let directory = &arguments.output;
    std::fs::create_dir_all(directory).with_context(|| format!("`{}`", directory.display()))?;
    check_directory(directory, model)?;
    let record = record(arguments, model, &config)?;
    check_events(arguments, &record)?;
    io::write_detector(directory, model)?;
    io::write_digitization(
        directory.join(format!("{}_digitization.json", model.name)),
        &digitization,
    )?;
    io::write_text(directory.join(RECORD_FILE), &record)?;
    if let Some(settings) = chain {
        io::write_text(directory.join(CHAIN_FILE), settings)?;
    }

    let mut workers =
        Workers::new(arguments.threads, arguments.events, |threads| threads, || Ok(()))?;
    let progress = progress_bar(arguments.events);
    let one = |(): &mut (), i: usize| {
        let number = arguments.skip + i as u64;
        let event = simulator.event_with(&setup.modules, &configs, arguments.gun.seed, number)?;
        write_event(directory, number, &setup, &event)?;
        Ok(event.cells.len())
    };
    let mut cells = 0;
    workers.run(arguments.events, one, |_, count| {
        cells += count;
        progress.inc(1);
        Ok(())
    })?;
    progress.finish_and_clear();
    report(arguments, setup.modules.len(), cells, chain.is_some())?;
    Ok(Verdict::Done)
}

/// Refuses a folder with the files of another detector, which could not be told from those of this one.
fn check_directory(directory: &Path, model: &DetectorModel) -> Result<()> {
    let others = match DetectorFiles::find(directory) {
        Err(io::Error::NoGeometry { .. }) => false,
        Ok(files) => io::read_geometry(&files.geometry).map(|other| other.name != model.name)?,
        Err(error) => return Err(error.into()),
    };
    if others {
        bail!(
            "`{}` holds another detector: name an empty folder with --output",
            directory.display()
        );
    }
    Ok(())
}

/// Refuses a folder with other events than those to be made, unless they were made in the same way.
fn check_events(arguments: &EventsArguments, record: &str) -> Result<()> {
    let directory = &arguments.output;
    let last = arguments.skip + (arguments.events as u64 - 1);
    let there = EventDirectory::open(directory)?.events(EventFile::Cells);
    let other = there.iter().find(|number| !(arguments.skip..=last).contains(number));
    let same = || std::fs::read_to_string(directory.join(RECORD_FILE)).is_ok_and(|r| r == record);
    match other {
        Some(number) if !same() => bail!(
            "`{}` holds event {number}, which was made in another way: name an empty folder with --output",
            directory.display()
        ),
        _ => Ok(()),
    }
}

/// The record of how the events were made, as text.
fn record(
    arguments: &EventsArguments,
    model: &DetectorModel,
    config: &SimulationConfig,
) -> Result<String> {
    let record = Record {
        detector: &model.name,
        field: arguments.field.to_string(),
        seed: arguments.gun.seed,
        beam_spot: BeamSpot { position: config.gun.vertex, spread: config.gun.vertex_spread },
        simulation: config,
    };
    let version = env!("CARGO_PKG_VERSION");
    Ok(format!(
        "# How these events were made, by traccc {version}. The beam spot is that of the gun: the mean of the vertices and their\n\
         # standard deviation along x, y and z, in mm.\n{}",
        toml::to_string(&record)?
    ))
}

/// What is written beside the events about how they were made; `Setup::check_events` reads it.
#[derive(Serialize)]
struct Record<'a> {
    detector: &'a str,
    field: String,
    seed: u64,
    beam_spot: BeamSpot,
    #[serde(flatten)]
    simulation: &'a SimulationConfig,
}

#[derive(Serialize)]
struct BeamSpot {
    position: [f64; 3],
    spread: [f64; 3],
}

fn report(
    arguments: &EventsArguments,
    sensors: usize,
    cells: usize,
    has_settings: bool,
) -> Result<()> {
    let directory = arguments.output.display();
    let mut out = terminal::stdout();
    writeln!(
        out,
        "{}, {cells} cells, {sensors} sensors in `{directory}`",
        counted(arguments.events, "event")
    )?;
    let config = if has_settings {
        format!(" --config '{}'", arguments.output.join(CHAIN_FILE).display())
    } else {
        String::new()
    };
    writeln!(
        out,
        "reconstruct them with: traccc run --detector '{directory}' --input '{directory}'{config} --field {} --truth",
        arguments.field,
    )?;
    Ok(())
}
