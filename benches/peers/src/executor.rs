//! Tasks handed to threads, work that splits itself, and what is urgent among what is not.
//!
//! Everybody has as many threads as there are cores; whoever submits is one more, so with one or two
//! cores it shares one. That is how a program uses them, and it is the same for all.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::machine::{self, Effort, Figure, Gate};

/// Something that runs closures on threads of its own.
pub(crate) trait Workers: Send + Sync + 'static {
    fn start(threads: usize) -> Self;

    /// Hands over a task that nobody waits for; waits if there is no room.
    fn submit(&self, task: impl FnOnce() + Send + 'static);
}

/// [`Workers`] that take many tasks at once.
pub(crate) trait Bulk: Workers {
    /// Hands over `count` tasks.
    fn submit_many(&self, count: u64, task: impl Fn() + Copy + Send + 'static);
}

/// [`Workers`] whose tasks can go ahead of others.
pub(crate) trait Urgent: Workers {
    fn submit_urgent(&self, task: impl FnOnce() + Send + 'static);
}

/// Splits work in two.
pub(crate) trait Forks {
    fn start(threads: usize) -> Self;

    /// The nodes of a tree in which both children of a node of height `n` have height `n - 1`.
    fn even(&self, height: u32) -> u64;

    /// The nodes of a tree in which they have heights `n - 1` and `n - 2`.
    fn uneven(&self, height: u32) -> u64;
}

/// Height of [`Forks::even`]: two million nodes.
const EVEN: u32 = 20;

/// Height of [`Forks::uneven`]: as many.
const UNEVEN: u32 = 29;

/// How long the submitter waits between two tasks, so that a polling worker polls again.
const HOT_PAUSE: Duration = Duration::from_micros(5);

/// How long it waits so that everybody sleeps.
const COLD_PAUSE: Duration = Duration::from_micros(300);

/// Tasks that wait or run beside the one that is looked at.
const LOAD_TASKS: usize = 128;

/// How long one of those takes.
const LOAD_TASK: Duration = Duration::from_micros(20);

/// A round of latencies is so many rounds long, because each sample waits first.
const LATENCY_ROUNDS: u32 = 5;

/// Tasks that ran in this round.
static DONE: AtomicU64 = AtomicU64::new(0);

/// The task of the measures of rates. It holds a number, because a closure that holds nothing
/// needs no place, and those that box it would be measured without allocating.
fn counting() -> impl Fn() + Copy + Send + 'static {
    let one = std::hint::black_box(1);
    move || {
        // SYNC: pairs with the Acquire load in `wait_for`.
        DONE.fetch_add(one, Ordering::Release);
    }
}

fn wait_for(count: u64) {
    while DONE.load(Ordering::Acquire) < count {
        thread::yield_now();
    }
    assert_eq!(
        DONE.load(Ordering::Acquire),
        count,
        "a task ran more than once"
    );
    DONE.store(0, Ordering::Relaxed);
}

fn threads() -> usize {
    machine::allowed_cores().len()
}

/// Tasks a second from `producers` threads that are not workers.
pub(crate) fn outside<W: Workers>(producers: usize, effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers = W::start(threads());
    rate(effort, |total| {
        let each = total / producers as u64;
        let gate = Gate::new(producers);
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 1..producers {
                scope.spawn(|| submit_after(&gate, &workers, each));
            }
            submit_after(&gate, &workers, each);
        });
        wait_for(each * producers as u64);
        start.elapsed()
    })
}

fn submit_after<W: Workers>(gate: &Gate, workers: &W, count_each: u64) {
    gate.pass();
    for _ in 0..count_each {
        workers.submit(counting());
    }
}

/// Tasks a second that one thread hands over many at once.
pub(crate) fn bulk<W: Bulk>(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers = W::start(threads());
    rate(effort, |total| {
        let start = Instant::now();
        workers.submit_many(total, counting());
        wait_for(total);
        start.elapsed()
    })
}

fn rate(effort: &Effort, once: impl FnMut(u64) -> Duration) -> Vec<Figure> {
    let times = machine::rounds(effort, once);
    let rate = |(count, time)| machine::millions_a_second(count, time);
    Figure::rate(times.into_iter().map(rate).collect())
}

/// From before a task is handed over until it begins, while a worker has just had work.
pub(crate) fn wake_hot<W: Workers>(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers = W::start(threads());
    let begun_ns = &*Box::leak(Box::new(AtomicU64::new(0)));
    latencies(effort, |base| {
        spin(HOT_PAUSE);
        begun_ns.store(0, Ordering::Relaxed);
        let submitted_ns = since_ns(base);
        workers.submit(move || begun_ns.store(since_ns(base), Ordering::Release));
        let mut now_ns = 0;
        while now_ns == 0 {
            std::hint::spin_loop();
            now_ns = begun_ns.load(Ordering::Acquire);
        }
        now_ns - submitted_ns
    })
}

/// The same while all workers sleep; whoever submits sleeps before and afterwards.
pub(crate) fn wake_cold<W: Workers>(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers = W::start(threads());
    latencies(effort, |base| {
        begin(base, |task| workers.submit(|| task.run()))
    })
}

/// As [`wake_cold`], of an urgent task.
pub(crate) fn urgent_idle<W: Urgent>(effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers = W::start(threads());
    latencies(effort, |base| {
        begin(base, |task| workers.submit_urgent(|| task.run()))
    })
}

