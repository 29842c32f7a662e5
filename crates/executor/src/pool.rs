//! What an executor's threads share: where tasks wait, who is idle, when to stop.
//!
//! | where | which tasks | order |
//! |---|---|---|
//! | express lane | plain ones from outside: no priority, key or deadline | first in, first out |
//! | a worker's deque | plain ones of its tasks, and halves of joins | its own newest first, thieves oldest first |
//! | queue | all others | `queue.rs` |

use std::sync::PoisonError;
use std::time::Instant;

use claude_flow_ringbuf::{PushError, mpmc};

use crate::deque::{Owner, Stealer, deque};
use crate::idle::{Idle, Notice};
use crate::job::{Job, Refusal};
use crate::metrics::{Counters, Metrics, SharedCounters};
use crate::options::{AdmissionError, Options, Overflow};
use crate::piece::Piece;
use crate::queue::{Asker, Attributes, Full, Picked, Queue, Rules, Turn};
use crate::sync::{
    AtomicBool, AtomicU32, AtomicUsize, CacheLine, Condvar, Mutex, MutexGuard, Ordering, Parker,
    fence, lock,
};
use crate::worker::Worker;

/// How much a worker's deque holds.
const DEQUE_CAPACITY: usize = 1_024;

/// One in so many plain tasks is timed, because looking at the clock costs as much as a small task.
pub(crate) const TIMED_EVERY: u32 = 16;

/// Takes tasks, and workers run them.
const RUNNING: u32 = 0;
/// Takes none; workers leave when nothing is left.
const DRAINING: u32 = 1;
/// Takes none; workers leave at once.
const STOPPED: u32 = 2;

/// What an executor's threads share.
pub(crate) struct Pool {
    pub(crate) options: Options,
    pub(crate) started: Instant,
    pub(crate) lane: mpmc::Producer<Job>,
    /// What the workers' consumers are cloned from.
    pub(crate) lane_end: Mutex<mpmc::Consumer<Job>>,
    queue: Mutex<Queue<Job>>,
    /// What is known of the queue without its lock.
    pub(crate) ready: CacheLine<Ready>,
    /// There is room, in the lane or the queue; goes with the queue's lock.
    room: Condvar,
    room_waiters: AtomicUsize,
    pub(crate) idle: Idle,
    pub(crate) idle_reserved: Idle,
    /// Workers first, reserved ones after `workers_max`.
    pub(crate) seats: Box<[Seat]>,
    pub(crate) workers_max: usize,
    /// Workers with this index and above leave.
    pub(crate) workers: AtomicUsize,
    stage: AtomicU32,
    pub(crate) counters: SharedCounters,
}

/// How many lanes of the queue have a task that may run, and how many tasks wait.
///
/// Stored under the queue's lock, loaded by anybody.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    pub(crate) urgent: AtomicUsize,
    pub(crate) normal: AtomicUsize,
    pub(crate) low: AtomicUsize,
    len: AtomicUsize,
}

impl Ready {
    /// Whether the queue has a task that may run.
    pub(crate) fn is_any(&self) -> bool {
        let counts = [&self.urgent, &self.normal, &self.low];
        // SYNC: pairs with the Release stores in `Pool::publish`.
        counts.into_iter().any(|it| it.load(Ordering::Acquire) > 0)
    }
}

/// What others know of one worker.
pub(crate) struct Seat {
    pub(crate) stealer: Stealer<Piece>,
    /// While nobody works here.
    pub(crate) owner: Mutex<Option<Owner<Piece>>>,
    pub(crate) call: CacheLine<Call>,
    /// Where it sleeps while it waits for the other half of a join.
    pub(crate) joined: Parker,
    pub(crate) counters: Counters,
}

/// What a worker looks at in every join.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// The next join is to look closer: it may be asked for work, or has too little to offer.
    pub(crate) attention: AtomicBool,
    /// Somebody has nothing to do.
    pub(crate) is_asked: AtomicBool,
}

