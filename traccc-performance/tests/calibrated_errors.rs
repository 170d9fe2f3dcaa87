//! With the errors of clusters measured on the samples of `../shared/data`, the errors of tracks are true: pulls are one
//! wide, p-values even.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its numbers"
)]

use std::path::Path;
use std::sync::Arc;
use traccc_core::clustering::ClusterErrors;
use traccc_core::detector::{Detector, SensorTable};
use traccc_core::field::MagneticField;
use traccc_core::{ChainConfig, CpuChain, ReconstructionChain};
use traccc_io::{DetectorFiles, Duplicates, EventDirectory, EventFile};
use traccc_performance::{
    Efficiency, MatchCriteria, Matching, MeasurementTruth, Residuals, TruthSelection,
};

/// The widths of the pulls at the first measurement (half of the middle 68.27 %), by the names of the parameters.
type Widths = [(&'static str, f64); 5];

/// Fits the events of a sample with errors from `errors`, where tables are in the file `digitization`: widths of pulls and
/// mean p-value.
fn fit(folder: &Path, digitization: &str, sample: &str, errors: ClusterErrors) -> (Widths, f64) {
    let files = DetectorFiles::find(folder.join("geometry")).unwrap();
    let detector = Arc::new(Detector::compile(&traccc_io::read_detector(&files).unwrap()).unwrap());
    let digitization = traccc_io::read_digitization(folder.join(digitization)).unwrap();
    let modules = Arc::new(digitization.modules(&detector, None).unwrap());
    let field = Arc::new(MagneticField::along_z(2.0));
    let mut config = ChainConfig::full();
    config.clustering.errors = errors;
    config.finding.min_pt = 0.3;
    let mut chain = CpuChain::new(detector.clone(), modules.clone(), field, &config).unwrap();

    let directory = EventDirectory::open(folder.join("events").join(sample)).unwrap();
    let sensors = SensorTable::acts(&detector, &modules);
    let mut residuals = Residuals::default();
    let (mut efficiency, mut p_values) = (Efficiency::default(), Vec::new());
    for event in directory.events(EventFile::Cells) {
        let path = directory.path(event, EventFile::Cells).unwrap();
        let cells = traccc_io::read_cells(path, &sensors, Duplicates::Merge).unwrap().cells;
        let place = folder.join("events").join(sample);
        let truth = traccc_io::read_truth(place, event, &sensors).unwrap();
        let done = chain.reconstruct(&cells).unwrap();
        let labels = &done.cell_measurements;
        let origin =
            MeasurementTruth::from_cells(&truth, &cells, labels, done.measurements.len()).unwrap();
        let fitted = done.fitted.as_ref().unwrap();
        let matching = Matching::of_tracks(&origin, fitted, &MatchCriteria::default());
        efficiency += matching.efficiency(&TruthSelection::upstream().select(&truth, &origin));
        p_values.extend(fitted.tracks.iter().map(|track| f64::from(track.p_value)));
        residuals.add_event(&truth, &origin, &matching, fitted, &detector);
    }
    let summary = residuals.summary();
    let Efficiency { particles, matched, .. } = efficiency;
    let p_value = p_values.iter().sum::<f64>() / p_values.len() as f64;
    println!("{sample}, {errors:?}: {matched} of {particles} matched, mean p-value {p_value:.3}");
    let widths = summary.pulls.each().map(|(name, pull)| (name, pull.robust_width.unwrap()));
    println!("  widths of pulls: {widths:?}");
    (widths, p_value)
}

#[test]
fn tables_of_errors_make_pulls_one_wide_and_upstreams_errors_do_not() {
    let Some(data) = testdata::shared() else {
        println!("skipped: ../shared/data is absent");
        return;
    };
    for (detector, sample) in [("toy", "n_particles_1000"), ("generic", "mixed_1000")] {
        let folder = data.join(detector);
        let digitization = format!("calibrated/{detector}_digi_calibrated.json.gz");
        let fit = |errors| fit(&folder, &digitization, sample, errors);
        let (widths, p_value) = fit(ClusterErrors::Table);
        assert!(widths.iter().all(|(_, w)| (0.8..1.2).contains(w)), "{sample}: {widths:?}");
        assert!((0.45..0.6).contains(&p_value), "{sample}: mean p-value {p_value}");
        let ([(_, loc0), (_, loc1), ..], p_value) = fit(ClusterErrors::Upstream);
        assert!(loc0 < 0.8 && loc1 < 0.7 && p_value > 0.8, "{sample}: {loc0} {loc1} {p_value}");
    }
}
