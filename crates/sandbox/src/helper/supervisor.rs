//! The process that starts one child, watches it, and ends whatever is left of it.

use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::sys::{self, Ended};
use crate::wire::{self, Confinement, Demand, Event};
use crate::{End, Level, Limits, Usage};

use super::namespaces::{self, Ids};
use super::target::Target;
use super::{Failure, Sockets, Step, descendants, fingerprint, root};

/// How long the supervisor waits until what it killed is gone.
const END_WAIT: Duration = Duration::from_millis(150);

/// How much less often the memory of a child far below its limit is sampled.
const SAMPLING_STRETCH_MAX: u32 = 20;

/// Does a supervisor's whole work; the process ends with it.
pub(crate) fn run(confinement: &Confinement, ids: Ids, sockets: Sockets) -> ! {
    let fingerprint = fingerprint::of(confinement);
    let prepared = Prepared::new(confinement, ids, &sockets.target);
    // A helper that has sent the job already does not listen.
    let _ = { sockets.fingerprint }.write_all(&fingerprint.to_le_bytes());
    let code = match wait_for_job(&sockets.supervisor) {
        // The helper has ended, or needs this one no more.
        None => 0,
        Some(control) => {
            match prepared.and_then(|prepared| prepared.supervise(confinement, control.as_fd())) {
                Ok(()) => 0,
                Err(failure) => {
                    failure.report(control.as_fd());
                    1
                }
            }
        }
    };
    sys::exit_now(code)
}

/// Waits for the caller's socket, `None` if the helper closes its own first.
fn wait_for_job(zygote: &OwnedFd) -> Option<OwnedFd> {
    let [control] = wire::receive_descriptors(zygote).ok()??;
    Some(control)
}

/// Namespaces, root and a target that waits for its command.
struct Prepared {
    target: Target,
    signals: OwnedFd,
}

impl Prepared {
    fn new(confinement: &Confinement, ids: Ids, for_target: &OwnedFd) -> Result<Self, Failure> {
        let signals = sys::child_signals().step(|| "watch for the end of the child".into())?;
        match confinement.level {
            Level::L3 => {
                namespaces::enter(ids, &confinement.policy)?;
                root::build(&confinement.policy)?;
            }
            Level::L1 | Level::L2 => {
                rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                    .step(|| "become the subreaper".into())?;
            }
        }
        Ok(Self {
            target: Target::fork(confinement, for_target)?,
            signals,
        })
    }

    fn supervise(self, confinement: &Confinement, control: BorrowedFd<'_>) -> Result<(), Failure> {
        let pid = self.target.wait_until_it_runs()?;
        // A caller that is gone is noticed below.
        let _ = wire::send_value(control, &Event::Started);
        let mut watch = Watch {
            level: confinement.level,
            limits: &confinement.policy.limits,
            target: pid,
            started: Instant::now(),
            usage: Usage::default(),
            status: None,
        };
        let reason = watch.until_an_end(control, &self.signals)?;
        watch.end_the_rest();
        let event = Event::Ended {
            end: watch.end(reason),
            usage: watch.usage,
        };
        let _ = wire::send_value(control, &event);
        Ok(())
    }
}

/// Why the supervisor stopped waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    TargetEnded,
    OutOfTime,
    OutOfMemory,
    CallerGone,
}

struct Watch<'a> {
    level: Level,
    limits: &'a Limits,
    target: u32,
    started: Instant,
    usage: Usage,
    /// The target's status as `wait` gave it.
    status: Option<i32>,
}

