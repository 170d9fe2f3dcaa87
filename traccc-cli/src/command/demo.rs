use super::gun::GunArguments;
use crate::Verdict;
use crate::report::{Align, Table, TruthView};
use crate::terminal;
use anyhow::{Context, Result};
use clap::Args;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use traccc::clustering::{ClusteringConfig, cluster};
use traccc::detector::Detector;
use traccc::event::{
    BoundParameters, FitOutcome, Particle, RawCell, RawCells, Track, Tracks, TruthEvent,
};
use traccc::field::MagneticField;
use traccc::io::{self, Digitization};
use traccc::{ChainConfig, MeasurementIndex, Setup, SetupFiles, settings};
use traccc_client::{Client, ConnectOptions, InferOptions};
use traccc_performance::{Efficiency, MatchCriteria, Matching, MeasurementTruth};
use traccc_protocol::{Numbering, Output, ServedTracks};
use traccc_server::{Server, ServerConfig};
use traccc_service::{BatchingOptions, ModelOptions, RepositoryModel};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{SimulatedEvent, SimulationConfig, simulate_event};

/// What the toy detector needs besides the settings of the service.
const SETTINGS: &str = include_str!("../../../configs/toy.toml");

/// Arguments of `traccc demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    /// Events
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=1000))]
    events: u64,
    #[command(flatten)]
    gun: GunArguments,
}

/// Simulates events in the toy detector, sends them to a server of our own, and prints the tracks beside the truth.
pub(crate) fn demo(arguments: &DemoArguments) -> Result<Verdict> {
    let folder = tempfile::tempdir().context("a temporary folder for the model")?;
    let setup = toy_setup()?;
    let repository = folder.path().join("models");
    write_model(&setup, folder.path(), &repository)?;
    let simulation =
        SimulationConfig { gun: arguments.gun.around(), ..SimulationConfig::default() };
    let simulate = |event| {
        let Setup { detector, modules, field, .. } = &setup;
        simulate_event(detector, modules, field, &simulation, arguments.gun.seed, event)
    };
    let events = (0..arguments.events).map(simulate).collect::<Result<Vec<_>, _>>()?;

    let runtime = Runtime::new().context("threads for the server")?;
    let start = Instant::now();
    let server = runtime.block_on(Server::start(ServerConfig::new(repository)))?;
    let ready = start.elapsed();
    let mut out = terminal::stdout();
    writeln!(
        out,
        "toy detector: {} sensors; field 2 T along z; {} particles an event\n\
         server: gRPC at {}, HTTP at {}; ready in {:.0} ms\n",
        setup.modules.len(),
        arguments.gun.particles,
        server.grpc_address(),
        server.http_address(),
        ready.as_secs_f64() * 1.0e3,
    )?;
    let url = format!("http://{}", server.grpc_address());
    let answers = runtime.block_on(send_all(&url, &setup, &events))?;
    report(&mut out, &setup, &events, &answers)?;
    runtime.block_on(server.shutdown());
    writeln!(out, "server stopped")?;
    Ok(Verdict::Done)
}

/// The toy detector with pixels of 50 by 50 um, in a field of 2 T.
fn toy_setup() -> Result<Setup> {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full())?)?;
    let modules = pixel_modules(&detector, [0.05, 0.05])?;
    Ok(Setup::new(detector, modules, MagneticField::along_z(2.0)))
}

/// Writes the detector into `folder` and a model of it into `repository`.
fn write_model(setup: &Setup, folder: &Path, repository: &Path) -> Result<()> {
    let detector = folder.join("detector");
    std::fs::create_dir(&detector)?;
    io::write_detector(&detector, &toy_detector(&ToyConfig::full())?)?;
    let digitization = Digitization::from_modules(&setup.detector, &setup.modules)?;
    io::write_digitization(detector.join("digitization.json"), &digitization)?;
    let options = ModelOptions {
        files: SetupFiles::in_dir(&detector)?,
        config: settings::from_toml(SETTINGS, &ChainConfig::service())?,
        numbering: Numbering::Detray,
        athena_ids: None,
        threads: None,
        batching: BatchingOptions::default(),
    };
    RepositoryModel::new(options).write(repository)?;
    Ok(())
}

/// What came back for one event.
struct Answer {
    tracks: ServedTracks,
    latency: Duration,
    sent_bytes: usize,
    received_bytes: usize,
}

async fn send_all(url: &str, setup: &Setup, events: &[SimulatedEvent]) -> Result<Vec<Answer>> {
    let client = Client::connect(&ConnectOptions::new(url)).await?;
    let outputs =
        [Output::UPSTREAM.as_slice(), &[Output::TrackOffsets, Output::MeasurementIndices]];
    let options = InferOptions { outputs: outputs.concat(), ..InferOptions::default() };
    let mut answers = Vec::with_capacity(events.len());
    for event in events {
        let request = traccc_client::Request::new(&identified(setup, event), &options)?;
        let start = Instant::now();
        let response = client.send(&request).await?;
        answers.push(Answer {
            latency: start.elapsed(),
            tracks: response.tracks()?,
            sent_bytes: request.byte_size(),
            received_bytes: response.byte_size(),
        });
    }
    Ok(answers)
}

