use crate::Verdict;
use crate::args::{SetupArguments, positive, threads};
use crate::events::EventArguments;
use crate::progress::progress_bar;
use crate::report::{Align, Table, counted};
use crate::terminal;
use crate::workers::Workers;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use traccc::Setup;
use traccc::clustering::{ClusteringConfig, cluster};
use traccc::detector::{Detector, Modules};
use traccc::event::{Cells, TruthEvent};
use traccc::io::{self, Digitization, DigitizationEntry, EntrySegmentation, HierarchyKey};
use traccc_performance::{ClusterResiduals, ErrorSource, ErrorTable, SizeResiduals};
use traccc_sim::{Gun, SimulationConfig, Simulator};

/// Clusters that an entry of a table needs: its error is then known to 7 %.
const MINIMUM: usize = 100;

/// What `traccc calibrate` measures.
#[derive(Debug, Subcommand)]
pub(crate) enum CalibrateCommand {
    /// Measure the errors of clusters by sensor, axis and size, and write them into a digitization file
    Clusters(ClustersArguments),
}

/// Arguments of `traccc calibrate clusters`.
#[derive(Args, Debug)]
pub(crate) struct ClustersArguments {
    #[command(flatten)]
    setup: SetupArguments,
    #[command(flatten)]
    events: EventArguments,
    /// The digitization file that is written: the one that was read, with ACTS's `variances`
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    output: PathBuf,
    /// Clusters that an entry of a table needs
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = MINIMUM, help_heading = "Results")]
    minimum: usize,
    /// Tables by the pseudorapidity of the sensor's centre, in steps of this [default: one for each kind of sensor in a volume]
    #[arg(long, value_name = "STEP", value_parser = step, help_heading = "Results")]
    eta_step: Option<f64>,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads)]
    threads: Option<usize>,
}

fn step(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|step: &f64| (0.01..=10.0).contains(step));
    number.ok_or_else(|| "expected a number from 0.01 to 10".to_owned())
}

/// Measures what `command` names.
pub(crate) fn calibrate(command: &CalibrateCommand) -> Result<Verdict> {
    match command {
        CalibrateCommand::Clusters(arguments) => clusters(arguments),
    }
}

fn clusters(arguments: &ClustersArguments) -> Result<Verdict> {
    let events = arguments.events.find()?;
    let files = arguments.setup.files()?;
    if same_file(&files.digitization, &arguments.output) {
        bail!("--output: `{}` is what is read: name another file", arguments.output.display());
    }
    let setup = arguments.setup.read()?;
    let digitization = io::read_digitization(&files.digitization)?;
    let groups = Groups::new(&setup.detector, &setup.modules, &digitization, arguments.eta_step)?;
    let (detector, modules) = (&*setup.detector, &*setup.modules);
    let progress = progress_bar(events.len());
    let mut workers = Workers::new(arguments.threads, events.len(), |threads| threads, || Ok(()))?;
    let mut residuals = ClusterResiduals::default();
    let one = |i: usize| -> Result<ClusterResiduals> {
        let cells = events.read_cells(i, &setup)?.cells;
        cells.validate(modules)?;
        let truth = events.read_truth(i, &setup)?;
        let mut residuals = ClusterResiduals::default();
        groups.add(&mut residuals, (detector, modules), &cells, &truth)?;
        Ok(residuals)
    };
    workers.run(
        events.len(),
        |(), i| one(i).with_context(|| format!("event {}", events.number(i))),
        |_, event| {
            residuals += &event;
            progress.inc(1);
            Ok(())
        },
    )?;
    progress.finish_and_clear();
    residuals.check(arguments.minimum as u64)?;
    let measured = groups.measure(&residuals, arguments.minimum as u64);
    io::write_cluster_errors(&files.digitization, &arguments.output, &measured.tables)?;
    let mut out = terminal::stdout();
    write!(out, "{}", measured.report)?;
    writeln!(out, "{} -> `{}`", counted(events.len(), "event"), arguments.output.display())?;
    Ok(Verdict::Done)
}

/// Whether both paths lead to the same file or folder; not where one leads to none.
pub(super) fn same_file(one: &Path, two: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(two).is_some_and(|two| real(one) == Some(two))
}

/// Which sensors share a table: those of one kind, that is with the same channels, in one volume, or of these those that are seen
/// from the origin under about the same angle.
struct Groups {
    /// The table of each module.
    of_module: Vec<u32>,
    /// The kind in a volume of each table.
    kind_of_table: Vec<u32>,
    /// The kinds of sensors in the volumes, with the first of their entries.
    kinds: Vec<Kind>,
    /// Each entry's key and kind.
    entries: Vec<(HierarchyKey, u32)>,
    /// The sensors of each table; none where it is that of the kind.
    sensors: Vec<Vec<HierarchyKey>>,
}

/// Sensors of one kind in a volume.
struct Kind {
    volume: u8,
    segmentation: EntrySegmentation,
    /// The same channels, whatever the volume: the first such kind.
    channels: u32,
    /// Number of sensors.
    sensors: usize,
    /// The axes that they measure.
    measures: [bool; 2],
}

