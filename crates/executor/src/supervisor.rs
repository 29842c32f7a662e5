//! Agent processes that are spawned, watched, restarted and ended in order. Linux only.
//!
//! One thread polls all agents; an idle one costs a measurement every few seconds.
//!
//! ```text
//!             ┌──────── restart, after a back-off ────────┐
//!             ▼                                           │
//!   starting ───▶ running ───▶ (ended, silent, crashed) ──┴──▶ over
//!                    │                                          ▲
//!                    └──▶ stopping: asked, then killed ─────────┘
//! ```
//!
//! # Who may touch what
//!
//! An agent's `Life` is behind its lock: the supervising thread, and whoever spawns, stops or waits.
//! Locks are taken in the order `agents`, `Life`. Figures are atomics and read without locks.
#![forbid(unsafe_code)]

mod life;
mod shared;

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use claude_flow_sandbox::{Captured, Command, End, Level, Policy, Sandbox, SpawnError};

use crate::Clock;
use crate::retry::Backoff;
use crate::sync::system::Ordering;
use crate::sync::system::thread::{self, JoinHandle};

use life::Record;
use shared::Shared;

/// How much longer than their grace a shutdown waits for agents that were killed.
const KILLED_WAIT: Duration = Duration::from_secs(2);

/// Limits of an [`AgentSupervisor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SupervisorOptions {
    /// So many agents may live at once, those that wait for a restart included.
    pub agents_max: usize,
    /// How often CPU time and memory are measured.
    pub measure_every: Duration,
    /// Draws the delays of restarts.
    pub seed: u64,
}

impl Default for SupervisorOptions {
    fn default() -> Self {
        Self {
            agents_max: 100,
            measure_every: Duration::from_secs(5),
            seed: 0,
        }
    }
}

/// When an agent that ended is started again. One that was stopped never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Restart {
    /// Never.
    Never,
    /// Unless it ended by itself with code 0.
    OnFailure,
    /// Always.
    Always,
}

/// An agent and how it is kept.
#[derive(Debug, Clone)]
pub struct AgentOptions {
    /// For messages.
    pub name: String,
    /// The program. Its streams are set by the supervisor: whatever it writes to its standard output is a
    /// sign of life, and the end of its standard input, like `SIGTERM`, asks it to end.
    pub command: Command,
    /// What it may do.
    pub policy: Policy,
    /// One that gives no sign of life for longer is ended as silent.
    pub heartbeat_max: Option<Duration>,
    /// When it is started again.
    pub restart: Restart,
    /// How long to wait before that.
    pub backoff: Backoff,
    /// So many restarts in a row, each after a life shorter than `stable_after`, and it is given up.
    pub restarts_max: u32,
    /// A life of this length ends a row of restarts.
    pub stable_after: Duration,
    /// What is kept of each output: half its head, half its tail.
    pub output_bytes: usize,
}

impl AgentOptions {
    /// An agent that is never restarted and may be silent.
    ///
    /// The policy's limits of wall and CPU time, which are meant for one run, are lifted; who wants them sets
    /// them again. Memory is sampled only every five seconds while it is far below its limit.
    #[must_use]
    pub fn new(name: impl Into<String>, command: Command, policy: Policy) -> Self {
        let mut policy = policy;
        policy.limits.wall = Duration::MAX;
        policy.limits.cpu = Duration::from_hours(24 * 365);
        policy.limits.sampling = Duration::from_millis(250);
        Self {
            name: name.into(),
            command,
            policy,
            heartbeat_max: None,
            restart: Restart::Never,
            backoff: Backoff::default(),
            restarts_max: 5,
            stable_after: Duration::from_mins(1),
            output_bytes: 16 << 10,
        }
    }
}

/// Which agent of a supervisor this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(u64);

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Why an agent was not spawned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// As many live as may.
    #[error("{limit} agents live already")]
    Limit {
        /// How many may.
        limit: usize,
    },
    /// The sandbox could not start it.
    #[error("failed to start {agent}: {source}")]
    Spawn {
        /// Its name.
        agent: String,
        /// Why.
        source: SpawnError,
    },
    /// Its streams could not be watched.
    #[error("failed to watch {agent}: {source}")]
    Watch {
        /// Its name.
        agent: String,
        /// What the system said.
        source: io::Error,
    },
    /// The supervisor has ended.
    #[error("the supervisor has ended")]
    Ended,
}

/// What an agent does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgentState {
    /// It is being started.
    Starting,
    /// It runs.
    Running,
    /// It ended and will be started again.
    Waiting,
    /// It was asked to end.
    Stopping,
    /// It has ended for good.
    Over,
}

/// Why an agent's last process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AgentCause {
    /// By itself or by a limit: see the end.
    Ended,
    /// It gave no sign of life for too long.
    Silent,
    /// It was stopped, and ended in its time of grace.
    Stopped,
    /// It was stopped, and did not end in its time of grace.
    Killed,
    /// It could not be started again.
    NotStarted,
}

/// What became of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentEnd {
    /// Why its last process ended.
    pub cause: AgentCause,
    /// How its last process ended, if that is known.
    pub end: Option<End>,
    /// How often it was started again.
    pub restarts: u64,
    /// What all its processes wrote to their standard output.
    pub stdout: Captured,
    /// What all its processes wrote to their standard error.
    pub stderr: Captured,
}

