//! One thread of an executor: where it looks for work, and in which order.
//!
//! 1. What is urgent in the queue.
//! 2. Its own deque, newest first.
//! 3. The express lane, and the normal tasks of the queue; they take turns at being first.
//! 4. The deques of others, oldest first; those on its own NUMA node first.
//! 5. The low tasks of the queue.
//!
//! Once in [`FAIR_EVERY`] times the order is another one, so that none of these waits for ever while
//! another never runs dry: whatever the queue's policy says, the lane, its own deque's oldest, in
//! turn.
#![expect(
    unsafe_code,
    reason = "what lies in a deque is a pointer, and so is the worker of a thread"
)]

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_ringbuf::{Pop, mpmc};

use crate::deque::{Owner, Theft};
use crate::fork::Forks;
use crate::job::{Job, Outcome, Refusal};
use crate::piece::{self, Piece};
use crate::pool::{Pool, Seat};
use crate::priority::Priority;
use crate::queue::{Asker, Picked};
use crate::sync::{Ordering, lock, spin_loop};

/// How often those are looked after who would wait for ever otherwise.
const FAIR_EVERY: u32 = 32;

/// How many polls pass between two looks at the clock.
const POLLS: u32 = 32;

/// How long a worker polls for the other half of a join before it sleeps.
const JOIN_SPIN: Duration = Duration::from_micros(50);

std::thread_local! {
    /// The worker that this thread is, while it is one.
    static HERE: Cell<*const Worker> = const { Cell::new(ptr::null()) };
}

/// What a worker has found.
enum Work {
    Plain(Job),
    Picked(Picked<Job>),
    Piece(NonNull<Piece>),
}

/// One thread of an executor.
pub(crate) struct Worker {
    pub(crate) pool: Arc<Pool>,
    pub(crate) index: usize,
    /// It takes urgent tasks only.
    is_reserved: bool,
    pub(crate) deque: Owner<Piece>,
    lane: mpmc::Consumer<Job>,
    /// The seats of those it steals from, nearest first.
    victims: Vec<usize>,
    pub(crate) forks: Forks,
    tick: Cell<u32>,
    /// It counts as spinning.
    is_spinning: Cell<bool>,
}

impl Worker {
    /// The worker of a seat that is empty; none if somebody sits there.
    pub(crate) fn sit_down(pool: &Arc<Pool>, index: usize, victims: Vec<usize>) -> Option<Self> {
        let owner = lock(&pool.seats[index].owner).take()?;
        Some(Self {
            index,
            is_reserved: index >= pool.workers_max,
            deque: owner,
            lane: lock(&pool.lane_end).clone(),
            victims,
            forks: Forks::new(),
            tick: Cell::new(0),
            is_spinning: Cell::new(false),
            pool: Arc::clone(pool),
        })
    }

    /// Calls with the worker of this pool that this thread is, if it is one.
    #[inline]
    pub(crate) fn with<R>(pool: &Pool, call: impl FnOnce(Option<&Self>) -> R) -> R {
        let here = HERE.get();
        // SAFETY: the pointer is set by `work` alone, for as long as the worker lives and on its
        // own thread, which is this one.
        let worker = unsafe { here.as_ref() };
        call(worker.filter(|worker| ptr::eq(&raw const *worker.pool, pool)))
    }

    /// Calls with the worker that this thread is.
    pub(crate) fn here<R>(call: impl FnOnce(&Self) -> R) -> R {
        let here = HERE.get();
        // SAFETY: as in `with`.
        let worker = unsafe { here.as_ref() };
        call(worker.expect("tasks run on workers"))
    }

    /// Works until it is to leave.
    pub(crate) fn work(&self) {
        HERE.set(self);
        while !self.pool.is_leaving(self.index, false) {
            if let Some(work) = self.find() {
                self.stop_spinning();
                self.run(work);
            } else if self.rest() {
                break;
            }
        }
        self.stop_spinning();
        self.clear_deque();
        // What it would have done is for others.
        self.pool.announce(true);
        HERE.set(ptr::null());
    }

    /// Gives the seat back.
    pub(crate) fn stand_up(self) {
        *lock(&self.pool.seats[self.index].owner) = Some(self.deque);
    }

    /// Takes a plain task of a task that runs here; gives it back if there is no place.
    pub(crate) fn push(&self, job: Job) -> Result<(), Job> {
        let piece = piece::boxed(job);
        self.deque.push(piece).map_err(|piece| {
            // SAFETY: it was boxed above and is in no deque.
            unsafe { piece::unbox(piece) }
        })
    }

