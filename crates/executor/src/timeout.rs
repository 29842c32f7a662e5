//! Stops waiting for an operation that takes too long.
#![forbid(unsafe_code)]

use std::sync::Arc;
use std::time::Duration;

use crate::Clock;
use crate::rendezvous::{Missing, rendezvous};
use crate::sync::system::{AtomicBool, Ordering};

/// What is handed to a worker pool, or to a thread of its own.
pub type Task = Box<dyn FnOnce() + Send>;

/// Whether somebody still waits for a result.
#[derive(Debug, Clone, Default)]
pub struct Interest(Arc<AtomicBool>);

impl Interest {
    /// Whether nobody waits any more. A long operation looks now and then, and stops.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        // Only a hint: nothing else is read because of it.
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn lose(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Loses the interest when it goes out of scope.
#[derive(Debug)]
pub(crate) struct LoseOnDrop(pub(crate) Interest);

impl Drop for LoseOnDrop {
    fn drop(&mut self) {
        self.0.lose();
    }
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeoutError {
    /// The time was over first. The operation may still run; its result is dropped.
    #[error("it took longer than {limit:?}")]
    TimedOut {
        /// The time.
        limit: Duration,
    },
    /// The operation panicked, or was refused by what should have run it.
    #[error("the operation was lost: it panicked or was never run")]
    Lost,
}

/// Runs an operation elsewhere and waits for its result for at most so long.
///
/// `spawn` hands the operation to a worker pool or a thread. A thread cannot be stopped from outside: an
/// operation that is out of time goes on until it looks at its [`Interest`].
///
/// # Errors
///
/// [`TimeoutError`].
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use claude_flow_executor::{SystemClock, timeout};
///
/// let spawn = |task| drop(std::thread::spawn(task));
/// let answer = timeout(&SystemClock, Duration::from_secs(10), spawn, |_| 6 * 7);
/// assert_eq!(answer, Ok(42));
/// ```
pub fn timeout<T: Send + 'static>(
    clock: &dyn Clock,
    limit: Duration,
    spawn: impl FnOnce(Task),
    operation: impl FnOnce(&Interest) -> T + Send + 'static,
) -> Result<T, TimeoutError> {
    let deadline = clock.after(limit);
    let (sender, receiver) = rendezvous();
    let interest = LoseOnDrop(Interest::default());
    let theirs = interest.0.clone();
    spawn(Box::new(move || sender.send(operation(&theirs))));
    receiver
        .wait(clock, deadline)
        .map_err(|missing| match missing {
            Missing::TimedOut => TimeoutError::TimedOut { limit },
            Missing::Lost => TimeoutError::Lost,
        })
}
