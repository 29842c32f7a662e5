use crate::sync::{AtomicUsize, Ordering};
use std::pin::pin;
use std::task::Wake;

use super::*;

/// A task without an executor: this test runs or refuses it.
fn given<T: Send + 'static>(
    work: impl FnOnce(&CancelToken) -> T + Send + 'static,
) -> (impl Work, Handle<T>) {
    task(work, CancelToken::new())
}

#[test]
fn a_result_is_waited_for() {
    let (task, handle) = given(|_| 7);
    assert!(!handle.is_finished());
    let handle = handle
        .wait_until(Instant::now())
        .expect_err("nobody has run it");
    assert_eq!(task.run(), Outcome::Finished);
    assert!(handle.is_finished());
    assert_eq!(handle.wait().expect("it ran"), 7);
}

#[test]
fn a_panic_is_the_result() {
    let (task, handle) = given(|_| panic!("as it should"));
    assert_eq!(task.run(), Outcome::Panicked);
    let error = handle.wait().expect_err("it panicked");
    assert_eq!(error.to_string(), "the task panicked: as it should");
}

#[test]
fn a_task_that_was_cancelled_does_not_begin_and_has_its_result_at_once() {
    let (task, handle) = given(|_| unreachable!("it was cancelled"));
    handle.cancel();
    assert!(handle.is_finished());
    assert_eq!(task.run(), Outcome::Cancelled);
    assert!(matches!(handle.wait(), Err(TaskError::Cancelled)));
}

#[test]
fn a_task_whose_parent_token_is_cancelled_does_not_begin() {
    let token = CancelToken::new();
    let (task, handle) = task(|_| unreachable!("it was cancelled"), token.child());
    token.cancel();
    assert_eq!(task.run(), Outcome::Cancelled);
    assert!(matches!(handle.wait(), Err::<(), _>(TaskError::Cancelled)));
}

#[test]
fn a_task_that_runs_sees_that_it_is_cancelled_and_keeps_its_result() {
    let token = CancelToken::new();
    let outside = token.clone();
    let (task, handle) = task(
        move |token| {
            outside.cancel();
            token.is_cancelled()
        },
        token,
    );
    assert_eq!(task.run(), Outcome::Finished);
    assert!(handle.wait().expect("it ran"));
}

#[test]
fn a_refused_task_says_why() {
    for (why, expected) in [
        (
            Refusal::DeadlinePassed,
            "the task's deadline passed before it began",
        ),
        (
            Refusal::Displaced,
            "the task lost its place in the queue to a newer one",
        ),
        (
            Refusal::Stopped,
            "the executor stopped before the task began",
        ),
    ] {
        let (task, handle) = given(|_| ());
        assert_eq!(task.refuse(why), Outcome::Refused);
        let error = handle.wait().expect_err("it did not run");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_future_is_woken_once_by_the_end_and_by_the_newest_waker() {
    struct Counting(AtomicUsize);
    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let wakers = [(); 2].map(|()| Arc::new(Counting(AtomicUsize::new(0))));
    let (task, handle) = given(|_| 7);
    let mut handle = pin!(handle);
    for waker in &wakers {
        let waker = Waker::from(Arc::clone(waker));
        let polled = handle.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    assert_eq!(task.run(), Outcome::Finished);
    assert_eq!(
        wakers.each_ref().map(|it| it.0.load(Ordering::Relaxed)),
        [0, 1]
    );
    let polled = handle.poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(polled, Poll::Ready(Ok(7))));
}
