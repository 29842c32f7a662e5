//! Cores, threads, clocks and what a measurement gives.

use std::panic;
use std::process::exit;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;

use crate::ring::Wait;

/// How much is measured in one process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) round: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        round: Duration::from_millis(80),
    };
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        round: Duration::from_millis(40),
    };
}

/// One figure of a measure, once for every round.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) is_higher_better: bool,
    pub(crate) rounds: Vec<f64>,
}

impl Figure {
    /// Messages in millions a second.
    pub(crate) fn rate(rounds: Vec<f64>) -> Vec<Self> {
        let (name, unit) = ("rate", "M/s");
        vec![Self {
            name,
            unit,
            is_higher_better: true,
            rounds,
        }]
    }

    /// Something that takes time or processor time.
    pub(crate) fn cost(name: &'static str, unit: &'static str, rounds: Vec<f64>) -> Self {
        Self {
            name,
            unit,
            is_higher_better: false,
            rounds,
        }
    }

    /// The latencies' median and 99th percentile; each round is sorted here.
    pub(crate) fn latencies(mut rounds: Vec<Vec<u32>>) -> Vec<Self> {
        for round in &mut rounds {
            round.sort_unstable();
        }
        let at = |per_cent: usize| {
            let of_round = |round: &Vec<u32>| f64::from(round[round.len() * per_cent / 100]);
            rounds.iter().map(of_round).collect()
        };
        vec![
            Self::cost("p50", "ns", at(50)),
            Self::cost("p99", "ns", at(99)),
        ]
    }
}

/// The core of each sender and of each receiver.
///
/// With enough cores each thread has its own. Otherwise a lone sender or receiver has
/// one and the others share the rest, and if both are many they are mixed.
pub(crate) fn cores_for(senders: usize, receivers: usize) -> (Vec<usize>, Vec<usize>) {
    let cores = allowed_cores();
    let spread = |cores: &[usize], count: usize| -> Vec<usize> {
        cores.iter().copied().cycle().take(count).collect()
    };
    let (first, rest) = cores.split_at(1);
    let rest = if rest.is_empty() { first } else { rest };
    if cores.len() >= senders + receivers {
        let (some, others) = cores.split_at(receivers);
        (spread(others, senders), some.to_vec())
    } else if receivers == 1 {
        (spread(rest, senders), first.to_vec())
    } else if senders == 1 {
        (first.to_vec(), spread(rest, receivers))
    } else {
        (spread(&cores, senders), spread(&cores, receivers))
    }
}

/// The cores that this process may use.
pub(crate) fn allowed_cores() -> Vec<usize> {
    // SAFETY: all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a set of the size that is passed.
    let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &raw mut set) };
    assert_eq!(result, 0, "the kernel tells the cores of a running thread");
    let count = usize::try_from(libc::CPU_SETSIZE).expect("the size of a set is positive");
    // SAFETY: the index is below the size of the set.
    let is_in = |core: &usize| unsafe { libc::CPU_ISSET(*core, &set) };
    (0..count).filter(is_in).collect()
}

/// Binds the calling thread to a core.
pub(crate) fn pin(core: usize) {
    // SAFETY: all zeroes is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the core comes from `allowed_cores` and is below the size of the set.
    unsafe { libc::CPU_SET(core, &mut set) };
    // SAFETY: the pointer is to a set of the size that is passed.
    let result = unsafe { libc::sched_setaffinity(0, size_of_val(&set), &raw const set) };
    assert_eq!(result, 0, "core {core} can be used by this process");
}

/// Processor time used by the calling thread.
pub(crate) fn thread_time() -> Duration {
    time_of(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Processor time used by all threads of this process.
pub(crate) fn process_time() -> Duration {
    time_of(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn time_of(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a time that can be written.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(result, 0, "every thread and process has a clock");
    let seconds = u64::try_from(time.tv_sec).expect("time used is positive");
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}

/// Asks the kernel to end this process when the one that started it ends.
pub(crate) fn die_with_parent() {
    // SAFETY: this call only sets a flag of the calling process.
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    assert_eq!(result, 0, "the signal exists");
}

/// Ends the process when any thread panics: the others would wait for it for ever.
pub(crate) fn exit_on_panic() {
    panic::set_hook(Box::new(|info| {
        eprintln!("{info}");
        exit(101);
    }));
}

/// Lets threads go together, without putting any of them to sleep.
#[derive(Debug)]
pub(crate) struct Gate {
    missing: AtomicUsize,
}

impl Gate {
    pub(crate) const fn new(threads: usize) -> Self {
        Self {
            missing: AtomicUsize::new(threads),
        }
    }

    pub(crate) fn pass(&self) {
        self.missing.fetch_sub(1, Ordering::AcqRel);
        let mut wait = Wait::default();
        while self.missing.load(Ordering::Acquire) > 0 {
            wait.once();
        }
    }
}

/// In millions a second.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn millions_a_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64() / 1e6
}

/// Nanoseconds for one of `count`.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub(crate) fn nanoseconds_each(count: u64, time: Duration) -> f64 {
    time.as_secs_f64() * 1e9 / count as f64
}

/// Runs `once` with growing counts until it takes about as long as a round should, then
/// as often as asked for, and gives the counts' times.
///
/// A round is much longer than a time slice, because in some measures threads share a core
/// and one of them may start a slice late.
pub(crate) fn rounds(
    effort: &Effort,
    mut once: impl FnMut(u64) -> Duration,
) -> Vec<(u64, Duration)> {
    let mut count = 1 << 14;
    let mut time = once(count);
    while time < effort.round / 2 {
        let wanted = effort.round.as_secs_f64() / time.as_secs_f64().max(1e-6);
        // At most 16 times more at once: the first counts run on cold caches.
        count = scaled(count, wanted.clamp(1.5, 16.0));
        time = once(count);
    }
    let measured = (0..effort.rounds).map(|_| (count, once(count)));
    measured.collect()
}

/// A multiple of 64, so that every batch is full.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "counts are positive and far below 2^52"
)]
fn scaled(count: u64, factor: f64) -> u64 {
    (count as f64 * factor) as u64 / 64 * 64
}
