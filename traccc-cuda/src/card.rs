//! An NVIDIA card.
#![expect(unsafe_code, reason = "the driver is a C library")]

use crate::compile::Cache;
use crate::device::{Address, Device, Launch, Stream};
use crate::error::Error;
use crate::kernels::{Kernel, kernel_files};
use cudarc::driver::sys::{
    self, CUdevice_attribute as Attribute, CUevent_flags as EventFlags,
    CUgraphInstantiate_flags as InstantiateFlags, CUstreamCaptureMode as CaptureMode,
};
use cudarc::driver::{CudaContext, DriverError, result};
use std::collections::HashMap;
use std::ffi::{CString, c_void};
use std::sync::Arc;

/// A card with the kernels loaded.
#[derive(Clone, Debug)]
pub(crate) struct Card {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    context: Arc<CudaContext>,
    functions: HashMap<&'static str, Function>,
    processors: u32,
}

#[derive(Clone, Copy, Debug)]
struct Function {
    handle: sys::CUfunction,
    /// Blocks that run at a time on the whole card.
    resident: u32,
}

// SAFETY: handles of a context, which every thread may use that makes the context its own.
unsafe impl Send for Function {}
// SAFETY: as above.
unsafe impl Sync for Function {}

fn driver(what: &str) -> impl Fn(DriverError) -> Error + '_ {
    move |error| {
        let (what, code) = (what.to_owned(), error.to_string());
        if loses_the_card(error.0) {
            Error::CardLost { what, code }
        } else {
            Error::Driver { what, code }
        }
    }
}

/// Whether everything fails after this, in all contexts of the process on the card.
fn loses_the_card(code: sys::CUresult) -> bool {
    use sys::CUresult as Code;
    matches!(
        code,
        Code::CUDA_ERROR_ECC_UNCORRECTABLE
            | Code::CUDA_ERROR_NVLINK_UNCORRECTABLE
            | Code::CUDA_ERROR_ILLEGAL_ADDRESS
            | Code::CUDA_ERROR_LAUNCH_TIMEOUT
            | Code::CUDA_ERROR_CONTEXT_IS_DESTROYED
            | Code::CUDA_ERROR_ASSERT
            | Code::CUDA_ERROR_HARDWARE_STACK_ERROR
            | Code::CUDA_ERROR_ILLEGAL_INSTRUCTION
            | Code::CUDA_ERROR_MISALIGNED_ADDRESS
            | Code::CUDA_ERROR_INVALID_ADDRESS_SPACE
            | Code::CUDA_ERROR_INVALID_PC
            | Code::CUDA_ERROR_LAUNCH_FAILED
            | Code::CUDA_ERROR_DEVICE_UNAVAILABLE
            | Code::CUDA_ERROR_UNKNOWN
    )
}

/// Names, architectures and memory of the cards that this process may see.
///
/// # Errors
/// [`Error::Missing`] without a driver, and what the driver refuses.
pub fn cards() -> Result<Vec<String>, Error> {
    find_driver()?;
    let describe = |number| {
        let context = CudaContext::new(number).map_err(driver("opening the card"))?;
        let name = context.name().map_err(driver("asking for the name"))?;
        let (major, minor) =
            context.compute_capability().map_err(driver("asking for the architecture"))?;
        let bytes = context.total_mem().map_err(driver("asking for the memory"))?;
        Ok(format!("{name}, sm_{major}{minor}, {} GiB", bytes >> 30))
    };
    (0..Card::count()).map(describe).collect()
}

/// Whether there is a driver, without which its functions panic.
fn find_driver() -> Result<(), Error> {
    // SAFETY: looks for the library.
    if unsafe { sys::is_culib_present() } {
        return Ok(());
    }
    let advice =
        "this machine has no NVIDIA driver (libcuda.so.1); use the backend `cpu`".to_owned();
    Err(Error::Missing { what: "the CUDA driver", advice })
}

