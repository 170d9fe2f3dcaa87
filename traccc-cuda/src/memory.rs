//! Memory that is given back when it is dropped.
#![expect(unsafe_code, reason = "pinned memory comes from the driver as an address")]

use crate::device::{Address, Device};
use crate::error::Error;
use std::sync::Arc;

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
