//! What every kind of ring has in common: an end that pushes and an end that pops.
//!
//! A kind implements the non-blocking part; waiting, deadlines and futures are the same for all.

#[cfg(feature = "std")]
use core::future::Future;
#[cfg(feature = "std")]
use core::pin::Pin;
#[cfg(feature = "std")]
use core::task::{Context, Poll};

#[cfg(feature = "std")]
use crate::wait::{Enrol, Ticket};
use crate::{Deadline, PopError, PushError, Wait};

/// The end of a ring that values go into.
pub trait Push<T> {
    /// How this end waits for a place.
    type Wait: Wait;

    /// Pushes without waiting.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] or [`PushError::Disconnected`], with the value in it; the ring is unchanged.
    fn try_push(&mut self, value: T) -> Result<(), PushError<T>>;

    /// Whether [`try_push`](Self::try_push) would not say that the ring is full.
    fn is_push_ready(&self) -> bool;

    /// The condition "there is a place".
    fn place(&self) -> &Self::Wait;

    /// Pushes, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// [`PushError::Disconnected`] with the value in it.
    fn push(&mut self, value: T) -> Result<(), PushError<T>> {
        self.push_until(value, Deadline::Never)
    }

    /// Pushes, waiting up to the deadline.
    ///
    /// # Errors
    ///
    /// [`PushError::Full`] if there was no place up to the deadline, [`PushError::Disconnected`];
    /// the value is in it.
    fn push_until(
        &mut self,
        mut value: T,
        deadline: impl Into<Deadline>,
    ) -> Result<(), PushError<T>> {
        let deadline = deadline.into();
        loop {
            value = match self.try_push(value) {
                Err(PushError::Full(value)) => value,
                done => return done,
            };
            if !self.place().wait_until(deadline, || self.is_push_ready()) {
                return self.try_push(value);
            }
        }
    }

    /// Pushes, giving the task up to the executor while there is no place.
    ///
    /// Dropping the future drops the value that was not pushed yet.
    ///
    /// # Errors
    ///
    /// [`PushError::Disconnected`] with the value in it.
    #[cfg(feature = "std")]
    fn push_async(&mut self, value: T) -> PushFuture<'_, Self, T>
    where
        Self: Sized,
        Self::Wait: Enrol,
    {
        PushFuture {
            end: self,
            value: Some(value),
            ticket: Ticket::default(),
        }
    }
}

/// The end of a ring that values come out of.
pub trait Pop<T> {
    /// How this end waits for a value.
    type Wait: Wait;

    /// Pops without waiting.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] or [`PopError::Disconnected`]; what was pushed before the last producer
    /// went is delivered first.
    fn try_pop(&mut self) -> Result<T, PopError>;

    /// Whether [`try_pop`](Self::try_pop) would not say that the ring is empty.
    fn is_pop_ready(&self) -> bool;

    /// The condition "there is a value".
    fn value(&self) -> &Self::Wait;

    /// Pops, waiting as long as it takes.
    ///
    /// # Errors
    ///
    /// [`PopError::Disconnected`].
    fn pop(&mut self) -> Result<T, PopError> {
        self.pop_until(Deadline::Never)
    }

    /// Pops, waiting up to the deadline.
    ///
    /// # Errors
    ///
    /// [`PopError::Empty`] if nothing came up to the deadline, [`PopError::Disconnected`].
    fn pop_until(&mut self, deadline: impl Into<Deadline>) -> Result<T, PopError> {
        let deadline = deadline.into();
        loop {
            match self.try_pop() {
                Err(PopError::Empty) => {}
                done => return done,
            }
            if !self.value().wait_until(deadline, || self.is_pop_ready()) {
                return self.try_pop();
            }
        }
    }

    /// Pops, giving the task up to the executor while there is nothing.
    ///
    /// Dropping the future loses no value.
    ///
    /// # Errors
    ///
    /// [`PopError::Disconnected`].
    #[cfg(feature = "std")]
    fn pop_async(&mut self) -> PopFuture<'_, Self, T>
    where
        Self: Sized,
        Self::Wait: Enrol,
    {
        PopFuture {
            end: self,
            ticket: Ticket::default(),
            value: core::marker::PhantomData,
        }
    }

