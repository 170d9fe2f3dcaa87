//! What the chain needs of a device: memory, streams and kernels.
#![expect(unsafe_code, reason = "copies name places in memory")]

use crate::error::Error;
use crate::kernels::Kernel;
use bytemuck::{Pod, Zeroable};
use std::fmt::Debug;

/// An address in device memory; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Pod, Zeroable)]
#[repr(transparent)]
pub(crate) struct Address(pub(crate) u64);

impl Address {
    /// The address `bytes` further on.
    pub(crate) fn after(self, bytes: usize) -> Self {
        Self(self.0 + bytes as u64)
    }
}

/// How many blocks a kernel is launched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grid {
    /// A thread for each of so many rows, but no more blocks than run at a time: threads take several rows each.
    Rows(usize),
    /// So many blocks.
    Blocks(u32),
}

impl Grid {
    /// The number of blocks of a kernel of which `resident` run at a time.
    pub(crate) fn blocks(self, kernel: &Kernel, resident: u32) -> u32 {
        match self {
            Self::Blocks(blocks) => blocks,
            Self::Rows(rows) => (rows.div_ceil(kernel.threads as usize) as u32).clamp(1, resident),
        }
    }
}

/// One launch of a kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch {
    /// Which.
    pub(crate) kernel: &'static Kernel,
    /// How many blocks.
    pub(crate) grid: Grid,
    /// The number that the kernel is given.
    pub(crate) argument: u32,
}

impl Launch {
    /// A launch without a number.
    pub(crate) fn new(kernel: &'static Kernel, grid: Grid) -> Self {
        Self { kernel, grid, argument: 0 }
    }

    /// With a number for the kernel.
    pub(crate) fn with(self, argument: u32) -> Self {
        Self { argument, ..self }
    }
}

/// A card, or what stands for one.
pub(crate) trait Device: Debug + Send + Sync {
    /// The name of the device.
    fn name(&self) -> String;

    /// Memory of the device, not initialised.
    fn allocate(&self, bytes: usize) -> Result<Address, Error>;

    /// Gives memory back that [`allocate`](Self::allocate) gave, once, and nobody uses any more.
    fn free(&self, address: Address);

    /// Host memory that copies to and from the device can use while the processor does something else.
    fn allocate_pinned(&self, bytes: usize) -> Result<*mut u8, Error>;

    /// Gives it back.
    fn free_pinned(&self, memory: *mut u8);

    /// A stream: what is put into it runs in order.
    fn stream(&self) -> Result<Box<dyn Stream>, Error>;

    /// Warps that search seeds at a time, each with memory of its own.
    fn seeding_warps(&self) -> u32;
}

/// Work in order on a device. Nothing but [`wait`](Self::wait) waits.
pub(crate) trait Stream: Debug + Send {
    /// Copies host memory, which stays as it is until the copy is done, to the device.
    ///
    /// # Safety
    /// Both places have `bytes` bytes; the host's is pinned memory of the same device.
    unsafe fn upload(&mut self, to: Address, from: *const u8, bytes: usize) -> Result<(), Error>;

    /// Copies device memory to the host.
    ///
    /// # Safety
    /// Both places have `bytes` bytes; the host's is pinned memory of the same device, which nobody looks at before the copy is done.
    unsafe fn download(&mut self, to: *mut u8, from: Address, bytes: usize) -> Result<(), Error>;

    /// Makes device memory zero.
    fn zero(&mut self, at: Address, bytes: usize) -> Result<(), Error>;

    /// Launches a kernel with the bytes of its tables and batch.
    fn launch(&mut self, launch: &Launch, tables: &[u8], batch: &[u8]) -> Result<(), Error>;

    /// From here on what is put in is recorded instead of run; `marks` may be put in.
    fn begin_record(&mut self, marks: usize) -> Result<(), Error>;

    /// Notes, in a recording, the time at which everything before is done. Each replay notes it anew.
    fn mark(&mut self, mark: usize) -> Result<(), Error>;

    /// Time between two marks of the last replay, in ms, once it has been waited for.
    fn between(&mut self, from: usize, to: usize) -> Result<f64, Error>;

    /// Ends the recording; [`replay`](Self::replay) runs it with this number as often as wanted.
    fn end_record(&mut self) -> Result<usize, Error>;

    /// Runs a recording.
    fn replay(&mut self, recording: usize) -> Result<(), Error>;

    /// Forgets a recording.
    fn forget(&mut self, recording: usize);

    /// Whether all is done.
    fn is_done(&mut self) -> Result<bool, Error>;

    /// Waits until all is done.
    fn wait(&mut self) -> Result<(), Error>;
}
