//! A slot that one owner writes to.
#![expect(unsafe_code, reason = "is the only handle of its slot")]

use core::fmt;
use core::mem::ManuallyDrop;
use core::ops::{Deref, DerefMut};
use std::io;

use crate::slot::Slot;
use crate::{FullError, Message};

/// Bytes that one owner writes: what [`Pool::take`](crate::Pool::take) gives.
///
/// Derefs to the bytes up to its length. Its slot goes back to the pool when it is dropped, on
/// whichever thread; [`freeze`](Self::freeze) makes it a [`Message`] without copying.
///
/// The bytes are initialised, with whatever the slot last held: zeros if it is fresh or the pool
/// [zeroizes](crate::Options::zeroize).
///
/// # Examples
///
/// ```
/// use std::io::Write;
/// use claude_flow_msgpool::{Options, Pool};
///
/// let pool = Pool::new(&Options::default())?;
/// let mut buffer = pool.take_empty(100)?;
/// write!(buffer, "{} and {}", 1, 2)?;
/// assert_eq!(&*buffer, b"1 and 2");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Buffer {
    /// The only handle of its slot.
    slot: Slot,
}

// SAFETY: a buffer is the only handle of its slot; the slot is given back from any thread.
unsafe impl Send for Buffer {}
// SAFETY: `&Buffer` only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// # Safety
    ///
    /// The slot has no other handle.
    #[inline]
    pub(crate) unsafe fn from_slot(slot: Slot) -> Self {
        Self { slot }
    }

    /// The most bytes that fit: the size of the slot's class.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slot.capacity() as usize
    }

    /// Whether the bytes lie in the heap because no class is large enough
    /// ([`Oversize::Heap`](crate::Oversize::Heap)).
    #[must_use]
    pub fn is_heap(&self) -> bool {
        self.slot.is_heap()
    }

    /// Shortens to `len` bytes; does nothing if there are no more than that.
    pub fn truncate(&mut self, len: usize) {
        if let Ok(len) = u32::try_from(len) {
            self.slot.set_len(len.min(self.slot.len()));
        }
    }

    /// Shortens to nothing.
    pub fn clear(&mut self) {
        self.slot.set_len(0);
    }

    /// Sets the length; bytes that come into view are set to `value`.
    ///
    /// # Errors
    ///
    /// [`FullError`] if the length is beyond the capacity; the buffer is unchanged.
    pub fn resize(&mut self, len: usize, value: u8) -> Result<(), FullError> {
        let before = self.len();
        if len > before {
            self.grow(len - before)?.fill(value);
        }
        self.truncate(len);
        Ok(())
    }

    /// Appends bytes.
    ///
    /// # Errors
    ///
    /// [`FullError`] if they do not all fit; the buffer is unchanged.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), FullError> {
        self.grow(bytes.len())?.copy_from_slice(bytes);
        Ok(())
    }

    /// Makes the buffer `len` bytes longer, and returns those, with whatever the slot last held.
    ///
    /// # Errors
    ///
    /// [`FullError`] if they do not all fit; the buffer is unchanged.
    pub fn grow(&mut self, len: usize) -> Result<&mut [u8], FullError> {
        let before = self.len();
        let rest = self.capacity() - before;
        let error = FullError { len, rest };
        let after = before.checked_add(len).ok_or(error)?;
        let after = u32::try_from(after).map_err(|_| error)?;
        if after > self.slot.capacity() {
            return Err(error);
        }
        self.slot.set_len(after);
        Ok(&mut self[before..])
    }

    /// Gives up writing for sharing: the same bytes as a [`Message`], without a copy.
    ///
    /// # Complexity
    ///
    /// Nothing is done; wait-free.
    #[must_use]
    #[inline]
    pub fn freeze(self) -> Message {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used nor dropped again, so the slot keeps its only handle.
        let slot = unsafe { core::ptr::read(&raw const this.slot) };
        // SAFETY: the slot's only handle.
        unsafe { Message::from_slot(slot) }
    }

    /// The number of its slot.
    #[cfg(all(test, loom))]
    pub(crate) fn slot_index(&self) -> u32 {
        self.slot.index()
    }
}

impl Deref for Buffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: only `&mut self` writes.
        unsafe { self.slot.bytes() }
    }
}

impl DerefMut for Buffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: this is the only handle (field).
        unsafe { self.slot.bytes_mut() }
    }
}

impl Drop for Buffer {
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the only handle of the slot, which ends here.
        unsafe { self.slot.release() };
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer")
            .field("len", &self.len())
            .field("capacity", &self.capacity())
            .field("is_heap", &self.is_heap())
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
