use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use claude_flow_executor::{
    AdmissionError, CancelToken, Executor, Handle, Key, Overflow, Priority, TaskError, TaskOptions,
};

use crate::{PATIENCE, start};

/// How many tasks each submitter has open at once.
const OPEN_MAX: usize = 500;

const SUBMITTERS: u64 = 2;

/// 20,000 tasks, times what the environment variable `STRESS` says, up to a million; few under
/// Miri. `cargo xtask test --deep` asks for the million.
fn tasks() -> u64 {
    if cfg!(miri) {
        return 100;
    }
    let factor: u64 = std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    factor.saturating_mul(20_000).min(1_000_000)
}

/// What became of the tasks, as their submitters saw it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    finished: u64,
    panicked: u64,
    cancelled: u64,
    expired: u64,
    displaced: u64,
    rejected: u64,
}

/// Numbers that look random and are the same every time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

/// Runs, and panics now and then; counts itself as run.
fn body(dice: u64, ran: &AtomicU64) -> u64 {
    ran.fetch_add(1, Ordering::Relaxed);
    if dice == 0 {
        resume_unwind(Box::new("as it should"));
    }
    dice
}

fn options(random: &mut Random) -> TaskOptions {
    let key = random.below(6);
    let deadline_us = random.below(2_000);
    TaskOptions {
        priority: Priority::ALL[usize::try_from(random.below(4)).expect("it is small")],
        key: (key > 0).then(|| Key::from(key.to_string())),
        deadline: (random.below(4) == 0)
            .then(|| Instant::now() + Duration::from_micros(deadline_us)),
        token: None,
    }
}

/// Submits one task in one of the ways there are; None if nobody waits for it.
fn submit(
    executor: &Executor,
    random: &mut Random,
    ran: &Arc<AtomicU64>,
) -> Result<Option<Handle<u64>>, AdmissionError> {
    let dice = random.below(20);
    let ran = Arc::clone(ran);
    match random.below(3) {
        0 => executor
            .submit(move || {
                body(dice, &ran);
            })
            .map(|()| None),
        1 => executor.spawn(move || body(dice, &ran)).map(Some),
        _ => {
            let work = move |_: &CancelToken| body(dice, &ran);
            executor.spawn_with(options(random), work).map(Some)
        }
    }
}

/// One of those who submit: waits for what it has a handle for.
fn submitter(executor: &Executor, seed: u64, count: u64, ran: &Arc<AtomicU64>) -> (Seen, u64) {
    let mut random = Random(seed);
    let mut outcomes = Seen::default();
    let mut detached = 0;
    let mut open = Vec::new();
    for number in 0..count {
        match submit(executor, &mut random, ran) {
            Ok(Some(handle)) => open.push(handle),
            Ok(None) => detached += 1,
            Err(_) => outcomes.rejected += 1,
        }
        if !open.is_empty() && random.below(10) == 0 {
            let at = random.below(open.len() as u64);
            open[usize::try_from(at).expect("it is an index")].cancel();
        }
        if number % 1_000 == 999 {
            let workers = usize::try_from(1 + random.below(4)).expect("it is small");
            executor.resize(workers).expect("one to four may be");
        }
        if open.len() == OPEN_MAX || number + 1 == count {
            open.drain(..).for_each(|handle| see(handle, &mut outcomes));
        }
    }
    (outcomes, detached)
}

fn see(handle: Handle<u64>, seen: &mut Seen) {
    let ended = handle.wait_until(Instant::now() + PATIENCE);
    match ended.expect("every task ends") {
        Ok(_) => seen.finished += 1,
        Err(TaskError::Panicked(_)) => seen.panicked += 1,
        Err(TaskError::Cancelled) => seen.cancelled += 1,
        Err(TaskError::DeadlinePassed) => seen.expired += 1,
        Err(TaskError::Displaced) => seen.displaced += 1,
        Err(other) => panic!("{other}"),
    }
}

/// Panics, time-outs, cancellations and resizing at once: every task is accounted for, by whoever
/// waits for it, by the metrics, and by the tasks themselves.
fn check(seed: u64, overflow: Overflow) {
    let executor = start(2, |options| {
        options.overflow = overflow;
        options.lane_capacity = 64;
        options.queue_capacity = 128;
        options.key_waiting_max = 40;
        options.key_running_max = 2;
        options.reserved_workers = 1;
    });
    let ran = Arc::new(AtomicU64::new(0));
    let count = tasks() / SUBMITTERS;
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let submitters: Vec<_> = (0..SUBMITTERS)
            .map(|number| {
                let (executor, ran) = (&executor, &ran);
                scope.spawn(move || submitter(executor, seed + number, count, ran))
            })
            .collect();
        let ended = submitters.into_iter().map(ScopedJoinHandle::join);
        ended.map(|it| it.expect("it does not panic")).collect()
    });
    assert!(executor.shutdown(Instant::now() + PATIENCE));
    let metrics = executor.metrics();
    let sum = |of: fn(&Seen) -> u64| outcomes.iter().map(|(it, _)| of(it)).sum::<u64>();
    let detached: u64 = outcomes.iter().map(|(_, detached)| detached).sum();
    eprintln!("seed {seed}: {outcomes:?}, {metrics:?}");
    let begun = metrics.finished + metrics.panicked;
    assert_eq!(ran.load(Ordering::Relaxed), begun, "nothing runs twice");
    assert_eq!(begun, sum(|it| it.finished + it.panicked) + detached);
    assert_eq!(metrics.cancelled, sum(|it| it.cancelled));
    assert_eq!(metrics.expired, sum(|it| it.expired));
    assert_eq!(metrics.displaced, sum(|it| it.displaced));
    assert_eq!(metrics.rejected, sum(|it| it.rejected));
    assert_eq!(metrics.stopped, 0);
    let ended = begun + metrics.cancelled + metrics.expired + metrics.displaced;
    assert_eq!(ended + metrics.rejected, count * SUBMITTERS);
    assert_eq!((metrics.queue_len, metrics.lane_len), (0, 0));
}

#[test]
fn every_task_is_accounted_for_while_submitters_wait() {
    check(1, Overflow::Wait(PATIENCE));
}

#[test]
fn every_task_is_accounted_for_while_low_ones_are_dropped() {
    check(2, Overflow::DropOldestLow);
}
