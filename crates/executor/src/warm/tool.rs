//! What a tool is, when it may start again, and the pool of its processes.
#![forbid(unsafe_code)]

use std::fmt::{self, Debug};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use claude_flow_sandbox::{Command, Policy, SpawnError};

use super::Framing;
use super::host::Shared;
use super::process::Process;
use super::rpc::METHOD_NOT_FOUND;
use super::session::{RequestError, Session};
use crate::connections::{AcquireError, Connection, Manager, Pool, PoolOptions, PoolSnapshot};
use crate::random::Random;
use crate::retry::Backoff;
use crate::sync::system::{AtomicU64, Ordering};

/// Which process of a host this is. No two sessions of a host have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(super) u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What one side of a JSON-RPC dialogue refuses a request with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct ServerError {
    /// The number, as the protocol defines it.
    pub code: i64,
    /// The text.
    pub message: String,
    /// Anything else, as JSON; it is not sent to the tool.
    pub data: Option<String>,
}

/// What a tool wants of us. `()` is the handler of a tool that wants nothing.
///
/// All but [`Handler::greet`] run on the host's polling thread, on which every other tool waits: they
/// return at once. One that panics is counted, and the tool goes on.
pub trait Handler: Debug + Send + Sync + 'static {
    /// Makes a new process ready for requests, for example by `initialize` and `initialized`.
    ///
    /// # Errors
    ///
    /// When it cannot be; the process is ended.
    fn greet(&self, session: &Session, deadline: Instant) -> Result<(), RequestError> {
        let _ = (session, deadline);
        Ok(())
    }

    /// Hears a notification. Parameters are JSON.
    fn notified(&self, session: SessionId, method: &str, params: &str) {
        let _ = (session, method, params);
    }

    /// Answers a request of the tool. Parameters and result are JSON.
    ///
    /// # Errors
    ///
    /// What the tool is refused with; by default that there is no such method.
    fn asked(&self, session: SessionId, method: &str, params: &str) -> Result<String, ServerError> {
        let _ = (session, params);
        Err(ServerError {
            code: METHOD_NOT_FOUND,
            message: format!("no method {method}"),
            data: None,
        })
    }
}

impl Handler for () {}

/// A tool and how it is kept.
#[derive(Debug, Clone)]
pub struct ToolOptions {
    /// For messages.
    pub name: String,
    /// The program. Its streams are set by the pool.
    pub command: Command,
    /// What it may do. Its wall time is without effect: [`PoolOptions::lifetime_max`] decides.
    pub policy: Policy,
    /// How messages follow each other.
    pub framing: Framing,
    /// What it wants of us.
    pub handler: Arc<dyn Handler>,
    /// How many processes there are, and for how long. Health is looked at whenever one is handed out.
    pub pool: PoolOptions,
    /// How long to wait before another process is started after one that failed.
    pub backoff: Backoff,
    /// How long [`Handler::greet`] may take.
    pub greeting_max: Duration,
    /// A process that holds more takes no further requests and is replaced. Measured once a second.
    ///
    /// The policy's own limit, which is the harder one, ends the process at once.
    pub memory_bytes_max: u64,
    /// The longest message in either direction.
    pub message_bytes_max: usize,
    /// What is kept of the standard error of each process: half its head, half its tail.
    pub stderr_bytes: usize,
}

impl ToolOptions {
    /// A tool that wants nothing of us, with at most one process.
    ///
    /// The policy's limit of CPU time, which is meant for one run, is lifted; who wants it sets it again.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        command: Command,
        policy: Policy,
        framing: Framing,
    ) -> Self {
        let mut policy = policy;
        policy.limits.cpu = Duration::from_hours(24 * 365);
        Self {
            name: name.into(),
            command,
            policy,
            framing,
            handler: Arc::new(()),
            pool: PoolOptions {
                maximum: 1,
                ..PoolOptions::default()
            },
            backoff: Backoff::default(),
            greeting_max: Duration::from_secs(30),
            memory_bytes_max: 1 << 30,
            message_bytes_max: 64 << 20,
            stderr_bytes: 16 << 10,
        }
    }
}

