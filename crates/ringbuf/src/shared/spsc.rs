//! Elements of one plain type, from one producer to one consumer, between processes.
//!
//! Values are copied in and out: what is in the region can change under a reader, see
//! [`View`](super::View). For large messages use [`records`](super::records), which lend.
//!
//! # Source
//!
//! The index ring of [`spsc`](crate::spsc), without a `gone` flag: ends come and go, and the
//! owner words tell. Deviation: a consumer that polls asks for the line of the next place together
//! with the line of the tail, so that a message costs one crossing between cores and not two.
#![expect(
    unsafe_code,
    reason = "elements are copied to and from the places of the ring"
)]

mod chunk;
mod claim;

pub use self::chunk::Chunk;
pub use self::claim::Claim;

use core::fmt;
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ptr;
use std::sync::Arc;

use super::ends::{Reader, Writer};
use super::layout::{Kind, Shape, Shared};
use super::{
    AttachError, Corrupt, CreateError, Peer, Plain, PopError, PushError, SeatError, Waiting, memory,
};
use crate::Deadline;
use crate::region::Region;
use crate::sync::Ordering;

/// A region that holds a ring of elements, out of which its ends are taken.
pub struct Ring<T> {
    shared: Arc<Shared>,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> Ring<T> {
    /// The length of the region that a ring needs, in bytes; none if no memory can be that long.
    ///
    /// # Examples
    ///
    /// ```
    /// use claude_flow_ringbuf::shared::spsc::Ring;
    ///
    /// assert_eq!(Ring::<u64>::size_bytes(16), Some(1_024 + 16 * 8));
    /// ```
    #[must_use]
    pub fn size_bytes(capacity: usize) -> Option<usize> {
        shape::<T>(capacity as u64, 0).total_bytes()
    }

    /// Makes a ring in a region that begins with zeros, as a new file, memfd or heap does.
    ///
    /// The capacity is a power of two. The schema is a number that says what the elements mean;
    /// who attaches must name the same.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; the region is unchanged.
    pub fn create(
        region: Arc<dyn Region>,
        capacity: usize,
        schema: u64,
    ) -> Result<Self, CreateError> {
        if size_of::<T>() == 0 || u32::try_from(size_of::<T>()).is_err() {
            return Err(CreateError::Element);
        }
        let shape = shape::<T>(capacity as u64, schema);
        Shared::create(region, shape).map(Self::new)
    }

    /// Finds the ring that another end has made in a region.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead.
    pub fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        Shared::attach(region, |capacity, _| shape::<T>(capacity, schema)).map(Self::new)
    }

    /// Takes the producer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    pub fn producer(&self) -> Result<Producer<T>, SeatError> {
        Ok(Producer {
            writer: Writer::take(&self.shared, 1)?,
            elements: PhantomData,
        })
    }

    /// Takes the consumer's seat, or takes it over from a dead process.
    ///
    /// # Errors
    ///
    /// [`SeatError`]; the ring is unchanged.
    pub fn consumer(&self) -> Result<Consumer<T>, SeatError> {
        Ok(Consumer {
            reader: Reader::take(&self.shared, 1)?,
            elements: PhantomData,
        })
    }

    /// How many elements the ring holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        elements(self.shared.shape().capacity)
    }

    /// How many elements are in the ring at about this moment, whoever has the seats.
    ///
    /// # Errors
    ///
    /// [`Corrupt`].
    pub fn len(&self) -> Result<usize, Corrupt> {
        let control = self.shared.control();
        // The head first: it never passes a tail that is read later.
        let head = control.head.0.load(Ordering::Acquire);
        let tail = control.tail.0.load(Ordering::Acquire);
        let capacity = self.shared.shape().capacity;
        let used = tail.wrapping_sub(head);
        // Both may have gone on between the two looks, by any number: then it is full or nearly so.
        if used > capacity && used > u64::MAX / 2 {
            return Err(Corrupt::Positions { head, tail });
        }
        Ok(elements(used.min(capacity)))
    }

    /// Whether there are none.
    ///
    /// # Errors
    ///
    /// [`Corrupt`].
    pub fn is_empty(&self) -> Result<bool, Corrupt> {
        Ok(self.len()? == 0)
    }

    fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
            elements: PhantomData,
        }
    }
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            elements: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Ring<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring")
            .field("shape", self.shared.shape())
            .field("region", &self.shared.region())
            .finish()
    }
}

