//! Instances of a model.
#![expect(unsafe_code, reason = "asks Triton's instances through the C API")]

use crate::execute::{Times, Work};
use crate::ffi;
use crate::metrics::Metrics;
use crate::model::{ModelHandle, ModelState};
use crate::request::Request;
use crate::response::Response;
use crate::state::Keeper;
use crate::status::{ApiError, c_text};
use std::borrow::Borrow;
use std::ffi::c_void;
use std::ptr::{NonNull, null, null_mut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use traccc::Backend;
use traccc_protocol::Output;
use traccc_service::{Decoded, Instance, Reply};

/// What this library keeps for an instance.
pub(crate) struct InstanceState {
    /// Triton executes an instance in one thread at a time: the lock is always free.
    instance: Mutex<Instance>,
    outputs: Arc<[Output]>,
    metrics: Option<Arc<Metrics>>,
}

impl InstanceState {
    /// Starts an instance of `model` where Triton wants it.
    pub(crate) fn start(handle: &InstanceHandle, model: &ModelState) -> Result<Self, ApiError> {
        let (name, kind, device) = (handle.name()?, handle.kind()?, handle.device()?);
        let backend = match kind {
            ffi::INSTANCE_KIND_GPU => {
                let wrong = || {
                    let message =
                        format!("instance `{name}` is for GPU {device}, which is no number of one");
                    ApiError::new(ffi::ERROR_INVALID_ARG, message)
                };
                Backend::Cuda { device: usize::try_from(device).map_err(|_| wrong())? }
            }
            ffi::INSTANCE_KIND_CPU => Backend::Cpu,
            // KIND_MODEL and KIND_AUTO leave it to us.
            _ => Backend::Auto,
        };
        let instance = model.model.instance(backend, model.instances)?;
        tracing::info!("instance `{name}` runs on {}", instance.backend());
        let (outputs, metrics) = (model.outputs.clone(), model.metrics.clone());
        Ok(Self { instance: Mutex::new(instance), outputs, metrics })
    }

    /// An instance heals itself after a panic, so one that panicked with the lock held is fit for use.
    fn instance(&self) -> MutexGuard<'_, Instance> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The event of a request, and the outputs that its response is to have.
pub(crate) struct Event {
    decoded: Decoded,
    outputs: Vec<Output>,
}

impl Borrow<Decoded> for &Event {
    fn borrow(&self) -> &Decoded {
        &self.decoded
    }
}

impl Work for InstanceState {
    type Event = Event;
    type Reply = Reply;

    fn decode(&self, request: &Request) -> Result<Event, ApiError> {
        let outputs = request.outputs(&self.outputs)?;
        let parameters = request.parameters()?;
        let inputs = request.inputs()?;
        let tensors: Vec<_> = inputs.iter().map(|input| input.tensor()).collect();
        let decoded = self.instance().decode(&tensors, parameters)?;
        Ok(Event { decoded, outputs })
    }

    fn reconstruct(
        &self,
        events: &[&Event],
        cancelled: &(dyn Fn(usize) -> bool + Sync),
    ) -> Vec<Result<Reply, ApiError>> {
        let results = self.instance().reconstruct_batch(events, cancelled);
        results.into_iter().map(|result| Ok(result?)).collect()
    }

    fn answer(
        &self,
        event: &Event,
        reply: &Reply,
        response: &mut Response<'_>,
    ) -> Result<(), ApiError> {
        for &output in &event.outputs {
            let size = reply.byte_size(output);
            let buffer = response.add_output(output, &reply.shape(output), size)?;
            reply.write(output, buffer)?;
        }
        for (name, value) in reply.parameters() {
            response.set_parameter(name, value)?;
        }
        if let Some(metrics) = &self.metrics {
            metrics.add(&reply.increments());
        }
        Ok(())
    }
}

/// An instance as Triton knows it.
pub(crate) struct InstanceHandle(NonNull<ffi::ModelInstance>);

impl InstanceHandle {
    /// # Safety
    /// `instance` lives as long as the handle.
    pub(crate) unsafe fn new(instance: *mut ffi::ModelInstance) -> Result<Self, ApiError> {
        let instance = NonNull::new(instance);
        instance.map(Self).ok_or_else(|| ApiError::internal("Triton named no instance"))
    }

    fn name(&self) -> Result<&str, ApiError> {
        let mut name = null();
        // SAFETY: the instance lives; `name` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelInstanceName(self.0.as_ptr(), &raw mut name) }.check()?;
        // SAFETY: the name is a C string of the instance, which lives.
        Ok(unsafe { c_text(name) }.unwrap_or_default())
    }

    fn kind(&self) -> Result<u32, ApiError> {
        let mut kind = 0;
        // SAFETY: the instance lives; `kind` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelInstanceKind(self.0.as_ptr(), &raw mut kind) }.check()?;
        Ok(kind)
    }

    fn device(&self) -> Result<i32, ApiError> {
        let mut device = 0;
        // SAFETY: the instance lives; `device` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelInstanceDeviceId(self.0.as_ptr(), &raw mut device) }
            .check()?;
        Ok(device)
    }

    pub(crate) fn model(&self) -> Result<ModelHandle, ApiError> {
        let mut model = null_mut();
        // SAFETY: the instance lives; `model` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelInstanceModel(self.0.as_ptr(), &raw mut model) }
            .check()?;
        // SAFETY: a model lives longer than its instances.
        unsafe { ModelHandle::new(model) }
    }

    /// Counts a request.
    pub(crate) fn report(&self, request: &Request, success: bool, times: &Times) {
        // SAFETY: the instance lives and the request is not released.
        let status = unsafe {
            ffi::TRITONBACKEND_ModelInstanceReportStatistics(
                self.0.as_ptr(),
                request.as_ptr(),
                success,
                times.exec_start,
                times.compute_start,
                times.compute_end,
                times.exec_end,
            )
        };
        status.or_log("a request cannot be counted");
    }

    /// Counts an execution.
    pub(crate) fn report_batch(&self, requests: usize, times: &Times) {
        // SAFETY: the instance lives.
        let status = unsafe {
            ffi::TRITONBACKEND_ModelInstanceReportBatchStatistics(
                self.0.as_ptr(),
                requests as u64,
                times.exec_start,
                times.compute_start,
                times.compute_end,
                times.exec_end,
            )
        };
        status.or_log("an execution cannot be counted");
    }
}

// SAFETY: Triton keeps one pointer for each instance, and nothing here asks for it elsewhere.
unsafe impl Keeper for InstanceHandle {
    type State = InstanceState;
    const MISSING: &'static str = "the instance was not started";

    fn pointer(&self) -> Result<*mut c_void, ApiError> {
        let mut state = null_mut();
        // SAFETY: the instance lives; `state` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelInstanceState(self.0.as_ptr(), &raw mut state) }
            .check()?;
        Ok(state)
    }

    fn set_pointer(&self, pointer: *mut c_void) -> Result<(), ApiError> {
        // SAFETY: the instance lives; Triton never looks behind the pointer.
        unsafe { ffi::TRITONBACKEND_ModelInstanceSetState(self.0.as_ptr(), pointer) }.check()
    }
}
