//! Copies through pinned memory.
#![expect(unsafe_code, reason = "copies name places in memory")]

use crate::device::{Address, Stream};
use crate::error::Error;
use crate::memory::Pinned;
use bytemuck::AnyBitPattern;
use std::marker::PhantomData;
use std::ops::Range;

/// What is copied to the device, and how it is written.
#[derive(Debug)]
pub(crate) enum Source<'a> {
    /// As it is.
    Borrowed(&'a [u8]),
    /// The same.
    Owned(Vec<u8>),
    /// The lower halves of two numbers as one of 32 bits, the first below.
    Pairs(&'a [u32], &'a [u32]),
    /// The lower halves of numbers.
    Halves(&'a [u32]),
}

/// A piece of memory and where it goes.
pub(crate) type Piece<'a> = (Address, Source<'a>);

impl Source<'_> {
    /// Bytes on the device.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Borrowed(bytes) => bytes.len(),
            Self::Owned(bytes) => bytes.len(),
            Self::Pairs(low, _) => size_of_val(*low),
            Self::Halves(numbers) => numbers.len() * size_of::<u16>(),
        }
    }

    fn write(&self, room: &mut [u8]) {
        match self {
            Self::Borrowed(bytes) => room.copy_from_slice(bytes),
            Self::Owned(bytes) => room.copy_from_slice(bytes),
            Self::Pairs(low, high) => {
                for ((room, low), high) in room.as_chunks_mut().0.iter_mut().zip(*low).zip(*high) {
                    *room = (low & 0xffff | high << 16).to_ne_bytes();
                }
            }
            Self::Halves(numbers) => {
                for (room, &number) in room.as_chunks_mut().0.iter_mut().zip(*numbers) {
                    *room = (number as u16).to_ne_bytes();
                }
            }
        }
    }
}

/// Puts pieces of memory into `pinned` and enqueues their copies to the device; pieces that follow each other there are one copy.
/// The stream must not be using `pinned`.
pub(crate) fn upload(
    stream: &mut dyn Stream,
    pinned: &mut Pinned,
    pieces: &[Piece<'_>],
) -> Result<(), Error> {
    pinned.reserve(pieces.iter().map(|(_, source)| source.len()).sum())?;
    let room = pinned.bytes_mut();
    let mut copies: Vec<(Address, Range<usize>)> = Vec::with_capacity(pieces.len());
    let mut end = 0;
    for (to, source) in pieces.iter().filter(|(_, source)| source.len() > 0) {
        let start = end;
        end += source.len();
        source.write(&mut room[start..end]);
        match copies.last_mut() {
            Some((first, range)) if first.after(range.len()) == *to => range.end = end,
            _ => copies.push((*to, start..end)),
        }
    }
    for (to, range) in copies {
        // SAFETY: the range lies in the pinned memory, and the device's memory is as large as what was cut for the piece.
        unsafe { stream.upload(to, room[range.clone()].as_ptr(), range.len())? };
    }
    Ok(())
}

/// Rows that will have been read back.
#[derive(Clone, Debug)]
pub(crate) struct Read<T> {
    bytes: Range<usize>,
    rows: PhantomData<T>,
}

/// Copies from the device, collected and then enqueued together.
#[derive(Debug, Default)]
pub(crate) struct Download {
    copies: Vec<(Address, Range<usize>)>,
    end: usize,
}

impl Download {
    /// Notes a copy of `rows` rows.
    pub(crate) fn add<T: AnyBitPattern>(&mut self, from: Address, rows: usize) -> Read<T> {
        let start = self.end.next_multiple_of(16);
        self.end = start + rows * size_of::<T>();
        if rows > 0 {
            self.copies.push((from, start..self.end));
        }
        Read { bytes: start..self.end, rows: PhantomData }
    }

    /// Enqueues the copies into `pinned`, which the stream must not be using.
    pub(crate) fn enqueue(
        &self,
        stream: &mut dyn Stream,
        pinned: &mut Pinned,
    ) -> Result<(), Error> {
        pinned.reserve(self.end)?;
        let room = pinned.bytes_mut();
        for (from, range) in &self.copies {
            // SAFETY: the range lies in the pinned memory, and the device's array has the rows that are asked for.
            unsafe { stream.download(room[range.clone()].as_mut_ptr(), *from, range.len())? };
        }
        Ok(())
    }
}

impl<T: AnyBitPattern> Read<T> {
    /// The rows, once the stream has been waited for.
    pub(crate) fn rows<'a>(&self, pinned: &'a Pinned) -> &'a [T] {
        bytemuck::cast_slice(&pinned.bytes()[self.bytes.clone()])
    }

    /// Where some of the rows lie.
    pub(crate) fn place(&self, rows: Range<usize>) -> Range<usize> {
        let size = size_of::<T>();
        self.bytes.start + rows.start * size..self.bytes.start + rows.end * size
    }
}
