//! All commands but `run`, from outside.

use crate::support::{Sample, refused, succeed, traccc};
use std::path::Path;
use traccc::detector::{MaterialModel, Placement, SurfaceKind, SurfaceModel};
use traccc::io::{DetectorFiles, read_detector, read_digitization};

#[test]
fn help_names_every_command_and_completions_exist() {
    let help = succeed(&["--help"]);
    let commands = ["run", "throughput", "simulate", "compare", "inspect", "demo", "completions"];
    for command in commands.into_iter().chain([
        "calibrate",
        "scan",
        "serve",
        "model-repository",
        "infer",
        "bench-service",
    ]) {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        assert!(succeed(&[command, "--help"]).contains("Usage: traccc"), "{command}");
    }
    assert!(succeed(&["completions", "bash"]).contains("--print-config"));
}

#[test]
fn the_demo_finds_its_particles_through_the_service() {
    let text = succeed(&["demo", "--events", "2", "--particles", "20"]);
    assert!(text.contains("all 2 events: 40 of 40 particles found"), "{text}");
    assert!(text.contains("latency of a request: median"), "{text}");
    assert!(text.ends_with("server stopped\n"), "{text}");
}

#[test]
fn the_same_seed_gives_the_same_files() {
    let (one, two) = (Sample::toy(2), Sample::toy(2));
    for name in [
        "event000000000-cells.csv",
        "event000000001-particles_initial.csv",
        "toy_detector_geometry.json",
    ] {
        let read = |sample: &Sample| std::fs::read(sample.path(name)).unwrap();
        assert!(read(&one) == read(&two), "{name}");
    }
}

#[test]
fn events_in_a_telescope_are_reconstructed() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().to_str().unwrap();
    succeed(&["simulate", "telescope", "--output", directory, "--events", "5", "--particles", "1"]);
    let text = succeed(&[
        "run",
        "--detector",
        directory,
        "--input",
        directory,
        "--truth",
        "--summary",
        "json",
    ]);
    let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
    let toy = refused(&["simulate", "toy", "--output", directory]);
    assert!(toy.contains("another detector"), "{toy}");
    assert_eq!(summary["counts"]["measurements"], 45, "five particles through nine planes: {text}");
    assert_eq!(summary["truth"]["resolved"]["matched"], 5, "{text}");
}

#[test]
fn throughput_counts_what_it_processed() {
    let sample = Sample::toy(2);
    let arguments =
        sample.arguments("throughput", &["--processed", "5", "--warm-up", "1", "--json"]);
    let text = succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&result["loaded"], &result["processed"]), (&2.into(), &5.into()));
    assert!(result["events_per_second"].as_f64().unwrap() > 0.0);
    assert!(result["stage_ms"]["finding"].as_f64().unwrap() > 0.0);

    let more = ["--processed", "5", "--warm-up", "3", "--batch", "2", "--keep", "parameters"];
    let arguments = sample.arguments("throughput", &[&more[..], &["--json"]].concat());
    let text = succeed(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    let result: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&result["processed"], &result["batch"]), (&5.into(), &2.into()));
    assert!(result["stage_ms"]["finding"].as_f64().unwrap() > 0.0);
}