    /// Runs a task that did not come through the queue.
    pub(crate) fn run_plain(&self, job: Job) {
        let counters = &self.seat().counters;
        if job.submitted_ns == 0 {
            counters.count(run_caught(job));
            return;
        }
        let begun_ns = self.pool.now_ns();
        let waited = Duration::from_nanos(begun_ns.saturating_sub(job.submitted_ns));
        counters.waited[Priority::Normal.index()].record(waited);
        counters.count(run_caught(job));
        let ran = Duration::from_nanos(self.pool.now_ns().saturating_sub(begun_ns));
        counters.ran.record(ran);
    }

    pub(crate) fn seat(&self) -> &Seat {
        &self.pool.seats[self.index]
    }

    /// Executes what came out of a deque.
    pub(crate) fn execute(&self, piece: NonNull<Piece>) {
        // SAFETY: what is in a deque is live until it is executed, and comes out once.
        unsafe { Piece::execute(piece, self) };
    }

    /// Takes the oldest of somebody else's deque.
    pub(crate) fn steal(&self) -> Option<NonNull<Piece>> {
        let mut victims = self.victims.iter().map(|it| &self.pool.seats[*it]);
        let piece = victims.find_map(steal_from)?;
        self.seat().counters.stolen.add(1);
        Some(piece)
    }

