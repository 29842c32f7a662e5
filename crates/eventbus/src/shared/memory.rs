//! Bytes of a mapped file: words, bells, and views of the rest.
//!
//! Every process of this user may write to any byte at any moment. So there are no structures here,
//! only atomics, of which any content is valid, and copies.
#![expect(unsafe_code, reason = "words lie at offsets from the base of a region")]

use std::ptr::NonNull;
use std::sync::Arc;

use claude_flow_ringbuf::region::{REGION_ALIGN_BYTES, Region};
use claude_flow_ringbuf::shared::parts::Bell;
use claude_flow_ringbuf::shared::{View, ViewMut};

use crate::sync::{AtomicU32, AtomicU64};

/// A region whose parts are accessed by atomics and views only.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    region: Arc<dyn Region>,
}

impl Memory {
    pub(super) fn new(region: Arc<dyn Region>) -> Self {
        Self { region }
    }

    #[inline]
    pub(super) fn size_bytes(&self) -> usize {
        self.region.size_bytes()
    }

    /// The word at an offset.
    ///
    /// # Panics
    ///
    /// If it is not aligned or not within the region: offsets are ours, never another process's.
    #[inline]
    pub(super) fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the place is within the region, which `self` keeps, and aligned; any bytes are
        // a value, and all accesses in this process are atomic.
        unsafe { self.place::<AtomicU64>(offset).as_ref() }
    }

    /// As [`word`](Self::word), of half the size.
    #[inline]
    pub(super) fn half(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: as in `word`.
        unsafe { self.place::<AtomicU32>(offset).as_ref() }
    }

    /// The bell at an offset; panics as [`word`](Self::word).
    #[inline]
    pub(super) fn bell(&self, offset: usize) -> &Bell {
        // SAFETY: as in `word`: a bell is one atomic word, of which any content is valid.
        unsafe { self.place::<Bell>(offset).as_ref() }
    }

    /// `len` bytes from an offset on; none if they are not all within the region.
    #[inline]
    pub(super) fn view(&self, offset: usize, len: usize) -> Option<View<'_>> {
        let first = self.checked(offset, len)?;
        // SAFETY: the bytes are within the region, which outlives the borrow of `self`.
        Some(unsafe { View::from_raw(first, len) })
    }

    /// As [`view`](Self::view), to be written; the caller sees to it that nobody reads them yet.
    #[inline]
    pub(super) fn view_mut(&self, offset: usize, len: usize) -> Option<ViewMut<'_>> {
        let first = self.checked(offset, len)?;
        // SAFETY: as in `view`; two of them at one place race with nothing, all is atomic.
        Some(unsafe { ViewMut::from_raw(first, len) })
    }

    /// Everything from an offset on, a multiple of [`REGION_ALIGN_BYTES`], as a region.
    pub(super) fn rest(&self, offset: usize) -> Option<Arc<dyn Region>> {
        if !offset.is_multiple_of(REGION_ALIGN_BYTES) {
            return None;
        }
        self.checked(offset, 1)?;
        Some(Arc::new(Rest {
            region: Arc::clone(&self.region),
            offset,
        }))
    }

    #[inline]
    fn checked(&self, offset: usize, len: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(len)?;
        // SAFETY: `offset` is at most `end`, which is checked before the closure runs.
        let first = || unsafe { self.region.base().add(offset) };
        (end <= self.region.size_bytes()).then(first)
    }

    #[inline]
    fn place<T>(&self, offset: usize) -> NonNull<T> {
        let place = self.checked(offset, size_of::<T>());
        let place = place.expect("the offset is within the region").cast();
        assert!(place.is_aligned(), "the offset is aligned");
        place
    }
}

/// What is left of a region behind an offset.
#[derive(Debug)]
struct Rest {
    region: Arc<dyn Region>,
    /// A multiple of [`REGION_ALIGN_BYTES`], below the region's length.
    offset: usize,
}

// SAFETY: the bytes are some of a region's, which promises the same for all of them; the offset is
// a multiple of the alignment and within the region, both checked in `Memory::rest`.
unsafe impl Region for Rest {
    fn base(&self) -> NonNull<u8> {
        // SAFETY: the offset is within the region.
        unsafe { self.region.base().add(self.offset) }
    }

    fn size_bytes(&self) -> usize {
        self.region.size_bytes() - self.offset
    }
}
