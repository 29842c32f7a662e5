//! The places for values that a ring is made of: raw memory, addressed by position.
//!
//! A *position* counts the values of a ring from its beginning; the place of a position is its
//! remainder by the capacity. Which place belongs to whom at what moment is the ring's affair: every
//! access is unsafe and names the ring's rule. What is kept here: the allocation, and where a position
//! lies in it.
#![expect(
    unsafe_code,
    reason = "places hold values or nothing, and only the ring knows which"
)]

use alloc::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use core::mem::{MaybeUninit, needs_drop};
use core::ops::Deref;
use core::ptr::{self, NonNull};
use core::slice;

use crate::CapacityError;
use crate::cache_line::CACHE_LINE_BYTES;
use crate::sync::Shadows;

/// Where a ring's places begin: on a pair of cache lines of their own.
const ALIGNMENT_BYTES: usize = 2 * CACHE_LINE_BYTES;

/// The memory that a ring's places are in.
///
/// Dropping it frees the memory and drops no value.
pub(crate) struct Memory<T> {
    places: Places<T>,
}

impl<T> Memory<T> {
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

impl<T> Drop for Memory<T> {
    fn drop(&mut self) {
        let layout = Self::layout(self.places.capacity()).expect("the layout was made in `new`");
        if layout.size() != 0 {
            // SAFETY: `first` came from `alloc` with this layout and is freed nowhere else.
            unsafe { dealloc(self.places.first.as_ptr().cast(), layout) };
        }
    }
}

impl<T> Deref for Memory<T> {
    type Target = Places<T>;

    #[inline]
    fn deref(&self) -> &Places<T> {
        &self.places
    }
}

/// How a ring counts its values: in `usize`, wrapping, or in `u64`, which never wraps (2⁶⁴ values at
/// a thousand million a second are more than five hundred years).
pub(crate) trait Position: Copy {
    /// As many low bits as there can be places.
    fn low_bits(self) -> usize;
}

impl Position for usize {
    #[inline]
    fn low_bits(self) -> usize {
        self
    }
}

impl Position for u64 {
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask of the places keeps low bits only"
    )]
    fn low_bits(self) -> usize {
        self as usize
    }
}

/// Where a ring's places are: what its ends keep at hand.
pub(crate) struct Places<T> {
    /// `mask + 1` places; dangling if they need no memory.
    first: NonNull<MaybeUninit<T>>,
    /// The capacity, a power of two, less one.
    mask: usize,
    /// One for each place.
    shadows: Shadows,
}

