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
