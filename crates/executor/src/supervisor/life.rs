//! One agent: its process, its outputs, its figures.
#![forbid(unsafe_code)]

use std::fmt;
use std::io::{PipeReader, PipeWriter};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use claude_flow_sandbox::{Capture, Child, End, Level, Stream};
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;

use super::{
    AgentCause, AgentEnd, AgentId, AgentOptions, AgentSnapshot, AgentState, RELAXED, Restart,
    state_of,
};
use crate::Clock;
use crate::random::Random;
use crate::reactor::Reactor;
use crate::sync::system::thread::{self, Thread};
use crate::sync::system::{AtomicU8, AtomicU64};

/// What a token says beside the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Control,
    Stdout,
    Stderr,
}

const PARTS: [Part; 3] = [Part::Control, Part::Stdout, Part::Stderr];

impl Part {
    fn token(self, id: AgentId) -> u64 {
        id.0 * PARTS.len() as u64 + self as u64
    }

    pub(super) fn of(token: u64) -> (AgentId, Self) {
        let count = PARTS.len() as u64;
        let part = usize::try_from(token % count).unwrap_or_default();
        (AgentId(token / count), PARTS[part])
    }
}

/// An agent, its figures and its life.
pub(super) struct Record {
    pub(super) id: AgentId,
    pub(super) options: AgentOptions,
    figures: Figures,
    life: Mutex<Life>,
}

#[derive(Debug, Default)]
struct Figures {
    state: AtomicU8,
    restarts: AtomicU64,
    signs_of_life: AtomicU64,
    /// Of processes that have ended; the running one's comes on top.
    cpu_before_ns: AtomicU64,
    cpu_ns: AtomicU64,
    memory_bytes: AtomicU64,
    processes: AtomicU64,
}

pub(super) struct Life {
    process: Option<Running>,
    stdout: Capture,
    stderr: Capture,
    level: Level,
    /// Restarts in the present row.
    row: u32,
    /// When it is to be started again.
    pub(super) restart_at: Option<Instant>,
    /// When it is to be killed, once it was asked to end.
    kill_at: Option<Instant>,
    /// Why it is being ended by us.
    cause: Option<AgentCause>,
    over: Option<(AgentCause, Option<End>)>,
    waiters: Vec<Thread>,
}

struct Running {
    child: Child,
    stdin: Option<PipeWriter>,
    stdout: Option<PipeReader>,
    stderr: Option<PipeReader>,
    started_at: Instant,
    last_sign: Instant,
}

/// What follows the end of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one after this delay.
    Restart(Duration),
    /// Nothing, because it was restarted too often.
    GiveUp,
    /// Nothing.
    Over,
}

/// Decides what follows the end of a process that lived so long, after so many restarts in a row.
pub(super) fn decide(
    options: &AgentOptions,
    is_success: bool,
    lived: Duration,
    row: &mut u32,
    random: &Random,
) -> Next {
    let is_wanted = match options.restart {
        Restart::Never => false,
        Restart::OnFailure => !is_success,
        Restart::Always => true,
    };
    if !is_wanted {
        return Next::Over;
    }
    if lived >= options.stable_after {
        *row = 0;
    }
    if *row >= options.restarts_max {
        return Next::GiveUp;
    }
    *row += 1;
    Next::Restart(options.backoff.delay(*row, random))
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("id", &self.id)
            .field("name", &self.options.name)
            .finish_non_exhaustive()
    }
}

impl Record {
    pub(super) fn new(id: AgentId, options: AgentOptions) -> Self {
        Self {
            id,
            figures: Figures::default(),
            life: Mutex::new(Life {
                process: None,
                stdout: Capture::new(options.output_bytes),
                stderr: Capture::new(options.output_bytes),
                level: Level::L1,
                row: 0,
                restart_at: None,
                kill_at: None,
                cause: None,
                over: None,
                waiters: Vec::new(),
            }),
            options,
        }
    }

    pub(super) fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The command with the streams that the supervisor needs.
    pub(super) fn command(&self) -> claude_flow_sandbox::Command {
        self.options
            .command
            .clone()
            .stdin(Stream::Pipe)
            .stdout(Stream::Pipe)
            .stderr(Stream::Pipe)
    }

    pub(super) fn set_state(&self, state: AgentState) {
        self.figures.state.store(state as u8, RELAXED);
    }

    pub(super) fn level(&self) -> Level {
        self.life().level
    }

    pub(super) fn snapshot(&self) -> AgentSnapshot {
        let figures = &self.figures;
        AgentSnapshot {
            state: state_of(figures.state.load(RELAXED)),
            restarts: figures.restarts.load(RELAXED),
            signs_of_life: figures.signs_of_life.load(RELAXED),
            cpu: Duration::from_nanos(
                figures.cpu_before_ns.load(RELAXED) + figures.cpu_ns.load(RELAXED),
            ),
            memory_bytes: figures.memory_bytes.load(RELAXED),
            processes: figures.processes.load(RELAXED),
        }
    }

