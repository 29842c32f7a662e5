//! A slot that many read, in several processes.

use core::fmt;
use std::sync::Arc;

use claude_flow_ringbuf::shared::View;

use super::attachment::Lent;
use super::{Handle, InFlightError, buffer};

/// Bytes in shared memory that many read: a [`Buffer`](super::Buffer) that was frozen, here or in
/// another process.
///
/// A clone shares the bytes. The slot goes back to the pool when no process has it any more and
/// no reference to it is in flight.
pub struct Message {
    lent: Lent,
    /// At most the size of the slot's class; read once.
    len: u32,
}

impl Message {
    /// The slot is frozen and has at least `len` bytes.
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

    /// The bytes. Their address is a multiple of 64.
    #[inline]
    #[must_use]
    pub fn view(&self) -> View<'_> {
        buffer::view(&self.lent, self.len)
    }

    /// A copy of the bytes.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.view().to_vec()
    }

    /// What names the message to another process, without a reference: it can be claimed by
    /// anybody, as often as they like, as long as somebody has the message.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.lent.pool.handle(self.lent.slot)
    }

    /// Puts the reference in flight: whoever claims the handle first has it, and nobody after.
    ///
    /// A reference in flight belongs to this process until it is claimed. If it cannot be sent,
    /// claim it back.
    ///
    /// # Errors
    ///
    /// [`InFlightError`], which has the message.
    ///
    /// # Complexity
    ///
    /// One or two compare-and-swaps; lock-free.
    pub fn into_handle(mut self) -> Result<Handle, InFlightError> {
        match self.lent.pool.send(self.lent.slot) {
            Some(handle) => {
                self.lent.is_spent = true;
                Ok(handle)
            }
            None => Err(InFlightError(self)),
        }
    }
}

impl Clone for Message {
    /// # Panics
    ///
    /// If this process has 2³² − 2 handles of the message.
    fn clone(&self) -> Self {
        let Lent { pool, slot, .. } = &self.lent;
        pool.held(*slot)
            .add()
            .expect("so many handles do not fit the memory");
        Self {
            lent: Lent::new(Arc::clone(pool), *slot),
            len: self.len,
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("len", &self.len)
            .field("handle", &self.handle())
            .finish_non_exhaustive()
    }
}
