//! `traccc infer` and `traccc bench-service` with `traccc serve`.

use crate::support::{Sample, program, succeed, traccc};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server of the sample's detector; it is killed at the end.
struct Server {
    child: Child,
    url: String,
    http: String,
}

impl Server {
    fn start(sample: &Sample) -> Self {
        Self::start_with(sample, &["--shared-memory"])
    }

    fn start_with(sample: &Sample, more: &[&str]) -> Self {
        let repository = sample.path("repository").to_str().unwrap().to_owned();
        let directory = sample.directory();
        let options = ["--threads", "1", "--output", &repository, "--detector", &directory];
        succeed(&[&["model-repository"], &options[..], &SETTINGS].concat());
        let any = "127.0.0.1:0";
        let addresses = ["--grpc-address", any, "--http-address", any, "--metrics-address", any];
        let serve = ["serve", "--model-repository", &repository];
        let mut child = program(&[&serve[..], &addresses, more].concat())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let [_, _, grpc, _, http, ..] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        Self { child, url: format!("http://{grpc}"), http: http.to_owned() }
    }

    /// How many regions of shared memory it knows.
    fn regions(&self) -> usize {
        let mut stream = TcpStream::connect(&self.http).unwrap();
        let request =
            "GET /v2/systemsharedmemory/status HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
        let regions: serde_json::Value = serde_json::from_str(body).unwrap();
        regions.as_array().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

const SETTINGS: [&str; 4] =
    ["--chain", "full", "--config", concat!(env!("CARGO_MANIFEST_DIR"), "/../configs/toy.toml")];

#[test]
fn a_server_gives_the_tracks_of_the_chain_in_process() {
    let sample = Sample::toy(3);
    let server = Server::start(&sample);
    let (directory, output) = (sample.directory(), sample.path("served"));
    let output = output.to_str().unwrap();
    let infer = ["infer", "--url", &server.url, "--input", &directory, "--summary", "json"];
    let local = [&["--compare-local", "--detector", &directory][..], &SETTINGS].concat();
    for how in [&["--form", "plain"][..], &["--form", "compact"], &["--shared-memory"]] {
        let files = ["--outputs", "all", "--output", output, "--plots", output];
        let text = succeed(&[&infer[..], how, &local, &files].concat());
        let summary: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&summary["events"], &summary["different"]),
            (&3.into(), &serde_json::json!([]))
        );
        let lines =
            |name| std::fs::read_to_string(format!("{output}/{name}")).unwrap().lines().count();
        assert!(summary["tracks"].as_u64().unwrap() > 50, "{text}");
        assert_eq!(lines("tracks.csv") as u64, summary["tracks"].as_u64().unwrap() + 1);
        assert_eq!(lines("states.csv") as u64, summary["states"].as_u64().unwrap() + 1);
        assert!(std::fs::exists(format!("{output}/chi2.svg")).unwrap());
    }

    // Other settings here than there.
    let other = ["--compare-local", "--detector", &directory, "--chain", "service"];
    let outcome = traccc(&[&infer[..], &other].concat());
    assert_eq!(outcome.status, 1, "{}", outcome.err);
    assert!(outcome.out.contains("from the server"), "{}", outcome.out);

    let small = traccc(&[&infer[..], &["--shared-memory=10000"]].concat());
    assert_eq!(small.status, 2, "{}", small.out);
    assert!(small.err.contains("make the region at least"), "{}", small.err);
    assert_eq!(server.regions(), 0);
    let useless = traccc(&[&infer[..], &["--detector", &directory]].concat());
    assert!(useless.status == 2 && useless.err.contains("--compare-local"), "{}", useless.err);
}

