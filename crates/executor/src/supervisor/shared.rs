//! The supervising thread and what it shares with its users.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claude_flow_sandbox::{Child, End, Sandbox};

use super::life::{Life, Next, Part, Record, decide};
use super::{
    AgentCause, AgentError, AgentId, AgentOptions, AgentState, RELAXED, SupervisorOptions,
    SupervisorSnapshot,
};
use crate::Clock;
use crate::random::Random;
use crate::reactor::{Reactor, WAKE};
use crate::sync::system::{AtomicBool, AtomicU64, Ordering};

/// How much is read from an output at once.
const READ_BYTES: usize = 16 << 10;

/// The most reads of one output before an agent counts as ended or silent.
const LAST_READS_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) clock: Arc<dyn Clock>,
    sandbox: Arc<Sandbox>,
    options: SupervisorOptions,
    reactor: Reactor,
    random: Random,
    agents: Mutex<BTreeMap<AgentId, Arc<Record>>>,
    next_id: AtomicU64,
    /// No agent is taken in and none restarted.
    is_closed: AtomicBool,
    /// The thread ends.
    is_ended: AtomicBool,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    live: AtomicU64,
    spawned: AtomicU64,
    refused: AtomicU64,
    restarts: AtomicU64,
    silent: AtomicU64,
    given_up: AtomicU64,
    killed: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        sandbox: Arc<Sandbox>,
        clock: Arc<dyn Clock>,
        options: SupervisorOptions,
    ) -> io::Result<Self> {
        Ok(Self {
            clock,
            sandbox,
            options,
            reactor: Reactor::new()?,
            random: Random::new(options.seed),
            agents: Mutex::new(BTreeMap::new()),
            next_id: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            is_ended: AtomicBool::new(false),
            counts: Counts::default(),
        })
    }

    fn agents(&self) -> MutexGuard<'_, BTreeMap<AgentId, Arc<Record>>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Record>> {
        self.agents().values().cloned().collect()
    }

    pub(super) fn snapshot(&self) -> SupervisorSnapshot {
        let read = |count: &AtomicU64| count.load(RELAXED);
        SupervisorSnapshot {
            live: read(&self.counts.live),
            spawned: read(&self.counts.spawned),
            refused: read(&self.counts.refused),
            restarts: read(&self.counts.restarts),
            silent: read(&self.counts.silent),
            given_up: read(&self.counts.given_up),
            killed: read(&self.counts.killed),
        }
    }

    pub(super) fn spawn(&self, options: AgentOptions) -> Result<Arc<Record>, AgentError> {
        let id = AgentId(self.next_id.fetch_add(1, RELAXED));
        let record = Arc::new(Record::new(id, options));
        self.enter(&record)?;
        // The thread that looks at all lives does not wait for this.
        let started = self.start_process(&record).and_then(|child| {
            let mut life = record.life();
            self.begin(&record, &mut life, child)
        });
        if let Err(error) = started {
            record.finish(&mut record.life(), AgentCause::NotStarted, None);
            self.leave(&record);
            return Err(error);
        }
        self.counts.spawned.fetch_add(1, RELAXED);
        // A heartbeat to watch may come before what the thread waits for.
        self.reactor.wake();
        Ok(record)
    }

    /// Reserves a place.
    fn enter(&self, record: &Arc<Record>) -> Result<(), AgentError> {
        let mut agents = self.agents();
        if self.is_closed.load(Ordering::Acquire) {
            return Err(AgentError::Ended);
        }
        let limit = self.options.agents_max;
        if agents.len() >= limit {
            self.counts.refused.fetch_add(1, RELAXED);
            return Err(AgentError::Limit { limit });
        }
        agents.insert(record.id, Arc::clone(record));
        self.counts.live.store(agents.len() as u64, RELAXED);
        Ok(())
    }

    fn leave(&self, record: &Record) {
        let mut agents = self.agents();
        agents.remove(&record.id);
        self.counts.live.store(agents.len() as u64, RELAXED);
    }

    fn start_process(&self, record: &Record) -> Result<Child, AgentError> {
        self.sandbox
            .spawn(&record.options.policy, &record.command())
            .map_err(|source| AgentError::Spawn {
                agent: record.options.name.clone(),
                source,
            })
    }

    fn begin(&self, record: &Record, life: &mut Life, child: Child) -> Result<(), AgentError> {
        record
            .begin(life, child, &self.reactor, self.clock.now())
            .map_err(|source| AgentError::Watch {
                agent: record.options.name.clone(),
                source,
            })
    }

    pub(super) fn stop(&self, record: &Record, grace: Duration) {
        let has_ended = {
            let mut life = record.life();
            if life.is_over() || life.is_stopping() {
                return;
            }
            let has_process = life.ask_to_end(self.clock.after(grace));
            if has_process {
                record.set_state(AgentState::Stopping);
            } else {
                record.finish(&mut life, AgentCause::Stopped, None);
            }
            !has_process
        };
        if has_ended {
            self.leave(record);
        }
        self.reactor.wake();
    }

    /// Asks all to end, and takes no more.
    pub(super) fn stop_all(&self, grace: Duration) -> Vec<Arc<Record>> {
        let records = {
            let agents = self.agents();
            // SYNC: the lock orders this before every later `enter`; restarts look at it without.
            self.is_closed.store(true, Ordering::Release);
            agents.values().cloned().collect::<Vec<_>>()
        };
        for record in &records {
            self.stop(record, grace);
        }
        records
    }

    /// Takes no more agents, and ends the thread.
    pub(super) fn close(&self) {
        {
            let _agents = self.agents();
            self.is_closed.store(true, Ordering::Release);
        }
        // SYNC: pairs with the Acquire load in `supervise`.
        self.is_ended.store(true, Ordering::Release);
        self.reactor.wake();
    }

    /// Ends what is left when the thread has ended.
    pub(super) fn kill_all(&self) {
        for record in self.all() {
            let mut life = record.life();
            life.forget_process(&self.reactor);
            if !life.is_over() {
                record.finish(&mut life, AgentCause::Killed, Some(End::Killed));
            }
        }
        self.agents().clear();
        self.counts.live.store(0, RELAXED);
    }

    /// The supervising thread.
    pub(super) fn supervise(&self) {
        let mut buffer = vec![0; READ_BYTES];
        let mut measure_at = self.clock.after(self.options.measure_every);
        while !self.is_ended.load(Ordering::Acquire) {
            let records = self.all();
            let now = self.clock.now();
            let due = records
                .iter()
                .filter_map(|record| record.due_at(&record.life()));
            let next = due.chain([measure_at]).min().unwrap_or(measure_at);
            let events = self
                .reactor
                .wait(Some(next.saturating_duration_since(now)))
                .expect("waiting for a descriptor of our own fails only by our own fault");
            for (token, _) in events {
                if token != WAKE {
                    self.serve(token, &mut buffer);
                }
            }
            let now = self.clock.now();
            for record in self.all() {
                self.look_after(&record, now, &mut buffer);
            }
            if now >= measure_at {
                for record in self.all() {
                    record.measure(&record.life());
                }
                measure_at = self.clock.after(self.options.measure_every);
            }
        }
    }

    fn serve(&self, token: u64, buffer: &mut [u8]) {
        let (id, part) = Part::of(token);
        let record = self.agents().get(&id).cloned();
        let Some(record) = record else { return };
        let now = self.clock.now();
        let mut life = record.life();
        if part != Part::Control {
            record.read(&mut life, part, &self.reactor, buffer, now);
            return;
        }
        self.read_the_rest(&record, &mut life, buffer, now);
        if let Some((end, lived)) = record.take_end(&mut life, &self.reactor, now) {
            self.after_an_end(&record, &mut life, end, lived, now);
        }
        let is_over = life.is_over();
        drop(life);
        if is_over {
            self.leave(&record);
        }
    }

    /// Reads what is there now, so that nobody is judged by what was not read.
    fn read_the_rest(&self, record: &Record, life: &mut Life, buffer: &mut [u8], now: Instant) {
        for part in [Part::Stdout, Part::Stderr] {
            for _ in 0..LAST_READS_MAX {
                if !record.read(life, part, &self.reactor, buffer, now) {
                    break;
                }
            }
        }
    }

    fn after_an_end(
        &self,
        record: &Record,
        life: &mut Life,
        end: Option<End>,
        lived: Duration,
        now: Instant,
    ) {
        let cause = life.take_cause().unwrap_or(AgentCause::Ended);
        if matches!(cause, AgentCause::Stopped | AgentCause::Killed) {
            record.finish(life, cause, end);
            return;
        }
        let is_success = end == Some(End::Exited(0));
        self.restart_or_end(record, life, (cause, end), is_success, lived, now);
    }

    fn restart_or_end(
        &self,
        record: &Record,
        life: &mut Life,
        (cause, end): (AgentCause, Option<End>),
        is_success: bool,
        lived: Duration,
        now: Instant,
    ) {
        let closed = self.is_closed.load(Ordering::Acquire);
        match decide(&record.options, is_success, lived, life.row(), &self.random) {
            Next::Restart(delay) if !closed => {
                life.restart_at = Some(now.checked_add(delay).unwrap_or(now));
                record.set_state(AgentState::Waiting);
            }
            Next::GiveUp => {
                self.counts.given_up.fetch_add(1, RELAXED);
                record.finish(life, cause, end);
            }
            Next::Over | Next::Restart(_) => record.finish(life, cause, end),
        }
    }

    /// Does what is due for one agent.
    fn look_after(&self, record: &Arc<Record>, now: Instant, buffer: &mut [u8]) {
        let mut life = record.life();
        if life.is_to_be_killed(now) {
            self.counts.killed.fetch_add(1, RELAXED);
            life.kill(AgentCause::Killed);
        }
        if record.is_silent(&life, now) {
            self.read_the_rest(record, &mut life, buffer, now);
            if record.is_silent(&life, now) {
                self.counts.silent.fetch_add(1, RELAXED);
                life.kill(AgentCause::Silent);
            }
        }
        if life.is_to_be_restarted(now) {
            life.restart_at = None;
            record.count_restart();
            self.counts.restarts.fetch_add(1, RELAXED);
            let started = self
                .start_process(record)
                .and_then(|child| self.begin(record, &mut life, child));
            if started.is_err() {
                let ended = (AgentCause::NotStarted, None);
                self.restart_or_end(record, &mut life, ended, false, Duration::ZERO, now);
            }
        }
        let is_over = life.is_over();
        drop(life);
        if is_over {
            self.leave(record);
        }
    }
}
