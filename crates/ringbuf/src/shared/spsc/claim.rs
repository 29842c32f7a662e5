//! Free places that a producer writes to before they are published together.
#![expect(unsafe_code, reason = "elements are copied to the places of the ring")]

use core::fmt;
use core::mem::size_of;
use core::ptr;

use super::Producer;
use crate::shared::{Plain, memory};

/// Free places of a ring, lent to be written; what is not committed was never pushed.
pub struct Claim<'a, T: Plain> {
    producer: &'a mut Producer<T>,
    /// At most as many as are free.
    count: usize,
}

impl<'a, T: Plain> Claim<'a, T> {
    #[inline]
    pub(super) const fn new(producer: &'a mut Producer<T>, count: usize) -> Self {
        Self { producer, count }
    }

    /// How many places there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Writes the value of one place.
    ///
    /// # Panics
    ///
    /// If there is no such place.
    #[inline]
    pub fn write(&mut self, index: usize, value: &T) {
        assert!(index < self.count, "a claim has only its places");
        let writer = &self.producer.writer;
        let place = writer.place(writer.position().wrapping_add(index as u64));
        // SAFETY: the value has so many initialised bytes; the place is in the region and as
        // long, since an element is no longer than a stride.
        unsafe { memory::store(place.as_ptr(), ptr::from_ref(value).cast(), size_of::<T>()) };
    }

    /// Publishes the first `count` places; one that was not written holds an older value, or zeros.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[inline]
    pub fn commit(self, count: usize) {
        assert!(count <= self.count, "a claim has only its places");
        if count != 0 {
            self.producer.writer.publish(count as u64);
        }
    }

    /// Writes and publishes as many values as there are of both; says how many.
    ///
    /// If the iterator panics, nothing is published.
    #[inline]
    pub fn fill(mut self, values: impl IntoIterator<Item = T>) -> usize {
        let mut count = 0;
        for value in values.into_iter().take(self.count) {
            self.write(count, &value);
            count += 1;
        }
        self.commit(count);
        count
    }
}

impl<T: Plain> fmt::Debug for Claim<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("len", &self.count)
            .finish_non_exhaustive()
    }
}
