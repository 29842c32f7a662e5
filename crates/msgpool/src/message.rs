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
/// A clone is one atomic addition and shares the bytes; so does a [`Part`] of them. The slot
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
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Part {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        self.try_slice(range)
            .expect("the range is within the message")
    }

    /// As [`slice`](Self::slice); none if the range is not within the length.
    #[must_use]
    pub fn try_slice(&self, range: impl RangeBounds<usize>) -> Option<Part> {
        let (start, len) = within(self.slot.len(), &range)?;
        Some(Part {
            message: self.clone(),
            start,
            len,
        })
    }

    /// The bytes to write to again, if nobody else has them.
    ///
    /// # Errors
    ///
    /// The message itself, if it has clones or parts elsewhere.
    pub fn try_into_buffer(self) -> Result<Buffer, Self> {
        if !self.slot.is_sole() {
            return Err(self);
        }
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is never used nor dropped again, so the slot keeps its only handle.
        let slot = unsafe { core::ptr::read(&raw const this.slot) };
        // SAFETY: is_sole() says that it is the only handle.
        Ok(unsafe { Buffer::from_slot(slot) })
    }
}

/// Where a range of `len` bytes begins and how long it is; none if it is not within.
fn within(len: u32, range: &impl RangeBounds<usize>) -> Option<(u32, u32)> {
    let start = match range.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last.checked_add(1)?,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => len as usize,
    };
    if end > len as usize {
        return None;
    }
    let len = u32::try_from(end.checked_sub(start)?).ok()?;
    Some((u32::try_from(start).ok()?, len))
}

/// A part of a [`Message`], sharing its bytes.
///
/// It keeps the whole message's slot. A message is one word and a part two, so that whoever needs
/// no parts does not pay for moving the range.
///
/// # Examples
///
/// ```
/// use claude_flow_msgpool::{Options, Pool};
///
/// let pool = Pool::new(&Options::default())?;
/// let mut buffer = pool.take(5)?;
/// buffer.copy_from_slice(b"hello");
/// let end = buffer.freeze().slice(3..);
/// assert_eq!(&*end, b"lo");
/// assert_eq!(&**end.whole(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Part {
    message: Message,
    /// With `len` within the message's length, which does not change.
    start: u32,
    len: u32,
}

impl Part {
    /// The message that this is a part of.
    #[must_use]
    pub fn whole(&self) -> &Message {
        &self.message
    }

    /// As [`Message::slice`], of these bytes.
    ///
    /// # Panics
    ///
    /// If the range is not within the length, as slicing does.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Self {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        self.try_slice(range).expect("the range is within the part")
    }

    /// As [`slice`](Self::slice); none if the range is not within the length.
    #[must_use]
    pub fn try_slice(&self, range: impl RangeBounds<usize>) -> Option<Self> {
        let (start, len) = within(self.len, &range)?;
        Some(Self {
            message: self.message.clone(),
            start: self.start + start,
            len,
        })
    }

    /// The bytes to write to again, if nobody else has the message.
    ///
    /// The buffer has the capacity of the whole slot; the bytes move to its front.
    ///
    /// # Errors
    ///
    /// The part itself, if the message has clones or parts elsewhere.
    pub fn try_into_buffer(self) -> Result<Buffer, Self> {
        let Self {
            message,
            start,
            len,
        } = self;
        let start_and_end = start as usize..start as usize + len as usize;
        match message.try_into_buffer() {
            Ok(mut buffer) => {
                buffer.copy_within(start_and_end, 0);
                buffer.truncate(len as usize);
                Ok(buffer)
            }
            Err(message) => Err(Self {
                message,
                start,
                len,
            }),
        }
    }
}

impl Deref for Part {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        let start = self.start as usize;
        &self.message[start..start + self.len as usize]
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
    #[expect(clippy::inline_always, reason = "keeps the message in registers")]
    #[inline(always)]
    fn drop(&mut self) {
        if self.slot.give_up() {
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

impl From<Buffer> for Message {
    fn from(buffer: Buffer) -> Self {
        buffer.freeze()
    }
}

/// What is compared, hashed and shown as its bytes are.
macro_rules! as_bytes {
    ($name:ident) => {
        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                self
            }
        }

        impl Borrow<[u8]> for $name {
            fn borrow(&self) -> &[u8] {
                self
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                **self == **other
            }
        }

        impl Eq for $name {}

        impl PartialEq<[u8]> for $name {
            fn eq(&self, other: &[u8]) -> bool {
                **self == *other
            }
        }

        impl PartialEq<&[u8]> for $name {
            fn eq(&self, other: &&[u8]) -> bool {
                **self == **other
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                (**self).cmp(&**other)
            }
        }

        /// As the bytes, which [`Borrow`] promises.
        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                (**self).hash(state);
            }
        }

        /// Without a copy of the payload; one small allocation for the owner.
        #[cfg(feature = "bytes")]
        impl From<$name> for bytes::Bytes {
            fn from(bytes: $name) -> Self {
                Self::from_owner(bytes)
            }
        }
    };
}

as_bytes!(Message);
as_bytes!(Part);

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("len", &self.len())
            .field("is_heap", &self.is_heap())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part")
            .field("start", &self.start)
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
