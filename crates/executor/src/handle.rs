//! The result of a task, for whoever waits for it.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use claude_flow_ringbuf::Deadline;

use crate::cancel::CancelToken;
use crate::job::{Outcome, Refusal, Work};
use crate::sync::{Condvar, Mutex, MutexGuard, lock};

/// Why a task has no result.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum TaskError {
    /// It panicked; this is what it panicked with.
    #[error("the task panicked: {}", panic_text(.0))]
    Panicked(Box<dyn Any + Send>),
    /// It was cancelled before it began.
    #[error("the task was cancelled before it began")]
    Cancelled,
    /// Its deadline passed before it began.
    #[error("the task's deadline passed before it began")]
    DeadlinePassed,
    /// It was low, and a newer task needed its place.
    #[error("the task lost its place in the queue to a newer one")]
    Displaced,
    /// The executor stopped before it began.
    #[error("the executor stopped before the task began")]
    Stopped,
}

impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Refusal> for TaskError {
    fn from(why: Refusal) -> Self {
        match why {
            Refusal::DeadlinePassed => Self::DeadlinePassed,
            Refusal::Displaced => Self::Displaced,
            Refusal::Stopped => Self::Stopped,
        }
    }
}

/// What a panic says, if it says anything.
fn panic_text(payload: &Box<dyn Any + Send>) -> &str {
    if let Some(text) = payload.downcast_ref::<&str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "without a text"
    }
}

/// A task that was spawned: waits for its result, cancels it, or is polled as a [`Future`].
///
/// Dropping it lets the task go on; its result is dropped.
///
/// A task that [waits](Self::wait) for another holds its worker meanwhile. If all workers do, and
/// what they wait for waits for a worker, nobody goes on: wait with a deadline, or use
/// [`Scope::join`](crate::Scope::join), whose waiting works.
pub struct Handle<T> {
    task: Arc<Task<T>>,
}

impl<T> Handle<T> {
    /// Waits as long as it takes.
    ///
    /// # Errors
    ///
    /// A task that panicked or did not begin.
    pub fn wait(self) -> Result<T, TaskError> {
        let mut state = self.task.lock();
        loop {
            if let Some(result) = state.take_result() {
                return result;
            }
            state = self.task.sleep(state);
        }
    }

    /// Waits up to the deadline; gives the handle back if the task has not ended by then.
    ///
    /// # Errors
    ///
    /// The handle; the task goes on.
    pub fn wait_until(self, deadline: impl Into<Deadline>) -> Result<Result<T, TaskError>, Self> {
        let Deadline::At(moment) = deadline.into() else {
            return Ok(self.wait());
        };
        let mut state = self.task.lock();
        loop {
            if let Some(result) = state.take_result() {
                return Ok(result);
            }
            let rest = moment.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                drop(state);
                return Err(self);
            }
            let done = &self.task.done;
            let woken = done.wait_timeout(state, rest);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Cancels the task: if it has not begun it ends now, if it runs its token says so.
    pub fn cancel(&self) {
        self.task.token.cancel();
        self.task.end_if_waiting(TaskError::Cancelled);
    }

    /// Whether there is a result to wait for no longer.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(*self.task.lock(), State::Done(_))
    }

    /// What the task sees.
    #[must_use]
    pub fn token(&self) -> &CancelToken {
        &self.task.token
    }
}

impl<T> Future for Handle<T> {
    type Output = Result<T, TaskError>;

    /// # Panics
    ///
    /// When it is polled after it was ready.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.task.lock();
        if let Some(result) = state.take_result() {
            return Poll::Ready(result);
        }
        match &mut *state {
            State::Waiting(waker) | State::Running(waker) => match waker {
                Some(waker) => waker.clone_from(context.waker()),
                None => *waker = Some(context.waker().clone()),
            },
            State::Done(_) => panic!("a handle was polled after it was ready"),
        }
        Poll::Pending
    }
}

impl<T> fmt::Debug for Handle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

/// What a handle and its task share.
struct Task<T> {
    state: Mutex<State<T>>,
    done: Condvar,
    token: CancelToken,
}