/// The same while many short tasks keep all workers busy.
pub(crate) fn urgent_loaded<W: Urgent>(effort: &Effort) -> Vec<Figure> {
    under_load::<W>(effort, |workers, base| {
        begin(base, |task| workers.submit_urgent(|| task.run()))
    })
}

/// What a task meets there that is not urgent, as every task is elsewhere.
pub(crate) fn plain_loaded<W: Workers>(effort: &Effort) -> Vec<Figure> {
    under_load::<W>(effort, |workers, base| {
        begin(base, |task| workers.submit(|| task.run()))
    })
}

fn under_load<W: Workers>(effort: &Effort, once: impl Fn(&W, Instant) -> u64) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers: &'static W = Box::leak(Box::new(W::start(threads())));
    for _ in 0..LOAD_TASKS {
        workers.submit(move || load(workers));
    }
    latencies(effort, |base| once(workers, base))
}

/// Keeps a core busy for a moment, and comes again.
fn load<W: Workers>(workers: &'static W) {
    spin(LOAD_TASK);
    workers.submit(move || load(workers));
}

/// Processor time of this process in a second in which its workers have nothing to do.
pub(crate) fn idle<W: Workers>(_effort: &Effort) -> Vec<Figure> {
    machine::exit_on_panic();
    let workers = W::start(threads());
    // Everybody has worked before, and had time to fall asleep.
    for _ in 0..1_000 {
        workers.submit(counting());
    }
    wait_for(1_000);
    thread::sleep(Duration::from_millis(100));
    let figures = used_in_a_second();
    drop(workers);
    figures
}

/// The same without any workers.
pub(crate) fn no_workers(_effort: &Effort) -> Vec<Figure> {
    used_in_a_second()
}

fn used_in_a_second() -> Vec<Figure> {
    let before = machine::process_time();
    thread::sleep(Duration::from_secs(1));
    let used = machine::process_time().saturating_sub(before);
    vec![Figure::cost("used", "µs/s", vec![used.as_secs_f64() * 1e6])]
}

/// A fork of [`Forks::even`].
pub(crate) fn even<F: Forks>(effort: &Effort) -> Vec<Figure> {
    let nodes = (1 << (EVEN + 1)) - 1;
    forks::<F>(effort, nodes, |forks| {
        forks.even(std::hint::black_box(EVEN))
    })
}

/// A fork of [`Forks::uneven`].
pub(crate) fn uneven<F: Forks>(effort: &Effort) -> Vec<Figure> {
    let nodes = uneven_alone(UNEVEN);
    forks::<F>(effort, nodes, |forks| {
        forks.uneven(std::hint::black_box(UNEVEN))
    })
}

fn forks<F: Forks>(effort: &Effort, nodes: u64, count: impl Fn(&F) -> u64) -> Vec<Figure> {
    machine::exit_on_panic();
    let forks = F::start(threads());
    let once = |wanted: u64| {
        let times = wanted.div_ceil(nodes);
        let start = Instant::now();
        for _ in 0..times {
            assert_eq!(count(&forks), nodes, "a part was lost or counted twice");
        }
        // For as many as were asked for.
        start.elapsed().mul_f64(share(wanted, times * nodes))
    };
    let times = machine::rounds(effort, once);
    let each = |(count, time)| machine::nanoseconds_each(count, time);
    vec![Figure::cost(
        "each",
        "ns",
        times.into_iter().map(each).collect(),
    )]
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

pub(crate) fn even_alone(height: u32) -> u64 {
    if height == 0 {
        // Otherwise the compiler sees that both children are alike, and counts one.
        return std::hint::black_box(1);
    }
    1 + even_alone(height - 1) + even_alone(height - 1)
}

pub(crate) fn uneven_alone(height: u32) -> u64 {
    if height < 2 {
        return 1;
    }
    1 + uneven_alone(height - 1) + uneven_alone(height - 2)
}

/// Sleeps until all is calm, hands over a task, and sleeps until it has begun; how long that took.
fn begin(base: Instant, submit: impl FnOnce(Begin)) -> u64 {
    thread::sleep(COLD_PAUSE);
    let begun_ns = Arc::new(AtomicU64::new(0));
    let task = Begin {
        base,
        begun_ns: Arc::clone(&begun_ns),
        submitter: thread::current(),
    };
    let submitted_ns = since_ns(base);
    submit(task);
    loop {
        // SYNC: pairs with the Release store in `Begin::run`.
        match begun_ns.load(Ordering::Acquire) {
            0 => thread::park(),
            now_ns => return now_ns - submitted_ns,
        }
    }
}

/// A task that says when it began.
struct Begin {
    base: Instant,
    begun_ns: Arc<AtomicU64>,
    submitter: Thread,
}

impl Begin {
    fn run(self) {
        self.begun_ns.store(since_ns(self.base), Ordering::Release);
        self.submitter.unpark();
    }
}

fn latencies(effort: &Effort, mut once: impl FnMut(Instant) -> u64) -> Vec<Figure> {
    let base = Instant::now();
    let mut round = || {
        let end = Instant::now() + effort.round * LATENCY_ROUNDS;
        let mut samples = Vec::new();
        while Instant::now() < end {
            samples.push(u32::try_from(once(base)).unwrap_or(u32::MAX));
        }
        samples
    };
    round();
    Figure::latencies((0..effort.rounds).map(|_| round()).collect())
}

fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

/// Since a moment at which the process ran; never zero.
fn since_ns(base: Instant) -> u64 {
    let time_ns = base.elapsed().as_nanos();
    u64::try_from(time_ns).unwrap_or(u64::MAX).max(1)
}