impl Pool {
    pub(crate) fn new(options: &Options, workers: usize, workers_max: usize) -> Self {
        let (lane, lane_end) = mpmc::ring(options.lane_capacity).expect("the capacity was checked");
        let seats = (0..workers_max + options.reserved_workers).map(|_| {
            let (owner, stealer) = deque(DEQUE_CAPACITY);
            Seat {
                stealer,
                owner: Mutex::new(Some(owner)),
                call: CacheLine(Call::default()),
                joined: Parker::new(),
                counters: Counters::new(),
            }
        });
        let rules = Rules {
            capacity: options.queue_capacity,
            key_waiting_max: options.key_waiting_max,
            key_running_max: options.key_running_max,
            aging: options.aging,
            aged_every: options.aged_every,
        };
        Self {
            started: Instant::now(),
            lane,
            lane_end: Mutex::new(lane_end),
            queue: Mutex::new(Queue::new(rules)),
            ready: CacheLine(Ready::default()),
            room: Condvar::new(),
            room_waiters: AtomicUsize::new(0),
            idle: Idle::new(workers_max, options.spinners_max),
            idle_reserved: Idle::new(options.reserved_workers, 0),
            seats: seats.collect(),
            workers_max,
            workers: AtomicUsize::new(workers),
            stage: AtomicU32::new(RUNNING),
            counters: SharedCounters::default(),
            options: options.clone(),
        }
    }

    /// Takes in a task without a priority, key or deadline.
    #[inline]
    pub(crate) fn admit_plain(&self, mut job: Job) -> Result<(), AdmissionError> {
        if self.is_closed() {
            return self.reject(job, AdmissionError::Stopped);
        }
        if is_timed() {
            job.submitted_ns = self.now_ns();
        }
        Worker::with(self, |worker| {
            let pushed = match worker {
                Some(worker) => worker.push(job),
                None => self.lane.try_push(job).map_err(PushError::into_inner),
            };
            match pushed {
                Ok(()) => {
                    self.announce(false);
                    Ok(())
                }
                Err(job) => self.admit_to_full_lane(job, worker.is_some()),
            }
        })
    }

    /// Takes in a task with a priority, key or deadline.
    pub(crate) fn admit(&self, job: Job, attributes: Attributes) -> Result<(), AdmissionError> {
        if self.is_closed() {
            return self.reject(job, AdmissionError::Stopped);
        }
        let now = Instant::now();
        if attributes.deadline.is_some_and(|deadline| deadline <= now) {
            return self.reject(job, AdmissionError::DeadlinePassed);
        }
        let is_urgent = attributes.priority.is_urgent();
        let mut waits_until = match self.options.overflow {
            Overflow::Wait(time) if Worker::with(self, |it| it.is_none()) => now.checked_add(time),
            _ => None,
        };
        let mut queue = self.lock_queue();
        while !queue.has_room() {
            if self.options.overflow == Overflow::DropOldestLow
                && let Some(job) = queue.drop_oldest_low()
            {
                self.publish(&queue);
                let outcome = job.refuse(Refusal::Displaced);
                self.counters.count(outcome, Refusal::Displaced);
                continue;
            }
            let Some(deadline) = waits_until else {
                drop(queue);
                return self.reject(job, full(self.options.queue_capacity));
            };
            (queue, waits_until) = self.wait_for_room(queue, deadline, Queue::has_room);
            if self.is_closed() {
                drop(queue);
                return self.reject(job, AdmissionError::Stopped);
            }
        }
        let key = attributes.key.clone();
        let pushed = queue.push(job, attributes, now);
        self.publish(&queue);
        drop(queue);
        match (pushed, key) {
            (Ok(()), _) => {
                self.announce(is_urgent);
                Ok(())
            }
            (Err((job, Full::Key)), Some(key)) => {
                let waiting_max = self.options.key_waiting_max;
                self.reject(job, AdmissionError::KeyFull { key, waiting_max })
            }
            (Err((job, _)), _) => self.reject(job, full(self.options.queue_capacity)),
        }
    }

