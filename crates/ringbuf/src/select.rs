//! Waits for the first of several ends.
//!
//! ```
//! use claude_flow_ringbuf::select::Select;
//! use claude_flow_ringbuf::{Deadline, Park, spsc};
//!
//! let (mut words, mut word) = spsc::ring_with::<&str, Park>(8)?;
//! let (_numbers, mut number) = spsc::ring_with::<u64, Park>(8)?;
//! let mut select = Select::new();
//! words.push("first").expect("there is a place");
//! match select.ready(&[&word, &number], Deadline::Never) {
//!     Some(0) => assert_eq!(word.try_pop(), Ok("first")),
//!     Some(_) => println!("{:?}", number.try_pop()),
//!     None => unreachable!("there is no deadline"),
//! }
//! # Ok::<(), claude_flow_ringbuf::CapacityError>(())
//! ```
//!
//! An end is ready when its `try_` call would not say empty (or full): disconnection is an answer
//! too. Several ready ends are named in turn: the search starts behind the one named last.
//!
//! While it sleeps it is in the list of every end, as one waker; each end that notified it
//! without being used hands the notification on to its next sleeper.

use alloc::vec::Vec;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use crate::wait::{Parker, spin};
use crate::{Deadline, Enrol, Pop, Push, Ticket, Wait};
use crate::{broadcast, lanes, mpmc, mpsc, packed, spsc};

/// How often all ends are looked at, without a pause, before the thread sleeps.
const POLLS: u32 = 256;

/// An end that can be waited for together with others.
pub trait Source {
    /// Whether its `try_` call would answer something else than empty or full.
    fn is_ready(&self) -> bool;

    /// The condition that tells when it becomes ready.
    fn condition(&self) -> &dyn Enrol;
}

/// Waits for the first of several ends, in fair rotation.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// Where the next search starts.
    turn: usize,
}

impl Select {
    /// A rotation that starts with the first end.
    #[must_use]
    pub const fn new() -> Self {
        Self { turn: 0 }
    }

    /// The index of an end that is ready now.
    ///
    /// # Complexity
    ///
    /// One look at each end at most.
    pub fn try_ready(&mut self, sources: &[&dyn Source]) -> Option<usize> {
        let count = sources.len();
        let index = (0..count)
            .map(|step| (self.turn % count + step) % count)
            .find(|index| sources[*index].is_ready())?;
        self.turn = index + 1;
        Some(index)
    }

    /// The index of an end that is ready, waiting up to the deadline for the first.
    ///
    /// None if there was none up to the deadline, or if there is nothing to wait for.
    ///
    /// # Complexity
    ///
    /// Blocks; allocates one list when it has to sleep.
    pub fn ready(
        &mut self,
        sources: &[&dyn Source],
        deadline: impl Into<Deadline>,
    ) -> Option<usize> {
        let polls = if cfg!(loom) { 1 } else { POLLS };
        let mut ready = None;
        let mut is_any_ready = || {
            ready = self.try_ready(sources);
            ready.is_some()
        };
        if spin(polls, &mut is_any_ready) {
            return ready;
        }
        if sources.is_empty() {
            return None;
        }
        let deadline = deadline.into();
        let parker = Parker::of_this_thread();
        let waker = Waker::from(parker.clone());
        let mut enrolled = Enrolled::new(sources);
        loop {
            enrolled.enrol(&waker);
            if let Some(index) = self.try_ready(sources) {
                return Some(index);
            }
            if !parker.park(deadline) {
                return self.try_ready(sources);
            }
        }
    }

    /// The index of an end that is ready, giving the task up to the executor until one is.
    ///
    /// Never done if there is nothing to wait for.
    pub fn ready_async<'a>(&'a mut self, sources: &'a [&'a dyn Source]) -> Ready<'a> {
        Ready {
            select: self,
            enrolled: Enrolled::new(sources),
        }
    }
}

/// What [`Select::ready_async`] returns.
#[must_use = "a future does nothing until it is polled"]
#[derive(Debug)]
pub struct Ready<'a> {
    select: &'a mut Select,
    enrolled: Enrolled<'a>,
}

impl Future for Ready<'_> {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<usize> {
        let this = &mut *self;
        // Twice: between the first look and the entries in the lists an end may have become ready.
        for is_enrolled in [false, true] {
            if let Some(index) = this.select.try_ready(this.enrolled.sources) {
                return Poll::Ready(index);
            }
            if !is_enrolled {
                this.enrolled.enrol(ctx.waker());
            }
        }
        Poll::Pending
    }
}

/// Places in the lists of all sources, left when it is dropped.
struct Enrolled<'a> {
    sources: &'a [&'a dyn Source],
    /// One for each source, once it has entered the lists.
    tickets: Vec<Ticket>,
}

impl<'a> Enrolled<'a> {
    const fn new(sources: &'a [&'a dyn Source]) -> Self {
        Self {
            sources,
            tickets: Vec::new(),
        }
    }

    fn enrol(&mut self, waker: &Waker) {
        self.tickets
            .resize_with(self.sources.len(), Ticket::default);
        for (source, ticket) in self.sources.iter().zip(&mut self.tickets) {
            source.condition().enrol(ticket, waker);
        }
    }
}

impl Drop for Enrolled<'_> {
    fn drop(&mut self) {
        for (source, ticket) in self.sources.iter().zip(&mut self.tickets) {
            source.condition().leave(ticket);
        }
    }
}

impl fmt::Debug for Enrolled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolled")
            .field("sources", &self.sources.len())
            .finish_non_exhaustive()
    }
}

/// What one end is ready for, and the condition that says so.
macro_rules! sources {
    ($([$($generics:tt)*] $end:ty: $is_ready:ident, $condition:ident;)*) => {$(
        impl<$($generics)*> Source for $end {
            fn is_ready(&self) -> bool {
                self.$is_ready()
            }

            fn condition(&self) -> &dyn Enrol {
                self.$condition()
            }
        }
    )*};
}

sources! {
    [T, W: Wait + Enrol] spsc::Consumer<T, W>: is_pop_ready, value;
    [T, W: Wait + Enrol] spsc::Producer<T, W>: is_push_ready, place;
    [T, W: Wait + Enrol] packed::Consumer<T, W>: is_pop_ready, value;
    [T, W: Wait + Enrol] packed::Producer<T, W>: is_push_ready, place;
    [T, W: Wait + Enrol] lanes::Consumer<T, W>: is_pop_ready, value;
    [T, W: Wait + Enrol] lanes::Producer<T, W>: is_push_ready, place;
    [T, W: Wait + Enrol] mpsc::Consumer<T, W>: is_pop_ready, value;
    [T, W: Wait + Enrol] mpsc::Producer<T, W>: is_push_ready, place;
    [T, W: Wait + Enrol] mpmc::Consumer<T, W>: is_pop_ready, value;
    [T, W: Wait + Enrol] mpmc::Producer<T, W>: is_push_ready, place;
    [T: Clone, W: Wait + Enrol] broadcast::Consumer<T, W>: is_pop_ready, value;
    [T, W: Wait + Enrol, C: broadcast::Company] broadcast::Producer<T, W, C>: is_push_ready, place;
    [T: Clone, W: Wait + Enrol] broadcast::lossy::Consumer<T, W>: is_pop_ready, value;
}
