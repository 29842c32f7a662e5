//! Asks a second time when the first answer is late, and takes whichever comes first.
#![forbid(unsafe_code)]

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::Clock;
use crate::rendezvous::{Sender, rendezvous};
use crate::sync::system::{AtomicU64, Ordering};
use crate::timeout::{Interest, LoseOnDrop, Task};

/// Runs copies of an operation, each later than the one before. Shared between threads.
///
/// Only for operations that may run twice without harm.
///
/// # Source
///
/// Dean, Barroso: "The Tail at Scale", CACM 56(2), 2013, "hedged requests".
#[derive(Debug)]
pub struct Hedge {
    delay: Duration,
    copies_max: NonZeroU32,
    clock: Arc<dyn Clock>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    operations: AtomicU64,
    extra_copies: AtomicU64,
    won_by_extra: AtomicU64,
}

/// What a [`Hedge`] did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HedgeSnapshot {
    /// Operations that were begun.
    pub operations: u64,
    /// Copies beyond the first of an operation.
    pub extra_copies: u64,
    /// Operations that such a copy answered first.
    pub won_by_extra: u64,
}

/// Why no copy answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HedgeError<E> {
    /// Every copy failed; this is the last one's error.
    #[error("all {copies} copies failed, the last with: {source}")]
    Failed {
        /// How many there were.
        copies: u32,
        /// The last error.
        source: E,
    },
    /// The deadline came first.
    #[error("none of {copies} copies answered in time")]
    TimedOut {
        /// How many there were.
        copies: u32,
    },
    /// Every copy panicked or was refused by what should have run it.
    #[error("all {copies} copies were lost: they panicked or were never run")]
    Lost {
        /// How many there were.
        copies: u32,
    },
}

/// What a copy tells: its number and its result, nothing if it was lost.
type Told<T, E> = (u32, Option<Result<T, E>>);

/// Tells for a copy, also when it panics or is dropped before it runs.
#[derive(Debug)]
struct Report<T, E> {
    copy: u32,
    sender: Option<Sender<Told<T, E>>>,
}

impl<T, E> Report<T, E> {
    fn tell(mut self, result: Result<T, E>) {
        if let Some(sender) = self.sender.take() {
            sender.send((self.copy, Some(result)));
        }
    }
}

impl<T, E> Drop for Report<T, E> {
    fn drop(&mut self) {
        if let Some(sender) = self.sender.take() {
            sender.send((self.copy, None));
        }
    }
}

impl Hedge {
    /// Copies start `delay` after each other, and at most `copies_max` in all.
    #[must_use]
    pub fn new(delay: Duration, copies_max: NonZeroU32, clock: Arc<dyn Clock>) -> Self {
        Self {
            delay,
            copies_max,
            clock,
            counts: Counts::default(),
        }
    }

    /// Runs an operation, told the number of the copy from 0, and copies of it while it is late.
    ///
    /// A copy that fails starts the next one at once. The first success is the result; the others lose
    /// the interest in them and their results are dropped.
    ///
    /// # Errors
    ///
    /// [`HedgeError`].
    pub fn run<T, E, F>(
        &self,
        deadline: Instant,
        spawn: impl Fn(Task),
        operation: F,
    ) -> Result<T, HedgeError<E>>
    where
        T: Send + 'static,
        E: Send + 'static,
        F: Fn(u32, &Interest) -> Result<T, E> + Send + Sync + 'static,
    {
        self.counts.operations.fetch_add(1, Ordering::Relaxed);
        let operation = Arc::new(operation);
        let interest = LoseOnDrop(Interest::default());
        let (sender, receiver) = rendezvous::<Told<T, E>>();
        let (mut copies, mut running) = (0, 0);
        let mut last_error = None;
        let mut next_start = self.clock.now();
        loop {
            let may_start = copies < self.copies_max.get();
            if may_start && self.clock.now() >= next_start {
                let report = Report {
                    copy: copies,
                    sender: Some(sender.clone()),
                };
                let (operation, theirs) = (Arc::clone(&operation), interest.0.clone());
                spawn(Box::new(move || {
                    let result = operation(report.copy, &theirs);
                    report.tell(result);
                }));
                self.count_start(copies);
                copies += 1;
                running += 1;
                next_start = self.clock.after(self.delay);
                continue;
            }
            if running == 0 && !may_start {
                return Err(match last_error {
                    Some(source) => HedgeError::Failed { copies, source },
                    None => HedgeError::Lost { copies },
                });
            }
            let until = if may_start {
                next_start.min(deadline)
            } else {
                deadline
            };
            match receiver.wait(&*self.clock, until) {
                Ok((copy, Some(Ok(value)))) => return Ok(self.won(copy, value)),
                Ok((_, failed)) => {
                    running -= 1;
                    last_error = failed.and_then(Result::err).or(last_error);
                    next_start = self.clock.now();
                }
                Err(_) if self.clock.now() >= deadline => {
                    return Err(HedgeError::TimedOut { copies });
                }
                Err(_) => {}
            }
        }
    }

    fn count_start(&self, copy: u32) {
        if copy > 0 {
            self.counts.extra_copies.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn won<T>(&self, copy: u32, value: T) -> T {
        if copy > 0 {
            self.counts.won_by_extra.fetch_add(1, Ordering::Relaxed);
        }
        value
    }

    /// What it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> HedgeSnapshot {
        HedgeSnapshot {
            operations: self.counts.operations.load(Ordering::Relaxed),
            extra_copies: self.counts.extra_copies.load(Ordering::Relaxed),
            won_by_extra: self.counts.won_by_extra.load(Ordering::Relaxed),
        }
    }
}
