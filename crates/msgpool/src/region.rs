//! Zeroed memory in one piece, and tables of atomics in it.
//!
//! Everything that a pool shares between threads lies in a region and is addressed by offset and
//! index, so that the same layout can lie in a mapping of several processes.
#![expect(unsafe_code, reason = "places tables in raw memory")]

use core::marker::PhantomData;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

/// Where a region begins is a multiple of this.
pub(crate) const PAGE_BYTES: usize = 4_096;
/// What is asked of the allocator: with more it would touch every page to zero it itself.
const ALLOCATION_ALIGN: usize = 16;

/// Memory that began as zeros and is never moved.
#[derive(Debug)]
pub(crate) struct Region {
    allocation: NonNull<u8>,
    layout: Layout,
    /// The first multiple of [`PAGE_BYTES`] in the allocation.
    base: NonNull<u8>,
    len: usize,
}

// SAFETY: a region is a range of addresses that it alone owns; what is in the memory is reached
// through tables of `Sync` types and through slots, which have one owner at a time.
unsafe impl Send for Region {}
// SAFETY: as above; `&Region` gives out addresses only.
unsafe impl Sync for Region {}

impl Region {
    /// `len` bytes of zeros; none if the allocator has none.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let size = len.checked_add(PAGE_BYTES)?;
        let layout = Layout::from_size_align(size, ALLOCATION_ALIGN).ok()?;
        // SAFETY: the size is at least PAGE_BYTES, not zero.
        let allocation = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let skip = allocation.align_offset(PAGE_BYTES);
        debug_assert!(skip < PAGE_BYTES);
        // SAFETY: skip < PAGE_BYTES, and the allocation is PAGE_BYTES longer than `len`.
        let base = unsafe { allocation.add(skip) };
        Some(Self {
            allocation,
            layout,
            base,
            len,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The address of a range of the region.
    ///
    /// # Panics
    ///
    /// If the range is not within the region: the layout is ours.
    pub(crate) fn at(&self, offset: usize, len: usize) -> NonNull<u8> {
        let end = offset.checked_add(len);
        assert!(
            end.is_some_and(|end| end <= self.len),
            "the layout is within its region"
        );
        // SAFETY: offset <= len, checked above, and `base` has `len` bytes behind it.
        unsafe { self.base.add(offset) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: allocated in new() with this layout, and given back only here.
        unsafe { dealloc(self.allocation.as_ptr(), self.layout) };
    }
}

/// What may lie in a region.
///
/// # Safety
///
/// All zeros is a valid value, the type is `repr(C)`, and every field is an atomic (or padding),
/// so that shared references to it are sound while other threads write.
pub(crate) unsafe trait InRegion: Default + Sync {}

/// `count` values at equal distances in a region.
///
/// A model cannot place its own atomics in raw memory: under `cfg(loom)` the values lie in a `Vec`.
#[derive(Debug)]
pub(crate) struct Table<T> {
    #[cfg(not(loom))]
    base: NonNull<u8>,
    #[cfg(not(loom))]
    stride: usize,
    #[cfg(loom)]
    items: Vec<T>,
    count: usize,
    item: PhantomData<T>,
}

// SAFETY: a table is a shared view of `T: Sync` values.
unsafe impl<T: InRegion> Send for Table<T> {}
// SAFETY: as above.
unsafe impl<T: InRegion> Sync for Table<T> {}

impl<T: InRegion> Table<T> {
    /// The values from `offset` on, `stride` bytes apart.
    ///
    /// # Panics
    ///
    /// If they are not within the region, overlap or are not aligned.
    ///
    /// # Safety
    ///
    /// The table is not used after the region is gone, and no other table or slice of bytes
    /// covers any of its values.
    #[cfg(not(loom))]
    pub(crate) unsafe fn new(region: &Region, offset: usize, stride: usize, count: usize) -> Self {
        let bytes = match count {
            0 => 0,
            _ => stride * (count - 1) + size_of::<T>(),
        };
        assert!(stride >= size_of::<T>() && stride.is_multiple_of(align_of::<T>()));
        assert!(offset.is_multiple_of(align_of::<T>()) && align_of::<T>() <= PAGE_BYTES);
        Self {
            base: region.at(offset, bytes),
            stride,
            count,
            item: PhantomData,
        }
    }

    /// As above; the values are not in the region.
    ///
    /// # Safety
    ///
    /// None is needed; the signature is the same as without a model.
    #[cfg(loom)]
    pub(crate) unsafe fn new(_: &Region, _: usize, _: usize, count: usize) -> Self {
        Self {
            items: (0..count).map(|_| T::default()).collect(),
            count,
            item: PhantomData,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// The value at an index, if there is one.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let index = index as usize;
        if index >= self.count {
            return None;
        }
        #[cfg(loom)]
        return self.items.get(index);
        #[cfg(not(loom))]
        {
            // SAFETY: index < count, so the value is within the region; checked in new().
            let item = unsafe { self.base.add(index * self.stride) };
            // SAFETY: aligned and within the region (new()), which outlives the table (new()'s
            // contract); zeros or what `T`'s atomics stored is a valid `T` (InRegion).
            Some(unsafe { item.cast::<T>().as_ref() })
        }
    }

    /// The address of a value, if there is one, good for what lies around it in the region.
    #[inline]
    pub(crate) fn address(&self, index: u32) -> Option<NonNull<T>> {
        #[cfg(loom)]
        return self.get(index).map(NonNull::from);
        #[cfg(not(loom))]
        {
            let index = index as usize;
            if index >= self.count {
                return None;
            }
            // SAFETY: index < count, so the value is within the region; checked in new().
            Some(unsafe { self.base.add(index * self.stride) }.cast())
        }
    }
}