/// An agent at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AgentSnapshot {
    /// What it does.
    pub state: AgentState,
    /// How often it was started again.
    pub restarts: u64,
    /// Signs of life: reads from its standard output.
    pub signs_of_life: u64,
    /// User and system time of all its processes, as of the last measurement.
    pub cpu: Duration,
    /// Resident memory that is neither backed by files nor shared, as of the last measurement.
    pub memory_bytes: u64,
    /// How many processes it has, as of the last measurement.
    pub processes: u64,
}

/// What an [`AgentSupervisor`] did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SupervisorSnapshot {
    /// Agents that live, those that wait for a restart included.
    pub live: u64,
    /// Agents that were spawned.
    pub spawned: u64,
    /// Agents that were refused for the limit.
    pub refused: u64,
    /// Processes that were started again.
    pub restarts: u64,
    /// Processes that ended as silent.
    pub silent: u64,
    /// Agents that were given up after too many restarts.
    pub given_up: u64,
    /// Agents that did not end in their time of grace.
    pub killed: u64,
}

/// What a shutdown came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShutdownReport {
    /// Agents that ended in their time of grace.
    pub stopped: usize,
    /// Agents that were killed after it.
    pub killed: usize,
}

/// Spawns and watches agents. When it is dropped, all of them are killed.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use claude_flow_executor::{
///     AgentOptions, AgentSupervisor, Clock, Restart, SupervisorOptions, SystemClock,
/// };
/// use claude_flow_sandbox::{Command, Helper, Policy, Sandbox};
///
/// let sandbox = Arc::new(Sandbox::start(Helper::this_program())?);
/// let clock = Arc::new(SystemClock);
/// let supervisor = AgentSupervisor::start(sandbox, clock, SupervisorOptions::default())?;
/// let mut options = AgentOptions::new("planner", Command::new("/usr/bin/planner"), Policy::new());
/// options.restart = Restart::OnFailure;
/// options.heartbeat_max = Some(Duration::from_secs(30));
/// let agent = supervisor.spawn(options)?;
/// println!("{:?}", agent.snapshot());
/// println!("{:?}", supervisor.shutdown(Duration::from_secs(5)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct AgentSupervisor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl AgentSupervisor {
    /// Starts the supervising thread.
    ///
    /// # Errors
    ///
    /// When the system has no thread or descriptor left.
    pub fn start(
        sandbox: Arc<Sandbox>,
        clock: Arc<dyn Clock>,
        options: SupervisorOptions,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(sandbox, clock, options)?);
        let supervising = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("agents".into())
            .spawn(move || supervising.supervise())?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Starts an agent. Returns when its program runs.
    ///
    /// # Errors
    ///
    /// [`AgentError`]; nothing of the agent is left.
    pub fn spawn(&self, options: AgentOptions) -> Result<Agent, AgentError> {
        let record = self.shared.spawn(options)?;
        Ok(Agent {
            record,
            shared: Arc::downgrade(&self.shared),
        })
    }

    /// What it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> SupervisorSnapshot {
        self.shared.snapshot()
    }

    /// Asks all agents to end, and kills those that live after the time of grace.
    #[must_use]
    pub fn shutdown(self, grace: Duration) -> ShutdownReport {
        let records = self.shared.stop_all(grace);
        let deadline = self.shared.clock.after(grace.saturating_add(KILLED_WAIT));
        let ends = records
            .iter()
            .map(|record| record.wait(&*self.shared.clock, deadline));
        let stopped = ends
            .filter(|end| {
                let end = end.as_ref();
                end.is_some_and(|end| end.cause != AgentCause::Killed)
            })
            .count();
        ShutdownReport {
            stopped,
            killed: records.len() - stopped,
        }
    }
}

impl Drop for AgentSupervisor {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(thread) = self.thread.take() {
            // A panic there has been told by the panic hook.
            let _ = thread.join();
        }
        self.shared.kill_all();
    }
}

/// An agent as its owner sees it. Dropping this does not end the agent.
#[derive(Debug, Clone)]
pub struct Agent {
    record: Arc<Record>,
    shared: Weak<Shared>,
}

impl Agent {
    /// Which agent this is.
    #[must_use]
    pub fn id(&self) -> AgentId {
        self.record.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.record.options.name
    }

    /// The level at which its last process runs or ran.
    #[must_use]
    pub fn level(&self) -> Level {
        self.record.level()
    }

    /// How it is, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> AgentSnapshot {
        self.record.snapshot()
    }

    /// Asks it to end, and has it killed if it still lives after the time of grace. Does not wait.
    pub fn stop(&self, grace: Duration) {
        // Without a supervisor it has ended already.
        if let Some(shared) = self.shared.upgrade() {
            shared.stop(&self.record, grace);
        }
    }

    /// Waits until it is over, at most until the deadline. What became of it can be asked often.
    #[must_use]
    pub fn wait(&self, deadline: Instant) -> Option<AgentEnd> {
        match self.shared.upgrade() {
            Some(shared) => self.record.wait(&*shared.clock, deadline),
            None => self.record.end(),
        }
    }
}

/// The state as it is kept in an atomic.
fn state_of(number: u8) -> AgentState {
    match number {
        0 => AgentState::Starting,
        1 => AgentState::Running,
        2 => AgentState::Waiting,
        3 => AgentState::Stopping,
        _ => AgentState::Over,
    }
}

/// Figures are counts of their own: no other memory is read because of them.
const RELAXED: Ordering = Ordering::Relaxed;
