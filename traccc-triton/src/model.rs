//! Models: one for each version that Triton loads.
#![expect(unsafe_code, reason = "asks Triton's models through the C API")]

use crate::config::Config;
use crate::ffi;
use crate::metrics::Metrics;
use crate::state::Keeper;
use crate::status::{ApiError, c_text};
use std::ffi::c_void;
use std::path::PathBuf;
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;
use std::time::Instant;
use traccc_protocol::Output;
use traccc_service::{Model, ModelOptions, SetupCache};

/// Detectors of all models of this process.
static SETUPS: SetupCache = SetupCache::new();

/// What this library keeps for a model.
pub(crate) struct ModelState {
    pub(crate) model: Arc<Model>,
    pub(crate) outputs: Arc<[Output]>,
    pub(crate) metrics: Option<Arc<Metrics>>,
    /// How many instances share the cores.
    pub(crate) instances: usize,
}

impl ModelState {
    /// Reads configuration, detector and settings.
    pub(crate) fn load(handle: &ModelHandle) -> Result<Self, ApiError> {
        let (name, version) = (handle.name()?, handle.version()?);
        let config = Config::parse(handle.config()?.text()?)?;
        let outputs = config.description.check()?.into();
        let start = Instant::now();
        let folder = handle.folder()?.join(version.to_string());
        let options = ModelOptions::from_parameters(&config.description.parameters, &folder)?;
        let model = Arc::new(Model::load(&options, &SETUPS)?);
        let metrics = match Metrics::new(name) {
            Ok(metrics) => Some(Arc::new(metrics)),
            Err(error) => {
                tracing::info!("model `{name}` has no metrics of its own: {}", error.message);
                None
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let detector = &model.setup().detector.name;
        tracing::info!(
            "model `{name}` {version} has detector `{detector}`, read in {seconds:.3} s"
        );
        Ok(Self { model, outputs, metrics, instances: config.instances })
    }
}

/// A model as Triton knows it.
pub(crate) struct ModelHandle(NonNull<ffi::Model>);

impl ModelHandle {
    /// # Safety
    /// `model` lives as long as the handle.
    pub(crate) unsafe fn new(model: *mut ffi::Model) -> Result<Self, ApiError> {
        NonNull::new(model).map(Self).ok_or_else(|| ApiError::internal("Triton named no model"))
    }

    fn name(&self) -> Result<&str, ApiError> {
        let mut name = null();
        // SAFETY: the model lives; `name` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelName(self.0.as_ptr(), &raw mut name) }.check()?;
        // SAFETY: the name is a C string of the model, which lives.
        Ok(unsafe { c_text(name) }.unwrap_or_default())
    }

    fn version(&self) -> Result<u64, ApiError> {
        let mut version = 0;
        // SAFETY: the model lives; `version` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelVersion(self.0.as_ptr(), &raw mut version) }.check()?;
        Ok(version)
    }

    /// The folder of all versions of the model.
    fn folder(&self) -> Result<PathBuf, ApiError> {
        let (mut kind, mut location) = (0, null());
        // SAFETY: the model lives; the rest are local variables.
        let status = unsafe {
            ffi::TRITONBACKEND_ModelRepository(self.0.as_ptr(), &raw mut kind, &raw mut location)
        };
        status.check()?;
        // SAFETY: the location is a C string of the model, which lives.
        let location = unsafe { c_text(location) };
        match location {
            Some(location) if kind == ffi::ARTIFACT_FILESYSTEM => Ok(location.into()),
            _ => Err(ApiError::new(
                ffi::ERROR_UNSUPPORTED,
                "the model is not in a folder whose path is UTF-8",
            )),
        }
    }

    fn config(&self) -> Result<Message, ApiError> {
        let mut message = null_mut();
        // SAFETY: the model lives; `message` is a local variable.
        let status = unsafe {
            ffi::TRITONBACKEND_ModelConfig(self.0.as_ptr(), ffi::CONFIG_VERSION, &raw mut message)
        };
        status.check()?;
        let message = NonNull::new(message);
        message.map(Message).ok_or_else(|| ApiError::internal("the model has no configuration"))
    }
}

// SAFETY: Triton keeps one pointer for each model, and nothing here asks for it elsewhere.
unsafe impl Keeper for ModelHandle {
    type State = ModelState;
    const MISSING: &'static str = "the model was not loaded";

    fn pointer(&self) -> Result<*mut c_void, ApiError> {
        let mut state = null_mut();
        // SAFETY: the model lives; `state` is a local variable.
        unsafe { ffi::TRITONBACKEND_ModelState(self.0.as_ptr(), &raw mut state) }.check()?;
        Ok(state)
    }

    fn set_pointer(&self, pointer: *mut c_void) -> Result<(), ApiError> {
        // SAFETY: the model lives; Triton never looks behind the pointer.
        unsafe { ffi::TRITONBACKEND_ModelSetState(self.0.as_ptr(), pointer) }.check()
    }
}

/// A text that Triton made for us.
struct Message(NonNull<ffi::Message>);

impl Message {
    fn text(&self) -> Result<&[u8], ApiError> {
        let (mut base, mut byte_size) = (null(), 0);
        // SAFETY: the message is not deleted while `self` lives; the rest are local variables.
        let status = unsafe {
            ffi::TRITONSERVER_MessageSerializeToJson(
                self.0.as_ptr(),
                &raw mut base,
                &raw mut byte_size,
            )
        };
        status.check()?;
        if base.is_null() {
            return Ok(&[]);
        }
        // SAFETY: the text has `byte_size` bytes that live as long as the message.
        Ok(unsafe { std::slice::from_raw_parts(base.cast(), byte_size) })
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: the message was made for this value alone, and a value is dropped once.
        let status = unsafe { ffi::TRITONSERVER_MessageDelete(self.0.as_ptr()) };
        status.or_log("a message cannot be deleted");
    }
}