impl Card {
    /// How many cards there are; 0 without a driver.
    pub(crate) fn count() -> usize {
        if find_driver().is_err() || result::init().is_err() {
            return 0;
        }
        result::device::get_count().map_or(0, |count| count as usize)
    }

    /// Opens a card and loads the kernels.
    pub(crate) fn open(number: usize, cache: &Cache) -> Result<Self, Error> {
        find_driver()?;
        let cards = Self::count();
        if number >= cards {
            let advice = format!(
                "there are {cards} cards, numbered from 0, among those that CUDA_VISIBLE_DEVICES lets see"
            );
            return Err(Error::Missing { what: "the card", advice });
        }
        let context = CudaContext::new(number).map_err(driver("opening the card"))?;
        let (major, minor) =
            context.compute_capability().map_err(driver("asking for the architecture"))?;
        let architecture = format!("sm_{major}{minor}");
        // SAFETY: the device is that of the context.
        let processors = unsafe {
            result::device::get_attribute(
                context.cu_device(),
                Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
            )
        };
        let processors = processors.map_err(driver("asking for the number of processors"))? as u32;
        let files = kernel_files();
        // All at a time: most of an opening without a cache is compiling.
        let codes = std::thread::scope(|scope| {
            let architecture = &architecture;
            let task = |file| move || cache.code(file, architecture).map(|code| (file, code));
            let tasks: Vec<_> = files.iter().map(|file| scope.spawn(task(file))).collect();
            tasks
                .into_iter()
                .map(|task| task.join().expect("compiling does not panic"))
                .collect::<Result<Vec<_>, _>>()
        })?;
        context.bind_to_thread().map_err(driver("using the card"))?;
        let mut modules = HashMap::new();
        for (file, code) in codes {
            // SAFETY: a whole cubin, made by NVRTC.
            let module = unsafe { result::module::load_data(code.as_ptr().cast()) };
            modules
                .insert(file.trim_end_matches(".cu"), module.map_err(driver("loading kernels"))?);
        }
        let function = |kernel: &'static Kernel| {
            let name = CString::new(kernel.name).unwrap_or_default();
            // SAFETY: the module is loaded, and stays so as long as the context.
            unsafe {
                let handle = result::module::get_function(modules[kernel.file], name)
                    .map_err(driver(kernel.name))?;
                let blocks = result::occupancy::max_active_block_per_multiprocessor(
                    handle,
                    kernel.threads as i32,
                    0,
                );
                let resident = blocks.map_err(driver(kernel.name))? as u32 * processors;
                Ok((kernel.name, Function { handle, resident: resident.max(1) }))
            }
        };
        let functions = crate::stages::kernels().map(function).collect::<Result<_, Error>>()?;
        Ok(Self { inner: Arc::new(Inner { context, functions, processors }) })
    }

    fn bind(&self) -> Result<(), Error> {
        self.inner.context.bind_to_thread().map_err(driver("using the card"))
    }
}

impl Device for Card {
    fn name(&self) -> String {
        self.inner.context.name().unwrap_or_default()
    }

    fn allocate(&self, bytes: usize) -> Result<Address, Error> {
        self.bind()?;
        // SAFETY: memory of this size, used by its address only.
        match unsafe { result::malloc_sync(bytes) } {
            Ok(start) => Ok(Address(start)),
            Err(DriverError(sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY)) => {
                let memory = result::mem_get_info();
                let (free, all) = memory.map_err(driver("asking for free memory"))?;
                Err(Error::OutOfMemory { needed: bytes, free, all })
            }
            Err(error) => Err(driver("allocating memory")(error)),
        }
    }

    fn free(&self, address: Address) {
        if self.bind().is_ok() {
            // SAFETY: it came from `allocate`, and its owner has gone.
            let freed = unsafe { result::free_sync(address.0) };
            if let Err(error) = freed {
                tracing::warn!(%error, "memory of the card was not given back");
            }
        }
    }

