//! Logs go to Triton's log.
#![expect(unsafe_code, reason = "calls a function of the C API")]

use crate::ffi;
use crate::status::c_string;
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// From now on all events of this library are lines of Triton's log.
pub(crate) fn start() {
    let subscriber = tracing_subscriber::registry().with(TritonLog);
    // Triton may initialise the library again; then this is done already.
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("the log was started before");
    }
}

/// Writes events to Triton's log.
struct TritonLog;

impl<S: Subscriber> Layer<S> for TritonLog {
    // Triton's log settings change while it runs.
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event() && ffi::TRITONSERVER_LogIsEnabled(level(*metadata.level()))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let (file, message) = (c_string(metadata.file().unwrap_or_default()), c_string(&line.0));
        let number = metadata.line().and_then(|line| line.try_into().ok()).unwrap_or(0);
        let level = level(*metadata.level());
        // SAFETY: both pointers are C strings that live until the end of this function; the function copies them.
        let status =
            unsafe { ffi::TRITONSERVER_LogMessage(level, file.as_ptr(), number, message.as_ptr()) };
        // A log that fails cannot be told to the log.
        drop(status);
    }
}

fn level(level: Level) -> u32 {
    match level {
        Level::ERROR => ffi::LOG_ERROR,
        Level::WARN => ffi::LOG_WARN,
        Level::INFO => ffi::LOG_INFO,
        Level::DEBUG | Level::TRACE => ffi::LOG_VERBOSE,
    }
}

/// The message, then the other fields.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.0, "{value:?}"),
            name => write!(self.0, " {name}={value:?}"),
        };
        // Writing to a string fails only where `value` does.
        written.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock;

    #[test]
    fn events_become_lines_of_tritons_log() {
        let subscriber = tracing_subscriber::registry().with(TritonLog);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(cells = 7, "much to do");
            tracing::trace!("verbose logging is off");
        });
        let lines = mock::log_lines();
        assert!(lines.contains(&(ffi::LOG_WARN, "much to do cells=7".to_owned())), "{lines:?}");
        assert!(!lines.iter().any(|(_, line)| line.contains("verbose")), "{lines:?}");
    }
}
