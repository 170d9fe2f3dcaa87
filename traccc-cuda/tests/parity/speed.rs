//! Events per second on a card: `TRACCC_TEST_CARD=0 cargo test -p traccc-cuda --release --test parity speed -- --ignored --nocapture`.
//!
//! Wall clock from cells in host memory to results in host memory, copies included, medians over many batches; several chains
//! (streams) of one engine side by side, each with a thread of its own. `TRACCC_SPEED` names what is measured:
//! `chain:sample:batch:streams:batches` with commas between.

use super::support::{config, engine, shared};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use traccc::event::Cells;
use traccc::{Keep, ReconstructionChain};

const DEFAULT: &str = "throughput:mu200:1:1:100,throughput:mu200:8:3:40,throughput:mu20:1:1:200,throughput:mu20:16:3:60,\
                       service:mu200:1:1:100,service:mu200:8:3:40,generic:mu200:1:1:40,generic:mu200:8:3:20";

fn keep_of(chain: &str) -> Keep {
    if chain == "throughput" { Keep::Parameters } else { Keep::Tracks }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// Processor time of this process so far, in ms, in steps of 10 ms; not a number where the system does not tell.
fn host_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may have blanks: user and system time are the 12th and 13th.
    let ticks = stat.rsplit(") ").next().map_or(vec![], |rest| rest.split(' ').skip(11).collect());
    let time = |at: usize| ticks.get(at).and_then(|ticks| ticks.parse().ok()).unwrap_or(f64::NAN);
    10.0 * (time(0) + time(1))
}

#[test]
#[ignore = "needs a card"]
fn speed() {
    let list = std::env::var("TRACCC_SPEED").unwrap_or_else(|_| DEFAULT.into());
    println!(
        "{:<12} {:<6} {:>5} {:>7} {:>10} {:>12} {:>10}",
        "chain", "sample", "batch", "streams", "events/s", "ms per batch", "arena MiB"
    );
    for entry in list.split(',').map(str::trim) {
        let parts: Vec<&str> = entry.split(':').collect();
        let [chain, sample, batch, streams, batches] = parts[..] else { panic!("{entry}") };
        let (batch, streams, batches): (usize, usize, usize) =
            (batch.parse().unwrap(), streams.parse().unwrap(), batches.parse().unwrap());
        let Some(loaded) = shared("generic", sample, 4) else { return };
        let Some(engine) = engine(&loaded.setup) else { return };
        let settings = config(&format!("upstream/{chain}.toml"));
        let views: Vec<_> =
            (0..batch).map(|i| Cells::view(&loaded.events[i % loaded.events.len()])).collect();
        let mut chains: Vec<_> = (0..streams).map(|_| engine.chain(&settings).unwrap()).collect();
        for chain_of in &mut chains {
            for _ in 0..3 {
                chain_of.reconstruct_batch(&views, keep_of(chain)).unwrap();
            }
        }
        let next = AtomicUsize::new(0);
        let host_before = host_time();
        let start = Instant::now();
        let mut times: Vec<f64> = std::thread::scope(|scope| {
            let tasks: Vec<_> = chains
                .iter_mut()
                .map(|chain_of| {
                    let (next, views) = (&next, &views);
                    scope.spawn(move || {
                        let mut times = Vec::new();
                        while next.fetch_add(1, Ordering::Relaxed) < batches * streams {
                            let start = Instant::now();
                            let done = chain_of.reconstruct_batch(views, keep_of(chain)).unwrap();
                            assert!(done.events.iter().all(Result::is_ok));
                            times.push(start.elapsed().as_secs_f64() * 1e3);
                        }
                        times
                    })
                })
                .collect();
            tasks.into_iter().flat_map(|task| task.join().unwrap()).collect()
        });
        let rate = (batches * streams * batch) as f64 / start.elapsed().as_secs_f64();
        let host = (host_time() - host_before) / (batches * streams * batch) as f64;
        let arena = chains[0].arena_bytes() >> 20;
        println!(
            "{chain:<12} {sample:<6} {batch:>5} {streams:>7} {rate:>10.1} {:>12.3} {arena:>10}",
            median(&mut times)
        );
        println!("host_time {host:.3} ms of the processor per event");
    }
}
