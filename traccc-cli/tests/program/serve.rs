//! `traccc serve` from outside.

use crate::support::{Sample, program, refused, succeed};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

const CONFIG: &str = r#"
backend: "traccc"
input [
  { name: "CELL_POSITIONS" data_type: TYPE_INT64 dims: [ -1, 4 ] },
  { name: "CELL_PROPERTIES" data_type: TYPE_FP32 dims: [ -1, 2 ] }
]
output [ { name: "TRK_PARAMS" data_type: TYPE_FP32 dims: [ -1, 8 ] } ]
parameters { key: "detector" value { string_value: "DETECTOR" } }
parameters { key: "config" value { string_value: "chain.toml" } }
dynamic_batching { }
"#;

#[test]
fn a_repository_is_served_until_a_signal_comes() {
    let (sample, repository) = (Sample::toy(1), tempfile::tempdir().unwrap());
    let model = repository.path().join("traccc");
    std::fs::create_dir_all(model.join("1")).unwrap();
    let config = CONFIG.replace("DETECTOR", &sample.directory());
    std::fs::write(model.join("config.pbtxt"), config).unwrap();
    let settings = "[seeding]\nfield = { constant = 1.0 }\n";
    std::fs::write(model.join("1/chain.toml"), settings).unwrap();

    let any = "localhost:0";
    let arguments = ["--grpc-address", any, "--http-address", any, "--metrics-address", any];
    let mut server = program(&["serve", "--model-repository"])
        .arg(repository.path())
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["ready:", "grpc", _, "http", http, "metrics", _] = words[..] else { panic!("{line}") };

    let mut stream = TcpStream::connect(http).unwrap();
    let request = b"GET /v2/models/traccc/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200 OK"), "{reply}");

    let kill = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(server.wait().unwrap().code(), Some(0));
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "", "one line only");
    let mut log = String::new();
    server.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    let warning = "`seeding.field` is 1 T, but `constant:0,0,2` has 2 T along z at the origin";
    assert!(log.contains("WARN") && log.contains(warning), "{log}");
    assert!(log.contains("SIGTERM: draining") && log.contains("ended"), "{log}");
    assert!(log.contains("dynamic_batching"), "what is not used is named: {log}");
}

#[test]
fn what_cannot_be_served_is_told() {
    let empty = tempfile::tempdir().unwrap();
    let path = empty.path().display().to_string();
    assert!(refused(&["serve", "--model-repository", &path]).contains("has no model"));
    let message = refused(&["serve", "--model-repository", &path, "--tls-cert", "x"]);
    assert!(message.contains("--tls-key"), "{message}");
    let message = refused(&["serve", "--model-repository", &path, "--grpc-address", "localhost"]);
    assert!(message.contains("HOST:PORT"), "{message}");
    assert!(succeed(&["serve", "--help"]).contains("--drain-delay"));
}