/// The cells with the detray barcodes of their sensors.
fn identified(setup: &Setup, event: &SimulatedEvent) -> RawCells {
    let cell = |cell: traccc::event::Cell| {
        let surface = setup.modules.surface[cell.module.get()];
        RawCell {
            geometry_id: setup.detector.barcodes[surface.get()],
            channel0: cell.channel0,
            channel1: cell.channel1,
            activation: cell.activation,
            time: cell.time,
        }
    };
    event.cells.iter().map(cell).collect()
}

/// Prints the first event particle by particle, all events in sums, and how long the service took.
fn report(
    out: &mut impl Write,
    setup: &Setup,
    events: &[SimulatedEvent],
    answers: &[Answer],
) -> Result<()> {
    let mut efficiency = Efficiency::default();
    for (number, (event, answer)) in events.iter().zip(answers).enumerate() {
        let clusters = cluster(&event.cells, &setup.modules, &ClusteringConfig::default().cuts());
        let measurements = clusters.measurements.len();
        let origin = MeasurementTruth::from_cells(
            &event.truth,
            &event.cells,
            &clusters.labels,
            measurements,
        )?;
        let tracks = tracks_of(&answer.tracks);
        if number == 0 {
            let cells = event.cells.len();
            writeln!(
                out,
                "event 0: {cells} cells; particles at their vertex | tracks at their first measurement\n"
            )?;
            writeln!(out, "{}", particles_and_tracks(&event.truth, &origin, &tracks))?;
        }
        let selected = TruthView::Upstream.for_tracks().select(&event.truth, &origin);
        efficiency +=
            Matching::of_tracks(&origin, &tracks, &MatchCriteria::default()).efficiency(&selected);
    }
    let Efficiency { particles, matched, fakes, tracks, .. } = efficiency;
    writeln!(
        out,
        "all {} events: {matched} of {particles} particles found (pT from 0.5 GeV, |eta| up to 3, 3 measurements); \
         {tracks} tracks, {fakes} fakes",
        events.len(),
    )?;
    let mut latencies: Vec<f64> = answers.iter().map(|a| a.latency.as_secs_f64() * 1.0e3).collect();
    latencies.sort_by(f64::total_cmp);
    let mean = |bytes: fn(&Answer) -> usize| {
        answers.iter().map(bytes).sum::<usize>() as f64 / answers.len() as f64 / 1.0e3
    };
    writeln!(
        out,
        "latency of a request: median {:.2} ms, longest {:.2} ms; {:.1} kB sent, {:.1} kB received on average",
        latencies[latencies.len() / 2],
        latencies[latencies.len() - 1],
        mean(|answer| answer.sent_bytes),
        mean(|answer| answer.received_bytes),
    )?;
    Ok(())
}

/// Tracks of a response as the chain has them, as far as they are compared with the truth.
fn tracks_of(served: &ServedTracks) -> Tracks {
    let mut tracks = Tracks::new();
    for track in &served.tracks {
        tracks.tracks.push(Track {
            parameters: BoundParameters {
                vector: track.parameters,
                time: track.time,
                ..BoundParameters::default()
            },
            chi2: track.chi2,
            ndf: track.ndf as i32,
            outcome: FitOutcome::SUCCESS,
            ..Track::default()
        });
        let indices = track.states.iter().filter_map(|state| state.measurement);
        tracks.measurements.push(indices.map(|index| MeasurementIndex(index as u32)));
    }
    tracks
}

/// A row for each particle: what was generated, and its first matching track.
fn particles_and_tracks(truth: &TruthEvent, origin: &MeasurementTruth, tracks: &Tracks) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        ("particle", right),
        ("q", right),
        ("pT/GeV", right),
        ("eta", right),
        ("phi", right),
        ("|", Align::Left),
        ("q", right),
        ("pT/GeV", right),
        ("eta", right),
        ("phi", right),
        ("measurements", right),
        ("chi2/ndf", right),
    ]);
    let matching = Matching::of_tracks(origin, tracks, &MatchCriteria::default());
    for (number, listed) in origin.listed.iter().enumerate() {
        let Some(particle) = listed.and_then(|row| truth.particles.get(row as usize)) else {
            continue;
        };
        let of_particle =
            |m: &traccc_performance::TrackMatch| m.matched && m.majority == Some(number as u32);
        let found = matching.tracks.iter().position(of_particle);
        let mut cells = generated(particle).to_vec();
        cells.push("|".into());
        cells.extend(found.map_or_else(missing, |i| reconstructed(tracks, i)));
        table.row(cells);
    }
    table
}

fn generated(particle: &Particle) -> [String; 5] {
    let [x, y, z] = particle.momentum;
    let pt = x.hypot(y);
    [
        particle.id.to_string(),
        format!("{:+}", particle.charge),
        format!("{pt:.3}"),
        format!("{:.3}", (z / pt).asinh()),
        format!("{:.4}", y.atan2(x)),
    ]
}

fn reconstructed(tracks: &Tracks, i: usize) -> [String; 6] {
    let Track { parameters, chi2, ndf, .. } = &tracks.tracks[i];
    let reduced = if *ndf > 0 { format!("{:.2}", chi2 / *ndf as f32) } else { "-".into() };
    [
        format!("{:+}", parameters.q_over_p().signum()),
        format!("{:.3}", parameters.transverse_momentum()),
        format!("{:.3}", -(0.5 * parameters.theta()).tan().ln()),
        format!("{:.4}", parameters.phi()),
        tracks.measurements.row(i).len().to_string(),
        reduced,
    ]
}

fn missing() -> [String; 6] {
    let mut cells = [const { String::new() }; 6];
    cells[0] = "-".into();
    cells
}
