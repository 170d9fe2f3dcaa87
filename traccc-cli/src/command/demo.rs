use super::gun::GunArguments;
use crate::Verdict;
use crate::report::{Align, StageMs, Summary, Table, TruthTotals, TruthView};
use anyhow::Result;
use clap::Args;
use std::io::Write;
use traccc::detector::Detector;
use traccc::event::{Particle, Track, Tracks, TruthEvent};
use traccc::field::MagneticField;
use traccc::{Backend, ChainConfig, Reconstruction, Setup};
use traccc_performance::{MatchCriteria, Matching, MeasurementTruth};
use traccc_sim::detectors::{ToyConfig, pixel_modules, toy_detector};
use traccc_sim::{SimulatedEvent, SimulationConfig, simulate_event};

/// Arguments of `traccc demo`.
#[derive(Args, Debug)]
pub(crate) struct DemoArguments {
    #[command(flatten)]
    gun: GunArguments,
    /// Engine: cpu, cuda or cuda:N
    #[arg(long, default_value_t)]
    backend: Backend,
}

/// Simulates an event in the toy detector, reconstructs it, and prints each particle beside its track.
pub(crate) fn demo(arguments: &DemoArguments) -> Result<Verdict> {
    let setup = toy_setup()?;
    let simulation =
        SimulationConfig { gun: arguments.gun.around(), ..SimulationConfig::default() };
    let seed = arguments.gun.seed;
    let SimulatedEvent { cells, truth } =
        simulate_event(&setup.detector, &setup.modules, &setup.field, &simulation, seed, 0)?;
    let mut config = ChainConfig::full();
    config.propagation.search_window = [3, 3];
    let mut chain = setup.open(arguments.backend, &config)?;
    let event = chain.reconstruct(&cells)?;

    let truth_totals = TruthTotals::of_event(TruthView::Upstream, &truth, &cells, &event)?;
    let time = StageMs { read: 0.0, stages: chain.timings() };
    let mut summary = Summary::new(true, &config);
    summary.add(event.counts(), &time, Some(&truth_totals));
    let labels = &event.cell_measurements;
    let origin = MeasurementTruth::from_cells(&truth, &cells, labels, event.measurements.len())?;

    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "toy detector: {} sensors; field 2 T along z; {} particles, {} cells\n\
         particles at their vertex | tracks at their first measurement\n",
        setup.modules.len(),
        truth.particles.len(),
        cells.len(),
    )?;
    writeln!(out, "{}", particles_and_tracks(&truth, &origin, &event))?;
    write!(out, "{summary}")?;
    Ok(Verdict::Done)
}

/// The toy detector with pixels of 50 by 50 um, in a field of 2 T.
fn toy_setup() -> Result<Setup> {
    let detector = Detector::compile(&toy_detector(&ToyConfig::full())?)?;
    let modules = pixel_modules(&detector, [0.05, 0.05])?;
    Ok(Setup::new(detector, modules, MagneticField::along_z(2.0)))
}

/// A row for each particle: what was generated, and its first matching track.
fn particles_and_tracks(
    truth: &TruthEvent,
    origin: &MeasurementTruth,
    event: &Reconstruction,
) -> Table {
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
    let tracks = event.tracks();
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