    fn allocate_pinned(&self, bytes: usize) -> Result<*mut u8, Error> {
        self.bind()?;
        // SAFETY: memory of this size; without flags, so that the processor reads it at full speed.
        let start = unsafe { result::malloc_host(bytes, 0) };
        start.map(<*mut c_void>::cast).map_err(driver("allocating pinned memory"))
    }

    fn free_pinned(&self, memory: *mut u8) {
        if self.bind().is_ok() {
            // SAFETY: it came from `allocate_pinned`, and its owner has gone.
            let freed = unsafe { result::free_host(memory.cast()) };
            if let Err(error) = freed {
                tracing::warn!(%error, "pinned memory was not given back");
            }
        }
    }

    fn stream(&self) -> Result<Box<dyn Stream>, Error> {
        self.bind()?;
        let stream = result::stream::create(result::stream::StreamKind::NonBlocking)
            .map_err(driver("making a stream"))?;
        // No clock, and whoever waits sleeps.
        let event = event(
            EventFlags::CU_EVENT_BLOCKING_SYNC as u32 | EventFlags::CU_EVENT_DISABLE_TIMING as u32,
        )?;
        let (graphs, marks) = (Vec::new(), Vec::new());
        Ok(Box::new(CardStream { card: self.clone(), stream, event, graphs, marks }))
    }

    fn seeding_warps(&self) -> u32 {
        self.inner.processors * SEEDING_WARPS
    }
}

/// An event of the card whose context this thread uses.
fn event(flags: u32) -> Result<sys::CUevent, Error> {
    let mut event = std::ptr::null_mut();
    // SAFETY: a place for a handle.
    unsafe { sys::cuEventCreate(&mut event, flags).result() }
        .map(|()| event)
        .map_err(driver("making an event"))
}

/// Warps of one multiprocessor that search seeds.
const SEEDING_WARPS: u32 = 32;

/// A stream of a card.
#[derive(Debug)]
struct CardStream {
    card: Card,
    stream: sys::CUstream,
    /// Recorded behind everything, to wait for it asleep.
    event: sys::CUevent,
    graphs: Vec<Option<sys::CUgraphExec>>,
    /// Events with a clock, which graphs record.
    marks: Vec<sys::CUevent>,
}

// SAFETY: handles of a context, which every thread may use that makes the context its own.
unsafe impl Send for CardStream {}

impl CardStream {
    fn bind(&self) -> Result<(), Error> {
        self.card.bind()
    }
}

impl Stream for CardStream {
    unsafe fn upload(&mut self, to: Address, from: *const u8, bytes: usize) -> Result<(), Error> {
        self.bind()?;
        // SAFETY: the caller's promise.
        unsafe { sys::cuMemcpyHtoDAsync_v2(to.0, from.cast(), bytes, self.stream).result() }
            .map_err(driver("copying to the card"))
    }

    unsafe fn download(&mut self, to: *mut u8, from: Address, bytes: usize) -> Result<(), Error> {
        self.bind()?;
        // SAFETY: the caller's promise.
        unsafe { sys::cuMemcpyDtoHAsync_v2(to.cast(), from.0, bytes, self.stream).result() }
            .map_err(driver("copying from the card"))
    }

    fn zero(&mut self, at: Address, bytes: usize) -> Result<(), Error> {
        self.bind()?;
        // SAFETY: memory of the card with that many bytes.
        unsafe { result::memset_d8_async(at.0, 0, bytes, self.stream) }
            .map_err(driver("clearing memory"))
    }

    fn launch(&mut self, launch: &Launch, tables: &[u8], batch: &[u8]) -> Result<(), Error> {
        self.bind()?;
        let Function { handle, resident } = self.card.inner.functions[launch.kernel.name];
        let blocks = launch.grid.blocks(launch.kernel, resident);
        let argument = launch.argument;
        let mut arguments: [*mut c_void; 3] = [
            tables.as_ptr().cast_mut().cast(),
            batch.as_ptr().cast_mut().cast(),
            (&raw const argument).cast_mut().cast(),
        ];
        // SAFETY: the kernel takes these three arguments by value; the driver copies them before it returns.
        unsafe {
            result::launch_kernel(
                handle,
                (blocks, 1, 1),
                (launch.kernel.threads, 1, 1),
                0,
                self.stream,
                &mut arguments,
            )
        }
        .map_err(driver(launch.kernel.name))
    }

