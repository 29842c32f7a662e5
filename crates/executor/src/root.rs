//! Work of a thread that is no worker, and waits for it, with what it borrows.
#![expect(
    unsafe_code,
    reason = "a worker runs what lies on the stack of the thread that waits"
)]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::fork::Scope;
use crate::job::{Job, Outcome, Refusal, Work};
use crate::pool::Pool;
use crate::sync::{AtomicBool, Caught, Ordering, Parker, UnsafeCell};
use crate::worker::Worker;

/// Runs it on a worker and waits; on this thread if no worker takes it.
pub(crate) fn run<R: Send>(pool: &Pool, work: impl FnOnce(&Scope<'_>) -> R + Send) -> R {
    let root = Root {
        work: UnsafeCell::new(Some(work)),
        result: UnsafeCell::new(None),
    };
    let done = Arc::new(Done::new());
    let errand = Errand {
        root: (&raw const root).cast::<()>(),
        run: run_root(&root),
        _tell: Tell(Arc::clone(&done)),
    };
    // Whether it is taken in or not, the errand tells when it is over.
    let _is_taken = pool.admit_plain(Job::new(errand));
    done.wait();
    match root.result.into_inner() {
        Some(Ok(result)) => result,
        Some(Err(payload)) => resume_unwind(payload),
        None => {
            let work = root.work.into_inner().expect("nobody has run it");
            work(&Scope::sequential())
        }
    }
}

/// What lies on the stack of the thread that waits. The errand alone touches it until that is over.
struct Root<F, R> {
    work: UnsafeCell<Option<F>>,
    result: UnsafeCell<Option<Caught<R>>>,
}

/// Whether an errand is over.
struct Done {
    is_over: AtomicBool,
    parker: Parker,
}

impl Done {
    fn new() -> Self {
        Self {
            is_over: AtomicBool::new(false),
            parker: Parker::new(),
        }
    }

    fn wait(&self) {
        // SYNC: pairs with the Release store in `Tell`.
        while !self.is_over.load(Ordering::Acquire) {
            self.parker.park();
        }
    }
}

/// Tells at its drop that an errand is over.
struct Tell(Arc<Done>);

impl Drop for Tell {
    fn drop(&mut self) {
        // SYNC: pairs with the Acquire load in `wait`. What waits may be gone after this; `Done`
        // is shared, and is not.
        self.0.is_over.store(true, Ordering::Release);
        self.0.parker.wake();
    }
}

/// A root on its way to a worker.
struct Errand {
    root: *const (),
    run: unsafe fn(*const (), &Worker) -> Outcome,
    /// Last, so that it tells when nothing touches the root any more.
    _tell: Tell,
}

// SAFETY: the root's work is `Send`, and its result goes back to the thread that waits, which asks
// `Send` of it.
unsafe impl Send for Errand {}

impl Work for Errand {
    fn run(self) -> Outcome {
        Worker::here(|worker| {
            // SAFETY: the thread whose stack the root lies on waits for `_tell`, which is dropped
            // after this; `run` is for this root.
            unsafe { (self.run)(self.root, worker) }
        })
    }

    fn refuse(self, _why: Refusal) -> Outcome {
        Outcome::Refused
    }
}

/// How to run a root of this type.
fn run_root<F, R>(_root: &Root<F, R>) -> unsafe fn(*const (), &Worker) -> Outcome
where
    F: FnOnce(&Scope<'_>) -> R + Send,
    R: Send,
{
    run_as::<F, R>
}

/// # Safety
///
/// `root` is a live `Root<F, R>` that nobody else touches meanwhile.
unsafe fn run_as<F, R>(root: *const (), worker: &Worker) -> Outcome
where
    F: FnOnce(&Scope<'_>) -> R + Send,
    R: Send,
{
    // SAFETY: the caller's promise.
    let root = unsafe { &*root.cast::<Root<F, R>>() };
    // SAFETY: nobody else touches it.
    let Some(work) = (unsafe { (*root.work.get()).take() }) else {
        return Outcome::Cancelled;
    };
    // Unwind safe: the panic goes on where the result is waited for.
    let result = catch_unwind(AssertUnwindSafe(|| work(&Scope::of(worker))));
    let outcome = if result.is_ok() {
        Outcome::Finished
    } else {
        Outcome::Panicked
    };
    // SAFETY: nobody else touches it.
    unsafe { *root.result.get() = Some(result) };
    outcome
}
