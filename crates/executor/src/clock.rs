//! Time as the services see it: the system's, or one that a test moves.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "this is where the time comes from; the ban is for the pure crates"
)]

use std::fmt::Debug;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sync::system::thread::{self, Thread};

/// What stands for "never" where a sum would overflow: thirty years.
const FAR: Duration = Duration::from_hours(24 * 365 * 30);

/// How long [`VirtualClock::wait_for_parked`] waits in real time.
const PARKED_WAIT: Duration = Duration::from_secs(20);

/// A source of time by which threads can wait.
pub trait Clock: Debug + Send + Sync {
    /// The present moment. It never goes back.
    fn now(&self) -> Instant;

    /// Blocks the calling thread until it is unparked or the moment has come.
    ///
    /// It may return earlier without a reason: whoever waits looks at its condition again.
    fn park_until(&self, deadline: Instant);

    /// The moment that is so much after now.
    fn after(&self, duration: Duration) -> Instant {
        let now = self.now();
        now.checked_add(duration.min(FAR)).unwrap_or(now)
    }

    /// Blocks the calling thread until the moment has come.
    fn sleep_until(&self, deadline: Instant) {
        while self.now() < deadline {
            self.park_until(deadline);
        }
    }
}

/// The system's monotonic clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn park_until(&self, deadline: Instant) {
        thread::park_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

/// A clock that stands still until it is moved, for tests.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use claude_flow_executor::{Clock, VirtualClock};
///
/// let clock = VirtualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now() - before, Duration::from_secs(3600));
/// ```
#[derive(Debug)]
pub struct VirtualClock {
    shared: Mutex<Shared>,
    parked_changed: Condvar,
    jumps: bool,
}

#[derive(Debug)]
struct Shared {
    now: Instant,
    parked: Vec<Parked>,
}

#[derive(Debug)]
struct Parked {
    deadline: Instant,
    thread: Thread,
}

impl VirtualClock {
    /// A clock that only [`VirtualClock::advance`] moves.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Mutex::new(Shared {
                now: Instant::now(),
                parked: Vec::new(),
            }),
            parked_changed: Condvar::new(),
            jumps: false,
        }
    }

    /// A clock that jumps to the moment for which a thread wants to wait, for tests of one thread.
    #[must_use]
    pub fn jumping() -> Self {
        Self {
            jumps: true,
            ..Self::new()
        }
    }

    /// Moves the clock and wakes those whose moment has come.
    pub fn advance(&self, duration: Duration) {
        let mut shared = self.lock();
        shared.now += duration;
        let now = shared.now;
        for parked in &shared.parked {
            if parked.deadline <= now {
                parked.thread.unpark();
            }
        }
    }

    /// Waits, in real time and at most 20 seconds, until at least so many threads wait by this clock.
    ///
    /// Returns whether they do.
    pub fn wait_for_parked(&self, count: usize) -> bool {
        let (_shared, result) = self
            .parked_changed
            .wait_timeout_while(self.lock(), PARKED_WAIT, |shared| {
                shared.parked.len() < count
            })
            .unwrap_or_else(PoisonError::into_inner);
        !result.timed_out()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.lock().now
    }

    fn park_until(&self, deadline: Instant) {
        let this = thread::current();
        {
            let mut shared = self.lock();
            if self.jumps {
                shared.now = shared.now.max(deadline);
            }
            if shared.now >= deadline {
                return;
            }
            shared.parked.push(Parked {
                deadline,
                thread: this.clone(),
            });
            self.parked_changed.notify_all();
        }
        // Somebody who unparks between here and the line above leaves a token, which ends this at once.
        thread::park();
        let mut shared = self.lock();
        shared
            .parked
            .retain(|parked| parked.thread.id() != this.id());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sleeper_wakes_at_its_moment_and_not_before() {
        let clock = VirtualClock::new();
        let deadline = clock.after(Duration::from_secs(10));
        thread::scope(|scope| {
            let sleeper = scope.spawn(|| {
                clock.sleep_until(deadline);
                clock.now()
            });
            assert!(clock.wait_for_parked(1));
            clock.advance(Duration::from_secs(9));
            assert!(clock.wait_for_parked(1));
            assert!(!sleeper.is_finished());
            clock.advance(Duration::from_secs(1));
            assert_eq!(sleeper.join().expect("it sleeps only"), deadline);
        });
    }

    #[test]
    fn jumping_clock_moves_to_what_is_waited_for() {
        let clock = VirtualClock::jumping();
        let (earlier, deadline) = (clock.now(), clock.after(Duration::from_hours(1)));
        clock.sleep_until(deadline);
        assert_eq!(clock.now(), deadline);
        clock.sleep_until(earlier);
        assert_eq!(clock.now(), deadline, "time does not go back");
    }

    #[test]
    fn endless_durations_do_not_overflow() {
        let clock = SystemClock;
        assert!(clock.after(Duration::MAX) > clock.after(Duration::from_hours(24 * 365)));
    }

    #[test]
    fn unparked_thread_returns_before_its_moment() {
        for clock in [&SystemClock as &dyn Clock, &VirtualClock::new()] {
            thread::current().unpark();
            clock.park_until(clock.after(Duration::from_hours(24)));
        }
    }
}
