//! Splitting work in two, as cheaply as a call while nobody asks for a half.
//!
//! A [`join`](Scope::join) that nobody takes part in must cost next to nothing. So its second half
//! goes on a list that only its own worker touches, without an atomic exchange or a fence, and only
//! the first few do: a worker that has [`ENOUGH`] halves on its list runs deeper joins as two calls.
//! A worker that has nothing to do sets a flag at all others; the next join there *promotes* the
//! oldest half, which is the largest, to the worker's deque, where it can be stolen.
//! So the price of parallelism is paid for what is stolen, and the only price of a join otherwise is
//! one load of a flag on a cache line of its own.
//!
//! # Who touches what
//!
//! | field of a half | its worker | a thief |
//! |---|---|---|
//! | `work` | writes at first; takes it out if the half came back unpromoted or from the deque | takes it out after the theft |
//! | `result` | takes it out once the latch is set | writes before it sets the latch |
//! | `latch` | waits | sets; touches nothing of the half afterwards |
//!
//! ```text
//!                  promote                 stolen               latch is set
//!   on the list ─────────────▶ in the deque ───────▶ with a thief ─────────▶ result taken
//!        │                         │
//!        └───── popped ────────────┴──── popped ──▶ run here
//! ```
//!
//! # Source
//!
//! Acar, Charguéraud, Rainey, "Scheduling parallel programs by work stealing with private deques",
//! 2013, for work that is given away on request; heartbeat scheduling (Acar et al., 2018) for
//! promoting the oldest. Deviation: requests instead of a clock, so that nothing is promoted while all are
//! busy.
#![expect(
    unsafe_code,
    reason = "halves of joins lie on the stack of the worker that waits for them"
)]

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr::NonNull;

use crate::latch::Latch;
use crate::piece::Piece;
use crate::sync::{AtomicBool, Caught, Ordering, UnsafeCell};
use crate::worker::Worker;

/// How many halves a worker has on its list before it stops adding any.
const ENOUGH: usize = 4;

/// How deep joins that are promoted can nest; deeper ones are two calls.
const FORKS_MAX: usize = 256;

/// Where nobody asks.
static NEVER: AtomicBool = AtomicBool::new(false);

/// Where work can be split; comes from [`Executor::fork_join`](crate::Executor::fork_join).
pub struct Scope<'w> {
    /// None: everything is done here, one after the other.
    worker: Option<&'w Worker>,
    /// Whether a join is to look closer.
    attention: &'w AtomicBool,
    /// It belongs to one thread.
    not_sync: PhantomData<Cell<()>>,
}

impl<'w> Scope<'w> {
    /// For a worker's own thread.
    pub(crate) fn of(worker: &'w Worker) -> Self {
        worker.forks.tell(worker);
        Self {
            worker: Some(worker),
            attention: &worker.seat().call.0.attention,
            not_sync: PhantomData,
        }
    }

    /// Without workers.
    pub(crate) fn sequential() -> Self {
        Self {
            worker: None,
            attention: &NEVER,
            not_sync: PhantomData,
        }
    }

