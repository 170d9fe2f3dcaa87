use crate::Verdict;
use crate::args::positive;
use crate::command::service::{ServiceArguments, runtime, until_interrupted};
use crate::raw_events::RawEventArguments;
use crate::report::{Align, Table, counted};
use crate::terminal;
use anyhow::{Context, Result};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use traccc_client::{
    Arrivals, Bound, Client, LoadPlan, LoadPoint, LoadReport, Request, Route, plot_load, run_load,
};

/// Arguments of `traccc bench-service`.
#[derive(Args, Debug)]
pub(crate) struct BenchServiceArguments {
    #[command(flatten)]
    service: ServiceArguments,
    #[command(flatten)]
    events: RawEventArguments,
    /// Clients at once, each waiting for its answer before it sends again; several numbers for one measurement each
    #[arg(long, value_name = "N,N,..", value_delimiter = ',', value_parser = positive,
          default_value = "1,2,4", conflicts_with = "rate", help_heading = "Load")]
    concurrency: Vec<usize>,
    /// Requests per second at random times, whatever the server does; several numbers for one measurement each
    #[arg(long, value_name = "R,R,..", value_delimiter = ',', value_parser = rate, help_heading = "Load")]
    rate: Vec<f64>,
    /// Requests of each measurement: the events in turn
    #[arg(long, value_name = "N", value_parser = positive, default_value_t = 100, help_heading = "Load")]
    requests: usize,
    /// Length of each measurement in seconds, instead of a number of requests
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..),
          conflicts_with = "requests", help_heading = "Load")]
    seconds: Option<u64>,
    /// Requests before each measurement
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Load")]
    warm_up: usize,
    /// Seed of the random times
    #[arg(long, value_name = "N", default_value_t = 1, help_heading = "Load")]
    seed: u64,
    /// Write the table to a CSV file
    #[arg(long, value_name = "FILE", help_heading = "Results")]
    csv: Option<PathBuf>,
    /// Draw throughput and latency against load
    #[arg(long, value_name = "FILE.svg", help_heading = "Results")]
    plot: Option<PathBuf>,
}

/// A number above 0.
fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "expected a number above 0".to_owned())
}

/// Measures a server under one load after the other.
pub(crate) fn bench_service(arguments: &BenchServiceArguments) -> Result<Verdict> {
    let options = arguments.service.infer_options();
    let cells = arguments.events.read()?;
    let requests = cells.iter().map(|cells| Request::new(cells, &options));
    let requests: Arc<[Request]> = requests.collect::<Result<_, _>>()?;
    let points = runtime()?.block_on(measure(arguments, &requests))?;

    let (kind, axis) = match arguments.rate[..] {
        [] => ("clients", "clients at once"),
        _ => ("requests/s", "requests per second"),
    };
    let mut out = terminal::stdout();
    writeln!(out, "{} in turn, {}\n", counted(requests.len(), "event"), arguments.service.url())?;
    write!(out, "{}", table(kind, &points))?;
    let failed = points.iter().map(|point| point.report.failed()).sum::<usize>();
    for LoadPoint { load, report } in &points {
        for (class, count) in &report.errors {
            writeln!(out, "{load} {kind}: {count} failed, {class}")?;
        }
        if report.unanswered > 0 {
            let number = report.unanswered;
            writeln!(
                out,
                "{load} {kind}: the server does not keep up: about {number} requests were due and not answered when the time was over"
            )?;
        }
        if let Some(error) = &report.error {
            writeln!(out, "{load} {kind}: for example: {error}")?;
        }
    }
    if failed > 0 {
        writeln!(out, "latencies are those of answers: failed requests are not in them")?;
    }
    if let Some(path) = &arguments.csv {
        std::fs::write(path, csv(kind, &points))
            .with_context(|| format!("`{}` cannot be written", path.display()))?;
    }
    if let Some(path) = &arguments.plot {
        plot_load(path, axis, &points)?;
    }
    Ok(if failed > 0 { Verdict::CheckFailed } else { Verdict::Done })
}

async fn measure(
    arguments: &BenchServiceArguments,
    requests: &Arc<[Request]>,
) -> Result<Vec<LoadPoint>> {
    let client = Client::connect(&arguments.service.connect_options()?).await?;
    let route = arguments.service.route(client);
    until_interrupted(&route, measure_each(arguments, &route, requests)).await
}

async fn measure_each(
    arguments: &BenchServiceArguments,
    route: &Route,
    requests: &Arc<[Request]>,
) -> Result<Vec<LoadPoint>> {
    let closed = arguments.concurrency.iter().map(|&concurrency| {
        let load = concurrency as f64;
        (load, Arrivals::Closed { concurrency })
    });
    let open = arguments.rate.iter().map(|&rate| (rate, Arrivals::Open { rate }));
    let loads: Vec<_> = if arguments.rate.is_empty() { closed.collect() } else { open.collect() };
    let bound = match arguments.seconds {
        Some(seconds) => Bound::Time(Duration::from_secs(seconds)),
        None => Bound::Requests(arguments.requests),
    };
    let mut points = Vec::with_capacity(loads.len());
    for (load, arrivals) in loads {
        tracing::info!(load, "measuring");
        // A server that refuses shared memory is told of before anything is measured.
        let known = if let Arrivals::Closed { concurrency } = arrivals { concurrency } else { 1 };
        route.reserve(known).await?;
        let (warm_up, seed) = (arguments.warm_up, arguments.seed);
        let plan = LoadPlan { arrivals, bound, warm_up, seed };
        points.push(LoadPoint { load, report: run_load(route, requests, &plan).await });
    }
    Ok(points)
}

/// Mean, p50, p95 and p99 in ms.
fn latencies(report: &LoadReport) -> [Option<f64>; 4] {
    let [p50, p95, p99] = [50.0, 95.0, 99.0].map(|percent| report.percentile(percent));
    [report.mean(), p50, p95, p99].map(|time| time.map(|time| time.as_secs_f64() * 1.0e3))
}

fn table(kind: &str, points: &[LoadPoint]) -> Table {
    let right = Align::Right;
    let mut table = Table::new([
        (kind, right),
        ("answers", right),
        ("failed", right),
        ("retries", right),
        ("answers/s", right),
        ("mean ms", right),
        ("p50 ms", right),
        ("p95 ms", right),
        ("p99 ms", right),
    ]);
    for LoadPoint { load, report } in points {
        let counts = [report.latencies.len(), report.failed(), report.retries];
        let mut row = vec![load.to_string()];
        row.extend(counts.map(|count| count.to_string()));
        row.push(format!("{:.2}", report.throughput()));
        let ms = |ms: Option<f64>| ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.2}"));
        row.extend(latencies(report).map(ms));
        table.row(row);
    }
    table
}

/// One line for each load. Latencies are in ms and empty without any answer.
fn csv(kind: &str, points: &[LoadPoint]) -> String {
    let load = if kind == "clients" { "concurrency" } else { "rate" };
    let mut text = format!(
        "{load},answers,failed,retries,seconds,answers_per_second,mean_ms,p50_ms,p95_ms,p99_ms,unanswered\n"
    );
    for LoadPoint { load, report } in points {
        let (answers, failed, retries) = (report.latencies.len(), report.failed(), report.retries);
        let (seconds, throughput) = (report.time.as_secs_f64(), report.throughput());
        text += &format!("{load},{answers},{failed},{retries},{seconds},{throughput}");
        for ms in latencies(report) {
            text += &ms.map_or_else(|| ",".to_owned(), |ms| format!(",{ms}"));
        }
        text += &format!(",{}\n", report.unanswered);
    }
    text
}
