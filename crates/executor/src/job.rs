//! A task of any type in one cache line.
//!
//! A closure of up to [`INLINE_BYTES`] lies in the job itself, so that handing it to another thread
//! allocates nothing; a larger one is boxed.
//!
//! | field | rule |
//! |---|---|
//! | `call` | belongs to the type whose value `storage` holds; called once |
//! | `storage` | live from `new` until `call` is called, which takes the value out |
#![expect(
    unsafe_code,
    reason = "closures of many types lie in places of one type"
)]

#[cfg(test)]
mod tests;

use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit, align_of, size_of};

/// How large a closure can be without being boxed.
const INLINE_BYTES: usize = 48;

/// Words of pointer size, for the alignment of what lies in them.
type Storage = MaybeUninit<[usize; INLINE_BYTES / size_of::<usize>()]>;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran to its end.
    Finished,
    /// It ran and panicked, and whoever waits for it has been told.
    Panicked,
    /// It had been cancelled and did not run.
    Cancelled,
    /// It did not run for the reason that was given.
    Refused,
}

/// Why a task that was taken in is not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Its deadline passed before its turn came.
    DeadlinePassed,
    /// A newer task needed its place.
    Displaced,
    /// The executor has stopped.
    Stopped,
}

/// Something that runs once, or is told why not.
pub(crate) trait Work: Send + 'static {
    /// Runs it; a panic comes out.
    fn run(self) -> Outcome;

    /// Ends it without running it.
    fn refuse(self, why: Refusal) -> Outcome;
}

/// What is to be done with the value of a job.
#[derive(Clone, Copy)]
enum Action {
    Run,
    Refuse(Refusal),
}

/// Some [`Work`]. Dropped without having run, it is refused because the executor stopped.
pub(crate) struct Job {
    call: unsafe fn(*mut Storage, Action) -> Outcome,
    storage: Storage,
    /// When it was submitted, on the executor's clock; zero if nobody asked.
    pub(crate) submitted_ns: u64,
}

// SAFETY: `storage` holds a value of a type that is `Work`, which is `Send`, or a box of it.
unsafe impl Send for Job {}

impl Job {
    pub(crate) fn new<W: Work>(work: W) -> Self {
        if fits::<W>() {
            Self::inline(work)
        } else {
            Self::inline(Boxed(Box::new(work)))
        }
    }

    fn inline<W: Work>(work: W) -> Self {
        assert!(fits::<W>(), "what does not fit is boxed");
        let mut storage = Storage::uninit();
        // SAFETY: the value fits in size and alignment, and nothing lies there yet.
        unsafe { storage.as_mut_ptr().cast::<W>().write(work) };
        Self {
            call: call::<W>,
            storage,
            submitted_ns: 0,
        }
    }

    /// Runs it; a panic of it comes out.
    pub(crate) fn run(self) -> Outcome {
        self.consume(Action::Run)
    }

    /// Ends it without running it.
    pub(crate) fn refuse(self, why: Refusal) -> Outcome {
        self.consume(Action::Refuse(why))
    }

    fn consume(self, action: Action) -> Outcome {
        let mut this = ManuallyDrop::new(self);
        let call = this.call;
        // SAFETY: `call` is of the type that `storage` holds, and is called once: nothing of a
        // consumed job is touched again, and `drop` is not run.
        unsafe { call(&raw mut this.storage, action) }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        // SAFETY: `call` is of the type that `storage` holds, and is called once: a consumed job
        // is not dropped.
        unsafe { (self.call)(&raw mut self.storage, Action::Refuse(Refusal::Stopped)) };
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").finish_non_exhaustive()
    }
}

/// What is too large for the storage, or too far aligned.
struct Boxed<W>(Box<W>);

impl<W: Work> Work for Boxed<W> {
    fn run(self) -> Outcome {
        (*self.0).run()
    }

    fn refuse(self, why: Refusal) -> Outcome {
        (*self.0).refuse(why)
    }
}

const fn fits<W>() -> bool {
    size_of::<W>() <= size_of::<Storage>() && align_of::<W>() <= align_of::<Storage>()
}

/// # Safety
///
/// `storage` holds a live `W`, which is gone afterwards.
unsafe fn call<W: Work>(storage: *mut Storage, action: Action) -> Outcome {
    // SAFETY: the caller says that a `W` lies there; it is taken out here and nowhere else.
    let work = unsafe { storage.cast::<W>().read() };
    match action {
        Action::Run => work.run(),
        Action::Refuse(why) => work.refuse(why),
    }
}
