//! The array of values of a ring: raw places, addressed by position.
//!
//! A *position* counts the values of a ring from its beginning and never wraps: 2⁶⁴ values at a
//! thousand million a second are more than five hundred years. The place of a position is its
//! remainder by the capacity. The array knows nothing of who may touch which place: its callers do.
#![expect(
    unsafe_code,
    reason = "places are shared between threads without locks"
)]

use alloc::boxed::Box;
use core::mem::MaybeUninit;

use crate::sync::UnsafeCell;
use crate::{CAPACITY_MAX, CapacityError};

/// A power of two of places for values; it never drops what is in them.
pub(crate) struct Places<T> {
    cells: Box<[UnsafeCell<MaybeUninit<T>>]>,
    /// The capacity less one: the capacity is a power of two, which [`new`](Self::new) checks.
    mask: usize,
}

// SAFETY: `cells` moves values between threads and so needs `T: Send`; `mask` is an integer.
unsafe impl<T: Send> Send for Places<T> {}
// SAFETY: every access to a cell is an `unsafe fn` whose caller excludes races. Whoever hands out
// `&T` to several threads (broadcast) asks for `T: Sync` itself.
unsafe impl<T: Send> Sync for Places<T> {}

impl<T> Places<T> {
    /// # Errors
    ///
    /// A capacity that is not a power of two from 1 to [`CAPACITY_MAX`].
    pub(crate) fn new(capacity: usize) -> Result<Self, CapacityError> {
        if !capacity.is_power_of_two() || capacity > CAPACITY_MAX {
            return Err(CapacityError { capacity });
        }
        Ok(Self {
            cells: (0..capacity)
                .map(|_| UnsafeCell::new(MaybeUninit::uninit()))
                .collect(),
            mask: capacity - 1,
        })
    }

    #[inline]
    pub(crate) const fn capacity(&self) -> usize {
        self.mask + 1
    }

    /// The index of the place of a position, below the capacity.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the mask keeps low bits only"
    )]
    pub(crate) const fn index(&self, position: u64) -> usize {
        position as usize & self.mask
    }

    #[inline]
    fn cell(&self, position: u64) -> &UnsafeCell<MaybeUninit<T>> {
        // SAFETY: `index` is below the capacity, which is the length of `cells`.
        unsafe { self.cells.get_unchecked(self.index(position)) }
    }

    /// Moves a value in, without dropping what was there.
    ///
    /// # Safety
    ///
    /// Nobody else touches the place of `position` during the call.
    #[inline]
    pub(crate) unsafe fn write(&self, position: u64, value: T) {
        #[cfg(loom)]
        self.cell(position).with_mut(|place| {
            // SAFETY: the caller excludes every other access; loom checks that.
            unsafe { (*place).write(value) };
        });
        #[cfg(not(loom))]
        {
            let place = self.cell(position).get();
            // SAFETY: the pointer comes from a live cell, and the caller excludes other access.
            unsafe { (*place).write(value) };
        }
    }

    /// Moves the value out: the place counts as empty afterwards.
    ///
    /// # Safety
    ///
    /// The place of `position` holds a value, nobody writes to it during the call, and nobody
    /// uses the value that stays behind as bits.
    #[inline]
    pub(crate) unsafe fn read(&self, position: u64) -> T {
        #[cfg(loom)]
        return self.cell(position).with(|place| {
            // SAFETY: the caller says that there is a value and no writer; loom checks the latter.
            unsafe { (*place).assume_init_read() }
        });
        #[cfg(not(loom))]
        {
            let place = self.cell(position).get();
            // SAFETY: the caller says that the place holds a value that nobody writes to.
            unsafe { (*place).assume_init_read() }
        }
    }

    /// Looks at the value.
    ///
    /// # Safety
    ///
    /// The place of `position` holds a value, and nobody writes to it or moves it out while the
    /// reference lives.
    #[inline]
    pub(crate) unsafe fn get(&self, position: u64) -> &T {
        #[cfg(loom)]
        return self.cell(position).with(|place| {
            // SAFETY: as the caller promises; loom checks the moment of this call.
            unsafe { (*place).assume_init_ref() }
        });
        #[cfg(not(loom))]
        {
            let place = self.cell(position).get();
            // SAFETY: the caller says that the place holds a value that stays.
            unsafe { (*place).assume_init_ref() }
        }
    }

    /// Where two runs of places lie that together hold `count` positions from `position` on.
    ///
    /// The pointers are valid for as long as the array lives, the lengths are within it.
    #[cfg(not(loom))]
    #[inline]
    pub(crate) fn runs(&self, position: u64, count: usize) -> [(*mut MaybeUninit<T>, usize); 2] {
        debug_assert!(count <= self.capacity());
        let index = self.index(position);
        let first = count.min(self.capacity() - index);
        let base = UnsafeCell::raw_get(self.cells.as_ptr());
        // SAFETY: `index` is below the length of the array that `base` begins.
        let start = unsafe { base.add(index) };
        [(start, first), (base, count - first)]
    }

    /// Copies values in, without dropping what was there.
    ///
    /// # Safety
    ///
    /// As [`write`](Self::write), for each place from `position` on; there are at most as many
    /// values as places.
    #[inline]
    pub(crate) unsafe fn copy_in(&self, position: u64, values: &[T])
    where
        T: Copy,
    {
        #[cfg(loom)]
        for (at, value) in (position..).zip(values) {
            // SAFETY: as the caller promises for each place.
            unsafe { self.write(at, *value) };
        }
        #[cfg(not(loom))]
        {
            let mut from = values.as_ptr().cast::<MaybeUninit<T>>();
            for (place, count) in self.runs(position, values.len()) {
                // SAFETY: the runs lie within the array, their lengths add up to `values.len()`,
                // and a borrowed slice cannot overlap places that nobody else touches.
                unsafe { core::ptr::copy_nonoverlapping(from, place, count) };
                // SAFETY: at most the end of `values`.
                from = unsafe { from.add(count) };
            }
        }
    }

    /// Copies values out.
    ///
    /// # Safety
    ///
    /// Each place from `position` on holds a value, as many as `values` is long and no more than
    /// the capacity, and nobody writes to them during the call.
    #[inline]
    pub(crate) unsafe fn copy_out(&self, position: u64, values: &mut [MaybeUninit<T>])
    where
        T: Copy,
    {
        #[cfg(loom)]
        for (at, value) in (position..).zip(values) {
            // SAFETY: as the caller promises for each place.
            value.write(unsafe { self.read(at) });
        }
        #[cfg(not(loom))]
        {
            let mut to = values.as_mut_ptr();
            for (place, count) in self.runs(position, values.len()) {
                // SAFETY: the runs lie within the array, their lengths add up to `values.len()`,
                // and an exclusively borrowed slice cannot overlap the array.
                unsafe { core::ptr::copy_nonoverlapping(place, to, count) };
                // SAFETY: at most the end of `values`.
                to = unsafe { to.add(count) };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_is_a_power_of_two_within_bounds() {
        for bad in [0, 3, 6, CAPACITY_MAX + 1, CAPACITY_MAX * 2, usize::MAX] {
            assert_eq!(
                Places::<()>::new(bad).err(),
                Some(CapacityError { capacity: bad })
            );
        }
        for good in [1, 2, 64] {
            assert_eq!(Places::<u8>::new(good).map(|it| it.capacity()), Ok(good));
        }
    }
}