    /// Pops what is there now, without waiting.
    fn drain(&mut self) -> Drain<'_, Self, T>
    where
        Self: Sized,
    {
        Drain {
            end: self,
            value: core::marker::PhantomData,
        }
    }

    /// Pops what comes, waiting between, until every producer is gone.
    fn iter(&mut self) -> Iter<'_, Self, T>
    where
        Self: Sized,
    {
        Iter {
            end: self,
            value: core::marker::PhantomData,
        }
    }
}

/// What [`Pop::drain`] returns.
#[derive(Debug)]
pub struct Drain<'a, P, T> {
    end: &'a mut P,
    value: core::marker::PhantomData<fn() -> T>,
}

impl<T, P: Pop<T>> Iterator for Drain<'_, P, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.end.try_pop().ok()
    }
}

/// What [`Pop::iter`] returns.
#[derive(Debug)]
pub struct Iter<'a, P, T> {
    end: &'a mut P,
    value: core::marker::PhantomData<fn() -> T>,
}

impl<T, P: Pop<T>> Iterator for Iter<'_, P, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.end.pop().ok()
    }
}

/// What [`Push::push_async`] returns.
#[cfg(feature = "std")]
#[must_use = "a future does nothing until it is polled"]
#[derive(Debug)]
pub struct PushFuture<'a, P: Push<T>, T>
where
    P::Wait: Enrol,
{
    end: &'a mut P,
    value: Option<T>,
    ticket: Ticket,
}

// No field is pinned: the value is moved in and out by value.
#[cfg(feature = "std")]
impl<P: Push<T>, T> Unpin for PushFuture<'_, P, T> where P::Wait: Enrol {}

#[cfg(feature = "std")]
impl<T, P: Push<T>> Future for PushFuture<'_, P, T>
where
    P::Wait: Enrol,
{
    type Output = Result<(), PushError<T>>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Twice: between the first look and the entry in the list a place may have come.
        for is_enrolled in [false, true] {
            let value = this
                .value
                .take()
                .expect("a future is not polled after it is done");
            match this.end.try_push(value) {
                Err(PushError::Full(value)) => this.value = Some(value),
                done => return Poll::Ready(done),
            }
            if !is_enrolled {
                this.end.place().enrol(&mut this.ticket, ctx.waker());
            }
        }
        Poll::Pending
    }
}

#[cfg(feature = "std")]
impl<P: Push<T>, T> Drop for PushFuture<'_, P, T>
where
    P::Wait: Enrol,
{
    fn drop(&mut self) {
        self.end.place().leave(&mut self.ticket);
    }
}

/// What [`Pop::pop_async`] returns.
#[cfg(feature = "std")]
#[must_use = "a future does nothing until it is polled"]
#[derive(Debug)]
pub struct PopFuture<'a, P: Pop<T>, T>
where
    P::Wait: Enrol,
{
    end: &'a mut P,
    ticket: Ticket,
    value: core::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "std")]
impl<T, P: Pop<T>> Future for PopFuture<'_, P, T>
where
    P::Wait: Enrol,
{
    type Output = Result<T, PopError>;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // Twice: between the first look and the entry in the list a value may have come.
        for is_enrolled in [false, true] {
            match this.end.try_pop() {
                Err(PopError::Empty) => {}
                done => return Poll::Ready(done),
            }
            if !is_enrolled {
                this.end.value().enrol(&mut this.ticket, ctx.waker());
            }
        }
        Poll::Pending
    }
}

#[cfg(feature = "std")]
impl<T, P: Pop<T>> Drop for PopFuture<'_, P, T>
where
    P::Wait: Enrol,
{
    fn drop(&mut self) {
        self.end.value().leave(&mut self.ticket);
    }
}
