//! Hedging on virtual time. Copies are tasks that the test finishes by hand.

use std::num::NonZeroU32;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use claude_flow_executor::{Clock, Hedge, HedgeError, Task, VirtualClock};

const DELAY: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(10);

type Answer = Result<&'static str, &'static str>;

/// Runs a hedged operation of at most three copies; what the test sends is what each copy answers.
fn run(
    act: impl FnOnce(&VirtualClock, &[Sender<Answer>]),
) -> Result<&'static str, HedgeError<&'static str>> {
    let clock = Arc::new(VirtualClock::new());
    let hedge = Hedge::new(DELAY, NonZeroU32::MIN.saturating_add(2), clock.clone());
    let (answers, waiting): (Vec<_>, Vec<_>) = (0..3)
        .map(|_| {
            let (sender, receiver) = mpsc::channel::<Answer>();
            (sender, Mutex::new(receiver))
        })
        .unzip();
    let deadline = clock.after(LIMIT);
    let hedge = &hedge;
    let result = thread::scope(|scope| {
        let waiter = scope.spawn(move || {
            let spawn = |task: Task| drop(thread::spawn(task));
            hedge.run(deadline, spawn, move |copy, _| {
                let receiver = waiting[copy as usize].lock().expect("nobody panics");
                receiver
                    .recv()
                    .expect("a copy that is not answered is lost")
            })
        });
        assert!(clock.wait_for_parked(1));
        act(&clock, &answers);
        waiter.join().expect("it only waits")
    });
    drop(answers);
    assert_eq!(hedge.snapshot().operations, 1);
    result
}

#[test]
fn first_copy_in_time_is_alone() {
    let result = run(|_, answers| answers[0].send(Ok("first")).expect("it runs"));
    assert_eq!(result, Ok("first"));
}

#[test]
fn late_first_copy_is_overtaken() {
    let result = run(|clock, answers| {
        clock.advance(DELAY);
        answers[1].send(Ok("second")).expect("it runs");
    });
    assert_eq!(result, Ok("second"));
}

#[test]
fn failure_starts_the_next_copy_without_a_delay() {
    let result = run(|_, answers| {
        answers[0].send(Err("down")).expect("it runs");
        answers[1].send(Ok("second")).expect("it runs");
    });
    assert_eq!(result, Ok("second"));
}

#[test]
fn failures_of_all_copies_are_one_failure() {
    let result = run(|_, answers| {
        for answer in answers {
            answer.send(Err("down")).expect("it runs");
        }
    });
    let expected = HedgeError::Failed {
        copies: 3,
        source: "down",
    };
    assert_eq!(result, Err(expected));
}

#[test]
fn deadline_ends_the_wait_for_all_copies() {
    let result = run(|clock, _| {
        for _ in 0..2 {
            clock.advance(DELAY);
            // The next copy is started before the wait goes on.
            assert!(clock.wait_for_parked(1));
        }
        clock.advance(LIMIT);
    });
    assert!(
        matches!(result, Err(HedgeError::TimedOut { .. })),
        "{result:?}"
    );
}

#[test]
fn copies_that_are_never_run_are_lost() {
    let clock = Arc::new(VirtualClock::new());
    let hedge = Hedge::new(DELAY, NonZeroU32::MIN, clock.clone());
    let result = hedge.run(clock.after(LIMIT), drop, |_, _| Ok::<(), ()>(()));
    assert_eq!(result, Err(HedgeError::Lost { copies: 1 }));
}