// SAFETY: `first` points to memory that the ring keeps, the rest is plain data; the values are
// handed from thread to thread, which `T: Send` permits.
unsafe impl<T: Send> Send for Places<T> {}
// SAFETY: shared `Places` give access only through unsafe functions, whose callers see to it that
// nobody writes to a place that another thread touches. Values move, so `T: Send` is enough; whoever
// hands out `&T` to several threads (broadcast) asks for `T: Sync` itself.
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

    /// The index of the place of a position, below the capacity.
    #[inline]
    pub(crate) fn index(&self, position: impl Position) -> usize {
        position.low_bits() & self.mask
    }

    /// Puts a value into the place of a position.
    ///
    /// # Safety
    ///
    /// The memory lives, the place holds no value (one that is there is lost, not dropped), and no
    /// other thread touches it meanwhile.
    #[inline]
    pub(crate) unsafe fn write(&self, position: impl Position, value: T) {
        self.shadows.write(self.index(position));
        // SAFETY: `place` is inside of the allocation and aligned; the caller has it alone.
        unsafe { self.place(position).write(MaybeUninit::new(value)) };
    }

    /// Takes the value out of the place of a position.
    ///
    /// # Safety
    ///
    /// The memory lives, the place holds a value, no other thread touches it meanwhile, and the
    /// caller treats it as empty from now on.
    #[inline]
    pub(crate) unsafe fn read(&self, position: impl Position) -> T {
        self.shadows.write(self.index(position));
        // SAFETY: `place` is inside of the allocation and aligned; the caller has it alone.
        let place = unsafe { self.place(position).read() };
        // SAFETY: the caller says that a value is there.
        unsafe { place.assume_init() }
    }

    /// Looks at the value of a place.
    ///
    /// # Safety
    ///
    /// The memory outlives the reference, the place holds a value, and nobody writes to it or moves it
    /// out while the reference lives.
    #[inline]
    pub(crate) unsafe fn get(&self, position: impl Position) -> &T {
        self.shadows.read(self.index(position));
        let place = self.place(position);
        // SAFETY: the place is inside of the allocation and aligned; the caller says that nobody
        // writes to it.
        let place = unsafe { &*place };
        // SAFETY: the caller says that a value is there.
        unsafe { place.assume_init_ref() }
    }

    /// Where two runs of places lie that together hold `count` positions from `position` on.
    ///
    /// The pointers are valid for as long as the memory lives, the lengths are within it.
    #[inline]
    pub(crate) fn runs(
        &self,
        position: impl Position,
        count: usize,
    ) -> [(*mut MaybeUninit<T>, usize); 2] {
        debug_assert!(count <= self.capacity(), "a ring has only its places");
        let first_count = count.min(self.capacity() - self.index(position));
        [
            (self.place(position), first_count),
            (self.first.as_ptr(), count - first_count),
        ]
    }

    /// Tells the model that places are written, or their values moved out.
    #[inline]
    fn touch(&self, start: impl Position, count: usize) {
        if cfg!(loom) {
            for offset in 0..count {
                self.shadows
                    .write(start.low_bits().wrapping_add(offset) & self.mask);
            }
        }
    }

    /// Copies values in, without dropping what was there.
    ///
    /// # Safety
    ///
    /// As [`write`](Self::write), for each place from `position` on; there are at most as many
    /// values as places.
    #[inline]
    pub(crate) unsafe fn copy_in(&self, position: impl Position, values: &[T])
    where
        T: Copy,
    {
        self.touch(position, values.len());
        let mut from = values.as_ptr().cast::<MaybeUninit<T>>();
        for (place, count) in self.runs(position, values.len()) {
            // SAFETY: the runs lie within the memory, their lengths add up to `values.len()`,
            // and a borrowed slice cannot overlap places that nobody else touches.
            unsafe { ptr::copy_nonoverlapping(from, place, count) };
            // SAFETY: at most the end of `values`.
            from = unsafe { from.add(count) };
        }
    }

    /// Copies values out.
    ///
    /// # Safety
    ///
    /// As [`read`](Self::read), for each place from `position` on, as many as `values` is long; that is
    /// no more than the capacity.
    #[inline]
    pub(crate) unsafe fn copy_out(&self, position: impl Position, values: &mut [MaybeUninit<T>])
    where
        T: Copy,
    {
        self.touch(position, values.len());
        let mut to = values.as_mut_ptr();
        for (place, count) in self.runs(position, values.len()) {
            // SAFETY: the runs lie within the memory, their lengths add up to `values.len()`,
            // and an exclusively borrowed slice cannot overlap it.
            unsafe { ptr::copy_nonoverlapping(place, to, count) };
            // SAFETY: at most the end of `values`.
            to = unsafe { to.add(count) };
        }
    }

    /// The places of `count` positions from `start` on, in order: the second part is what lies
    /// beyond the end of the memory, at its beginning.
    ///
    /// # Safety
    ///
    /// `count` is at most the capacity, and while the slices live, so does the memory, and nobody
    /// else touches these places.
    #[inline]
    pub(crate) unsafe fn slices<'a>(
        &self,
        start: impl Position,
        count: usize,
    ) -> (&'a mut [MaybeUninit<T>], &'a mut [MaybeUninit<T>]) {
        self.touch(start, count);
        let [(first, first_count), (rest, rest_count)] = self.runs(start, count);
        // SAFETY: the run lies within the memory; the caller has the places alone.
        let first = unsafe { slice::from_raw_parts_mut(first, first_count) };
        // SAFETY: as above; both together are at most the capacity, so they do not overlap.
        let rest = unsafe { slice::from_raw_parts_mut(rest, rest_count) };
        (first, rest)
    }

    /// Drops the values of `count` positions from `start` on, all of them even if one panics.
    ///
    /// # Safety
    ///
    /// As for [`slices`](Self::slices); each of these places holds a value, and the caller
    /// treats them as empty from now on, also when this panics.
    pub(crate) unsafe fn drop_values(&self, start: impl Position, count: usize) {
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
    fn place(&self, position: impl Position) -> *mut MaybeUninit<T> {
        // SAFETY: the masked position is below the capacity, hence inside of the allocation.
        unsafe { self.first.as_ptr().add(self.index(position)) }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::CAPACITY_MAX;

    #[test]
    fn a_capacity_is_a_power_of_two_within_bounds() {
        for bad in [0, 3, 6, CAPACITY_MAX + 1, CAPACITY_MAX * 2, usize::MAX] {
            assert_eq!(
                Memory::<()>::new(bad).err(),
                Some(CapacityError { capacity: bad })
            );
        }
        for good in [1, 2, 64] {
            assert_eq!(Memory::<u8>::new(good).map(|it| it.capacity()), Ok(good));
        }
    }
}
