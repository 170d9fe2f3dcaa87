//! The functions that Triton calls.
#![expect(unsafe_code, reason = "these are functions of a C API")]

use crate::execute;
use crate::ffi::{self, API_MAJOR, API_MINOR};
use crate::guard::{contained, guarded, log_panic};
use crate::instance::{InstanceHandle, InstanceState};
use crate::log;
use crate::metrics;
use crate::model::{ModelHandle, ModelState};
use crate::request::Request;
use crate::state::Keeper;
use crate::status::{ApiError, Status};

/// The library is loaded.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn TRITONBACKEND_Initialize(_backend: *mut ffi::Backend) -> Status {
    guarded(|| {
        check_version()?;
        log::start();
        std::panic::set_hook(Box::new(log_panic));
        tracing::info!("traccc backend {}", env!("CARGO_PKG_VERSION"));
        Ok(())
    })
}

/// The library is not used any more.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn TRITONBACKEND_Finalize(_backend: *mut ffi::Backend) -> Status {
    guarded(|| {
        metrics::end();
        Ok(())
    })
}

/// A version of a model is loaded.
///
/// # Safety
/// `model` is Triton's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn TRITONBACKEND_ModelInitialize(model: *mut ffi::Model) -> Status {
    guarded(|| {
        // SAFETY: Triton's model lives until after TRITONBACKEND_ModelFinalize.
        let model = unsafe { ModelHandle::new(model) }?;
        model.set_state(ModelState::load(&model)?)
    })
}

/// A version of a model is unloaded. It has no instance any more.
///
/// # Safety
/// `model` is Triton's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn TRITONBACKEND_ModelFinalize(model: *mut ffi::Model) -> Status {
    guarded(|| {
        // SAFETY: Triton's model lives until after this function.
        let model = unsafe { ModelHandle::new(model) }?;
        // SAFETY: Triton ends instances before their model.
        unsafe { model.end_state() }
    })
}

/// An instance is made.
///
/// # Safety
/// `instance` is Triton's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn TRITONBACKEND_ModelInstanceInitialize(
    instance: *mut ffi::ModelInstance,
) -> Status {
    guarded(|| {
        // SAFETY: Triton's instance lives until after TRITONBACKEND_ModelInstanceFinalize.
        let instance = unsafe { InstanceHandle::new(instance) }?;
        let model = instance.model()?;
        instance.set_state(InstanceState::start(&instance, model.state()?)?)
    })
}

/// An instance ends.
///
/// # Safety
/// `instance` is Triton's.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn TRITONBACKEND_ModelInstanceFinalize(
    instance: *mut ffi::ModelInstance,
) -> Status {
    guarded(|| {
        // SAFETY: Triton's instance lives until after this function.
        let instance = unsafe { InstanceHandle::new(instance) }?;
        // SAFETY: Triton ends an instance when none of its executions runs.
        unsafe { instance.end_state() }
    })
}

/// Requests are to be answered.
///
/// # Safety
/// `instance` is Triton's, `requests` are `count` requests.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn TRITONBACKEND_ModelInstanceExecute(
    instance: *mut ffi::ModelInstance,
    requests: *mut *mut ffi::Request,
    count: u32,
) -> Status {
    guarded(|| {
        // SAFETY: Triton's instance lives longer than its executions.
        let instance = unsafe { InstanceHandle::new(instance) }?;
        let state = instance.state()?;
        // SAFETY: Triton hands these requests over, unless this function returns an error: it does not from here on.
        let requests = unsafe { Request::take(requests, count) };
        let answered = contained(|| {
            execute::run(&instance, state, &requests);
            Ok(())
        });
        if let Err(error) = answered {
            tracing::error!("an execution ended early: {}", error.message);
        }
        Ok(())
    })
}

/// Refuses a server with another API, or with an older one than this library was tried with.
fn check_version() -> Result<(), ApiError> {
    let (mut major, mut minor) = (0, 0);
    // SAFETY: both are local variables.
    unsafe { ffi::TRITONBACKEND_ApiVersion(&raw mut major, &raw mut minor) }.check()?;
    if major == API_MAJOR && minor >= API_MINOR {
        return Ok(());
    }
    let message = format!(
        "this server has version {major}.{minor} of the backend API, the traccc backend needs {API_MAJOR}.{API_MINOR} \
         or a later {API_MAJOR}.x: use Triton 24.05 or later"
    );
    Err(ApiError::new(ffi::ERROR_UNSUPPORTED, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mock;

    #[test]
    fn only_servers_with_this_api_or_a_later_minor_are_taken() {
        for (version, taken) in
            [((1, 19), true), ((1, 25), true), ((1, 18), false), ((2, 19), false), ((0, 30), false)]
        {
            mock::set_api_version(version);
            let outcome = check_version();
            assert_eq!(outcome.is_ok(), taken, "{version:?}");
            if let Err(error) = outcome {
                assert!(error.message.contains("needs 1.19"), "{}", error.message);
            }
        }
    }
}