fn shape<T>(capacity: u64, schema: u64) -> Shape {
    Shape {
        kind: Kind::Elements,
        capacity,
        // Saturated sizes never match a ring: `create` refuses them.
        unit_bytes: u32::try_from(size_of::<T>()).unwrap_or(u32::MAX),
        unit_align: u32::try_from(align_of::<T>()).unwrap_or(u32::MAX),
        schema,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a number of elements fits the memory of a 64-bit machine"
)]
const fn elements(units: u64) -> usize {
    units as usize
}

/// The end that values go into.
///
/// Dropping it leaves the seat to another process.
pub struct Producer<T> {
    writer: Writer,
    elements: PhantomData<fn(T)>,
}

impl<T: Plain> Producer<T> {
    /// Pushes without waiting.
    ///
    /// That the consumer is absent or dead is not an error as long as there is a place.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`], [`PushError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, no allocation, no system call unless the consumer sleeps.
    #[inline]
    pub fn try_push(&mut self, value: &T) -> Result<(), PushError> {
        self.writer.reserve(1)?;
        let place = self.writer.place(self.writer.position());
        // SAFETY: the value has so many initialised bytes; the place is in the region and as
        // long, since an element is no longer than a stride.
        unsafe { memory::store(place.as_ptr(), ptr::from_ref(value).cast(), size_of::<T>()) };
        self.writer.publish(1);
        Ok(())
    }

    /// Pushes, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// As for [`push_until`](Self::push_until).
    #[inline]
    pub fn push(&mut self, value: &T) -> Result<(), PushError> {
        self.push_until(value, Deadline::Never)
    }

    /// Pushes, waiting up to the deadline.
    ///
    /// A consumer that has not come yet is waited for.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was no place up to the deadline; [`PushError::Left`] and
    /// [`PushError::Dead`] if there is none and nobody makes one; [`PushError::Corrupt`].
    #[inline]
    pub fn push_until(
        &mut self,
        value: &T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError> {
        match self.try_push(value) {
            Err(PushError::Full) => {
                self.writer.wait(1, deadline.into())?;
                // A lying consumer can have taken the place back: then it is full, once more.
                self.try_push(value)
            }
            done => done,
        }
    }

    /// Lends up to `count` free places, to be written and published together.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there is no place at all and some were asked for,
    /// [`PushError::Corrupt`].
    #[inline]
    pub fn try_claim(&mut self, count: usize) -> Result<Claim<'_, T>, PushError> {
        let free = self.writer.reserve_some(count as u64)?;
        let count = elements(free).min(count);
        Ok(Claim::new(self, count))
    }

    /// Pushes as many values as there are places for now, and says how many.
    ///
    /// # Errors
    ///
    /// As for [`try_claim`](Self::try_claim).
    #[inline]
    pub fn try_push_slice(&mut self, values: &[T]) -> Result<usize, PushError> {
        let mut claim = self.try_claim(values.len())?;
        let count = claim.len();
        for (index, value) in values[..count].iter().enumerate() {
            claim.write(index, value);
        }
        claim.commit(count);
        Ok(count)
    }

    /// How many values are in the ring; the consumer may take some meanwhile.
    ///
    /// # Errors
    ///
    /// [`Corrupt`].
    pub fn len(&self) -> Result<usize, Corrupt> {
        Ok(elements(self.writer.used()?))
    }

