//! `traccc model-repository` from outside.

use crate::support::{Sample, refused, succeed};

#[test]
fn a_model_is_written_with_its_files_and_as_its_flags_say() {
    let sample = Sample::toy(1);
    let (detector, repository) = (sample.directory(), sample.path("repository"));
    let output = repository.to_str().unwrap();
    let command = ["model-repository", "--detector", &detector, "--output", output];
    let text = succeed(
        &[&command[..], &["--name", "traccc-gpu", "--kind", "gpu", "--instances", "2"]].concat(),
    );
    assert!(text.contains("traccc-gpu"), "{text}");
    let read = |name: &str| std::fs::read_to_string(repository.join(name)).unwrap();
    let configuration = read("traccc-gpu/config.pbtxt");
    assert!(configuration.contains("count: 2 kind: KIND_GPU"), "{configuration}");
    assert!(configuration.contains("TRACK_OFFSETS"), "{configuration}");
    let settings = succeed(&["run", "--chain", "service", "--print-config"]);
    assert_eq!(read("traccc-gpu/1/chain.toml"), settings, "the service's settings by default");

    let batches = ["--max-batch-events", "4", "--max-batch-delay-us", "200"];
    let upstream = ["--inputs", "upstream", "--outputs", "upstream"];
    succeed(&[&command[..], &upstream, &batches].concat());
    let configuration = read("traccc/config.pbtxt");
    let parameter = |key, value| {
        configuration.lines().any(|line| {
            line.contains(&format!("\"{key}\"")) && line.contains(&format!("\"{value}\""))
        })
    };
    assert!(parameter("max_batch_events", "4"), "{configuration}");
    assert!(parameter("max_batch_delay_us", "200"), "{configuration}");
    let cores = std::thread::available_parallelism().unwrap().get();
    let several = format!("count: {} kind: KIND_CPU", (cores / 2).max(1));
    assert!(configuration.contains(&several), "{configuration}");
    assert!(configuration.contains("GEOMETRY_IDS"), "{configuration}");
    for absent in ["TRACK_OFFSETS", "COMPACT_CELLS", "optional"] {
        assert!(!configuration.contains(absent), "{configuration}");
    }
}

#[test]
fn a_folder_of_somebody_else_is_refused() {
    let sample = Sample::toy(1);
    let (detector, repository) = (sample.directory(), sample.path("repository"));
    std::fs::create_dir_all(repository.join("traccc")).unwrap();
    std::fs::write(repository.join("traccc/notes"), "mine").unwrap();
    let output = repository.to_str().unwrap();
    let text = refused(&["model-repository", "--detector", &detector, "--output", output]);
    assert!(text.contains("was not written by this program"), "{text}");
    let athena = ["--geometry-ids", "athena"];
    let command = ["model-repository", "--detector", &detector, "--output", output];
    assert!(refused(&[&command[..], &athena].concat()).contains("--athena-ids"));
}

#[test]
fn errors_name_the_files_that_were_given() {
    let sample = Sample::toy(1);
    let (detector, repository) = (sample.directory(), sample.path("repository"));
    let output = repository.to_str().unwrap();
    let command = ["model-repository", "--detector", &detector, "--output", output];
    let map = sample.path("map.csv");
    std::fs::write(&map, "nothing\n").unwrap();
    let map = map.to_str().unwrap();
    let text = refused(&[&command[..], &["--athena-ids", map]].concat());
    assert!(text.contains(map), "{text}");
    let field = sample.path("field.cvf");
    std::fs::write(&field, "nothing").unwrap();
    let field = field.to_str().unwrap();
    let text = refused(&[&command[..], &["--field", field]].concat());
    assert!(text.contains(field) && !text.contains(output), "{text}");
    for file in ["toy_detector_geometry.json", "toy_detector_digitization.json"] {
        let path = sample.path(file);
        let whole = std::fs::read(&path).unwrap();
        let name = path.to_str().unwrap();
        let begin = std::str::from_utf8(&whole).unwrap().replacen("\"volume\"", "\"volum\"", 1);
        let begin = begin.replacen("\"boundaries\":[", "\"boundaries\":[\"x\",", 1);
        assert_ne!(begin.as_bytes(), whole, "{file} is changed");
        std::fs::write(&path, begin).unwrap();
        let text = refused(&command);
        assert!(text.contains(name) && !text.contains(output), "{text}");
        assert!(!repository.join("traccc").exists());
        std::fs::write(&path, whole).unwrap();
    }
    succeed(&command);
}

#[test]
fn thousands_of_threads_are_refused_at_once() {
    let sample = Sample::toy(1);
    let (detector, repository) = (sample.directory(), sample.path("repository"));
    let output = repository.to_str().unwrap();
    let command = ["model-repository", "--detector", &detector, "--output", output];
    for arguments in [["--threads", "100000"], ["--instances", "5000"]] {
        let text = refused(&[&command[..], &arguments].concat());
        assert!(text.contains("from 1 to 1024"), "{text}");
    }
    let text = refused(&[&command[..], &["--threads", "100", "--instances", "100"]].concat());
    assert!(text.contains("100 instances with 100 threads"), "{text}");
    assert!(sample.refused(&["--threads", "100000"]).contains("from 1 to 1024"));

    // A repository that somebody else has written.
    succeed(&command);
    let configuration = repository.join("traccc/config.pbtxt");
    let text = std::fs::read_to_string(&configuration).unwrap();
    for (part, other, message) in [
        ("count: 1 ", "count: 100000 ", "100000"),
        (
            "\"field\"",
            "\"threads\" value: { string_value: \"5000\" } }\nparameters { key: \"field\"",
            "5000 threads",
        ),
    ] {
        assert!(text.contains(part), "{text}");
        std::fs::write(&configuration, text.replacen(part, other, 1)).unwrap();
        let error = refused(&["serve", "--model-repository", output]);
        assert!(error.contains(message), "{error}");
    }
}
