//! Metrics in the text format of Prometheus, with Triton's names where Triton has the same.

use crate::served_model::ServedModel;
use crate::service::Service;
use crate::statistics::{Reason, Sum, Totals};
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use std::fmt::{Display, Write};
use std::sync::Arc;
use traccc::Stage;
use traccc_service::Counter;

/// `/metrics`.
pub(crate) fn router(service: Arc<Service>) -> Router {
    Router::new().route("/metrics", get(metrics)).with_state(service)
}

async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text(&service))
}

/// A counter of Triton's: name, help, value in the totals.
type TritonCounter = (&'static str, &'static str, fn(&Totals) -> u64);

const TRITON: [TritonCounter; 8] = [
    ("nv_inference_request_success", "Requests that were answered", |t| t.success.count),
    ("nv_inference_count", "Events that were reconstructed", |t| t.success.count),
    ("nv_inference_exec_count", "Batches of events begun", |t| t.executions),
    ("nv_inference_request_duration_us", "Time of answered requests", |t| us(t.success)),
    ("nv_inference_queue_duration_us", "Time of waiting for an instance", |t| us(t.queue)),
    ("nv_inference_compute_input_duration_us", "Time from tensors to cells", |t| us(t.input)),
    ("nv_inference_compute_infer_duration_us", "Time from cells to tracks", |t| us(t.infer)),
    ("nv_inference_compute_output_duration_us", "Time from tracks to tensors", |t| us(t.output)),
];

fn us(sum: Sum) -> u64 {
    sum.ns / 1000
}

/// All metrics.
fn text(service: &Service) -> String {
    let models: Vec<(&ServedModel, Totals)> =
        service.served().map(|served| (served, served.statistics.totals())).collect();
    let mut page = Page(String::new());
    for (name, help, value) in TRITON {
        page.family(name, help, "counter");
        for (served, totals) in &models {
            page.sample(name, served, None, value(totals));
        }
    }
    let name = "nv_inference_request_failure";
    page.family(name, "Requests that were not answered", "counter");
    for (served, totals) in &models {
        for reason in Reason::ALL {
            let count = totals.failures.get(&reason).copied().unwrap_or_default();
            page.sample(name, served, Some(("reason", reason.name())), count);
        }
    }
    let name = "nv_inference_pending_request_count";
    page.family(name, "Requests that wait for an instance", "gauge");
    for (served, _) in &models {
        page.sample(name, served, None, served.pending());
    }
    let name = "traccc_refused_calls_total";
    page.family(
        name,
        "gRPC calls for events that were refused before their model was known",
        "counter",
    );
    for (status, count) in service.refused.totals() {
        page.line(name, &format!("status=\"{status}\""), count);
    }
    for counter in Counter::ALL {
        page.family(counter.name(), counter.help(), "counter");
        for (served, totals) in &models {
            let value = |stage| totals.counters.get(&(counter, stage)).copied().unwrap_or_default();
            if counter == Counter::StageSeconds {
                for stage in Stage::ALL {
                    let label = Some(("stage", stage.name()));
                    page.sample(counter.name(), served, label, value(Some(stage)));
                }
            } else {
                page.sample(counter.name(), served, None, value(None));
            }
        }
    }
    page.0
}

struct Page(String);

impl Page {
    fn family(&mut self, name: &str, help: &str, kind: &str) {
        // Writing to a text does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(
        &mut self,
        name: &str,
        served: &ServedModel,
        label: Option<(&str, &str)>,
        value: impl Display,
    ) {
        let model = served.name.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let label = label.map_or_else(String::new, |(key, text)| format!(",{key}=\"{text}\""));
        let version = served.version;
        self.line(name, &format!("model=\"{model}\",version=\"{version}\"{label}"), value);
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{{{labels}}} {value}");
    }
}