    pub(super) fn end(&self) -> Option<AgentEnd> {
        self.end_of(&self.life())
    }

    fn end_of(&self, life: &Life) -> Option<AgentEnd> {
        let (cause, end) = life.over?;
        Some(AgentEnd {
            cause,
            end,
            restarts: self.figures.restarts.load(RELAXED),
            stdout: life.stdout.snapshot(),
            stderr: life.stderr.snapshot(),
        })
    }

    pub(super) fn wait(&self, clock: &dyn Clock, deadline: Instant) -> Option<AgentEnd> {
        let this = thread::current();
        loop {
            {
                let mut life = self.life();
                let end = self.end_of(&life);
                if end.is_some() || clock.now() >= deadline {
                    life.waiters.retain(|waiter| waiter.id() != this.id());
                    return end;
                }
                if !life.waiters.iter().any(|waiter| waiter.id() == this.id()) {
                    life.waiters.push(this.clone());
                }
            }
            clock.park_until(deadline);
        }
    }

    /// Takes a process that was just started.
    pub(super) fn begin(
        &self,
        life: &mut Life,
        mut child: Child,
        reactor: &Reactor,
        now: Instant,
    ) -> std::io::Result<()> {
        let running = Running {
            stdin: child.stdin.take(),
            stdout: child.stdout.take(),
            stderr: child.stderr.take(),
            child,
            started_at: now,
            last_sign: now,
        };
        for pipe in [&running.stdout, &running.stderr].into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        let add = |source: &dyn std::os::fd::AsFd, part: Part| {
            reactor.add(source.as_fd(), part.token(self.id), EventFlags::IN)
        };
        life.level = running.child.level();
        add(&running.child, Part::Control)?;
        if let Some(stdout) = &running.stdout {
            add(stdout, Part::Stdout)?;
        }
        if let Some(stderr) = &running.stderr {
            add(stderr, Part::Stderr)?;
        }
        life.process = Some(running);
        self.set_state(AgentState::Running);
        Ok(())
    }

    pub(super) fn count_restart(&self) {
        self.figures.restarts.fetch_add(1, RELAXED);
    }

    /// Reads once. Whatever comes on the standard output is a sign of life. Returns whether more may come
    /// at once.
    pub(super) fn read(
        &self,
        life: &mut Life,
        part: Part,
        reactor: &Reactor,
        buffer: &mut [u8],
        now: Instant,
    ) -> bool {
        let Some(running) = &mut life.process else {
            return false;
        };
        let (pipe, capture) = match part {
            Part::Stdout => (&mut running.stdout, &mut life.stdout),
            Part::Stderr => (&mut running.stderr, &mut life.stderr),
            Part::Control => return false,
        };
        let Some(open) = pipe else { return false };
        match rustix::io::read(&*open, &mut *buffer) {
            Err(Errno::INTR) => true,
            Err(Errno::AGAIN) => false,
            Ok(0) | Err(_) => {
                reactor.remove(&*open);
                *pipe = None;
                false
            }
            Ok(len) => {
                capture.push(&buffer[..len]);
                if part == Part::Stdout {
                    running.last_sign = now;
                    self.figures.signs_of_life.fetch_add(1, RELAXED);
                }
                true
            }
        }
    }

    /// Measures CPU time and memory.
    pub(super) fn measure(&self, life: &Life) {
        let Some(running) = &life.process else { return };
        if let Ok(measured) = running.child.measure() {
            self.set_cpu(measured.cpu);
            self.figures
                .memory_bytes
                .store(measured.memory_bytes, RELAXED);
            self.figures
                .processes
                .store(measured.processes as u64, RELAXED);
        }
    }

    fn set_cpu(&self, cpu: Duration) {
        let cpu_ns = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        // The measured time may fall a little behind what it was: ticks are coarse.
        self.figures.cpu_ns.fetch_max(cpu_ns, RELAXED);
    }

    /// Takes the end of the process, if it has ended, with how and how long it lived.
    pub(super) fn take_end(
        &self,
        life: &mut Life,
        reactor: &Reactor,
        now: Instant,
    ) -> Option<(Option<End>, Duration)> {
        let running = life.process.as_ref()?;
        let end = match running.child.try_wait() {
            Ok(None) => return None,
            Ok(Some((end, usage))) => {
                self.set_cpu(usage.cpu);
                Some(end)
            }
            Err(_) => None,
        };
        let lived = now.duration_since(running.started_at);
        life.forget_process(reactor);
        let cpu_ns = self.figures.cpu_ns.swap(0, RELAXED);
        self.figures.cpu_before_ns.fetch_add(cpu_ns, RELAXED);
        self.figures.memory_bytes.store(0, RELAXED);
        self.figures.processes.store(0, RELAXED);
        Some((end, lived))
    }

