//! A device that is none: the kernels compiled as host C++ by g++, for tests and for looking for errors without a card.
#![expect(unsafe_code, reason = "kernels are functions of a library that is loaded")]

use crate::device::{Address, Device, Launch, Stream};
use crate::error::Error;
use crate::kernels::kernel_files;
use std::alloc::Layout;
use std::collections::HashMap;
use std::ffi::{c_uint, c_void};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

type HostKernel = unsafe extern "C" fn(*const c_void, *const c_void, c_uint);
type HostLaunch =
    unsafe extern "C" fn(HostKernel, c_uint, c_uint, c_uint, *const c_void, *const c_void, c_uint);

/// Blocks of a kernel at most: few, so that threads have several rows each.
const RESIDENT_BLOCKS: u32 = 3;

/// What memory holds before it is written, so that whoever reads it is found out.
const POISON: u8 = 0xcd;

/// What goes wrong on a simulated device.
#[derive(Debug, Default)]
pub struct Faults {
    /// From here on every batch fails as after a fault of a kernel.
    pub kernels_fail: AtomicBool,
    /// The largest piece of memory that can be had; 0 for any.
    pub largest: AtomicUsize,
}

/// The library with the kernels, and memory of the host.
#[derive(Debug, Clone)]
pub(crate) struct Simulated {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    launch: HostLaunch,
    faults: Arc<Faults>,
    kernels: HashMap<&'static str, HostKernel>,
    /// Sizes of what is allocated.
    allocated: Mutex<HashMap<u64, Layout>>,
    /// Keeps the functions.
    _library: libloading::Library,
}

/// Runs at once what is put in, unless it is recorded.
#[derive(Debug)]
struct SimulatedStream {
    device: Simulated,
    recording: Option<Vec<Work>>,
    recorded: Vec<Option<Vec<Work>>>,
    marks: Vec<Instant>,
}

#[derive(Clone, Debug)]
enum Work {
    Zero(Address, usize),
    Mark(usize),
    Launch { launch: Launch, tables: Vec<u8>, batch: Vec<u8> },
}

/// Where the kernels' sources are.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels")
}