/// Events, and particles in each, that a simulation makes to calibrate its own detector.
const SIMULATED: [usize; 2] = [20, 100];

/// Puts the errors of clusters into the digitization of a simulated detector. They are measured on other events than those of
/// `seed`, of the same gun; sensors that these do not hit often enough get none.
pub(crate) fn calibrate_simulated(
    setup: &Setup,
    config: &SimulationConfig,
    seed: u64,
    digitization: &mut Digitization,
) -> Result<()> {
    let (detector, modules) = (&*setup.detector, &*setup.modules);
    let [events, particles] = SIMULATED;
    let gun = Gun { particles, ..config.gun.clone() };
    let simulator = Simulator::new(detector, &setup.field, &gun, &config.transport)?;
    let groups = Groups::new(detector, modules, digitization, None)?;
    let mut residuals = ClusterResiduals::default();
    for event in 0..events as u64 {
        let event = simulator.event(modules, &config.digitization, !seed, event)?;
        groups.add(&mut residuals, (detector, modules), &event.cells, &event.truth)?;
    }
    let measured = groups.measure(&residuals, MINIMUM as u64);
    // The tables are those of the entries, in their order.
    let mut tables = measured.tables.into_iter().peekable();
    for entry in &mut digitization.entries {
        if let Some((_, errors)) = tables.next_if(|(key, _)| *key == entry.key) {
            entry.errors = errors;
        }
    }
    Ok(())
}

/// Tables for a digitization file, and what is to be said of them.
struct Measured {
    tables: Vec<(HierarchyKey, [Vec<f64>; 2])>,
    report: String,
}

impl Groups {
    /// Of the sensors of a detector, as `digitization` and the steps of pseudorapidity divide them.
    fn new(
        detector: &Detector,
        modules: &Modules,
        digitization: &Digitization,
        eta_step: Option<f64>,
    ) -> Result<Self> {
        let mut groups = Self {
            of_module: Vec::with_capacity(modules.len()),
            kind_of_table: Vec::new(),
            kinds: Vec::new(),
            entries: Vec::with_capacity(digitization.entries.len()),
            sensors: Vec::new(),
        };
        for entry in &digitization.entries {
            let kind = groups.kind(entry);
            groups.entries.push((entry.key, kind));
        }
        let mut known = BTreeMap::new();
        for (surface, subspace) in modules.surface.iter().zip(&modules.subspace) {
            let id = detector.geometry_ids[surface.get()];
            let entry = digitization
                .find(id)
                .with_context(|| format!("no entry for the sensor with ACTS geometry id {id}"))?;
            let number = groups.entries[entry].1;
            let kind = &mut groups.kinds[number as usize];
            kind.sensors += 1;
            for axis in [0, 1] {
                kind.measures[axis] |= subspace.measures(axis);
            }
            let [x, y, z] = detector.surfaces[surface.get()].translation.map(f64::from);
            let eta = eta_step.map_or(0.0, |step| ((z / x.hypot(y)).asinh() / step).floor());
            let table = *known.entry((number, eta as i64)).or_insert_with(|| {
                groups.kind_of_table.push(number);
                groups.sensors.push(Vec::new());
                groups.sensors.len() as u32 - 1
            });
            groups.of_module.push(table);
            if eta_step.is_some() {
                groups.sensors[table as usize].push(HierarchyKey::of_sensor(id));
            }
        }
        Ok(groups)
    }

    /// The kind of the sensors of an entry.
    fn kind(&mut self, entry: &DigitizationEntry) -> u32 {
        let same = |kind: &&Kind| kind.segmentation == entry.segmentation;
        let volume = entry.key.volume;
        let known = self.kinds.iter().position(|kind| same(&kind) && kind.volume == volume);
        let number = known.unwrap_or_else(|| {
            let number = self.kinds.len() as u32;
            let channels = self.kinds.iter().find(same).map_or(number, |kind| kind.channels);
            let segmentation = entry.segmentation.clone();
            self.kinds.push(Kind {
                volume,
                segmentation,
                channels,
                sensors: 0,
                measures: [false; 2],
            });
            number as usize
        });
        number as u32
    }

    /// Adds the clusters of an event.
    fn add(
        &self,
        residuals: &mut ClusterResiduals,
        (detector, modules): (&Detector, &Modules),
        cells: &Cells,
        truth: &TruthEvent,
    ) -> Result<()> {
        let clusters = cluster(cells, modules, &ClusteringConfig::default().cuts());
        residuals.add_event(truth, cells, &clusters, (detector, modules), &self.of_module)?;
        Ok(())
    }

