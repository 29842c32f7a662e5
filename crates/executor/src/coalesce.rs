//! One run per key at a time, and of those that wait only the newest.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::Clock;
use crate::sync::system::thread::{self, Thread};
use crate::sync::system::{AtomicBool, AtomicU64, Ordering};

/// Runs work under keys, for example one project-wide check per root.
///
/// Under one key, one run goes on and at most one waits. Whoever comes while one waits replaces it, and
/// the replaced one is told by whom. Under different keys, runs know nothing of each other.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use claude_flow_executor::{Clock, Coalescer, SystemClock};
///
/// let clock = Arc::new(SystemClock);
/// let checks = Coalescer::new(clock.clone());
/// let deadline = clock.after(Duration::from_secs(60));
/// let findings = checks.run("/home/me/project", "edit 7", deadline, |_turn| 3);
/// assert_eq!(findings, Ok(3));
/// ```
#[derive(Debug)]
pub struct Coalescer<K> {
    clock: Arc<dyn Clock>,
    state: Mutex<State<K>>,
    counts: Counts,
}

/// Bounded by the number of threads that run or wait.
#[derive(Debug)]
struct State<K> {
    /// Keys under which something runs.
    lanes: BTreeMap<K, Lane>,
    /// What became of those that wait no more and have not yet woken, by ticket.
    fates: BTreeMap<u64, Fate>,
    next_ticket: u64,
}

#[derive(Debug)]
struct Lane {
    /// Of the one that runs.
    turn: Turn,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    ticket: u64,
    thread: Thread,
}

#[derive(Debug)]
enum Fate {
    /// It is its turn.
    Runs(Turn),
    Replaced {
        by: String,
    },
}

/// What a run knows of those behind it.
#[derive(Debug, Clone, Default)]
pub struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Whether somebody newer has come for the same key. A long run may stop early for it.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        // Only a hint: nothing else is read because of it.
        self.0.load(Ordering::Relaxed)
    }
}

/// Why work was not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoalesceError {
    /// Somebody newer took its place.
    #[error("replaced by {by}")]
    Replaced {
        /// The newer one's name.
        by: String,
    },
    /// The run before it did not end in time.
    #[error("it did not come to its turn in time")]
    TimedOut,
}

#[derive(Debug, Default)]
struct Counts {
    running: AtomicU64,
    waiting: AtomicU64,
    runs: AtomicU64,
    replaced: AtomicU64,
    timed_out: AtomicU64,
}

/// How busy a [`Coalescer`] is and what it did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CoalesceSnapshot {
    /// Runs that go on.
    pub running: u64,
    /// Requests that wait.
    pub waiting: u64,
    /// Runs that were begun.
    pub runs: u64,
    /// Requests that were replaced.
    pub replaced: u64,
    /// Requests that were out of time.
    pub timed_out: u64,
}

impl<K: Ord + Clone> Coalescer<K> {
    /// Nothing runs.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            state: Mutex::new(State {
                lanes: BTreeMap::new(),
                fates: BTreeMap::new(),
                next_ticket: 0,
            }),
            counts: Counts::default(),
        }
    }

    /// Runs work on the calling thread when it is its turn under the key. Work that panics frees the key.
    ///
    /// `name` is what the one that this replaces is told.
    ///
    /// # Errors
    ///
    /// [`CoalesceError`]; the work was not run.
    pub fn run<T>(
        &self,
        key: K,
        name: &str,
        deadline: Instant,
        work: impl FnOnce(&Turn) -> T,
    ) -> Result<T, CoalesceError> {
        let turn = match self.enter(&key, name) {
            Ok(turn) => turn,
            Err(ticket) => self.wait(&key, ticket, deadline)?,
        };
        self.counts.runs.fetch_add(1, Ordering::Relaxed);
        let _lane = Occupied {
            coalescer: self,
            key,
        };
        Ok(work(&turn))
    }

    /// How busy it is and what it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> CoalesceSnapshot {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        CoalesceSnapshot {
            running: read(&self.counts.running),
            waiting: read(&self.counts.waiting),
            runs: read(&self.counts.runs),
            replaced: read(&self.counts.replaced),
            timed_out: read(&self.counts.timed_out),
        }
    }

    /// The turn of one that runs at once, or the ticket of one that waits.
    fn enter(&self, key: &K, name: &str) -> Result<Turn, u64> {
        let mut state = self.lock();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        let State { lanes, fates, .. } = &mut *state;
        let Some(lane) = lanes.get_mut(key) else {
            let turn = Turn::default();
            let lane = Lane {
                turn: turn.clone(),
                waiting: None,
            };
            lanes.insert(key.clone(), lane);
            self.counts.running.fetch_add(1, Ordering::Relaxed);
            return Ok(turn);
        };
        lane.turn.0.store(true, Ordering::Relaxed);
        let waiting = Waiting {
            ticket,
            thread: thread::current(),
        };
        match lane.waiting.replace(waiting) {
            Some(older) => {
                fates.insert(
                    older.ticket,
                    Fate::Replaced {
                        by: name.to_owned(),
                    },
                );
                older.thread.unpark();
                self.counts.replaced.fetch_add(1, Ordering::Relaxed);
            }
            None => {
                self.counts.waiting.fetch_add(1, Ordering::Relaxed);
            }
        }
        Err(ticket)
    }

    fn wait(&self, key: &K, ticket: u64, deadline: Instant) -> Result<Turn, CoalesceError> {
        loop {
            {
                let mut state = self.lock();
                match state.fates.remove(&ticket) {
                    Some(Fate::Runs(turn)) => return Ok(turn),
                    Some(Fate::Replaced { by }) => return Err(CoalesceError::Replaced { by }),
                    None => {}
                }
                if self.clock.now() >= deadline {
                    let lane = state.lanes.get_mut(key);
                    let _ = lane.map(|lane| lane.waiting.take());
                    self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
                    self.counts.timed_out.fetch_add(1, Ordering::Relaxed);
                    return Err(CoalesceError::TimedOut);
                }
            }
            self.clock.park_until(deadline);
        }
    }

    /// Gives the key to the one that waits, if there is one.
    fn leave(&self, key: &K) {
        let mut state = self.lock();
        let State { lanes, fates, .. } = &mut *state;
        let Some(lane) = lanes.get_mut(key) else {
            return;
        };
        if let Some(next) = lane.waiting.take() {
            lane.turn = Turn::default();
            fates.insert(next.ticket, Fate::Runs(lane.turn.clone()));
            next.thread.unpark();
            self.counts.waiting.fetch_sub(1, Ordering::Relaxed);
        } else {
            lanes.remove(key);
            self.counts.running.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Frees a key when its run ends, however it does.
struct Occupied<'a, K: Ord + Clone> {
    coalescer: &'a Coalescer<K>,
    key: K,
}

impl<K: Ord + Clone> Drop for Occupied<'_, K> {
    fn drop(&mut self) {
        self.coalescer.leave(&self.key);
    }
}
