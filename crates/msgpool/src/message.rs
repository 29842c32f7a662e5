//! A slot that many read.
#![expect(unsafe_code, reason = "counts the handles of its slot")]

use core::borrow::Borrow;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::mem::ManuallyDrop;
use core::ops::{Bound, Deref, RangeBounds};

use crate::Buffer;
use crate::slot::Slot;

/// Bytes that many read: a [`Buffer`] that was [frozen](Buffer::freeze).
///
/// A clone is one atomic addition and shares the bytes; so does a [slice](Self::slice). The slot
/// goes back to the pool when the last of them is dropped, on whichever thread.
///
/// # Examples
///
/// ```
/// use claude_flow_msgpool::{Options, Pool};
///
/// let pool = Pool::new(&Options::default())?;
/// let mut buffer = pool.take(5)?;
/// buffer.copy_from_slice(b"hello");
/// let message = buffer.freeze();
/// let end = message.slice(3..);
/// drop(message);
/// assert_eq!(&*end, b"lo");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Message {
    /// One of the handles of its slot; none of them writes.
    slot: Slot,
}

// SAFETY: handles only read the bytes; their count is atomic, and the last one gives the slot
// back from any thread.
unsafe impl Send for Message {}
// SAFETY: `&Message` only reads, and clones by an atomic addition.
unsafe impl Sync for Message {}

impl Message {
    /// # Safety
    ///
    /// Every other handle of the slot is a message's.
    #[inline]
    pub(crate) unsafe fn from_slot(slot: Slot) -> Self {
        Self { slot }
    }

    /// Whether the bytes lie in the heap because no class is large enough.
    #[must_use]
    pub fn is_heap(&self) -> bool {
        self.slot.is_heap()
    }

    /// A part of the bytes, sharing them.
    ///
    /// # Panics
    ///
    /// If the range is not within the length, as slicing does.
    ///
    /// # Complexity
    ///
    /// One atomic addition; wait-free.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        self.try_slice(range)
            .expect("the range is within the message")
    }

    /// As [`slice`](Self::slice); none if the range is not within the length.
    #[must_use]
    pub fn try_slice(&self, range: impl RangeBounds<usize>) -> Option<Self> {
        let start = match range.start_bound() {
            Bound::Included(start) => *start,
            Bound::Excluded(before) => before.checked_add(1)?,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(last) => last.checked_add(1)?,
            Bound::Excluded(end) => *end,
            Bound::Unbounded => self.len(),
        };
        let len = u32::try_from(end.checked_sub(start)?).ok()?;
        let slot = self.slot.part(u32::try_from(start).ok()?, len)?;
        Some(Self { slot })
    }

    /// The bytes to write to again, if nobody else has them.
    ///
    /// The buffer has the capacity of the whole slot; the bytes of a part of a message move to
    /// its front.
    ///
    /// # Errors
    ///
    /// The message itself, if it has clones or slices elsewhere.
    pub fn try_into_buffer(self) -> Result<Buffer, Self> {
        if !self.slot.is_sole() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used nor dropped again, so the slot keeps its only handle.
        let mut slot = unsafe { core::ptr::read(&raw const this.slot) };
        slot.renew();
        // SAFETY: is_sole() says that it is the only handle.
        unsafe { slot.move_to_front() };
        slot.note_len();
        // SAFETY: the only handle, and at the front.
        Ok(unsafe { Buffer::from_slot(slot) })
    }
}

impl Clone for Message {
    #[inline]
    fn clone(&self) -> Self {
        Self {
            slot: self.slot.share(),
        }
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        if self.slot.give_up() {
            self.slot.renew();
            // SAFETY: give_up() says that this was the last handle, which ends here.
            unsafe { self.slot.release() };
        }
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: no handle of a message writes (field).
        unsafe { self.slot.bytes() }
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Borrow<[u8]> for Message {
    fn borrow(&self) -> &[u8] {
        self
    }
}

impl From<Buffer> for Message {
    fn from(buffer: Buffer) -> Self {
        buffer.freeze()
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Message {}

impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl PartialEq<&[u8]> for Message {
    fn eq(&self, other: &&[u8]) -> bool {
        **self == **other
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Message {
    fn cmp(&self, other: &Self) -> Ordering {
        (**self).cmp(&**other)
    }
}

/// As the bytes, which [`Borrow`] promises.
impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("len", &self.len())
            .field("is_heap", &self.is_heap())
            .finish_non_exhaustive()
    }
}

/// Without a copy of the payload; one small allocation for the owner.
#[cfg(feature = "bytes")]
impl From<Message> for bytes::Bytes {
    fn from(message: Message) -> Self {
        Self::from_owner(message)
    }
}