#[test]
fn an_engine_that_was_chosen_is_named_with_the_reason() {
    let sample = Sample::toy(1);
    let run = |backend| {
        let arguments = sample.arguments("run", &["--backend", backend]);
        let outcome = traccc(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(outcome.status, 0, "{}", outcome.err);
        outcome.err
    };
    let chosen = run("auto");
    // On a machine with a GPU it is that.
    let named =
        |line: &str| line.starts_with("backend: cpu (") || line.starts_with("backend: cuda:0 (");
    assert!(chosen.lines().any(|line| named(line) && line.ends_with(')')), "{chosen}");
    assert!(!run("cpu").contains("backend"), "it was asked for");
}

#[test]
fn every_kind_of_file_is_recognised() {
    let sample = Sample::toy(2);
    let inspect = |name: &str| succeed(&["inspect", sample.path(name).to_str().unwrap()]);
    assert!(inspect("toy_detector_geometry.json").contains("4004 sensors"));
    assert!(inspect("toy_detector_surface_grids.json").contains("grid_count: 18"));
    assert!(inspect("toy_detector_homogeneous_material.json").contains("slab_count: 4005"));
    assert!(inspect("toy_detector_digitization.json").contains("18 entries"));
    assert!(inspect("event000000000-cells.csv").contains("channel1"));
    let folder = inspect("");
    assert!(folder.contains("18 search grids") && folder.contains("2 events: 0-1"), "{folder}");
    assert!(refused(&["inspect", "/nowhere"]).contains("/nowhere"));
    assert!(refused(&["inspect", "/dev/null"]).contains("it is no file"));
    let settings = sample.path("chain.toml");
    assert!(refused(&["inspect", settings.to_str().unwrap()]).contains("is TOML"));
    let empty = tempfile::tempdir().unwrap();
    assert!(refused(&["inspect", empty.path().to_str().unwrap()]).contains("neither"));
}

#[test]
fn compare_tells_equal_results_from_different_ones() {
    let sample = Sample::toy(2);
    let output = |name: &str, more: &[&str]| {
        let directory = sample.path(name).to_str().unwrap().to_owned();
        sample.run(&[&["--output", directory.as_str()], more].concat());
        directory
    };
    let (one, two) = (output("one", &["--threads", "1"]), output("two", &["--threads", "2"]));
    assert_eq!(traccc(&["compare", &one, &two]).status, 0);
    let other = output("other", &["--field", "constant:0,0,1.9"]);
    let outcome = traccc(&["compare", &one, &other]);
    assert_eq!(outcome.status, 1, "{}{}", outcome.out, outcome.err);
    let fewer = output("fewer", &["--events", "1"]);
    assert!(refused(&["compare", &one, &fewer]).contains("event"));
}

#[test]
fn the_hint_after_a_simulation_finds_the_particles() {
    for field in ["constant:0,0,2", "constant:0,0,-1.5"] {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().to_str().unwrap();
        let simulate = ["simulate", "toy", "--output", directory, "--particles", "20"];
        let text = succeed(&[&simulate[..], &["--field", field]].concat());
        assert!(text.starts_with("1 event, "), "{text}");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("chain.toml"), include_str!("../../../configs/toy.toml"));
        let record: toml::Table = toml::from_str(&read("simulation.toml")).unwrap();
        assert_eq!(record["detector"].as_str(), Some("toy_detector"));
        assert_eq!(record["field"].as_str(), Some(field));
        assert!(record["beam_spot"]["spread"].is_array(), "{record}");
        let (_, command) = text.trim().split_once("traccc run ").unwrap();
        let words = command.split(' ').map(|word| word.trim_matches('\''));
        let hint: Vec<&str> = ["run", "--summary", "json"].into_iter().chain(words).collect();
        assert!(hint.contains(&"--config"), "{text}");
        let summary: serde_json::Value = serde_json::from_str(&succeed(&hint)).unwrap();
        assert!(summary["truth"]["resolved"]["efficiency"].as_f64().unwrap() > 0.9, "{summary}");
        assert_eq!(summary["warnings"], serde_json::json!([]));
    }
}

#[test]
fn a_simulation_without_events_or_beyond_the_last_number_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let simulate = ["simulate", "toy", "--output", folder.path().to_str().unwrap()];
    let message = refused(&[&simulate[..], &["--events", "0"]].concat());
    assert!(message.contains("whole number from 1"), "{message}");
    let last = u64::MAX.to_string();
    let message = refused(&[&simulate[..], &["--events", "2", "--skip", &last]].concat());
    assert!(message.contains(&last) && message.contains("end at"), "{message}");
}