/// Where a task is; it goes from top to bottom.
enum State<T> {
    Waiting(Option<Waker>),
    Running(Option<Waker>),
    /// The result, until somebody has taken it.
    Done(Option<Result<T, TaskError>>),
}

impl<T> State<T> {
    fn take_result(&mut self) -> Option<Result<T, TaskError>> {
        match self {
            Self::Done(result) => result.take(),
            Self::Waiting(_) | Self::Running(_) => None,
        }
    }
}

impl<T> Task<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        lock(&self.state)
    }

    fn sleep<'a>(&self, state: MutexGuard<'a, State<T>>) -> MutexGuard<'a, State<T>> {
        let woken = self.done.wait(state);
        woken.unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the task may run, and nobody can end it any more but itself.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        match &mut *state {
            State::Waiting(waker) => {
                let waker = waker.take();
                *state = State::Running(waker);
                true
            }
            State::Running(_) | State::Done(_) => false,
        }
    }

    /// Ends a task that has not begun; false if it has, or has ended.
    fn end_if_waiting(&self, why: TaskError) -> bool {
        let state = self.lock();
        let is_waiting = matches!(*state, State::Waiting(_));
        if is_waiting {
            self.end(state, Err(why));
        }
        is_waiting
    }

    fn end(&self, mut state: MutexGuard<'_, State<T>>, result: Result<T, TaskError>) {
        let before = std::mem::replace(&mut *state, State::Done(Some(result)));
        drop(state);
        self.done.notify_all();
        if let State::Waiting(Some(waker)) | State::Running(Some(waker)) = before {
            waker.wake();
        }
    }
}

/// The work of a task with a handle.
pub(crate) struct Spawned<F, T> {
    work: F,
    task: Arc<Task<T>>,
}

/// A task and its handle, for the executor to run and somebody to wait for.
pub(crate) fn task<F, T>(work: F, token: CancelToken) -> (Spawned<F, T>, Handle<T>)
where
    F: FnOnce(&CancelToken) -> T,
{
    let task = Arc::new(Task {
        state: Mutex::new(State::Waiting(None)),
        done: Condvar::new(),
        token,
    });
    let handle = Handle {
        task: Arc::clone(&task),
    };
    (Spawned { work, task }, handle)
}

impl<F, T> Work for Spawned<F, T>
where
    F: FnOnce(&CancelToken) -> T + Send + 'static,
    T: Send + 'static,
{
    fn run(self) -> Outcome {
        let Self { work, task } = self;
        if task.token.is_cancelled() {
            let deadline = task.token.deadline();
            let is_late = deadline.is_some_and(|deadline| deadline <= Instant::now());
            let (why, outcome) = if is_late {
                (TaskError::DeadlinePassed, Outcome::Refused)
            } else {
                (TaskError::Cancelled, Outcome::Cancelled)
            };
            // One that has ended already was cancelled by its handle.
            let is_ended = !task.end_if_waiting(why);
            return if is_ended {
                Outcome::Cancelled
            } else {
                outcome
            };
        }
        if !task.begin() {
            return Outcome::Cancelled;
        }
        // Unwind safe: what the closure leaves half-done goes away with it; the caller is told.
        let result = catch_unwind(AssertUnwindSafe(|| work(&task.token)));
        let outcome = if result.is_ok() {
            Outcome::Finished
        } else {
            Outcome::Panicked
        };
        task.end(task.lock(), result.map_err(TaskError::Panicked));
        outcome
    }

    fn refuse(self, why: Refusal) -> Outcome {
        if self.task.end_if_waiting(why.into()) {
            Outcome::Refused
        } else {
            Outcome::Cancelled
        }
    }
}

/// The work of a task that nobody waits for.
pub(crate) struct Detached<F>(pub(crate) F);

impl<F: FnOnce() + Send + 'static> Work for Detached<F> {
    fn run(self) -> Outcome {
        (self.0)();
        Outcome::Finished
    }

    fn refuse(self, _why: Refusal) -> Outcome {
        Outcome::Refused
    }
}