    /// Says that something can be run.
    #[inline]
    pub(crate) fn announce(&self, is_urgent: bool) {
        let notice = self.idle.notify();
        if is_urgent && notice == Notice::AllBusy {
            self.idle_reserved.notify();
        }
        // After the fence in `notify`: either this sees that the workers have gone, or whoever
        // stops the executor sees the task.
        if self.stage.load(Ordering::Relaxed) == STOPPED {
            self.refuse_rest();
        }
    }

    /// A worker has left its seat among those that poll, because it found something.
    pub(crate) fn announce_rest(&self, has_work: impl FnOnce() -> bool) {
        let notice = self.idle.stop_spinning(has_work);
        if notice == Notice::AllBusy && self.ready.0.urgent.load(Ordering::Acquire) > 0 {
            self.idle_reserved.notify();
        }
    }

    pub(crate) fn lock_queue(&self) -> MutexGuard<'_, Queue<Job>> {
        lock(&self.queue)
    }

    /// The next task of the queue for this asker.
    pub(crate) fn pick(&self, asker: Asker) -> Option<Picked<Job>> {
        let mut queue = self.lock_queue();
        let picked = queue.pick(asker, Instant::now());
        self.publish(&queue);
        let is_last = queue.len() == 0;
        drop(queue);
        self.tell_of_room();
        if is_last && self.is_closed() {
            // Those who waited for it to become empty may leave now.
            self.wake_everybody();
        }
        picked
    }

    /// A task that was picked with this turn has ended.
    pub(crate) fn finish(&self, turn: Turn) {
        let mut queue = self.lock_queue();
        let before = queue.ready();
        queue.finish(turn);
        let is_more = queue.ready() != before;
        self.publish(&queue);
        drop(queue);
        if is_more {
            self.announce(true);
        }
    }

    /// Makes known what the queue holds; under its lock.
    pub(crate) fn publish(&self, queue: &Queue<Job>) {
        let [critical, high, normal, low] = queue.ready();
        let ready = &self.ready.0;
        // SYNC: Release for whoever looks without the lock; it then takes the lock.
        ready.urgent.store(critical + high, Ordering::Release);
        ready.normal.store(normal, Ordering::Release);
        ready.low.store(low, Ordering::Release);
        ready.len.store(queue.len(), Ordering::Release);
    }

    /// Tells those who wait for room that there may be some.
    #[inline]
    pub(crate) fn tell_of_room(&self) {
        if self.room_waiters.load(Ordering::Relaxed) > 0 {
            drop(self.lock_queue());
            self.room.notify_all();
        }
    }

    /// Whether no task is taken in any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.stage.load(Ordering::Relaxed) != RUNNING
    }

    /// Whether nothing is begun any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stage.load(Ordering::Acquire) == STOPPED
    }

    /// Whether a worker is to leave now; `is_idle` says that it has found nothing.
    pub(crate) fn is_leaving(&self, worker: usize, is_idle: bool) -> bool {
        // SYNC: pairs with the stores before `wake_all`.
        let stage = self.stage.load(Ordering::Acquire);
        let is_surplus =
            worker < self.workers_max && worker >= self.workers.load(Ordering::Acquire);
        // What waits and may not run yet is waited for.
        let is_empty = self.ready.0.len.load(Ordering::Acquire) == 0;
        stage == STOPPED || (stage == DRAINING && is_idle && is_empty) || is_surplus
    }

    /// Takes no tasks from now on; workers leave when nothing is left, or at once.
    pub(crate) fn close(&self, is_at_once: bool) {
        let stage = if is_at_once { STOPPED } else { DRAINING };
        self.stage.fetch_max(stage, Ordering::Release);
        self.wake_everybody();
        drop(self.lock_queue());
        self.room.notify_all();
    }

    pub(crate) fn wake_everybody(&self) {
        self.idle.wake_all();
        self.idle_reserved.wake_all();
    }

    /// Refuses what waits in the lane and the queue; the workers have gone.
    pub(crate) fn refuse_rest(&self) {
        // SYNC: with the fence in `Idle::notify`, see `announce`.
        fence(Ordering::SeqCst);
        let mut jobs = {
            let mut queue = self.lock_queue();
            let jobs = queue.drain();
            self.publish(&queue);
            jobs
        };
        let lane_end = lock(&self.lane_end);
        jobs.extend(std::iter::from_fn(|| lane_end.try_pop().ok()));
        drop(lane_end);
        for job in jobs {
            self.refuse_stopped(job);
        }
    }

    pub(crate) fn refuse_stopped(&self, job: Job) {
        let outcome = job.refuse(Refusal::Stopped);
        self.counters.count(outcome, Refusal::Stopped);
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let (spinning, sleeping) = self.idle.counts();
        let mut metrics = Metrics {
            workers: self.workers.load(Ordering::Relaxed),
            spinning: spinning as usize,
            sleeping: sleeping as usize,
            queue_len: self.ready.0.len.load(Ordering::Relaxed),
            lane_len: self.lane.len(),
            ..Metrics::default()
        };
        for seat in &self.seats {
            metrics.add(&seat.counters);
        }
        metrics.add_shared(&self.counters);
        metrics
    }

    /// The time on this executor's clock; never zero.
    pub(crate) fn now_ns(&self) -> u64 {
        let now_ns = self.started.elapsed().as_nanos();
        u64::try_from(now_ns).unwrap_or(u64::MAX).max(1)
    }

    /// The lane, or the deque of the worker that submits, has no place.
    #[cold]
    fn admit_to_full_lane(&self, mut job: Job, is_from_worker: bool) -> Result<(), AdmissionError> {
        let deadline = match self.options.overflow {
            Overflow::DropOldestLow => return self.admit(job, Attributes::default()),
            Overflow::Wait(time) if !is_from_worker => Instant::now().checked_add(time),
            Overflow::Wait(_) | Overflow::Reject => None,
        };
        let mut waits_until = deadline;
        loop {
            job = match self.lane.try_push(job) {
                Ok(()) => {
                    self.announce(false);
                    return Ok(());
                }
                Err(full) => full.into_inner(),
            };
            let Some(deadline) = waits_until else {
                return self.reject(job, full(self.options.lane_capacity));
            };
            let has_place = |_: &Queue<Job>| self.lane.len() < self.lane.capacity();
            let (queue, until) = self.wait_for_room(self.lock_queue(), deadline, has_place);
            drop(queue);
            waits_until = until;
            if self.is_closed() {
                return self.reject(job, AdmissionError::Stopped);
            }
        }
    }

    /// Sleeps until there is room or the deadline has passed; until when the next wait may last.
    fn wait_for_room<'a>(
        &self,
        mut queue: MutexGuard<'a, Queue<Job>>,
        deadline: Instant,
        has_room: impl Fn(&Queue<Job>) -> bool,
    ) -> (MutexGuard<'a, Queue<Job>>, Option<Instant>) {
        self.room_waiters.fetch_add(1, Ordering::Relaxed);
        // SYNC: with the fence in `Idle::sleep`, before which a worker takes the last task and
        // after which it looks for waiters.
        fence(Ordering::SeqCst);
        let mut rest = deadline.saturating_duration_since(Instant::now());
        while !has_room(&queue) && !rest.is_zero() && !self.is_closed() {
            let woken = self.room.wait_timeout(queue, rest);
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
            rest = deadline.saturating_duration_since(Instant::now());
        }
        self.room_waiters.fetch_sub(1, Ordering::Relaxed);
        (queue, (!rest.is_zero()).then_some(deadline))
    }

    #[cold]
    fn reject(&self, job: Job, why: AdmissionError) -> Result<(), AdmissionError> {
        self.counters.rejected.add_shared(1);
        job.refuse(Refusal::Stopped);
        Err(why)
    }
}

fn full(capacity: usize) -> AdmissionError {
    AdmissionError::Full { capacity }
}

/// Whether the next plain task of this thread is timed.
#[inline]
pub(crate) fn is_timed() -> bool {
    std::thread_local! {
        static PLAIN_COUNT: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    let count = PLAIN_COUNT.get();
    PLAIN_COUNT.set(count.wrapping_add(1));
    count.is_multiple_of(TIMED_EVERY)
}