    /// Asks those who have joins open for a half.
    pub(crate) fn ask(&self) {
        for victim in &self.victims {
            let call = &self.pool.seats[*victim].call.0;
            if !call.is_asked.load(Ordering::Relaxed) {
                call.is_asked.store(true, Ordering::Relaxed);
                call.attention.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Does what others have to offer until `is_done`; sleeps by `sleep` if that takes long.
    pub(crate) fn help_until(&self, is_done: impl Fn() -> bool, sleep: impl FnOnce()) {
        let mut since = Instant::now();
        let mut polls = 0_u32;
        while !is_done() {
            if let Some(piece) = self.deque.pop().or_else(|| self.steal()) {
                self.execute(piece);
                since = Instant::now();
                continue;
            }
            polls = polls.wrapping_add(1);
            if polls.is_multiple_of(POLLS) {
                self.ask();
                if since.elapsed() >= JOIN_SPIN {
                    return sleep();
                }
            }
            spin_loop();
        }
    }

    fn find(&self) -> Option<Work> {
        let ready = &self.pool.ready.0;
        let is_ready = |count: &crate::sync::AtomicUsize| count.load(Ordering::Acquire) > 0;
        if self.is_reserved {
            let is_urgent = is_ready(&ready.urgent);
            return is_urgent.then(|| self.pick(Asker::Reserved)).flatten();
        }
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        if tick.is_multiple_of(FAIR_EVERY)
            && let Some(work) = self.find_in_fairness(tick / FAIR_EVERY)
        {
            return Some(work);
        }
        if is_ready(&ready.urgent)
            && let Some(work) = self.pick(Asker::Worker(Priority::High))
        {
            return Some(work);
        }
        if let Some(piece) = self.deque.pop() {
            return Some(Work::Piece(piece));
        }
        let pick_normal = || {
            let is_normal = is_ready(&ready.normal);
            is_normal
                .then(|| self.pick(Asker::Worker(Priority::Normal)))
                .flatten()
        };
        let found = if tick.is_multiple_of(2) {
            self.pop_lane().or_else(pick_normal)
        } else {
            pick_normal().or_else(|| self.pop_lane())
        };
        found.or_else(|| self.steal().map(Work::Piece)).or_else(|| {
            let is_low = is_ready(&ready.low);
            is_low
                .then(|| self.pick(Asker::Worker(Priority::Low)))
                .flatten()
        })
    }

    #[cold]
    fn find_in_fairness(&self, round: u32) -> Option<Work> {
        self.pool.tell_of_room();
        match round % 3 {
            0 if self.pool.ready.0.is_any() => self.pick(Asker::Worker(Priority::Low)),
            0 => None,
            1 => self.pop_lane(),
            _ => steal_from(self.seat()).map(Work::Piece),
        }
    }

    fn pop_lane(&self) -> Option<Work> {
        if !self.lane.is_pop_ready() {
            return None;
        }
        self.lane.try_pop().ok().map(Work::Plain)
    }

    fn pick(&self, asker: Asker) -> Option<Work> {
        self.pool.pick(asker).map(Work::Picked)
    }

    fn run(&self, work: Work) {
        match work {
            Work::Plain(job) => self.run_plain(job),
            Work::Piece(piece) => self.execute(piece),
            Work::Picked(picked) => self.run_picked(picked),
        }
    }

    fn run_picked(&self, picked: Picked<Job>) {
        let counters = &self.seat().counters;
        if picked.is_expired {
            let refused = || picked.task.refuse(Refusal::DeadlinePassed);
            counters.count(caught(refused));
            return;
        }
        counters.waited[picked.priority.index()].record(picked.waited);
        let begun = Instant::now();
        counters.count(run_caught(picked.task));
        counters.ran.record(begun.elapsed());
        if let Some(turn) = picked.turn {
            self.pool.finish(turn);
        }
    }

    /// Leaves nothing behind: tasks go to the lane, or are refused if the executor has stopped.
    fn clear_deque(&self) {
        while let Some(piece) = self.deque.pop() {
            // SAFETY: no join is open here, so that what is left are boxed tasks; each comes out
            // of the deque once.
            let job = unsafe { piece::unbox(piece) };
            if self.pool.is_stopped() {
                self.pool.refuse_stopped(job);
            } else if let Err(full) = self.pool.lane.try_push(job) {
                self.run_plain(full.into_inner());
            }
        }
    }

    fn stop_spinning(&self) {
        if self.is_spinning.replace(false) {
            if self.is_reserved {
                self.pool.idle_reserved.stop_spinning(|| self.has_work());
            } else {
                self.pool.announce_rest(|| self.has_work());
            }
        }
    }

    /// Polls, then sleeps; true if it is to leave.
    fn rest(&self) -> bool {
        if self.pool.is_leaving(self.index, true) {
            return true;
        }
        self.pool.tell_of_room();
        if self.is_reserved {
            self.sleep(&self.pool.idle_reserved, self.index - self.pool.workers_max);
            return false;
        }
        self.ask();
        let spin = self.pool.options.spin;
        if !self.is_spinning.get() && !spin.is_zero() {
            self.is_spinning.set(self.pool.idle.try_spin());
        }
        if !self.is_spinning.get() || !self.poll_for(spin) {
            self.sleep(&self.pool.idle, self.index);
        }
        false
    }

    /// Polls for so long; true if there is work.
    fn poll_for(&self, time: Duration) -> bool {
        let start = Instant::now();
        loop {
            for _ in 0..POLLS {
                if self.has_work() {
                    return true;
                }
                spin_loop();
            }
            if start.elapsed() >= time {
                return false;
            }
            self.ask();
        }
    }

    fn sleep(&self, idle: &crate::idle::Idle, place: usize) {
        self.seat().counters.slept.add(1);
        idle.sleep(place, self.is_spinning.get(), || {
            self.pool.tell_of_room();
            self.has_work() || self.pool.is_leaving(self.index, true)
        });
        self.is_spinning.set(true);
    }

    /// Whether there is anything that this worker would find.
    fn has_work(&self) -> bool {
        let ready = &self.pool.ready.0;
        // SYNC: pairs with the Release stores in `Pool::publish`.
        if ready.urgent.load(Ordering::Acquire) > 0 {
            return true;
        }
        if self.is_reserved {
            return false;
        }
        let mut victims = self.victims.iter().map(|it| &self.pool.seats[*it]);
        self.lane.is_pop_ready()
            || ready.normal.load(Ordering::Acquire) > 0
            || ready.low.load(Ordering::Acquire) > 0
            || victims.any(|seat| !seat.stealer.is_empty())
            || !self.deque.is_empty()
    }
}

/// Takes the oldest of a deque, trying again while others are faster.
fn steal_from(seat: &Seat) -> Option<NonNull<Piece>> {
    loop {
        match seat.stealer.steal() {
            Theft::Got(piece) => return Some(piece),
            Theft::Empty => return None,
            Theft::Lost => spin_loop(),
        }
    }
}

fn run_caught(job: Job) -> Outcome {
    caught(|| job.run())
}

/// The outcome of a task; what it panics with is dropped, also if that panics.
fn caught(run: impl FnOnce() -> Outcome) -> Outcome {
    // Unwind safe: the task is gone either way.
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let dropped = catch_unwind(AssertUnwindSafe(|| drop(payload)));
        std::mem::forget(dropped);
        Outcome::Panicked
    })
}
