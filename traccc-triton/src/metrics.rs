//! Counters of ours among Triton's metrics.
#![expect(unsafe_code, reason = "makes metrics through the C API")]

use crate::ffi;
use crate::status::{ApiError, c_string};
use std::ptr::{NonNull, null_mut};
use std::sync::{Mutex, PoisonError};
use traccc::Stage;
use traccc_service::{Counter, Increment};

/// The families, one for each counter.
///
/// All models share them: two families of one name count the users of their metrics apart, so that unloading a model would
/// take away the metrics of its newer version.
static FAMILIES: Mutex<Vec<(Counter, Family)>> = Mutex::new(Vec::new());

/// The counters of one model.
pub(crate) struct Metrics(Vec<Entry>);

struct Entry {
    counter: Counter,
    stage: Option<Stage>,
    metric: Metric,
}

impl Metrics {
    /// Makes the counters of `model`.
    ///
    /// # Errors
    /// Triton's, where metrics are turned off.
    pub(crate) fn new(model: &str) -> Result<Self, ApiError> {
        let mut families = FAMILIES.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        for counter in Counter::ALL {
            let at = match families.iter().position(|(known, _)| *known == counter) {
                Some(at) => at,
                None => {
                    families.push((counter, Family::new(counter)?));
                    families.len() - 1
                }
            };
            let stages = match counter {
                Counter::StageSeconds => Stage::ALL.map(Some).to_vec(),
                _ => vec![None],
            };
            for stage in stages {
                let metric = Metric::new(&families[at].1, model, stage)?;
                entries.push(Entry { counter, stage, metric });
            }
        }
        Ok(Self(entries))
    }

    /// Adds what an event adds.
    pub(crate) fn add(&self, increments: &[Increment]) {
        for &Increment { counter, stage, value } in increments {
            let mut entries = self.0.iter();
            if let Some(entry) = entries.find(|e| e.counter == counter && e.stage == stage) {
                entry.metric.increment(value);
            }
        }
    }
}

/// Gives all families back; the last use of metrics.
pub(crate) fn end() {
    FAMILIES.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// The metrics of one name.
struct Family(NonNull<ffi::MetricFamily>);

// SAFETY: Triton guards families with a lock of their own.
unsafe impl Send for Family {}

impl Family {
    fn new(counter: Counter) -> Result<Self, ApiError> {
        let (name, help) = (c_string(counter.name()), c_string(counter.help()));
        let mut family = null_mut();
        // SAFETY: name and help are C strings that are copied; `family` is a local variable.
        let status = unsafe {
            ffi::TRITONSERVER_MetricFamilyNew(
                &raw mut family,
                ffi::METRIC_COUNTER,
                name.as_ptr(),
                help.as_ptr(),
            )
        };
        status.check()?;
        NonNull::new(family).map(Self).ok_or_else(|| ApiError::internal("Triton gave no metrics"))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        // SAFETY: the family was made for this value alone, and a value is dropped once.
        let status = unsafe { ffi::TRITONSERVER_MetricFamilyDelete(self.0.as_ptr()) };
        status.or_log("a metric family cannot be deleted");
    }
}

/// One counter with its labels.
struct Metric(NonNull<ffi::Metric>);

// SAFETY: Triton's counters are atomic.
unsafe impl Send for Metric {}
// SAFETY: the same.
unsafe impl Sync for Metric {}

impl Metric {
    fn new(family: &Family, model: &str, stage: Option<Stage>) -> Result<Self, ApiError> {
        let model = Label::new("model", model)?;
        let stage = stage.map(|stage| Label::new("stage", stage.name())).transpose()?;
        let labels: Vec<*const ffi::Parameter> = std::iter::once(&model)
            .chain(&stage)
            .map(|label| label.0.as_ptr().cast_const())
            .collect();
        let mut metric = null_mut();
        // SAFETY: the family is not deleted; the labels are texts that live until the end of this function, and are copied.
        let status = unsafe {
            ffi::TRITONSERVER_MetricNew(
                &raw mut metric,
                family.0.as_ptr(),
                labels.as_ptr(),
                labels.len() as u64,
            )
        };
        status.check()?;
        NonNull::new(metric).map(Self).ok_or_else(|| ApiError::internal("Triton gave no metric"))
    }

    fn increment(&self, by: f64) {
        // SAFETY: the metric is not deleted while `self` lives.
        let status = unsafe { ffi::TRITONSERVER_MetricIncrement(self.0.as_ptr(), by) };
        status.or_log("a metric cannot be counted up");
    }
}

impl Drop for Metric {
    fn drop(&mut self) {
        // SAFETY: the metric was made for this value alone, and a value is dropped once.
        let status = unsafe { ffi::TRITONSERVER_MetricDelete(self.0.as_ptr()) };
        status.or_log("a metric cannot be deleted");
    }
}

/// A name and a text.
struct Label(NonNull<ffi::Parameter>);

impl Label {
    fn new(name: &str, text: &str) -> Result<Self, ApiError> {
        let (name, text) = (c_string(name), c_string(text));
        // SAFETY: both are C strings, which are copied.
        let parameter = unsafe {
            ffi::TRITONSERVER_ParameterNew(
                name.as_ptr(),
                ffi::PARAMETER_STRING,
                text.as_ptr().cast(),
            )
        };
        NonNull::new(parameter).map(Self).ok_or_else(|| ApiError::internal("Triton gave no label"))
    }
}

impl Drop for Label {
    fn drop(&mut self) {
        // SAFETY: the parameter was made for this value alone, and a value is dropped once.
        unsafe { ffi::TRITONSERVER_ParameterDelete(self.0.as_ptr()) }
    }
}
