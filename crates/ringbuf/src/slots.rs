//! The places for values that a ring is made of.
//!
//! Which place belongs to whom at what moment is the ring's affair: every access is unsafe and
//! names the ring's rule. What is kept here: the allocation, and where a position lies in it.
#![expect(
    unsafe_code,
    reason = "places hold values or nothing, and only the ring knows which"
)]

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::{self, NonNull};
use core::slice;

use crate::CapacityError;
use crate::cache_line::CACHE_LINE_BYTES;
use crate::sync::Shadows;

/// Where a ring's places begin: on a pair of cache lines of their own.
const ALIGNMENT_BYTES: usize = 2 * CACHE_LINE_BYTES;

/// The memory that a ring's places are in.
///
/// Dropping the slots frees the memory and drops no value.
pub(crate) struct Slots<T> {
    places: Places<T>,
}

impl<T> Slots<T> {
    /// Empty places; the capacity must be a power of two and fit the memory.
    pub(crate) fn new(capacity: usize) -> Result<Self, CapacityError> {
        let error = CapacityError { capacity };
        if !capacity.is_power_of_two() || capacity > crate::CAPACITY_MAX {
            return Err(error);
        }
        let layout = Self::layout(capacity).ok_or(error)?;
        let first = if layout.size() == 0 {
            NonNull::dangling()
        } else {
            // SAFETY: the size of the layout is not zero, it was looked at above.
            let memory = unsafe { alloc(layout) };
            NonNull::new(memory.cast()).unwrap_or_else(|| handle_alloc_error(layout))
        };
        let places = Places {
            first,
            mask: capacity - 1,
            shadows: Shadows::new(capacity),
        };
        Ok(Self { places })
    }

    /// Where the places are.
    #[inline]
    pub(crate) fn places(&self) -> Places<T> {
        self.places.clone()
    }

    /// None if no allocation can have that size.
    fn layout(capacity: usize) -> Option<Layout> {
        let layout = Layout::array::<MaybeUninit<T>>(capacity).ok()?;
        layout.align_to(ALIGNMENT_BYTES).ok()
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        let layout = Self::layout(self.places.capacity()).expect("the layout was made in `new`");
        if layout.size() != 0 {
            // SAFETY: `first` came from `alloc` with this layout and is freed nowhere else.
            unsafe { dealloc(self.places.first.as_ptr().cast(), layout) };
        }
    }
}

/// Where a ring's places are: what its ends keep at hand.
///
/// A *position* counts values since the ring was made, wrapping; a place serves every position
/// that is equal to it modulo the capacity.
pub(crate) struct Places<T> {
    /// `mask + 1` places; dangling if they need no memory.
    first: NonNull<MaybeUninit<T>>,
    /// The capacity, a power of two, less one.
    mask: usize,
    /// One for each place.
    shadows: Shadows,
}

// SAFETY: `first` points to memory that the slots keep, the rest is plain data; the values are
// handed from thread to thread, which `T: Send` permits.
unsafe impl<T: Send> Send for Places<T> {}
// SAFETY: shared `Places` give access only through unsafe functions, whose callers see to it that
// each place is touched by one thread at a time; values move, so `T: Send` is enough.
unsafe impl<T: Send> Sync for Places<T> {}

impl<T> Clone for Places<T> {
    #[inline]
    fn clone(&self) -> Self {
        Self {
            first: self.first,
            mask: self.mask,
            shadows: self.shadows.clone(),
        }
    }
}

impl<T> Places<T> {
    #[inline]
    pub(crate) const fn capacity(&self) -> usize {
        self.mask + 1
    }

    /// Puts a value into the place of a position.
    ///
    /// # Safety
    ///
    /// The slots live, the place holds no value (one that is there is lost, not dropped), and no
    /// other thread touches it meanwhile.
    #[inline]
    pub(crate) unsafe fn write(&self, position: usize, value: T) {
        self.shadows.write(position & self.mask);
        // SAFETY: `place` is inside of the allocation and aligned; the caller has it alone.
        unsafe { self.place(position).write(MaybeUninit::new(value)) };
    }

    /// Takes the value out of the place of a position.
    ///
    /// # Safety
    ///
    /// The slots live, the place holds a value, no other thread touches it meanwhile, and the
    /// caller treats it as empty from now on.
    #[inline]
    pub(crate) unsafe fn read(&self, position: usize) -> T {
        self.shadows.write(position & self.mask);
        // SAFETY: `place` is inside of the allocation and aligned; the caller has it alone.
        let place = unsafe { self.place(position).read() };
        // SAFETY: the caller says that a value is there.
        unsafe { place.assume_init() }
    }

    /// The places of `count` positions from `start` on, in order: the second part is what lies
    /// beyond the end of the memory, at its beginning.
    ///
    /// # Safety
    ///
    /// `count` is at most the capacity, and while the slices live, so do the slots, and nobody
    /// else touches these places.
    #[inline]
    pub(crate) unsafe fn slices<'a>(
        &self,
        start: usize,
        count: usize,
    ) -> (&'a mut [MaybeUninit<T>], &'a mut [MaybeUninit<T>]) {
        debug_assert!(count <= self.capacity(), "a ring has only its places");
        if cfg!(loom) {
            for index in 0..count {
                self.shadows.write(start.wrapping_add(index) & self.mask);
            }
        }
        let offset = start & self.mask;
        let first_count = count.min(self.capacity() - offset);
        // SAFETY: `offset + first_count` is at most the capacity; the caller has the places alone.
        let first = unsafe { slice::from_raw_parts_mut(self.place(start), first_count) };
        // SAFETY: what is left is less than `offset`, so it overlaps nothing; the caller has it alone.
        let rest = unsafe { slice::from_raw_parts_mut(self.first.as_ptr(), count - first_count) };
        (first, rest)
    }

    /// Drops the values of `count` positions from `start` on, all of them even if one panics.
    ///
    /// # Safety
    ///
    /// As for [`slices`](Self::slices); each of these places holds a value, and the caller
    /// treats them as empty from now on, also when this panics.
    pub(crate) unsafe fn drop_values(&self, start: usize, count: usize) {
        if !needs_drop::<T>() {
            return;
        }
        // SAFETY: the caller's promise is the same.
        let (first, rest) = unsafe { self.slices(start, count) };
        let rest = Values(rest);
        drop(Values(first));
        drop(rest);
    }

    #[inline]
    fn place(&self, position: usize) -> *mut MaybeUninit<T> {
        // SAFETY: the masked position is below the capacity, hence inside of the allocation.
        unsafe { self.first.as_ptr().add(position & self.mask) }
    }
}

/// Places that all hold values, which are dropped with it.
struct Values<'a, T>(&'a mut [MaybeUninit<T>]);

impl<T> Drop for Values<'_, T> {
    fn drop(&mut self) {
        let values: *mut [T] = ptr::from_mut(self.0) as *mut [T];
        // SAFETY: the places hold values, `drop_values` says so, and are not looked at again; a
        // panic of one value does not keep the compiler from dropping the rest of the slice.
        unsafe { ptr::drop_in_place(values) };
    }
}