    /// Does both, at the same time if another worker has nothing else to do.
    ///
    /// `first` runs on this thread. While somebody else runs `second`, this thread helps others
    /// rather than wait.
    ///
    /// # Panics
    ///
    /// When one of them does, after the other has ended; if `first` panics, `second` may not run.
    ///
    /// # Complexity
    ///
    /// Without a taker one load of a flag more than the two calls; nothing is allocated. The halves
    /// that are offered at once are at most 256 deep.
    ///
    /// # Examples
    ///
    /// ```
    /// use claude_flow_executor::{Executor, Options, Scope};
    ///
    /// fn sum(scope: &Scope<'_>, numbers: &[u64]) -> u64 {
    ///     if numbers.len() < 1_000 {
    ///         return numbers.iter().sum();
    ///     }
    ///     let (left, right) = numbers.split_at(numbers.len() / 2);
    ///     let (left, right) = scope.join(|scope| sum(scope, left), |scope| sum(scope, right));
    ///     left + right
    /// }
    ///
    /// let executor = Executor::start(&Options::default())?;
    /// let numbers: Vec<u64> = (0..100_000).collect();
    /// assert_eq!(executor.fork_join(|scope| sum(scope, &numbers)), 4_999_950_000);
    /// # Ok::<(), claude_flow_executor::StartError>(())
    /// ```
    #[inline]
    pub fn join<A, B, RA, RB>(&self, first: A, second: B) -> (RA, RB)
    where
        A: FnOnce(&Scope<'_>) -> RA,
        B: FnOnce(&Scope<'_>) -> RB + Send,
        RB: Send,
    {
        // Relaxed: a request that is seen late costs time only.
        if !self.attention.load(Ordering::Relaxed) {
            return (first(self), second(self));
        }
        match self.worker {
            Some(worker) => self.join_offering(worker, first, second),
            None => (first(self), second(self)),
        }
    }

    #[inline(never)]
    fn join_offering<A, B, RA, RB>(&self, worker: &Worker, first: A, second: B) -> (RA, RB)
    where
        A: FnOnce(&Scope<'_>) -> RA,
        B: FnOnce(&Scope<'_>) -> RB + Send,
        RB: Send,
    {
        let forks = &worker.forks;
        if !forks.has_place() {
            return (first(self), second(self));
        }
        let half = Half::new(second, worker.index);
        forks.push(half.piece());
        forks.tell(worker);
        forks.answer(worker);
        let open = Open {
            half: &half,
            worker,
        };
        let first = first(self);
        std::mem::forget(open);
        if half.is_back(worker) {
            // SAFETY: it came back, so that nobody else has it.
            let second = unsafe { half.take_work() };
            return (first, second(self));
        }
        half.wait(worker);
        // SAFETY: the latch is set.
        let second = unsafe { half.take_result() };
        (
            first,
            second.unwrap_or_else(|payload| resume_unwind(payload)),
        )
    }
}

impl fmt::Debug for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_sequential = self.worker.is_none();
        f.debug_struct("Scope")
            .field("is_sequential", &is_sequential)
            .finish_non_exhaustive()
    }
}

/// The halves that a worker has open, oldest first.
pub(crate) struct Forks {
    places: [Cell<Option<NonNull<Piece>>>; FORKS_MAX],
    len: Cell<usize>,
    /// Those before are, or were, in the deque; at most `len`.
    promoted: Cell<usize>,
}

impl Forks {
    pub(crate) fn new() -> Self {
        Self {
            places: [const { Cell::new(None) }; FORKS_MAX],
            len: Cell::new(0),
            promoted: Cell::new(0),
        }
    }

    fn has_place(&self) -> bool {
        self.len.get() < FORKS_MAX
    }

    fn push(&self, piece: NonNull<Piece>) {
        let len = self.len.get();
        self.places[len].set(Some(piece));
        self.len.set(len + 1);
    }

    /// Takes the newest off; false if it had been promoted.
    fn pop(&self) -> bool {
        let len = self.len.get() - 1;
        self.len.set(len);
        if self.promoted.get() <= len {
            return true;
        }
        self.promoted.set(len);
        false
    }

    /// Says whether the next join is to add a half.
    fn tell(&self, worker: &Worker) {
        let call = &worker.seat().call.0;
        let has_enough = self.len.get() - self.promoted.get() >= ENOUGH;
        let is_wanted = !has_enough || call.is_asked.load(Ordering::Relaxed);
        // Relaxed: it is a hint. A request that this overwrites is made again.
        if call.attention.load(Ordering::Relaxed) != is_wanted {
            call.attention.store(is_wanted, Ordering::Relaxed);
        }
    }

    /// Promotes the oldest half if somebody asks and there is none in the deque.
    fn answer(&self, worker: &Worker) {
        let is_asked = &worker.seat().call.0.is_asked;
        if !is_asked.load(Ordering::Relaxed) || !worker.deque.is_empty() {
            return;
        }
        let promoted = self.promoted.get();
        debug_assert!(promoted < self.len.get(), "a half was added just now");
        let Some(piece) = self.places[promoted].get() else {
            return;
        };
        if worker.deque.push(piece).is_err() {
            return;
        }
        self.promoted.set(promoted + 1);
        worker.seat().counters.promoted.add(1);
        is_asked.store(false, Ordering::Relaxed);
        self.tell(worker);
        worker.pool.announce(false);
    }
}

/// The second half of a join, on the stack of its worker.
#[repr(C)]
struct Half<B, R> {
    piece: Piece,
    work: UnsafeCell<ManuallyDrop<B>>,
    result: UnsafeCell<Option<Caught<R>>>,
    latch: Latch,
    /// The worker that waits for it.
    owner: usize,
}

impl<B, R> Half<B, R>
where
    B: FnOnce(&Scope<'_>) -> R + Send,
    R: Send,
{
    fn new(work: B, owner: usize) -> Self {
        Self {
            // SAFETY: it becomes the head of a half of this type.
            piece: unsafe { Piece::new(execute::<B, R>) },
            work: UnsafeCell::new(ManuallyDrop::new(work)),
            result: UnsafeCell::new(None),
            latch: Latch::new(),
            owner,
        }
    }

    /// A pointer to the whole.
    fn piece(&self) -> NonNull<Piece> {
        NonNull::from(self).cast::<Piece>()
    }

    /// Takes it off the list; true if it is nobody else's: it was not promoted, or came back from
    /// the deque.
    fn is_back(&self, worker: &Worker) -> bool {
        let is_local = worker.forks.pop();
        worker.forks.tell(worker);
        is_local || self.is_back_from_deque(worker)
    }

    /// What lies above it in the deque are tasks that were spawned meanwhile: they are run.
    #[cold]
    fn is_back_from_deque(&self, worker: &Worker) -> bool {
        while let Some(piece) = worker.deque.pop() {
            if piece == self.piece() {
                return true;
            }
            worker.execute(piece);
        }
        false
    }

    #[cold]
    fn wait(&self, worker: &Worker) {
        worker.help_until(
            || self.latch.is_done(),
            || self.latch.sleep(&worker.seat().joined),
        );
    }

    /// # Safety
    ///
    /// The caller has it alone and calls this once.
    unsafe fn take_work(&self) -> B {
        // SAFETY: nobody else has it, so that nobody else touches its work.
        let work = unsafe { &mut *self.work.get() };
        // SAFETY: it is taken once.
        unsafe { ManuallyDrop::take(work) }
    }

    /// # Safety
    ///
    /// The latch is set.
    unsafe fn take_result(&self) -> Caught<R> {
        // SAFETY: the thief does not touch it after it has set the latch.
        let result = unsafe { &mut *self.result.get() };
        result
            .take()
            .expect("it is written before the latch is set")
    }
}

/// Runs a stolen half.
///
/// # Safety
///
/// `piece` is the head of a live `Half<B, R>` that came out of a deque.
unsafe fn execute<B, R>(piece: NonNull<Piece>, worker: &Worker)
where
    B: FnOnce(&Scope<'_>) -> R + Send,
    R: Send,
{
    let half = piece.cast::<Half<B, R>>();
    // SAFETY: it is live until its latch is set, and the pointer is to the whole.
    let (work, owner) = unsafe { (half.as_ref().take_work(), half.as_ref().owner) };
    // Unwind safe: the panic goes on where the result is waited for.
    let result = catch_unwind(AssertUnwindSafe(|| work(&Scope::of(worker))));
    // SAFETY: it is live, and its worker does not touch the result before the latch is set.
    unsafe { *half.as_ref().result.get() = Some(result) };
    let parker = &worker.pool.seats[owner].joined;
    // SAFETY: it is live; its worker waits for the latch before it frees it.
    unsafe { Latch::set(&raw const (*half.as_ptr()).latch, parker) };
}

/// A join whose first half runs; if that panics the second must not be left behind.
struct Open<'a, B, R>
where
    B: FnOnce(&Scope<'_>) -> R + Send,
    R: Send,
{
    half: &'a Half<B, R>,
    worker: &'a Worker,
}

impl<B, R> Drop for Open<'_, B, R>
where
    B: FnOnce(&Scope<'_>) -> R + Send,
    R: Send,
{
    fn drop(&mut self) {
        if self.half.is_back(self.worker) {
            // SAFETY: it came back, so that nobody else has it.
            drop(unsafe { self.half.take_work() });
            return;
        }
        self.half.wait(self.worker);
        // SAFETY: the latch is set.
        drop(unsafe { self.half.take_result() });
    }
}
