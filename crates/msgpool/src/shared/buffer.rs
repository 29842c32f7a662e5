//! A slot that one owner writes.
#![expect(unsafe_code, reason = "looks at the payload of its slot")]

use core::fmt;
use std::io;

use claude_flow_ringbuf::shared::{View, ViewMut};

use super::Message;
use super::attachment::Lent;
use crate::FullError;

/// Bytes in shared memory that one owner writes; they go back to the pool when it is dropped.
///
/// The bytes are initialised, with whatever the slot last held. They are written and read by
/// copies, not as `&mut [u8]`: whoever else has mapped the pool can write to them at any moment.
pub struct Buffer {
    lent: Lent,
    /// At most the size of the slot's class.
    len: u32,
}

impl Buffer {
    /// The slot has no other handle, and `len` bytes.
    pub(super) const fn new(lent: Lent, len: u32) -> Self {
        Self { lent, len }
    }

    /// How many bytes it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The most bytes that fit: the size of the slot's class.
    #[must_use]
    pub fn capacity(&self) -> usize {
        let class = usize::from(self.lent.slot.class);
        self.lent.pool.memory.plan.classes[class].payload_bytes as usize
    }

    /// Sets the length; what comes into view is whatever the slot last held.
    ///
    /// # Errors
    ///
    /// [`FullError`] if that is beyond the capacity; the buffer is unchanged.
    pub fn set_len(&mut self, len: usize) -> Result<(), FullError> {
        let error = FullError {
            len: len.saturating_sub(self.len()),
            rest: self.capacity() - self.len(),
        };
        if len > self.capacity() {
            return Err(error);
        }
        self.len = u32::try_from(len).map_err(|_| error)?;
        Ok(())
    }

    /// The bytes, to be written. Their address is a multiple of 64.
    #[inline]
    pub fn bytes(&mut self) -> ViewMut<'_> {
        let Lent { pool, slot, .. } = &self.lent;
        let class = &pool.memory.plan.classes[usize::from(slot.class)];
        // SAFETY: the payload of a slot has the size of its class, which `len` is below; the pool
        // keeps the region, whose bytes nobody in this process sees but through views.
        unsafe { ViewMut::from_raw(pool.memory.payload(class, slot.index), self.len()) }
    }

    /// The bytes, to be read.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        view(&self.lent, self.len)
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`FullError`] if they do not all fit; the buffer is unchanged.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), FullError> {
        let before = self.len();
        self.set_len(before.saturating_add(bytes.len()))?;
        self.bytes().write_bytes(before, bytes);
        Ok(())
    }

    /// Gives up writing for sharing: the same bytes as a [`Message`], without a copy.
    ///
    /// # Complexity
    ///
    /// One store; wait-free.
    #[must_use]
    pub fn freeze(self) -> Message {
        let Self { lent, len } = self;
        lent.pool.freeze(lent.slot, len);
        Message::new(lent, len)
    }
}

/// The first `len` bytes of a slot, which has so many.
#[inline]
pub(super) fn view(lent: &Lent, len: u32) -> View<'_> {
    let Lent { pool, slot, .. } = lent;
    let class = &pool.memory.plan.classes[usize::from(slot.class)];
    debug_assert!(len <= class.payload_bytes);
    // SAFETY: the payload of a slot has the size of its class, which `len` is below; the pool
    // keeps the region, whose bytes nobody in this process sees but through views.
    unsafe { View::from_raw(pool.memory.payload(class, slot.index), len as usize) }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("len", &self.len)
            .field("capacity", &self.capacity())
            .finish_non_exhaustive()
    }
}

/// Appends; writes fewer bytes than asked when the buffer is full, as `&mut [u8]` does.
impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let len = bytes.len().min(self.capacity() - self.len());
        self.extend_from_slice(&bytes[..len])
            .map_err(io::Error::other)?;
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