    /// Whether there are none.
    ///
    /// # Errors
    ///
    /// [`Corrupt`].
    pub fn is_empty(&self) -> Result<bool, Corrupt> {
        Ok(self.len()? == 0)
    }

    /// How many values the ring holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        elements(self.writer.capacity())
    }

    /// Who has the consumer's seat.
    ///
    /// # Complexity
    ///
    /// Some microseconds: it asks the system whether the process lives.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.writer.peer()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub fn predecessor(&self) -> Option<u32> {
        self.writer.predecessor()
    }

    /// How this end waits from now on.
    pub fn set_waiting(&mut self, waiting: Waiting) {
        self.writer.set_waiting(waiting);
    }
}

impl<T> fmt::Debug for Producer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Producer").field(&self.writer).finish()
    }
}

/// The end that values come out of.
///
/// Dropping it leaves the seat to another process, and the values that are left to that one.
pub struct Consumer<T> {
    reader: Reader,
    elements: PhantomData<fn() -> T>,
}

impl<T: Plain> Consumer<T> {
    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`], [`PopError::Corrupt`].
    ///
    /// # Complexity
    ///
    /// Wait-free, no allocation, no system call unless the producer sleeps.
    #[inline]
    pub fn try_pop(&mut self) -> Result<T, PopError> {
        self.reader.refill(1)?;
        let place = self.reader.place(self.reader.position());
        // SAFETY: the place is in the region, and a stride is no shorter than an element.
        let value = unsafe { memory::load_value(place.as_ptr()) };
        self.reader.release(1);
        Ok(value)
    }

    /// Pops, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// As for [`pop_until`](Self::pop_until).
    #[inline]
    pub fn pop(&mut self) -> Result<T, PopError> {
        self.pop_until(Deadline::Never)
    }

    /// Pops, waiting up to the deadline.
    ///
    /// A producer that has not come yet is waited for. What was published before it left or died
    /// comes first.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline; [`PopError::Left`] and
    /// [`PopError::Dead`] if there is nothing and nothing will come; [`PopError::Corrupt`].
    #[inline]
    pub fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        match self.try_pop() {
            Err(PopError::Empty) => {
                self.reader.wait(deadline.into())?;
                // A lying producer can have taken its word back: then it is empty, once more.
                self.try_pop()
            }
            done => done,
        }
    }

    /// Lends up to `count` values, to be read and released together.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if there is none at all and some were asked for, [`PopError::Corrupt`].
    #[inline]
    pub fn try_chunk(&mut self, count: usize) -> Result<Chunk<'_, T>, PopError> {
        self.reader.refill(count as u64)?;
        let count = elements(self.reader.there()).min(count);
        Ok(Chunk::new(self, count))
    }

    /// Pops as many values as there are now, up to the length of the slice, and says how many.
    ///
    /// # Errors
    ///
    /// As for [`try_chunk`](Self::try_chunk).
    #[inline]
    pub fn try_pop_slice(&mut self, values: &mut [T]) -> Result<usize, PopError> {
        let chunk = self.try_chunk(values.len())?;
        let count = chunk.len();
        for (index, value) in values[..count].iter_mut().enumerate() {
            *value = chunk.read(index);
        }
        chunk.release(count);
        Ok(count)
    }

    /// How many values the ring holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        elements(self.reader.capacity())
    }

    /// Who has the producer's seat.
    ///
    /// # Complexity
    ///
    /// Some microseconds: it asks the system whether the process lives.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.reader.peer()
    }

    /// The dead process whose seat this end took over.
    #[must_use]
    pub fn predecessor(&self) -> Option<u32> {
        self.reader.predecessor()
    }

    /// How this end waits from now on.
    pub fn set_waiting(&mut self, waiting: Waiting) {
        self.reader.set_waiting(waiting);
    }
}

impl<T> fmt::Debug for Consumer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Consumer").field(&self.reader).finish()
    }
}