    fn begin_record(&mut self, marks: usize) -> Result<(), Error> {
        self.bind()?;
        while self.marks.len() < marks {
            self.marks.push(event(EventFlags::CU_EVENT_DEFAULT as u32)?);
        }
        // SAFETY: a stream of ours.
        unsafe {
            result::stream::begin_capture(
                self.stream,
                CaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL,
            )
        }
        .map_err(driver("recording"))
    }

    fn mark(&mut self, mark: usize) -> Result<(), Error> {
        self.bind()?;
        // Without this flag an event of a recording only says what waits for what, and can never be asked for its time.
        let flags = sys::CUevent_record_flags::CU_EVENT_RECORD_EXTERNAL as u32;
        // SAFETY: an event and a stream of ours.
        unsafe { sys::cuEventRecordWithFlags(self.marks[mark], self.stream, flags).result() }
            .map_err(driver("noting the time"))
    }

    fn between(&mut self, from: usize, to: usize) -> Result<f64, Error> {
        self.bind()?;
        // SAFETY: events of ours, which the last graph has recorded.
        unsafe { result::event::elapsed(self.marks[from], self.marks[to]) }
            .map(f64::from)
            .map_err(driver("asking for the time"))
    }

    fn end_record(&mut self) -> Result<usize, Error> {
        self.bind()?;
        // SAFETY: a stream that is recording.
        let executable = unsafe {
            let graph = result::stream::end_capture(self.stream).map_err(driver("recording"))?;
            let executable = result::graph::instantiate(graph, InstantiateFlags(0));
            let _ = result::graph::destroy(graph);
            executable.map_err(driver("making a graph"))?
        };
        self.graphs.push(Some(executable));
        Ok(self.graphs.len() - 1)
    }

    fn replay(&mut self, recording: usize) -> Result<(), Error> {
        self.bind()?;
        let Some(graph) = self.graphs[recording] else { return Ok(()) };
        // SAFETY: a graph of ours.
        unsafe { result::graph::launch(graph, self.stream) }.map_err(driver("launching a graph"))
    }

    fn forget(&mut self, recording: usize) {
        if let (Ok(()), Some(graph)) = (self.bind(), self.graphs[recording].take()) {
            // SAFETY: a graph of ours, and the last use of it.
            let _ = unsafe { result::graph::exec_destroy(graph) };
        }
    }

    fn is_done(&mut self) -> Result<bool, Error> {
        self.bind()?;
        // SAFETY: a stream of ours.
        match unsafe { sys::cuStreamQuery(self.stream) } {
            sys::CUresult::CUDA_ERROR_NOT_READY => Ok(false),
            other => other.result().map(|()| true).map_err(driver("asking for the end of a batch")),
        }
    }

    fn wait(&mut self) -> Result<(), Error> {
        self.bind()?;
        // SAFETY: an event and a stream of ours.
        unsafe {
            result::event::record(self.event, self.stream)
                .and_then(|()| result::event::synchronize(self.event))
        }
        .map_err(driver("waiting for a batch"))
    }
}

impl Drop for CardStream {
    fn drop(&mut self) {
        for recording in 0..self.graphs.len() {
            self.forget(recording);
        }
        if self.bind().is_ok() {
            // SAFETY: handles of ours, and the last use of them.
            unsafe {
                let _ = result::stream::synchronize(self.stream);
                for &event in self.marks.iter().chain([&self.event]) {
                    let _ = result::event::destroy(event);
                }
                let _ = result::stream::destroy(self.stream);
            }
        }
    }
}