/// Why a process of a tool could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ToolError {
    /// It could not be started.
    #[error("failed to start {tool}: {source}")]
    Spawn {
        /// The tool.
        tool: String,
        /// Why.
        source: SpawnError,
    },
    /// Its streams could not be watched.
    #[error("failed to watch {tool}: {source}")]
    Watch {
        /// The tool.
        tool: String,
        /// What the system said.
        source: io::Error,
    },
    /// It started, and its greeting failed.
    #[error("{tool} did not become ready: {source}")]
    Greeting {
        /// The tool.
        tool: String,
        /// Why.
        source: Box<RequestError>,
    },
    /// It failed, and is not started again before the deadline.
    #[error("{tool} failed {failures} times in a row and is not started for another {remaining:?}")]
    BackingOff {
        /// The tool.
        tool: String,
        /// How often.
        failures: u32,
        /// How long.
        remaining: Duration,
    },
    /// This process of it can take no more requests.
    #[error("a process of {tool} is of no more use")]
    Unfit {
        /// The tool.
        tool: String,
    },
    /// The host has ended.
    #[error("the host of {tool} has ended")]
    HostEnded {
        /// The tool.
        tool: String,
    },
}

/// What is common to all processes of a tool.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) options: ToolOptions,
    pub(super) counts: Counts,
    restart: Mutex<Restart>,
    random: Random,
}

#[derive(Debug)]
struct Restart {
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) live: AtomicU64,
    pub(super) started: AtomicU64,
    pub(super) start_failed: AtomicU64,
    pub(super) ended_by_itself: AtomicU64,
    pub(super) garbled: AtomicU64,
    pub(super) over_memory: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) answered: AtomicU64,
    pub(super) timed_out: AtomicU64,
    pub(super) cancelled: AtomicU64,
    pub(super) late_answers: AtomicU64,
    pub(super) unknown_answers: AtomicU64,
    pub(super) notifications: AtomicU64,
    pub(super) handler_panics: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What a [`ToolPool`] did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolSnapshot {
    /// Its pool.
    pub pool: PoolSnapshot,
    /// Processes that run.
    pub live: u64,
    /// Processes that were started.
    pub started: u64,
    /// Starts and greetings that failed.
    pub start_failed: u64,
    /// Processes that ended, or were ended by a limit, without being asked to.
    pub ended_by_itself: u64,
    /// Processes that were ended because what they said could not be understood.
    pub garbled: u64,
    /// Processes that were replaced because they held too much memory.
    pub over_memory: u64,
    /// Requests that were sent.
    pub requests: u64,
    /// Requests that were answered, with a result or a refusal.
    pub answered: u64,
    /// Requests that were out of time.
    pub timed_out: u64,
    /// Requests that were cancelled.
    pub cancelled: u64,
    /// Answers to requests for which nobody waited any more. They are dropped.
    pub late_answers: u64,
    /// Answers to requests that were never made. They are dropped.
    pub unknown_answers: u64,
    /// Notifications from the tool.
    pub notifications: u64,
    /// How often the handler panicked.
    pub handler_panics: u64,
}

impl Tool {
    pub(super) fn new(mut options: ToolOptions, seed: u64) -> Self {
        options.policy.limits.wall = Duration::MAX;
        options.pool.check_after = Duration::ZERO;
        Self {
            options,
            counts: Counts::default(),
            restart: Mutex::new(Restart {
                failures: 0,
                not_before: None,
            }),
            random: Random::new(seed),
        }
    }

    /// A process failed; one that had served begins a new row of failures.
    pub(super) fn failed(&self, had_served: bool, now: Instant) {
        let mut restart = self.restart.lock().unwrap_or_else(PoisonError::into_inner);
        restart.failures = if had_served {
            1
        } else {
            restart.failures.saturating_add(1)
        };
        let delay = self.options.backoff.delay(restart.failures, &self.random);
        restart.not_before = now.checked_add(delay);
    }

    /// How often it failed in a row, and until when it is left alone.
    fn backing_off(&self, now: Instant) -> Option<(u32, Instant)> {
        let restart = self.restart.lock().unwrap_or_else(PoisonError::into_inner);
        let until = restart.not_before.filter(|&until| now < until)?;
        Some((restart.failures, until))
    }

    fn name(&self) -> String {
        self.options.name.clone()
    }
}

/// Makes processes of one tool for a [`Pool`].
#[derive(Debug)]
pub struct Tools {
    tool: Arc<Tool>,
    host: Arc<Shared>,
}

impl Tools {
    fn wait_until_allowed(&self, deadline: Instant) -> Result<(), ToolError> {
        let clock = &self.host.clock;
        let now = clock.now();
        let Some((failures, until)) = self.tool.backing_off(now) else {
            return Ok(());
        };
        if until >= deadline {
            return Err(ToolError::BackingOff {
                tool: self.tool.name(),
                failures,
                remaining: until.duration_since(now),
            });
        }
        clock.sleep_until(until);
        Ok(())
    }

