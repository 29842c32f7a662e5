//! Empty places lent to the producer's user.
#![expect(
    unsafe_code,
    reason = "the user of a claim says which places it filled"
)]

use core::fmt;
use core::mem::MaybeUninit;

use super::Producer;
use crate::Wait;

/// Empty places, to be filled in place and published together; what
/// [`Producer::try_claim`] returns.
///
/// Dropped, it publishes nothing.
#[must_use = "a claim publishes nothing until it is filled or committed"]
pub struct Claim<'a, T, W: Wait> {
    producer: &'a mut Producer<T, W>,
    /// At most the number of places that are the producer's.
    count: usize,
}

impl<'a, T, W: Wait> Claim<'a, T, W> {
    #[inline]
    pub(super) fn new(producer: &'a mut Producer<T, W>, count: usize) -> Self {
        Self { producer, count }
    }

    /// How many places there are.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no place; only if none was asked for.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The places in order; the second part is empty unless they go round the end of the ring.
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [MaybeUninit<T>], &mut [MaybeUninit<T>]) {
        // SAFETY: the places `tail..tail + count` are the producer's, which is borrowed.
        unsafe {
            self.producer
                .places
                .slices(self.producer.tail(), self.count)
        }
    }

    /// Publishes the first `count` places together.
    ///
    /// # Safety
    ///
    /// Each of them holds a value.
    ///
    /// # Panics
    ///
    /// `count` is more than [`len`](Self::len).
    #[inline]
    pub unsafe fn commit(self, count: usize) {
        assert!(
            count <= self.count,
            "only places that were claimed are committed"
        );
        self.producer.publish(self.producer.tail(), count);
    }

    /// Fills the places from the iterator and publishes those that it had values for; how many.
    ///
    /// If the iterator panics, what it gave before is published.
    #[inline]
    pub fn fill(self, values: impl IntoIterator<Item = T>) -> usize {
        // SAFETY: as in `as_mut_slices`; the producer keeps the memory alive, and `Filled` looks at
        // them only when the slices are done with.
        let (first, rest) = unsafe {
            self.producer
                .places
                .slices(self.producer.tail(), self.count)
        };
        let mut filled = Filled {
            producer: self.producer,
            count: 0,
        };
        let mut values = values.into_iter();
        for places in [first, rest] {
            // The place first: no value is taken out of the iterator without a place for it.
            for (place, value) in places.iter_mut().zip(&mut values) {
                place.write(value);
                filled.count += 1;
            }
        }
        filled.count
    }

    /// Copies as many values as there are places, and publishes them; how many.
    #[inline]
    pub(super) fn copy_from(mut self, values: &[T]) -> usize
    where
        T: Copy,
    {
        let count = self.count.min(values.len());
        let (first, rest) = self.as_mut_slices();
        let (to_first, to_rest) = values[..count].split_at(first.len().min(count));
        for (place, value) in first.iter_mut().zip(to_first) {
            place.write(*value);
        }
        for (place, value) in rest.iter_mut().zip(to_rest) {
            place.write(*value);
        }
        // SAFETY: the first `count` places were filled just now.
        unsafe { self.commit(count) };
        count
    }
}

/// Publishes what was filled, also when the source of the values panics.
struct Filled<'a, T, W: Wait> {
    producer: &'a mut Producer<T, W>,
    /// The places that hold values, from the tail on.
    count: usize,
}

impl<T, W: Wait> Drop for Filled<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        if self.count != 0 {
            self.producer.publish(self.producer.tail(), self.count);
        }
    }
}

impl<T, W: Wait> fmt::Debug for Claim<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("len", &self.count)
            .finish_non_exhaustive()
    }
}