#[test]
fn collisions_are_the_same_bytes_for_any_number_of_threads() {
    let simulate = |threads: &str| {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().to_str().unwrap();
        let simulate = ["simulate", "toy", "--output", output, "--events", "3", "--skip", "5"];
        let beam = ["--mu", "10", "--hard-scatter", "ttbar", "--particles", "2"];
        succeed(&[&simulate[..], &beam, &["--threads", threads]].concat());
        let mut files: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let files = simulate("1");
    assert!(files == simulate("3"));
    let particles = files.iter().find(|(name, _)| name == "event000000005-particles_initial.csv");
    // Ten collisions of 40 charged particles, and a pair of top quarks of 70.
    let lines = particles.unwrap().1.iter().filter(|&&byte| byte == b'\n').count();
    assert!((200..1000).contains(&lines), "{lines}");
}

#[test]
fn collisions_that_cannot_be_are_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("sample");
    let simulate = ["simulate", "toy", "--output", output.to_str().unwrap(), "--particles", "0"];
    for (arguments, part) in [
        (&[][..], "--particles 0"),
        (&["--mu", "0"], "--particles 0"),
        (&["--mu", "1001"], "at most 1000"),
        (&["--mu", "-1"], "-1"),
        (&["--mu", "1", "--pileup-eta", "9"], "from 0 to 8"),
        (&["--mu", "1", "--pileup-density", "nan"], "from 0 to 100"),
        (&["--mu", "1", "--vertex-spread", "0,0"], "three numbers"),
        (&["--mu", "1", "--vertex-spread", "0,0,-1"], "between 0 and"),
    ] {
        let message = refused(&[&simulate[..], arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
        assert!(!output.exists(), "{arguments:?}");
    }
}

#[test]
fn a_folder_keeps_events_of_one_simulation_whole() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let simulate = ["simulate", "toy", "--output", output, "--particles", "3"];
    succeed(&[&simulate[..], &["--events", "2"]].concat());
    // More of the same is welcome; others would be mixed up with these.
    succeed(&[&simulate[..], &["--skip", "2"]].concat());
    let message = refused(&[&simulate[..], &["--seed", "2"]].concat());
    assert!(message.contains("made in another way"), "{message}");

    // A file that cannot be written takes its event with it.
    let hits = folder.path().join("event000000003-hits.csv");
    std::fs::create_dir(&hits).unwrap();
    let outcome = traccc(&[&simulate[..], &["--skip", "3"]].concat());
    assert!(
        outcome.status != 0 && outcome.err.contains("event000000003-hits.csv"),
        "{}",
        outcome.err
    );
    let of_event = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        (name.starts_with("event000000003") || name.ends_with(".part")).then_some(name)
    };
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().filter_map(of_event).collect();
    assert_eq!(left, ["event000000003-hits.csv"]);
}

#[test]
fn particles_that_cannot_be_followed_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("sample");
    for (arguments, part) in [
        (["--vertex", "0,0,9000"], "inside the world"),
        (["--p", "0.001"], "are not followed"),
        (["--pt", "0,1"], "positive momenta"),
        (["--eta", "2,1"], "ascending range"),
        (["--diffusion", "1"], "at most the thickness"),
        (["--noise-occupancy", "0.5"], "from 0 to 0.01"),
    ] {
        let simulate = ["simulate", "toy", "--output", output.to_str().unwrap()];
        let message = refused(&[&simulate[..], &arguments].concat());
        assert!(message.contains(part), "{arguments:?}: {message}");
        assert!(!output.exists(), "{arguments:?}");
    }
    // Loops of low momentum end.
    let simulate = ["simulate", "toy", "--output", output.to_str().unwrap(), "--pdg", "211"];
    succeed(&[&simulate[..], &["--pt", "0.011", "--particles", "100"]].concat());
}

#[test]
fn a_detector_from_files_gives_the_events_of_the_one_built_in_code() {
    let [built, read] = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [built, read] = [&built, &read].map(|folder| folder.path().to_str().unwrap());
    let particles = ["--particles", "50", "--mu", "3"];
    succeed(
        &[&["simulate", "toy", "--material", "maps", "--output", built][..], &particles].concat(),
    );
    let files = ["simulate", "files", "--detector", built];
    succeed(&[&files[..], &["--output", read], &particles].concat());
    let content = |folder: &str, name: &str| std::fs::read(Path::new(folder).join(name)).unwrap();
    for name in
        ["event000000000-cells.csv", "event000000000-hits.csv", "toy_detector_digitization.json"]
    {
        assert!(content(built, name) == content(read, name), "{name}");
    }

    // The file decides what fires: thicker sensors, a threshold, noise, signals without size.
    let path = Path::new(built).join("toy_detector_digitization.json");
    let text = String::from_utf8(content(built, "toy_detector_digitization.json")).unwrap();
    let text = text.replace("\"digital\":false", "\"digital\":true").replace("0.015", "0.14");
    let smearing = r#""charge-smearing":{"type":"Gauss","mean":0.0,"stddev":0.01},"digital""#;
    std::fs::write(&path, text.replace("\"digital\"", smearing)).unwrap();
    succeed(&[&files[..], &["--output", read], &particles].concat());
    let cells = String::from_utf8(content(read, "event000000000-cells.csv")).unwrap();
    let before = content(built, "event000000000-cells.csv");
    let lines = before.iter().filter(|&&byte| byte == b'\n').count();
    assert!(cells.lines().skip(1).all(|line| line.ends_with(",1.0") || line.ends_with(",0.0")));
    assert!((10..lines * 3 / 4).contains(&cells.lines().count()), "{lines}");

    let message = refused(&[&files[..], &["--output", built]].concat());
    assert!(message.contains("the folder of the detector"), "{message}");
}