    fn start(&self, deadline: Instant) -> Result<Session, ToolError> {
        let process = Process::start(&self.host, &self.tool)?;
        let session = Session::new(process);
        let clock = &self.host.clock;
        let deadline = deadline.min(clock.after(self.tool.options.greeting_max));
        match self.tool.options.handler.greet(&session, deadline) {
            Ok(()) => {
                session.process.greeted();
                Ok(session)
            }
            Err(source) => Err(ToolError::Greeting {
                tool: self.tool.name(),
                source: Box::new(source),
            }),
        }
    }
}

impl Manager for Tools {
    type Connection = Session;
    type Error = ToolError;

    fn connect(&self, deadline: Instant) -> Result<Session, ToolError> {
        self.wait_until_allowed(deadline)?;
        self.start(deadline).inspect_err(|_| {
            count(&self.tool.counts.start_failed);
            self.tool.failed(false, self.host.clock.now());
        })
    }

    fn check(&self, session: &mut Session) -> Result<(), ToolError> {
        if session.process.is_open() {
            Ok(())
        } else {
            Err(ToolError::Unfit {
                tool: self.tool.name(),
            })
        }
    }

    fn recycle(&self, session: &mut Session) -> Result<(), ToolError> {
        self.check(session)
    }
}

/// The processes of one tool. Clones are the same pool; the processes end with the last one.
#[derive(Debug, Clone)]
pub struct ToolPool(Arc<Kept>);

#[derive(Debug)]
pub(super) struct Kept {
    pool: Pool<Tools>,
    tool: Arc<Tool>,
    host: Arc<Shared>,
}

impl ToolPool {
    pub(super) fn new(host: &Arc<Shared>, tool: Tool) -> Self {
        let tool = Arc::new(tool);
        let manager = Tools {
            tool: Arc::clone(&tool),
            host: Arc::clone(host),
        };
        let pool = Pool::new(manager, tool.options.pool, Arc::clone(&host.clock));
        let kept = Arc::new(Kept {
            pool,
            tool,
            host: Arc::clone(host),
        });
        host.keep(&kept);
        Self(kept)
    }

    /// Takes a process for its own: an idle one, a new one, or the next that comes back.
    ///
    /// # Errors
    ///
    /// [`AcquireError`].
    pub fn acquire(&self, deadline: Instant) -> Result<Connection<Tools>, AcquireError<ToolError>> {
        self.0.pool.acquire(deadline)
    }

    /// Replaces processes that hold too much memory, ends those that are idle for too long, and starts
    /// those that the minimum wants. The host does this once a second.
    ///
    /// # Errors
    ///
    /// Why a process could not be started.
    pub fn maintain(&self) -> Result<(), ToolError> {
        self.0.look_at_memory();
        self.0.maintain()
    }

    /// How long no process is started after one that failed; `None` if one may be started now.
    #[must_use]
    pub fn backing_off(&self) -> Option<Duration> {
        let now = self.0.host.clock.now();
        let (_, until) = self.0.tool.backing_off(now)?;
        Some(until.duration_since(now))
    }

    /// What it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> ToolSnapshot {
        let counts = &self.0.tool.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ToolSnapshot {
            pool: self.0.pool.snapshot(),
            live: read(&counts.live),
            started: read(&counts.started),
            start_failed: read(&counts.start_failed),
            ended_by_itself: read(&counts.ended_by_itself),
            garbled: read(&counts.garbled),
            over_memory: read(&counts.over_memory),
            requests: read(&counts.requests),
            answered: read(&counts.answered),
            timed_out: read(&counts.timed_out),
            cancelled: read(&counts.cancelled),
            late_answers: read(&counts.late_answers),
            unknown_answers: read(&counts.unknown_answers),
            notifications: read(&counts.notifications),
            handler_panics: read(&counts.handler_panics),
        }
    }
}

impl Kept {
    pub(super) fn look_at_memory(&self) {
        for process in self.host.processes_of(&self.tool) {
            process.look_at_memory();
        }
    }

    pub(super) fn maintain(&self) -> Result<(), ToolError> {
        let now = self.host.clock.now();
        // Whoever keeps the pools does not wait for a tool that is left alone.
        if self.tool.backing_off(now).is_some() {
            return Ok(());
        }
        self.pool
            .maintain(self.host.clock.after(self.tool.options.greeting_max))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // Sessions that are still in use end when they come back.
        self.pool.close();
    }
}
