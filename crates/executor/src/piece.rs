//! What lies in a worker's deque: a pointer to something that one thread executes once.
#![expect(
    unsafe_code,
    reason = "a deque holds pointers to values of several types"
)]

use std::ptr::NonNull;

use crate::job::Job;
use crate::worker::Worker;

/// The head of a value that can be executed; the first field of that value.
#[derive(Debug)]
pub(crate) struct Piece {
    /// Takes the value and runs it on this worker.
    execute: unsafe fn(NonNull<Piece>, &Worker),
}

impl Piece {
    /// # Safety
    ///
    /// `execute` is for the type whose head this becomes.
    pub(crate) const unsafe fn new(execute: unsafe fn(NonNull<Self>, &Worker)) -> Self {
        Self { execute }
    }

    /// Executes the value whose head it is.
    ///
    /// # Safety
    ///
    /// The value is live, and the caller got the pointer out of a deque, which gives it to one thread.
    pub(crate) unsafe fn execute(this: NonNull<Self>, worker: &Worker) {
        // SAFETY: the value is live, and so is its head.
        let execute = unsafe { this.as_ref() }.execute;
        // SAFETY: `execute` is for this type, and nobody else has the pointer.
        unsafe { execute(this, worker) }
    }
}

/// A task in a box of its own.
#[repr(C)]
struct Boxed {
    piece: Piece,
    job: Job,
}

/// Boxes a task; executing it frees the box.
pub(crate) fn boxed(job: Job) -> NonNull<Piece> {
    // SAFETY: the head is that of a `Boxed`.
    let piece = unsafe { Piece::new(execute_boxed) };
    let boxed = Box::into_raw(Box::new(Boxed { piece, job }));
    NonNull::new(boxed)
        .expect("a box is somewhere")
        .cast::<Piece>()
}

/// Takes a task out of its box again.
///
/// # Safety
///
/// The pointer came from [`boxed`], and nobody else uses it.
pub(crate) unsafe fn unbox(piece: NonNull<Piece>) -> Job {
    // SAFETY: it came from `Box::into_raw` in `boxed`, by a pointer to the whole, whose first
    // field the head is.
    let boxed = unsafe { Box::from_raw(piece.cast::<Boxed>().as_ptr()) };
    boxed.job
}

/// # Safety
///
/// As [`unbox`].
unsafe fn execute_boxed(piece: NonNull<Piece>, worker: &Worker) {
    // SAFETY: the caller's promise.
    let job = unsafe { unbox(piece) };
    worker.run_plain(job);
}