/// The files that were made from the same published parameters by another program.
#[test]
fn the_open_data_detector_is_that_of_its_files() {
    let shared = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/odd/geometry"));
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let sample = ["--mu", "2", "--particles", "5", "--eta=-3,3"];
    succeed(&[&["simulate", "odd", "--output", output][..], &sample].concat());
    let found = DetectorFiles::find(output).unwrap();
    let built = read_detector(&found).unwrap();
    let sensors: usize = built
        .volumes
        .iter()
        .flat_map(|v| &v.surfaces)
        .filter(|s| s.kind == SurfaceKind::SENSITIVE)
        .count();
    assert_eq!((built.volumes.len(), sensors), (113, 18_824));
    if !shared.exists() {
        return;
    }
    let files = DetectorFiles::find(shared).unwrap();
    let expected = read_detector(&files).unwrap();
    assert_eq!(built.name, expected.name);
    for (volume, other) in built.volumes.iter().zip(&expected.volumes) {
        assert_eq!((&volume.name, &volume.placement), (&other.name, &other.placement));
        assert_eq!(volume.grids, other.grids, "{}", volume.name);
        assert_eq!(volume.surfaces.len(), other.surfaces.len(), "{}", volume.name);
        for (row, (surface, other)) in volume.surfaces.iter().zip(&other.surfaces).enumerate() {
            let name = format!("{} {row}", volume.name);
            assert_eq!((surface.kind, surface.source), (other.kind, other.source), "{name}");
            assert_eq!((surface.shape, &surface.masks), (other.shape, &other.masks), "{name}");
            let numbers = |p: &Placement| [p.translation, p.axes[0], p.axes[1], p.axes[2]].concat();
            for (a, b) in numbers(&surface.placement).iter().zip(numbers(&other.placement)) {
                assert!((a - b).abs() < 1.1e-8, "{name}: {surface:?} {other:?}");
            }
            let material = |s: &SurfaceModel| match &s.material {
                Some(MaterialModel::Slab(s)) => {
                    let m = s.material;
                    vec![
                        s.thickness,
                        m.radiation_length,
                        m.interaction_length,
                        m.relative_atomic_mass,
                        m.nuclear_charge,
                        m.mass_density,
                    ]
                }
                _ => Vec::new(),
            };
            let (a, b) = (material(surface), material(other));
            assert_eq!(a.len(), b.len(), "{name}");
            assert!(
                a.iter().zip(&b).all(|(a, b)| (a / b - 1.0).abs() < 3.0e-7),
                "{name}: {a:?} {b:?}"
            );
        }
    }
    let published = shared.join("odd-digi-geometric-config.json");
    let digitization = found.digitization().unwrap();
    assert_eq!(read_digitization(digitization).unwrap(), read_digitization(&published).unwrap());

    // Events in both are the same.
    let again = tempfile::tempdir().unwrap();
    let files = [
        "simulate",
        "files",
        "--detector",
        shared.to_str().unwrap(),
        "--digitization",
        published.to_str().unwrap(),
    ];
    succeed(&[&files[..], &["--output", again.path().to_str().unwrap()], &sample].concat());
    let hits = |folder: &Path| std::fs::read(folder.join("event000000000-cells.csv")).unwrap();
    assert!(hits(folder.path()) == hits(again.path()));
}
