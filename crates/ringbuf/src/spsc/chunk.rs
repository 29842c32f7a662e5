//! Values lent to the consumer's user.
#![expect(
    unsafe_code,
    reason = "places of the consumer are read as the values that they hold"
)]

use core::fmt;
use core::iter::FusedIterator;
use core::mem::MaybeUninit;
use core::ptr;

use super::Consumer;
use crate::Wait;

/// Values in place, to be looked at, released or taken together; what [`Consumer::try_chunk`] returns.
///
/// Dropped, it leaves the values in the ring.
#[must_use = "a chunk leaves the values in the ring until they are released or taken"]
pub struct Chunk<'a, T, W: Wait> {
    consumer: &'a mut Consumer<T, W>,
    /// At most the number of values that are the consumer's.
    count: usize,
}

impl<'a, T, W: Wait> Chunk<'a, T, W> {
    #[inline]
    pub(super) fn new(consumer: &'a mut Consumer<T, W>, count: usize) -> Self {
        Self { consumer, count }
    }

    /// How many values there are.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no value; only if none was asked for.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values in order; the second part is empty unless they go round the end of the ring.
    #[inline]
    #[must_use]
    pub fn as_slices(&self) -> (&[T], &[T]) {
        // SAFETY: the places `head..head + count` are the consumer's, which is borrowed.
        let (first, rest) = unsafe { self.places() };
        // SAFETY: they hold values.
        let first = unsafe { values(first) };
        // SAFETY: as above.
        let rest = unsafe { values(rest) };
        (first, rest)
    }

    /// The values in order, to be changed in place.
    #[inline]
    pub fn as_mut_slices(&mut self) -> (&mut [T], &mut [T]) {
        // SAFETY: the places `head..head + count` are the consumer's, which is borrowed.
        let (first, rest) = unsafe { self.places() };
        // SAFETY: they hold values.
        let first = unsafe { values(first) };
        // SAFETY: as above.
        let rest = unsafe { values(rest) };
        (first, rest)
    }

    /// Drops the first `count` values and gives their places back together.
    ///
    /// If a value panics when it is dropped, all of them are dropped and released all the same.
    ///
    /// # Panics
    ///
    /// `count` is more than [`len`](Self::len).
    #[inline]
    pub fn release(self, count: usize) {
        assert!(
            count <= self.count,
            "only values that were lent are released"
        );
        let taken = Taken {
            consumer: self.consumer,
            count,
        };
        // SAFETY: these places hold values that nobody else looks at; `taken` gives them back as
        // empty, also when a value panics.
        unsafe {
            taken
                .consumer
                .places
                .drop_values(taken.consumer.head, count);
        };
    }

    /// Copies the values out and gives their places back; how many.
    #[inline]
    pub(super) fn copy_to(self, into: &mut [T]) -> usize
    where
        T: Copy,
    {
        let (first, rest) = self.as_slices();
        let (into_first, into_rest) = into[..self.count].split_at_mut(first.len());
        into_first.copy_from_slice(first);
        into_rest.copy_from_slice(rest);
        let count = self.count;
        self.release(count);
        count
    }

    /// The places of the chunk.
    ///
    /// # Safety
    ///
    /// The slices must not outlive the borrow of `self`.
    #[inline]
    unsafe fn places<'b>(&self) -> (&'b mut [MaybeUninit<T>], &'b mut [MaybeUninit<T>]) {
        // SAFETY: `count` places from the head on are the consumer's, and the caller keeps the
        // slices within the borrow.
        unsafe { self.consumer.places.slices(self.consumer.head, self.count) }
    }
}

impl<T, W: Wait> fmt::Debug for Chunk<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunk")
            .field("len", &self.count)
            .finish_non_exhaustive()
    }
}

impl<'a, T, W: Wait> IntoIterator for Chunk<'a, T, W> {
    type Item = T;
    type IntoIter = Taking<'a, T, W>;

    #[inline]
    fn into_iter(self) -> Taking<'a, T, W> {
        Taking {
            count: self.count,
            taken: Taken {
                consumer: self.consumer,
                count: 0,
            },
        }
    }
}

/// Takes the values of a chunk; what `into_iter` of a [`Chunk`] returns.
///
/// The places of those that were taken are given back together when it is dropped; the others
/// stay in the ring.
pub struct Taking<'a, T, W: Wait> {
    taken: Taken<'a, T, W>,
    /// At most the number of values that are the consumer's.
    count: usize,
}

impl<T, W: Wait> Iterator for Taking<'_, T, W> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        if self.taken.count == self.count {
            return None;
        }
        let consumer = &*self.taken.consumer;
        let position = consumer.head.wrapping_add(self.taken.count);
        // SAFETY: the place is one of the chunk's and was not taken yet; counting it makes it empty.
        let value = unsafe { consumer.places.read(position) };
        self.taken.count += 1;
        Some(value)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.count - self.taken.count;
        (left, Some(left))
    }

    /// By slices: without the wrap-around that `next` takes into account for each value.
    #[inline]
    fn fold<B, F: FnMut(B, T) -> B>(mut self, init: B, mut f: F) -> B {
        let left = self.count - self.taken.count;
        let consumer = &*self.taken.consumer;
        let start = consumer.head.wrapping_add(self.taken.count);
        // SAFETY: the places are of the chunk, whose consumer is borrowed.
        let (first, rest) = unsafe { consumer.places.slices(start, left) };
        let mut sum = init;
        for places in [first, rest] {
            for place in places {
                // Counted first: a value that is handed over is gone, also if `f` panics.
                self.taken.count += 1;
                // SAFETY: the place holds a value, and counting it made it empty.
                sum = f(sum, unsafe { place.assume_init_read() });
            }
        }
        sum
    }
}

impl<T, W: Wait> ExactSizeIterator for Taking<'_, T, W> {}

impl<T, W: Wait> FusedIterator for Taking<'_, T, W> {}

impl<T, W: Wait> fmt::Debug for Taking<'_, T, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taking")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Gives back places that were emptied, also when somebody panics.
struct Taken<'a, T, W: Wait> {
    consumer: &'a mut Consumer<T, W>,
    /// The places that are empty, from the head on.
    count: usize,
}

impl<T, W: Wait> Drop for Taken<'_, T, W> {
    #[inline]
    fn drop(&mut self) {
        if self.count != 0 {
            self.consumer.release(self.count);
        }
    }
}

/// Places that all hold values, as those.
///
/// # Safety
///
/// Each place holds a value.
#[inline]
unsafe fn values<T>(places: &mut [MaybeUninit<T>]) -> &mut [T] {
    // SAFETY: a place has the layout of its value, and each holds one.
    unsafe { &mut *(ptr::from_mut(places) as *mut [T]) }
}
