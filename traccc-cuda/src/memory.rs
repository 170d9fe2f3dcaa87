//! Memory that is given back when it is dropped.
#![expect(unsafe_code, reason = "pinned memory comes from the driver as an address")]

use crate::device::{Address, Device};
use crate::error::Error;
use bytemuck::AnyBitPattern;
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;
use traccc_core::storage::Column;

/// Memory of a device.
#[derive(Debug)]
pub(crate) struct DeviceMemory {
    device: Arc<dyn Device>,
    pub(crate) start: Address,
    pub(crate) bytes: usize,
}

impl DeviceMemory {
    pub(crate) fn new(device: &Arc<dyn Device>, bytes: usize) -> Result<Self, Error> {
        // A table without rows has an address, too.
        let bytes = bytes.max(256);
        let start = device.allocate(bytes)?;
        Ok(Self { device: Arc::clone(device), start, bytes })
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        self.device.free(self.start);
    }
}

/// Host memory that a device copies from and to by itself.
#[derive(Debug)]
pub(crate) struct Pinned {
    device: Arc<dyn Device>,
    start: *mut u8,
    bytes: usize,
}

// SAFETY: plain memory with one owner.
unsafe impl Send for Pinned {}
// SAFETY: reading needs a shared, writing an exclusive reference.
unsafe impl Sync for Pinned {}

impl Pinned {
    pub(crate) fn new(device: &Arc<dyn Device>, bytes: usize) -> Result<Self, Error> {
        let bytes = bytes.max(256);
        let start = device.allocate_pinned(bytes)?;
        // SAFETY: the device gave that many bytes. Zeros are values of every type that is read from here.
        unsafe { start.write_bytes(0, bytes) };
        Ok(Self { device: Arc::clone(device), start, bytes })
    }

    /// Makes room for `bytes`; what was there is lost then.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Result<(), Error> {
        if bytes > self.bytes {
            *self = Self::new(&Arc::clone(&self.device), bytes + bytes / 4)?;
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: initialised memory of that size, which no copy changes while somebody looks: copies are put in with an
        // exclusive reference and waited for before the next look.
        unsafe { std::slice::from_raw_parts(self.start, self.bytes) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and the reference is exclusive.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.bytes) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.device.free_pinned(self.start);
    }
}

/// Buffers of a chain that results may be in at the same time.
const LENT: usize = 4;

/// Shorter columns are copied: they are not worth keeping a buffer.
const WORTH_LENDING: usize = 4096;

/// Pinned memory for results, several buffers in turn: a column stays in the buffer it was copied to, and the buffer is used again
/// when the last of its columns has been dropped.
#[derive(Debug)]
pub(crate) struct Buffers {
    device: Arc<dyn Device>,
    buffers: Vec<Arc<Pinned>>,
    /// For when all are in use: what it holds is copied.
    spare: Arc<Pinned>,
}

impl Buffers {
    pub(crate) fn new(device: &Arc<dyn Device>) -> Result<Self, Error> {
        let spare = Arc::new(Pinned::new(device, 0)?);
        Ok(Self { device: Arc::clone(device), buffers: Vec::new(), spare })
    }

    /// A buffer in which nobody has a column, and whether columns may stay in it.
    pub(crate) fn free(&mut self) -> Result<(&mut Arc<Pinned>, bool), Error> {
        let free = self.buffers.iter().position(|buffer| Arc::strong_count(buffer) == 1);
        let free = match free {
            Some(free) => free,
            None if self.buffers.len() < LENT => {
                self.buffers.push(Arc::new(Pinned::new(&self.device, 0)?));
                self.buffers.len() - 1
            }
            None => return Ok((&mut self.spare, false)),
        };
        Ok((&mut self.buffers[free], true))
    }
}

/// Rows in pinned memory, which lives as long as they.
struct Lent<T> {
    memory: Arc<Pinned>,
    bytes: Range<usize>,
    rows: PhantomData<T>,
}

impl<T: AnyBitPattern> AsRef<[T]> for Lent<T> {
    fn as_ref(&self) -> &[T] {
        bytemuck::cast_slice(&self.memory.bytes()[self.bytes.clone()])
    }
}

/// The column that lies in these bytes of `memory`: in place if it is `lent` and long, else a copy.
pub(crate) fn column<T: AnyBitPattern + Send + Sync>(
    memory: &Arc<Pinned>,
    lent: bool,
    bytes: Range<usize>,
) -> Column<T> {
    let rows = Lent { memory: Arc::clone(memory), bytes, rows: PhantomData };
    if lent && rows.bytes.len() >= WORTH_LENDING {
        Column::foreign(Arc::new(rows))
    } else {
        rows.as_ref().to_vec().into()
    }
}
