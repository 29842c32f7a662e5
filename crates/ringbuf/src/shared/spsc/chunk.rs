//! Values that a consumer reads before their places are released together.
#![expect(
    unsafe_code,
    reason = "elements are copied from the places of the ring"
)]

use core::fmt;

use super::Consumer;
use crate::shared::{Plain, memory};

/// Values of a ring, lent to be read; what is not released stays in the ring.
pub struct Chunk<'a, T: Plain> {
    consumer: &'a mut Consumer<T>,
    /// At most as many as are published.
    count: usize,
}

impl<'a, T: Plain> Chunk<'a, T> {
    #[inline]
    pub(super) const fn new(consumer: &'a mut Consumer<T>, count: usize) -> Self {
        Self { consumer, count }
    }

    /// How many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Copies one value out.
    ///
    /// # Panics
    ///
    /// If there is no such value.
    #[inline]
    #[must_use]
    pub fn read(&self, index: usize) -> T {
        assert!(index < self.count, "a chunk has only its values");
        let reader = &self.consumer.reader;
        let place = reader.place(reader.position().wrapping_add(index as u64));
        // SAFETY: the place is in the region, and a stride is no shorter than an element.
        unsafe { memory::load_value(place.as_ptr()) }
    }

    /// Copies all values out, in order.
    #[must_use]
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + '_ {
        (0..self.count).map(|index| self.read(index))
    }

    /// Gives the first `count` places back to the producer.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[inline]
    pub fn release(self, count: usize) {
        assert!(count <= self.count, "a chunk has only its values");
        if count != 0 {
            self.consumer.reader.release(count as u64);
        }
    }
}

impl<T: Plain> fmt::Debug for Chunk<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("len", &self.count)
            .finish_non_exhaustive()
    }
}