#[test]
fn a_server_forgets_shared_memory_however_a_run_ends() {
    // Enough that a signal comes before the end.
    let sample = Sample::toy(400);
    let server = Server::start(&sample);
    let directory = sample.directory();
    let infer = ["infer", "--url", &server.url, "--input", &directory, "--shared-memory"];
    succeed(&[&infer[..], &["--events", "1"]].concat());
    assert_eq!(server.regions(), 0);

    let failed = traccc(&[&infer[..], &["--model", "none"]].concat());
    assert!(failed.status == 2 && failed.err.contains("NOT_FOUND"), "{}", failed.err);
    assert_eq!(server.regions(), 0);

    let bench = ["bench-service", "--url", &server.url, "--input", &directory, "--shared-memory"];
    let load = ["--concurrency", "3", "--seconds", "100"];
    for (name, command, regions) in [
        ("-INT", infer.to_vec(), 2),
        ("-TERM", infer.to_vec(), 2),
        ("-INT", [&bench[..], &load].concat(), 6),
    ] {
        let child = program(&command).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let begin = Instant::now();
        while server.regions() < regions {
            assert!(begin.elapsed() < Duration::from_secs(20), "nothing is registered");
            std::thread::sleep(Duration::from_millis(1));
        }
        let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && err.contains("interrupted"), "{name}: {err}");
        assert_eq!(server.regions(), 0, "{name}");
    }
}

#[test]
fn a_server_that_refuses_shared_memory_is_told_of_at_once() {
    let sample = Sample::toy(1);
    let server = Server::start_with(&sample, &[]);
    for command in ["infer", "bench-service"] {
        let directory = sample.directory();
        let outcome =
            traccc(&[command, "--url", &server.url, "--input", &directory, "--shared-memory"]);
        assert!(outcome.status == 2 && outcome.out.is_empty(), "{command}: {}", outcome.out);
        assert!(outcome.err.contains("start the server with"), "{command}: {}", outcome.err);
        assert!(!outcome.err.contains("still registered"), "{command}: {}", outcome.err);
    }
}

#[test]
fn a_server_under_load_is_measured() {
    let sample = Sample::toy(2);
    let server = Server::start(&sample);
    let (directory, table, plot) = (sample.directory(), sample.path("b.csv"), sample.path("b.svg"));
    let bench = ["bench-service", "--url", &server.url, "--input", &directory];
    let files = ["--csv", table.to_str().unwrap(), "--plot", plot.to_str().unwrap()];
    let loads = ["--concurrency", "1,3", "--requests", "12", "--warm-up", "2"];
    let text = succeed(&[&bench[..], &loads, &files].concat());
    assert!(text.contains("p99 ms") && !text.contains("failed requests"), "{text}");
    let table = std::fs::read_to_string(table).unwrap();
    assert!(table.starts_with("concurrency,answers,failed,"), "{table}");
    assert!(table.contains("\n1,12,0,0,") && table.contains("\n3,12,0,0,"), "{table}");
    assert!(std::fs::read_to_string(plot).unwrap().contains("</svg>"));

    // No request fails, and the server knows nothing of the memory afterwards.
    for load in [["--concurrency", "1,4"], ["--rate", "100"]] {
        let more = ["--shared-memory", "--requests", "12"];
        let text = succeed(&[&bench[..], &load, &more].concat());
        assert!(text.contains("p99 ms") && !text.contains("failed requests"), "{text}");
        assert_eq!(server.regions(), 0);
    }
    let outcome = traccc(&[&bench[..], &["--shared-memory=1000", "--requests", "5"]].concat());
    assert_eq!(outcome.status, 1, "{}", outcome.err);
    assert!(outcome.out.contains("5 failed, shared memory"), "{}", outcome.out);
    assert!(outcome.out.contains("make the region at least"), "{}", outcome.out);
    assert_eq!(server.regions(), 0);

    let outcome =
        traccc(&[&bench[..], &["--rate", "50", "--requests", "5", "--model", "no"]].concat());
    assert_eq!(outcome.status, 1, "{}", outcome.err);
    assert!(outcome.out.contains("5 failed, NOT_FOUND"), "{}", outcome.out);
    assert!(outcome.out.contains("failed requests are not in them"), "{}", outcome.out);
}