    /// The tables: of each entry, and where sensors are divided further, of each sensor.
    fn measure(&self, residuals: &ClusterResiduals, minimum: u64) -> Measured {
        let kind_of_table = |table: u32| self.kind_of_table[table as usize];
        let of_kinds = residuals.merged(kind_of_table);
        let of_channels =
            residuals.merged(|table| self.kinds[kind_of_table(table) as usize].channels);
        let (mut rows, mut lacking) = (report_table(), Lacking::default());
        let mut by_kind = Vec::new();
        for (number, kind) in self.kinds.iter().enumerate() {
            let errors = [0, 1].map(|axis| {
                let all = of_channels.table(kind.channels, axis, minimum, &[]);
                let mut own = of_kinds.table(number as u32, axis, minimum, &all.rms);
                if own.rms.is_empty() {
                    own.source = vec![ErrorSource::Thin; all.rms.len()];
                    own.rms = all.rms;
                }
                own
            });
            for axis in [0, 1].into_iter().filter(|&axis| kind.measures[axis]) {
                lacking.add(&errors[axis]);
                describe(&mut rows, kind, axis, &errors[axis]);
            }
            by_kind.push(errors.map(|table| table.rms));
        }
        let mut tables = Vec::new();
        for (key, kind) in &self.entries {
            let errors = &by_kind[*kind as usize];
            if errors.iter().any(|rms| !rms.is_empty()) {
                tables.push((*key, errors.clone()));
            }
        }
        let mut report = format!("{rows}{lacking}");
        let divided = self.sensors.iter().filter(|sensors| !sensors.is_empty()).count();
        if divided > 0 {
            let mut lacking = Lacking::default();
            for (table, sensors) in self.sensors.iter().enumerate() {
                let kind = self.kind_of_table[table] as usize;
                let errors = [0, 1].map(|axis| {
                    let all = &by_kind[kind][axis];
                    let errors = residuals.table(table as u32, axis, minimum, all);
                    if self.kinds[kind].measures[axis] {
                        lacking.add(&errors);
                    }
                    if errors.rms.is_empty() { all.clone() } else { errors.rms }
                });
                if errors.iter().any(|rms| !rms.is_empty()) {
                    tables.extend(sensors.iter().map(|key| (*key, errors.clone())));
                }
            }
            report += &format!("divided by pseudorapidity: {divided} tables; {lacking}");
        }
        Measured { tables, report }
    }
}

/// How many entries of tables could not be measured.
#[derive(Default)]
struct Lacking {
    measured: usize,
    thin: usize,
    empty: usize,
}

impl Lacking {
    fn add(&mut self, table: &ErrorTable) {
        let thin = table.source.iter().filter(|&&source| source == ErrorSource::Thin).count();
        self.thin += thin;
        self.measured += table.source.len() - thin;
        self.empty += usize::from(table.rms.is_empty());
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measured, thin, empty } = self;
        writeln!(
            f,
            "{measured} errors measured, {thin} thin (too few clusters: from another table or size), {empty} axes of sensors empty \
             (no table)"
        )
    }
}

fn report_table() -> Table {
    let (left, right) = (Align::Left, Align::Right);
    Table::new([
        ("sensors", left),
        ("axis", left),
        ("size", right),
        ("clusters", right),
        ("mean/um (urad)", right),
        ("rms/um (urad)", right),
        ("table", right),
        ("", left),
    ])
}

/// A row for each size that was seen or has an entry.
fn describe(rows: &mut Table, kind: &Kind, axis: usize, table: &ErrorTable) {
    let sensors = format!("volume {}, {} sensors", kind.volume, kind.sensors);
    let axis = ["x (r)", "y (phi)"][axis].to_owned();
    let micro = |value: f64| format!("{:.2}", value * 1.0e3);
    if table.rms.is_empty() {
        let clusters: u64 = table.seen.iter().map(|size| size.clusters).sum();
        let none = String::new;
        let row = [sensors, axis, none(), clusters.to_string(), none(), none(), none()];
        rows.row([&row[..], &["empty".to_owned()]].concat());
        return;
    }
    for (row, (error, source)) in table.rms.iter().zip(&table.source).enumerate() {
        let size = row as u32 + 1;
        let (name, seen): (_, Vec<&SizeResiduals>) = match source {
            ErrorSource::Pooled => {
                (format!("{size}+"), table.seen.iter().filter(|s| s.size >= size).collect())
            }
            _ => (size.to_string(), table.seen.iter().filter(|s| s.size == size).collect()),
        };
        let clusters: u64 = seen.iter().map(|s| s.clusters).sum();
        let mean = |value: fn(&SizeResiduals) -> f64| {
            let sum: f64 = seen.iter().map(|s| value(s) * s.clusters as f64).sum();
            sum / clusters as f64
        };
        let note = if *source == ErrorSource::Thin { "thin" } else { "" };
        let of = |value: f64| if clusters == 0 { String::new() } else { micro(value) };
        rows.row([
            sensors.clone(),
            axis.clone(),
            name,
            clusters.to_string(),
            of(mean(|s| s.mean)),
            of(mean(|s| s.rms * s.rms).sqrt()),
            micro(*error),
            note.to_owned(),
        ]);
    }
}