    /// It is over.
    pub(super) fn finish(&self, life: &mut Life, cause: AgentCause, end: Option<End>) {
        life.over = Some((cause, end));
        life.restart_at = None;
        life.kill_at = None;
        self.set_state(AgentState::Over);
        for waiter in life.waiters.drain(..) {
            waiter.unpark();
        }
    }

    /// When this agent needs something of the supervising thread next.
    pub(super) fn due_at(&self, life: &Life) -> Option<Instant> {
        let silent_at = self.silent_at(life);
        [life.restart_at, life.kill_at, silent_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn silent_at(&self, life: &Life) -> Option<Instant> {
        let running = life.process.as_ref()?;
        // One that is being ended already is left to that.
        if life.cause.is_some() || life.kill_at.is_some() {
            return None;
        }
        running.last_sign.checked_add(self.options.heartbeat_max?)
    }

    pub(super) fn is_silent(&self, life: &Life, now: Instant) -> bool {
        self.silent_at(life).is_some_and(|at| now >= at)
    }
}

impl Life {
    pub(super) fn is_over(&self) -> bool {
        self.over.is_some()
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.kill_at.is_some() || self.cause == Some(AgentCause::Killed)
    }

    /// Why the process was ended by us, if it was.
    pub(super) fn take_cause(&mut self) -> Option<AgentCause> {
        let was_stopping = self.kill_at.take().is_some();
        match self.cause.take() {
            Some(AgentCause::Killed) => Some(AgentCause::Killed),
            // One that was found silent before it was stopped is stopped all the same.
            _ if was_stopping => Some(AgentCause::Stopped),
            other => other,
        }
    }

    /// Kills the process, for this reason.
    pub(super) fn kill(&mut self, cause: AgentCause) {
        self.cause = Some(cause);
        if cause == AgentCause::Killed {
            self.kill_at = None;
        }
        if let Some(running) = &self.process {
            running.child.kill();
        }
    }

    /// Asks the process to end before a moment. Returns whether there is one.
    pub(super) fn ask_to_end(&mut self, kill_at: Instant) -> bool {
        self.restart_at = None;
        let Some(running) = &mut self.process else {
            return false;
        };
        self.kill_at = Some(kill_at);
        running.stdin = None;
        // One that has ended already is told so by its descriptor.
        let _ = running.child.terminate();
        true
    }

    pub(super) fn is_to_be_killed(&self, now: Instant) -> bool {
        self.kill_at.is_some_and(|at| now >= at)
    }

    pub(super) fn is_to_be_restarted(&self, now: Instant) -> bool {
        self.restart_at.is_some_and(|at| now >= at)
    }

    pub(super) fn row(&mut self) -> &mut u32 {
        &mut self.row
    }

    /// Ends whatever is left of the process and stops watching it.
    pub(super) fn forget_process(&mut self, reactor: &Reactor) {
        let Some(running) = self.process.take() else {
            return;
        };
        reactor.remove(&running.child);
        for pipe in [&running.stdout, &running.stderr].into_iter().flatten() {
            reactor.remove(pipe);
        }
    }
}

#[cfg(test)]
mod tests {
    use claude_flow_sandbox::{Command, Policy};
    use proptest::prelude::*;

    use super::*;

    fn restart() -> impl Strategy<Value = Restart> {
        prop_oneof![
            Just(Restart::Never),
            Just(Restart::OnFailure),
            Just(Restart::Always)
        ]
    }

    proptest! {
        #[test]
        fn restarts_are_those_that_the_policy_wants(
            restart in restart(),
            restarts_max in 0_u32..5,
            lives in prop::collection::vec((any::<bool>(), 0_u64..120), 1..40),
        ) {
            let mut options = AgentOptions::new("agent", Command::new("/agent"), Policy::new());
            (options.restart, options.restarts_max) = (restart, restarts_max);
            let (random, mut row, mut short_lives) = (Random::new(1), 0, 0);
            for (is_success, seconds) in lives {
                let lived = Duration::from_secs(seconds);
                let next = decide(&options, is_success, lived, &mut row, &random);
                // The same rule, said by counting short lives since the last long one.
                short_lives = if seconds >= 60 { 0 } else { short_lives };
                let is_wanted = match restart {
                    Restart::Never => false,
                    Restart::OnFailure => !is_success,
                    Restart::Always => true,
                };
                match next {
                    Next::Over => {
                        prop_assert!(!is_wanted);
                        break;
                    }
                    Next::GiveUp => {
                        prop_assert!(is_wanted && short_lives >= restarts_max);
                        break;
                    }
                    Next::Restart(delay) => {
                        prop_assert!(is_wanted && short_lives < restarts_max);
                        short_lives += 1;
                        prop_assert!(delay <= options.backoff.ceiling(short_lives));
                    }
                }
            }
        }
    }
}