impl Watch<'_> {
    fn until_an_end(
        &mut self,
        control: BorrowedFd<'_>,
        signals: &OwnedFd,
    ) -> Result<Reason, Failure> {
        let mut sample_at = self.limits.sampling;
        loop {
            let elapsed = self.started.elapsed();
            if elapsed >= self.limits.wall {
                return Ok(Reason::OutOfTime);
            }
            if elapsed >= sample_at {
                let bytes = self.sample_memory();
                if bytes > self.limits.memory_bytes {
                    return Ok(Reason::OutOfMemory);
                }
                sample_at = elapsed + self.until_next_sample(bytes);
            }
            let wait = self.limits.wall.min(sample_at).saturating_sub(elapsed);
            let mut fds = [
                PollFd::from_borrowed_fd(control, PollFlags::IN),
                PollFd::new(signals, PollFlags::IN),
            ];
            // A wait too long for the kernel's type is as good as none.
            let timeout = Timespec::try_from(wait).ok();
            match poll(&mut fds, timeout.as_ref()) {
                Err(rustix::io::Errno::INTR) => continue,
                other => other.step(|| "wait for the child".into())?,
            };
            let [has_demand, has_ended] = fds.map(|fd| !fd.revents().is_empty());
            if has_demand && self.is_caller_gone(control) {
                return Ok(Reason::CallerGone);
            }
            if has_ended {
                // Only the fact of a signal matters: several may have become one.
                let _ = rustix::io::read(signals, &mut [0; 1024]);
                self.reap();
                if self.status.is_some() {
                    return Ok(Reason::TargetEnded);
                }
            }
        }
    }

    /// Does what the caller asks. Returns whether it has closed its end.
    fn is_caller_gone(&self, control: BorrowedFd<'_>) -> bool {
        match wire::receive_value(control) {
            Ok(Some(Demand::Terminate)) => {
                let group = i32::try_from(self.target).ok().and_then(Pid::from_raw);
                // One that has ended by itself meanwhile is what was asked for.
                let _ = group.map(|group| kill_process_group(group, Signal::TERM));
                false
            }
            Ok(None) | Err(_) => true,
        }
    }

    /// Takes the status of everybody who ended. Returns whether nobody is left.
    fn reap(&mut self) -> bool {
        loop {
            match sys::reap() {
                Ok(Some(ended)) => self.account(ended),
                Ok(None) => return false,
                Err(_) => return true,
            }
        }
    }

    fn account(&mut self, ended: Ended) {
        self.usage.cpu += ended.cpu;
        self.usage.memory_bytes_max = self.usage.memory_bytes_max.max(ended.memory_bytes_max);
        if ended.pid == self.target {
            self.status = Some(ended.status);
        }
    }

    fn sample_memory(&mut self) -> u64 {
        let bytes = match self.level {
            Level::L3 => descendants::memory_of_all_but_this(),
            Level::L1 | Level::L2 => descendants::memory(),
        };
        self.usage.memory_bytes_max = self.usage.memory_bytes_max.max(bytes);
        bytes
    }

    /// The nearer to the limit, the sooner: an idle child costs next to nothing.
    fn until_next_sample(&self, bytes: u64) -> Duration {
        let nearness = self.limits.memory_bytes / bytes.max(1);
        self.limits.sampling
            * u32::try_from(nearness)
                .unwrap_or(u32::MAX)
                .clamp(1, SAMPLING_STRETCH_MAX)
    }

    /// Kills everything that is left, and waits until it is gone.
    fn end_the_rest(&mut self) {
        let until = Instant::now() + END_WAIT;
        loop {
            match self.level {
                Level::L3 => sys::kill_everyone_else(),
                Level::L1 | Level::L2 => descendants::kill(),
            }
            // At L3 the kernel ends whatever is left when this process does.
            if self.reap() || Instant::now() >= until {
                break;
            }
            descendants::wait_a_little();
        }
        self.usage.wall = self.started.elapsed();
    }

    fn end(&self, reason: Reason) -> End {
        match (reason, self.status) {
            (Reason::OutOfTime, _) => End::WallTime,
            (Reason::OutOfMemory, _) => End::Memory,
            (Reason::CallerGone, _) => End::Killed,
            (Reason::TargetEnded, Some(status)) if libc::WIFEXITED(status) => {
                End::Exited(libc::WEXITSTATUS(status))
            }
            (Reason::TargetEnded, status) => {
                let signal = status.map_or(libc::SIGKILL, |status| libc::WTERMSIG(status));
                let is_cpu_limit = signal == libc::SIGXCPU
                    || signal == libc::SIGKILL && self.usage.cpu >= self.limits.cpu;
                if is_cpu_limit {
                    End::CpuTime
                } else {
                    End::Signal(signal)
                }
            }
        }
    }
}
