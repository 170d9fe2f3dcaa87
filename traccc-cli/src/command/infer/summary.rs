use super::local::Difference;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;
use traccc_client::Response;
use traccc_protocol::ServedTrack;

/// What all events together were.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    cells: usize,
    tracks: usize,
    states: usize,
    received_bytes: usize,
    retries: usize,
    latencies: Vec<Duration>,
    /// Of each event that was compared, where it was.
    different: Option<Vec<(u64, Vec<Difference>)>>,
}

impl Summary {
    pub(crate) fn new(compared: bool) -> Self {
        Self { different: compared.then(Vec::new), ..Self::default() }
    }

    pub(crate) fn add(
        &mut self,
        cells: usize,
        response: &Response,
        tracks: &[ServedTrack],
        latency: Duration,
    ) {
        self.cells += cells;
        self.tracks += tracks.len();
        self.states += tracks.iter().map(|track| track.states.len()).sum::<usize>();
        self.received_bytes += response.byte_size();
        self.retries += response.attempts - 1;
        let place = self.latencies.partition_point(|&other| other <= latency);
        self.latencies.insert(place, latency);
    }

    pub(crate) fn compared(&mut self, number: u64, differences: Vec<Difference>) {
        if let (Some(different), false) = (&mut self.different, differences.is_empty()) {
            different.push((number, differences));
        }
    }

    /// Number of events that are not as they should be.
    pub(crate) fn different_events(&self) -> usize {
        self.different.as_ref().map_or(0, Vec::len)
    }

    /// Median and maximum of the latency, in ms.
    fn latency(&self) -> [Option<f64>; 2] {
        let ms = |at: usize| self.latencies.get(at).map(|latency| latency.as_secs_f64() * 1.0e3);
        let count = self.latencies.len();
        [ms(count.saturating_sub(1) / 2), ms(count.saturating_sub(1))]
    }

    pub(crate) fn json(&self) -> Value {
        let [median, longest] = self.latency();
        let mut summary = json!({
            "events": self.latencies.len(), "cells": self.cells, "tracks": self.tracks, "states": self.states,
            "received_bytes": self.received_bytes, "retries": self.retries,
            "latency_ms": {"median": median, "max": longest},
        });
        if let Some(different) = &self.different {
            let texts = |differences: &[Difference]| -> Vec<String> {
                differences.iter().map(ToString::to_string).collect()
            };
            let of_event = |(event, differences): &(u64, Vec<Difference>)| json!({"event": event, "differences": texts(differences)});
            summary["different"] = different.iter().map(of_event).collect();
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, longest] = self.latency().map(Option::unwrap_or_default);
        let Self { cells, tracks, states, received_bytes, retries, .. } = self;
        let events = self.latencies.len();
        writeln!(
            f,
            "events     {events}\ncells      {cells}\ntracks     {tracks}\nstates     {states}"
        )?;
        writeln!(f, "received   {received_bytes} bytes")?;
        writeln!(f, "latency    median {median:.2} ms, longest {longest:.2} ms")?;
        writeln!(f, "retries    {retries}")?;
        for (event, differences) in self.different.iter().flatten() {
            for difference in differences {
                writeln!(f, "event {event}: {difference}")?;
            }
        }
        if self.different.is_some() {
            writeln!(f, "different  {} of {events} events", self.different_events())?;
        }
        Ok(())
    }
}
