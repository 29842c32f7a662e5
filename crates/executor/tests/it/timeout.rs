//! Time-outs on virtual time.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use claude_flow_executor::{Interest, Task, TimeoutError, VirtualClock, timeout};

const LIMIT: Duration = Duration::from_secs(3);

fn spawn(task: Task) {
    drop(thread::spawn(task));
}

#[test]
fn operation_in_time_gives_its_result() {
    let clock = VirtualClock::new();
    assert_eq!(timeout(&clock, LIMIT, spawn, |_| "done"), Ok("done"));
}

#[test]
fn operation_out_of_time_is_left_behind_and_told_so() {
    let clock = VirtualClock::new();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| {
            timeout(&clock, LIMIT, spawn, move |interest: &Interest| {
                may_go_on.recv().expect("the test goes on");
                tell.send(interest.is_lost()).expect("the test listens");
            })
        });
        assert!(clock.wait_for_parked(1));
        clock.advance(LIMIT);
        let result = waiter.join().expect("it only waits");
        assert_eq!(result, Err(TimeoutError::TimedOut { limit: LIMIT }));
    });
    go_on.send(()).expect("the operation waits");
    assert_eq!(told.recv(), Ok(true));
}

#[test]
fn panic_and_refusal_are_told_at_once() {
    let clock = VirtualClock::new();
    let lost = Err(TimeoutError::Lost);
    assert_eq!(timeout(&clock, LIMIT, drop, |_| ()), lost);
    let result = timeout(&clock, LIMIT, spawn, |_| panic!("planted"));
    assert_eq!(result, lost);
}
