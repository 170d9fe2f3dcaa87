//! A server for tests: the functions of the C API that the backend calls, and requests, models and instances behind them.
//!
//! What a misuse would break in the server (a second release, a response after its request) ends the test here.
#![expect(unsafe_code, reason = "stands in for a library in C")]

mod api;

use crate::ffi;
use crate::status::{ApiError, Status, c_text};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering::SeqCst};

thread_local! {
    static LOG: RefCell<Vec<(u32, String)>> = const { RefCell::new(Vec::new()) };
    static API_VERSION: Cell<(u32, u32)> = const { Cell::new((1, 19)) };
}

/// Values of metrics, by family and labels.
static METRICS: Mutex<BTreeMap<String, f64>> = Mutex::new(BTreeMap::new());

pub(crate) fn log_lines() -> Vec<(u32, String)> {
    LOG.with_borrow(Clone::clone)
}

pub(crate) fn set_api_version(version: (u32, u32)) {
    API_VERSION.set(version);
}

pub(crate) fn metric(name: &str) -> Option<f64> {
    METRICS.lock().unwrap().get(name).copied()
}

/// A model.
pub(crate) struct MockModel {
    pub(crate) name: CString,
    pub(crate) folder: CString,
    pub(crate) config: CString,
    state: AtomicPtr<c_void>,
}

impl MockModel {
    pub(crate) fn new(name: &str, folder: &str, config: &str) -> Self {
        let [name, folder, config] = [name, folder, config].map(|text| CString::new(text).unwrap());
        Self { name, folder, config, state: AtomicPtr::default() }
    }

    pub(crate) fn handle(&self) -> *mut ffi::Model {
        (&raw const *self).cast_mut().cast()
    }

    pub(crate) fn has_state(&self) -> bool {
        !self.state.load(SeqCst).is_null()
    }
}

/// An instance of a model.
pub(crate) struct MockInstance<'a> {
    pub(crate) model: &'a MockModel,
    pub(crate) kind: u32,
    pub(crate) device: i32,
    state: AtomicPtr<c_void>,
    pub(crate) executions: Mutex<Vec<(u64, [u64; 4])>>,
}

impl<'a> MockInstance<'a> {
    pub(crate) fn new(model: &'a MockModel, kind: u32, device: i32) -> Self {
        Self { model, kind, device, state: AtomicPtr::default(), executions: Mutex::default() }
    }

    pub(crate) fn handle(&self) -> *mut ffi::ModelInstance {
        (&raw const *self).cast_mut().cast()
    }
}

/// An input: pieces, each of which begins `skip` bytes into its buffer.
pub(crate) struct MockInput {
    pub(crate) name: CString,
    pub(crate) data_type: u32,
    pub(crate) shape: Vec<i64>,
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) skip: usize,
    pub(crate) memory: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum MockValue {
    Text(CString),
    Integer(i64),
    Bool(bool),
    Double(f64),
}

/// A request, and what became of it.
#[derive(Default)]
pub(crate) struct MockRequest {
    pub(crate) inputs: Vec<MockInput>,
    pub(crate) outputs: Vec<CString>,
    pub(crate) parameters: Vec<(CString, MockValue)>,
    /// The client is gone when asked after so many times.
    pub(crate) cancelled_after: Option<usize>,
    pub(crate) output_memory: u32,
    pub(crate) no_response: bool,
    pub(crate) polls: AtomicUsize,
    pub(crate) released: AtomicUsize,
    pub(crate) deleted: AtomicUsize,
    pub(crate) sent: Mutex<Vec<MockResponse>>,
    pub(crate) statistics: Mutex<Vec<(bool, [u64; 4])>>,
}

impl MockRequest {
    pub(crate) fn handle(&self) -> *mut ffi::Request {
        (&raw const *self).cast_mut().cast()
    }

    fn alive(&self) -> &Self {
        assert_eq!(self.released.load(SeqCst), 0, "used after its release");
        self
    }
}

/// A response.
#[derive(Debug, Default)]
pub(crate) struct MockResponse {
    request: usize,
    pub(crate) error: Option<ApiError>,
    pub(crate) parameters: BTreeMap<String, i64>,
    pub(crate) outputs: Vec<MockOutput>,
}

#[derive(Debug, Default)]
pub(crate) struct MockOutput {
    pub(crate) name: String,
    pub(crate) data_type: u32,
    pub(crate) shape: Vec<i64>,
    memory: u32,
    buffer: Vec<u8>,
}

impl MockOutput {
    /// Buffers begin at odd addresses.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.get(1..).unwrap_or_default()
    }
}

/// What a handle is the address of.
fn at<'a, T>(handle: *mut impl Sized) -> &'a T {
    // SAFETY: the tests make handles of values of that type that live until the end of the test.
    unsafe { &*handle.cast_const().cast::<T>() }
}

fn at_mut<'a, T>(handle: *mut impl Sized) -> &'a mut T {
    // SAFETY: as above, and the backend has one handle of a response or of one of its outputs.
    unsafe { &mut *handle.cast::<T>() }
}

fn put<T>(to: *mut T, value: T) -> Status {
    // SAFETY: the backend passes addresses of local variables of that type.
    unsafe { to.write(value) };
    Status::OK
}

fn take<T>(handle: *mut impl Sized) -> Box<T> {
    // SAFETY: these handles come from `give` and are taken back once.
    unsafe { Box::from_raw(handle.cast::<T>()) }
}

fn give<T, H>(value: T) -> *mut H {
    Box::into_raw(Box::new(value)).cast()
}

fn text(text: *const c_char) -> String {
    // SAFETY: the backend passes C strings.
    unsafe { c_text(text) }.unwrap().to_owned()
}