/// Runs a program and gives what it wrote; `None` where there is no such program.
fn output(command: &mut Command) -> Result<Option<Vec<u8>>, Error> {
    match command.output() {
        Ok(done) if done.status.success() => Ok(Some(done.stdout)),
        Ok(done) => Err(Error::Compile {
            file: format!("{command:?}"),
            log: String::from_utf8_lossy(&done.stderr).into_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::Compile { file: format!("{command:?}"), log: error.to_string() }),
    }
}

/// The options that make the host's bits those of the device.
fn compiler() -> Command {
    let mut command = Command::new("g++");
    command
        .args([
            "-std=c++17",
            "-O2",
            "-ffp-contract=off",
            "-fno-strict-aliasing",
            "-fPIC",
            "-w",
            "-I",
        ])
        .arg(sources());
    command
}

/// A name that no other thread or process uses.
fn unfinished(place: &Path) -> PathBuf {
    use std::sync::atomic::AtomicU32;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    place.with_extension(format!("{}-{number}.tmp", std::process::id()))
}

/// Compiles a source file into `folder`, unless it is there from the same text; `None` where there is no g++.
fn object(source: &str, more: &[&str], folder: &Path) -> Result<Option<PathBuf>, Error> {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let path = sources().join(source);
    let Some(text) = output(compiler().args(more).args(["-E", "-P", "-x", "c++"]).arg(&path))?
    else {
        return Ok(None);
    };
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let place = folder.join(format!("{}-{:016x}.o", source.replace('/', "_"), hasher.finish()));
    if !place.exists() {
        let unfinished = unfinished(&place);
        output(
            compiler().args(more).args(["-c", "-x", "c++"]).arg(&path).arg("-o").arg(&unfinished),
        )?;
        std::fs::rename(&unfinished, &place)
            .map_err(|error| Error::Compile { file: source.into(), log: error.to_string() })?;
    }
    Ok(Some(place))
}

/// The library of all kernels, compiled into `folder`; `None` where there is no g++.
fn library(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let failed = |error: std::io::Error| Error::Compile {
        file: folder.display().to_string(),
        log: error.to_string(),
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let files = kernel_files();
    let with_cuda = ["-include", "host/cuda.hpp"];
    let objects = std::thread::scope(|scope| {
        let mut tasks: Vec<_> = files
            .iter()
            .map(|file| scope.spawn(move || object(file, &with_cuda, folder)))
            .collect();
        tasks.push(scope.spawn(move || object("host/fibers.cpp", &[], folder)));
        tasks
            .into_iter()
            .map(|task| task.join().unwrap_or(Ok(None)))
            .collect::<Result<Option<Vec<_>>, Error>>()
    })?;
    let Some(objects) = objects else { return Ok(None) };
    let names: String =
        objects.iter().filter_map(|path| path.file_stem()?.to_str()?.rsplit('-').next()).collect();
    let place = folder.join(format!("kernels-{}.so", &names[names.len().saturating_sub(200)..]));
    if !place.exists() {
        let unfinished = unfinished(&place);
        output(Command::new("g++").arg("-shared").args(&objects).arg("-o").arg(&unfinished))?;
        std::fs::rename(&unfinished, &place).map_err(failed)?;
    }
    Ok(Some(place))
}

impl Simulated {
    /// Compiles the kernels into `folder` and loads them; `None` where there is no g++.
    pub(crate) fn new(folder: &Path, faults: Arc<Faults>) -> Result<Option<Self>, Error> {
        let Some(path) = library(folder)? else { return Ok(None) };
        let failed = |error: libloading::Error| Error::Compile {
            file: path.display().to_string(),
            log: error.to_string(),
        };
        // SAFETY: the library was made above from our sources; it runs nothing when it is loaded.
        let library = unsafe { libloading::Library::new(&path) }.map_err(failed)?;
        // SAFETY: the functions have these types: `KERNEL` in `common.cuh`, and `fibers.cpp`.
        let (launch, kernels) = unsafe {
            let launch: HostLaunch = *library.get(b"traccc_host_launch").map_err(failed)?;
            let kernels = crate::stages::kernels()
                .map(|kernel| {
                    Ok((
                        kernel.name,
                        *library.get::<HostKernel>(kernel.name.as_bytes()).map_err(failed)?,
                    ))
                })
                .collect::<Result<_, Error>>()?;
            (launch, kernels)
        };
        let inner =
            Inner { launch, faults, kernels, allocated: Mutex::default(), _library: library };
        Ok(Some(Self { inner: Arc::new(inner) }))
    }

    fn take(&self, bytes: usize) -> u64 {
        let layout = Layout::from_size_align(bytes, 4096).unwrap_or(Layout::new::<u64>());
        // SAFETY: the size is not zero.
        let start = unsafe {
            let start = std::alloc::alloc(layout);
            if start.is_null() {
                std::alloc::handle_alloc_error(layout);
            }
            start.write_bytes(POISON, bytes);
            start
        };
        let address = start as u64;
        self.inner.allocated.lock().unwrap_or_else(PoisonError::into_inner).insert(address, layout);
        address
    }

    fn give_back(&self, address: u64) {
        let layout =
            self.inner.allocated.lock().unwrap_or_else(PoisonError::into_inner).remove(&address);
        if let Some(layout) = layout {
            // SAFETY: it was allocated with this layout and is in the list no more.
            unsafe { std::alloc::dealloc(address as *mut u8, layout) };
        }
    }
}

impl Device for Simulated {
    fn name(&self) -> String {
        "simulated".to_owned()
    }

    fn allocate(&self, bytes: usize) -> Result<Address, Error> {
        match self.inner.faults.largest.load(Ordering::Relaxed) {
            free if free > 0 && bytes > free => {
                Err(Error::OutOfMemory { needed: bytes, free, all: free })
            }
            _ => Ok(Address(self.take(bytes.max(1)))),
        }
    }

    fn free(&self, address: Address) {
        self.give_back(address.0);
    }

    fn allocate_pinned(&self, bytes: usize) -> Result<*mut u8, Error> {
        Ok(self.take(bytes.max(1)) as *mut u8)
    }

    fn free_pinned(&self, memory: *mut u8) {
        self.give_back(memory as u64);
    }

    fn stream(&self) -> Result<Box<dyn Stream>, Error> {
        Ok(Box::new(SimulatedStream {
            device: self.clone(),
            recording: None,
            recorded: Vec::new(),
            marks: Vec::new(),
        }))
    }

    fn seeding_warps(&self) -> u32 {
        24
    }
}

impl SimulatedStream {
    fn run(&mut self, work: &Work) {
        match work {
            Work::Mark(mark) => self.marks[*mark] = Instant::now(),
            // SAFETY: the address is one of this device, with room for the bytes.
            Work::Zero(at, bytes) => unsafe { (at.0 as *mut u8).write_bytes(0, *bytes) },
            Work::Launch { launch, tables, batch } => {
                let blocks = launch.grid.blocks(launch.kernel, RESIDENT_BLOCKS);
                // SAFETY: the kernel belongs to the library, and its arguments are the records that it was compiled with.
                unsafe {
                    (self.device.inner.launch)(
                        self.device.inner.kernels[launch.kernel.name],
                        blocks,
                        1,
                        launch.kernel.threads,
                        tables.as_ptr().cast(),
                        batch.as_ptr().cast(),
                        launch.argument,
                    );
                }
            }
        }
    }

    fn put(&mut self, work: Work) {
        match &mut self.recording {
            Some(recording) => recording.push(work),
            None => self.run(&work),
        }
    }
}

impl Stream for SimulatedStream {
    unsafe fn upload(&mut self, to: Address, from: *const u8, bytes: usize) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from, to.0 as *mut u8, bytes) };
        Ok(())
    }

    unsafe fn download(&mut self, to: *mut u8, from: Address, bytes: usize) -> Result<(), Error> {
        // SAFETY: the caller's promise.
        unsafe { std::ptr::copy_nonoverlapping(from.0 as *const u8, to, bytes) };
        Ok(())
    }

    fn zero(&mut self, at: Address, bytes: usize) -> Result<(), Error> {
        self.put(Work::Zero(at, bytes));
        Ok(())
    }

    fn launch(&mut self, launch: &Launch, tables: &[u8], batch: &[u8]) -> Result<(), Error> {
        self.put(Work::Launch { launch: *launch, tables: tables.to_vec(), batch: batch.to_vec() });
        Ok(())
    }

    fn begin_record(&mut self, marks: usize) -> Result<(), Error> {
        self.marks.resize(self.marks.len().max(marks), Instant::now());
        self.recording = Some(Vec::new());
        Ok(())
    }

    fn mark(&mut self, mark: usize) -> Result<(), Error> {
        self.put(Work::Mark(mark));
        Ok(())
    }

    fn between(&mut self, from: usize, to: usize) -> Result<f64, Error> {
        Ok((self.marks[to] - self.marks[from]).as_secs_f64() * 1.0e3)
    }

    fn end_record(&mut self) -> Result<usize, Error> {
        self.recorded.push(Some(self.recording.take().unwrap_or_default()));
        Ok(self.recorded.len() - 1)
    }

    fn replay(&mut self, recording: usize) -> Result<(), Error> {
        let works = self.recorded[recording].take();
        works.iter().flatten().for_each(|work| self.run(work));
        self.recorded[recording] = works;
        Ok(())
    }

    fn forget(&mut self, recording: usize) {
        self.recorded[recording] = None;
    }

    fn is_done(&mut self) -> Result<bool, Error> {
        Ok(true)
    }

    fn wait(&mut self) -> Result<(), Error> {
        if self.device.inner.faults.kernels_fail.load(Ordering::Relaxed) {
            let what = "waiting for a batch".to_owned();
            return Err(Error::CardLost { what, code: "simulated fault".to_owned() });
        }
        Ok(())
    }
}
