//! Stops asking what fails most of the time, and tries it again later.
//!
//! ```text
//!            too many failures                open_for is over
//!   closed ────────────────────▶ open ────────────────────────▶ half-open
//!     ▲                           ▲                               │    │
//!     │                           └──────── one probe fails ──────┘    │
//!     └──────────────────────── all probes succeed ────────────────────┘
//! ```
#![forbid(unsafe_code)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Clock;
use crate::sync::system::{AtomicU8, AtomicU64, Ordering};

/// When a [`Breaker`] opens and closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerOptions {
    /// How many of the last outcomes count.
    pub window: usize,
    /// How long an outcome counts.
    pub window_age_max: Duration,
    /// So many outcomes must be there before it opens.
    pub minimum_sample: usize,
    /// It opens when so many per cent of the outcomes that count are failures.
    pub failures_percent: u8,
    /// How long it stays open.
    pub open_for: Duration,
    /// How many calls are let through when that time is over, and must all succeed.
    pub probes: u32,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            window: 50,
            window_age_max: Duration::from_secs(30),
            minimum_sample: 10,
            failures_percent: 50,
            open_for: Duration::from_secs(5),
            probes: 2,
        }
    }
}

/// What a [`Breaker`] does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakerState {
    /// It lets them through.
    Closed,
    /// It refuses them.
    Open,
    /// It lets a few through, to see how they fare.
    HalfOpen,
}

/// The call was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open for another {remaining:?}")]
pub struct BreakerOpen {
    /// How long it stays open; nothing if it waits for the outcome of its probes.
    pub remaining: Duration,
}

