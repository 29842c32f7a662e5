//! What an executor and a task are told.

use std::io;
use std::time::{Duration, Instant};

use crate::cancel::CancelToken;
use crate::idle::WORKERS_MAX;
use crate::priority::{Key, Priority};

/// Most tasks that the express lane or the queue can be asked to hold.
const CAPACITY_MAX: usize = 1 << 20;

/// How an executor is set up.
///
/// # Examples
///
/// ```
/// use claude_flow_executor::{Executor, Options};
///
/// let executor = Executor::start(&Options {
///     workers: Some(2),
///     ..Options::default()
/// })?;
/// assert_eq!(executor.metrics().workers, 2);
/// # Ok::<(), claude_flow_executor::StartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// What threads' names begin with; `top -H` shows 15 bytes. By default `cf`.
    pub name: String,
    /// How many workers start; none: as many as [`Cores::worker_count`](crate::Cores) says.
    pub workers: Option<usize>,
    /// How many workers [`Executor::resize`](crate::Executor::resize) can ask for; at most 1,024.
    /// None: as many as start, or as there are cores if that is more.
    pub workers_max: Option<usize>,
    /// How many threads stand by for critical and high tasks alone. They sleep while a worker is
    /// idle; when all are busy the system runs one in place of a worker, which is the only
    /// preemption there is. By default 1.
    pub reserved_workers: usize,
    /// Whether each worker is bound to a core of its own, if there are as many. By default true.
    pub is_pinned: bool,
    /// How long a worker that finds nothing polls before it sleeps. By default 50 µs, about what
    /// waking a thread takes on a core that has gone idle.
    pub spin: Duration,
    /// How many workers poll at once; the others sleep at once. By default 1.
    pub spinners_max: u32,
    /// How many tasks wait in the express lane, which plain tasks take: a power of two up to 2^20.
    /// By default 4,096, each a cache line.
    pub lane_capacity: usize,
    /// How many tasks with a priority, key or deadline wait; up to 2^20. By default 4,096.
    pub queue_capacity: usize,
    /// What becomes of a task for which there is no room.
    pub overflow: Overflow,
    /// How many tasks of one key wait at most. By default 1,024.
    pub key_waiting_max: usize,
    /// How many tasks of one key run at most, for keys without a limit of their own. By default
    /// as many as there are workers.
    pub key_running_max: usize,
    /// How long a task waits before it goes ahead of more urgent ones. By default 100 ms.
    pub aging: Duration,
    /// An aged task is at least every so-manieth that comes out of the queue. By default 8.
    pub aged_every: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            name: "cf".to_owned(),
            workers: None,
            workers_max: None,
            reserved_workers: 1,
            is_pinned: true,
            spin: Duration::from_micros(50),
            spinners_max: 1,
            lane_capacity: 4_096,
            queue_capacity: 4_096,
            overflow: Overflow::default(),
            key_waiting_max: 1_024,
            key_running_max: usize::MAX,
            aging: Duration::from_millis(100),
            aged_every: 8,
        }
    }
}

impl Options {
    pub(crate) fn check(&self, workers: usize, workers_max: usize) -> Result<(), StartError> {
        let is_capacity = |it: usize| (1..=CAPACITY_MAX).contains(&it);
        let wrong = if workers == 0 || workers > workers_max {
            "workers must be from 1 to workers_max"
        } else if workers_max > WORKERS_MAX || self.reserved_workers > WORKERS_MAX {
            "workers_max and reserved_workers are at most 1,024"
        } else if !is_capacity(self.lane_capacity) || !self.lane_capacity.is_power_of_two() {
            "lane_capacity must be a power of two from 1 to 2^20"
        } else if !is_capacity(self.queue_capacity) {
            "queue_capacity must be from 1 to 2^20"
        } else if self.key_waiting_max == 0 || self.key_running_max == 0 {
            "a key must be allowed a task that waits and one that runs"
        } else if self.aged_every == 0 {
            "aged_every must be at least 1"
        } else {
            return Ok(());
        };
        Err(StartError::Options(wrong))
    }
}

/// What becomes of a task for which there is no room.
///
/// Whoever submits from a task of the same executor never waits, since that could hold up what it waits
/// for: there `Wait` is as `Reject`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// Whoever submits waits so long for room, and is then rejected.
    Wait(Duration),
    /// Whoever submits is rejected.
    Reject,
    /// The low task that has waited longest loses its place; if none waits, whoever submits is
    /// rejected.
    DropOldestLow,
}

impl Default for Overflow {
    /// Waits for a second.
    fn default() -> Self {
        Self::Wait(Duration::from_secs(1))
    }
}

/// What a task brings along; by default nothing.
#[derive(Debug, Clone, Default)]
pub struct TaskOptions {
    /// How urgent it is.
    pub priority: Priority,
    /// On whose behalf it runs.
    pub key: Option<Key>,
    /// It is not started at or after this moment, and its token is cancelled then.
    pub deadline: Option<Instant>,
    /// The task's own token is a child of this one.
    pub token: Option<CancelToken>,
}

/// Why a task was not taken in; the task is dropped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// As many tasks wait as may, and waiting for room took too long or is not allowed.
    #[error("{capacity} tasks wait already, which is the limit")]
    Full {
        /// The limit.
        capacity: usize,
    },
    /// As many tasks of the same key wait as may.
    #[error("{waiting_max} tasks of {key} wait already, which is the limit for one key")]
    KeyFull {
        /// The key.
        key: Key,
        /// The limit.
        waiting_max: usize,
    },
    /// The task's deadline has passed.
    #[error("the task's deadline has passed")]
    DeadlinePassed,
    /// The executor takes no tasks any more.
    #[error("the executor has stopped")]
    Stopped,
}

/// Why an executor did not start, or did not grow.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The options contradict each other or a limit.
    #[error("the options do not fit: {0}")]
    Options(&'static str),
    /// The system gave no thread.
    #[error("starting a thread for worker {worker}")]
    Thread {
        /// The worker's number.
        worker: usize,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It has stopped.
    #[error("the executor has stopped")]
    Stopped,
}
