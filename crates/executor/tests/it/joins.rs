use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use claude_flow_executor::{Executor, Scope};

use crate::{result, start};

/// Small under Miri.
const DEPTH: u32 = if cfg!(miri) { 6 } else { 14 };

/// Counts the leaves of a tree that is deeper on one side, so that the halves are uneven.
fn leaves(scope: &Scope<'_>, depth: u32, each: &(impl Fn() + Sync)) -> u64 {
    if depth == 0 {
        each();
        return 1;
    }
    let (left, right) = scope.join(
        |scope| leaves(scope, depth - 1, each),
        |scope| leaves(scope, depth.saturating_sub(3), each),
    );
    left + right
}

fn expected(depth: u32) -> u64 {
    if depth == 0 {
        return 1;
    }
    expected(depth - 1) + expected(depth.saturating_sub(3))
}

#[test]
fn every_leaf_is_visited_once() {
    for workers in 1..=4 {
        let executor = start(workers, |_| ());
        for depth in 0..DEPTH {
            let visits = AtomicUsize::new(0);
            let each = || {
                visits.fetch_add(1, Ordering::Relaxed);
            };
            let count = executor.fork_join(|scope| leaves(scope, depth, &each));
            assert_eq!(count, expected(depth));
            assert_eq!(visits.load(Ordering::Relaxed) as u64, count);
        }
    }
}

/// Leaves that take long enough for the other worker to ask; what it took is counted.
#[test]
fn halves_are_done_by_whoever_has_nothing_to_do() {
    let executor = start(2, |_| ());
    let is_stolen = |executor: &Executor| executor.metrics().stolen > 0;
    crate::wait_for("another worker takes part", || {
        let each = || {
            std::hint::black_box((0..2_000).sum::<u64>());
        };
        let count = executor.fork_join(|scope| leaves(scope, DEPTH, &each));
        assert_eq!(count, expected(DEPTH));
        is_stolen(&executor)
    });
    assert!(executor.metrics().promoted > 0);
}

#[test]
fn joins_nest_in_tasks_of_the_same_executor() {
    let executor = Arc::new(start(2, |_| ()));
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let inner = Arc::clone(&executor);
            let work = move || {
                inner.fork_join(|scope| {
                    let deeper = |_: &Scope<'_>| inner.fork_join(|scope| leaves(scope, 6, &|| ()));
                    let (a, b) = scope.join(deeper, deeper);
                    a + b
                })
            };
            executor.spawn(work).expect("there is room")
        })
        .collect();
    for task in tasks {
        assert_eq!(result(task), 2 * expected(6));
    }
}

/// What is spawned within a join lies above its half in the deque.
#[test]
fn tasks_are_spawned_within_joins() {
    let executor = Arc::new(start(2, |_| ()));
    let count = Arc::new(AtomicUsize::new(0));
    let each = || {
        let count = Arc::clone(&count);
        let work = move || {
            count.fetch_add(1, Ordering::Relaxed);
        };
        executor.submit(work).expect("there is room");
    };
    let spawned = executor.fork_join(|scope| leaves(scope, DEPTH.min(10), &each));
    crate::wait_for("all have run", || {
        count.load(Ordering::Relaxed) as u64 == spawned
    });
}

/// Either half panics at every depth: it comes out where it is waited for, with nothing left
/// behind, and the workers go on.
#[test]
fn a_panic_comes_out_of_the_join() {
    let executor = start(2, |_| ());
    for at in 0..expected(8) {
        let visits = AtomicUsize::new(0);
        let each = || {
            if visits.fetch_add(1, Ordering::Relaxed) as u64 == at {
                std::panic::resume_unwind(Box::new("as it should"));
            }
        };
        let run = || executor.fork_join(|scope| leaves(scope, 8, &each));
        let payload = catch_unwind(AssertUnwindSafe(run)).expect_err("one leaf panics");
        assert_eq!(payload.downcast_ref(), Some(&"as it should"));
    }
    assert_eq!(executor.fork_join(|scope| scope.join(|_| 1, |_| 2)), (1, 2));
}

#[test]
fn halves_borrow_and_are_dropped_once() {
    let executor = start(2, |_| ());
    let text = String::from("borrowed");
    let kept = Arc::new(());
    for _ in 0..200 {
        let (a, b) = (Arc::clone(&kept), Arc::clone(&kept));
        let (left, right) =
            executor.fork_join(|scope| scope.join(|_| (a, text.len()).1, |_| (b, text.as_str()).1));
        assert_eq!((left, right), (8, "borrowed"));
    }
    assert_eq!(Arc::strong_count(&kept), 1);
}