/// Why a call through a [`Breaker`] failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BreakerError<E> {
    /// It was not made.
    #[error(transparent)]
    Open(#[from] BreakerOpen),
    /// It was made, and failed.
    #[error("{0}")]
    Failed(#[source] E),
}

/// A circuit breaker. Shared between threads.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use claude_flow_executor::{Breaker, BreakerError, BreakerOptions, SystemClock};
///
/// let options = BreakerOptions { minimum_sample: 3, ..BreakerOptions::default() };
/// let breaker = Breaker::new(options, Arc::new(SystemClock));
/// for _ in 0..3 {
///     let result = breaker.call(|| Err::<(), _>("down"));
///     assert_eq!(result, Err(BreakerError::Failed("down")));
/// }
/// assert!(matches!(breaker.call(|| Ok::<_, &str>(())), Err(BreakerError::Open(_))));
/// ```
#[derive(Debug)]
pub struct Breaker {
    options: BreakerOptions,
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    counts: Counts,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    /// Goes up with every change of phase: an outcome counts only in the phase in which its call began.
    generation: u64,
}

#[derive(Debug)]
enum Phase {
    Closed {
        /// The oldest first, at most `window` of them.
        outcomes: VecDeque<Outcome>,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        admitted: u32,
        succeeded: u32,
    },
}

#[derive(Debug, Clone, Copy)]
struct Outcome {
    at: Instant,
    is_failure: bool,
}

#[derive(Debug, Default)]
struct Counts {
    state: AtomicU8,
    succeeded: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    opened: AtomicU64,
}

/// What a [`Breaker`] did until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerSnapshot {
    /// What it did with the last call.
    pub state: BreakerState,
    /// Calls that succeeded.
    pub succeeded: u64,
    /// Calls that failed or panicked.
    pub failed: u64,
    /// Calls that were refused.
    pub refused: u64,
    /// How often it opened.
    pub opened: u64,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub fn new(options: BreakerOptions, clock: Arc<dyn Clock>) -> Self {
        Self {
            options,
            clock,
            inner: Mutex::new(Inner {
                phase: Phase::Closed {
                    outcomes: VecDeque::new(),
                },
                generation: 0,
            }),
            counts: Counts::default(),
        }
    }

    /// Makes a call if the breaker lets it through. One that panics has failed.
    ///
    /// # Errors
    ///
    /// [`BreakerError::Open`] if the call was not made, [`BreakerError::Failed`] with its own error.
    pub fn call<T, E>(
        &self,
        operation: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, BreakerError<E>> {
        let permit = self.enter()?;
        let result = operation();
        if result.is_ok() {
            permit.succeed();
        }
        result.map_err(BreakerError::Failed)
    }

    /// Asks to make a call whose outcome is told by the permit.
    ///
    /// # Errors
    ///
    /// [`BreakerOpen`] if the call must not be made.
    pub fn enter(&self) -> Result<BreakerPermit<'_>, BreakerOpen> {
        let now = self.clock.now();
        let mut inner = self.lock();
        if let Phase::Open { until } = inner.phase
            && now >= until
        {
            self.change(
                &mut inner,
                Phase::HalfOpen {
                    admitted: 0,
                    succeeded: 0,
                },
            );
        }
        let remaining = match &mut inner.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until } => Some(until.duration_since(now)),
            Phase::HalfOpen { admitted, .. } if *admitted < self.options.probes.max(1) => {
                *admitted += 1;
                None
            }
            Phase::HalfOpen { .. } => Some(Duration::ZERO),
        };
        match remaining {
            None => Ok(BreakerPermit {
                breaker: self,
                generation: inner.generation,
                is_failure: true,
            }),
            Some(remaining) => {
                self.counts.refused.fetch_add(1, Ordering::Relaxed);
                Err(BreakerOpen { remaining })
            }
        }
    }

    /// What it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> BreakerSnapshot {
        BreakerSnapshot {
            state: match self.counts.state.load(Ordering::Relaxed) {
                0 => BreakerState::Closed,
                1 => BreakerState::Open,
                _ => BreakerState::HalfOpen,
            },
            succeeded: self.counts.succeeded.load(Ordering::Relaxed),
            failed: self.counts.failed.load(Ordering::Relaxed),
            refused: self.counts.refused.load(Ordering::Relaxed),
            opened: self.counts.opened.load(Ordering::Relaxed),
        }
    }

    fn record(&self, generation: u64, is_failure: bool) {
        let count = if is_failure {
            &self.counts.failed
        } else {
            &self.counts.succeeded
        };
        count.fetch_add(1, Ordering::Relaxed);
        let now = self.clock.now();
        let mut inner = self.lock();
        if inner.generation != generation {
            return;
        }
        let next = match &mut inner.phase {
            Phase::Closed { outcomes } => {
                outcomes.push_back(Outcome {
                    at: now,
                    is_failure,
                });
                self.forget_old(outcomes, now);
                self.is_too_much(outcomes).then(|| self.open(now))
            }
            Phase::HalfOpen { .. } if is_failure => Some(self.open(now)),
            Phase::HalfOpen { succeeded, .. } => {
                *succeeded += 1;
                (*succeeded >= self.options.probes.max(1)).then(|| Phase::Closed {
                    outcomes: VecDeque::new(),
                })
            }
            Phase::Open { .. } => None,
        };
        if let Some(next) = next {
            self.change(&mut inner, next);
        }
    }

    fn forget_old(&self, outcomes: &mut VecDeque<Outcome>, now: Instant) {
        let surplus = outcomes.len().saturating_sub(self.options.window.max(1));
        let age = |outcome: &Outcome| now.duration_since(outcome.at);
        let old = outcomes
            .iter()
            .take_while(|outcome| age(outcome) > self.options.window_age_max)
            .count();
        outcomes.drain(..surplus.max(old));
    }

    fn is_too_much(&self, outcomes: &VecDeque<Outcome>) -> bool {
        let failures = outcomes.iter().filter(|outcome| outcome.is_failure).count();
        failures > 0
            && outcomes.len() >= self.options.minimum_sample
            && failures * 100 >= outcomes.len() * usize::from(self.options.failures_percent)
    }

    fn open(&self, now: Instant) -> Phase {
        let until = now.checked_add(self.options.open_for).unwrap_or(now);
        Phase::Open { until }
    }

    fn change(&self, inner: &mut Inner, phase: Phase) {
        let state = match phase {
            Phase::Closed { .. } => 0,
            Phase::Open { .. } => {
                self.counts.opened.fetch_add(1, Ordering::Relaxed);
                1
            }
            Phase::HalfOpen { .. } => 2,
        };
        self.counts.state.store(state, Ordering::Relaxed);
        inner.phase = phase;
        inner.generation += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that may be made. Dropped without [`BreakerPermit::succeed`], the call has failed.
#[derive(Debug)]
#[must_use = "a permit that is dropped counts as a failure"]
pub struct BreakerPermit<'a> {
    breaker: &'a Breaker,
    generation: u64,
    is_failure: bool,
}

impl BreakerPermit<'_> {
    /// The call succeeded.
    pub fn succeed(mut self) {
        self.is_failure = false;
    }
}

impl Drop for BreakerPermit<'_> {
    fn drop(&mut self) {
        self.breaker.record(self.generation, self.is_failure);
    }
}
