use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use claude_flow_executor::{
    AdmissionError, CancelToken, Executor, Handle, Options, Overflow, Priority, StartError,
    TaskError, TaskOptions,
};

use crate::{Gate, PATIENCE, result, start, wait_for};

fn small(overflow: Overflow) -> Executor {
    start(1, |options| {
        options.lane_capacity = 2;
        options.queue_capacity = 2;
        options.key_waiting_max = 1;
        options.overflow = overflow;
    })
}

fn spawn(
    executor: &Executor,
    priority: Priority,
    key: Option<&str>,
) -> Result<Handle<()>, AdmissionError> {
    let options = TaskOptions {
        priority,
        key: key.map(Into::into),
        ..TaskOptions::default()
    };
    executor.spawn_with(options, |_| ())
}

#[test]
fn what_has_no_room_is_rejected_by_name() {
    let executor = small(Overflow::Reject);
    let gate = Gate::hold(&executor);
    let full = AdmissionError::Full { capacity: 2 };
    for _ in 0..2 {
        executor.submit(|| ()).expect("there are two places");
    }
    assert_eq!(executor.submit(|| ()), Err(full.clone()));
    let many = executor.submit_many((0..3).map(|_| || ()));
    let many = many.expect_err("the lane is full");
    assert_eq!((many.taken, many.source), (0, full.clone()));
    spawn(&executor, Priority::Low, Some("a")).expect("there are two places");
    let key_full = spawn(&executor, Priority::Low, Some("a")).expect_err("one may wait");
    assert_eq!(
        key_full.to_string(),
        "1 tasks of a wait already, which is the limit for one key"
    );
    spawn(&executor, Priority::Low, Some("b")).expect("there are two places");
    assert_eq!(spawn(&executor, Priority::High, None).err(), Some(full));
    let metrics = executor.metrics();
    assert_eq!((metrics.lane_len, metrics.queue_len), (2, 2));
    assert_eq!(metrics.rejected, 4);
    gate.open();
}

#[test]
fn the_oldest_low_task_loses_its_place() {
    let executor = small(Overflow::DropOldestLow);
    let gate = Gate::hold(&executor);
    let first = spawn(&executor, Priority::Low, None).expect("there are two places");
    let second = spawn(&executor, Priority::Low, None).expect("there are two places");
    let third = spawn(&executor, Priority::Low, None).expect("the first goes");
    assert!(matches!(first.wait(), Err(TaskError::Displaced)));
    for _ in 0..2 {
        executor.submit(|| ()).expect("there are two places");
    }
    executor.submit(|| ()).expect("the second goes");
    assert!(matches!(second.wait(), Err(TaskError::Displaced)));
    let high = spawn(&executor, Priority::High, None).expect("the third goes");
    assert!(matches!(third.wait(), Err(TaskError::Displaced)));
    let full = spawn(&executor, Priority::Critical, None).expect_err("no low one is left");
    assert_eq!(full, AdmissionError::Full { capacity: 2 });
    gate.open();
    result(high);
    executor.shutdown(Instant::now() + PATIENCE);
    assert_eq!(executor.metrics().displaced, 3);
}

#[test]
fn whoever_waits_for_room_gets_it() {
    let executor = small(Overflow::Wait(PATIENCE));
    let gate = Gate::hold(&executor);
    for _ in 0..2 {
        executor.submit(|| ()).expect("there are two places");
        spawn(&executor, Priority::Normal, None).expect("there are two places");
    }
    let (tell, told) = channel();
    thread::scope(|scope| {
        for is_plain in [true, false] {
            let (tell, executor) = (tell.clone(), &executor);
            scope.spawn(move || {
                let submitted = if is_plain {
                    executor.submit(|| ())
                } else {
                    spawn(executor, Priority::Normal, None).map(drop)
                };
                tell.send(submitted).expect("the test listens");
            });
        }
        gate.open();
        for _ in 0..2 {
            let submitted = told.recv_timeout(PATIENCE).expect("there is room");
            assert_eq!(submitted, Ok(()));
        }
    });
}

#[test]
fn whoever_waits_for_room_in_vain_is_rejected() {
    let executor = small(Overflow::Wait(Duration::from_millis(1)));
    let gate = Gate::hold(&executor);
    for _ in 0..2 {
        executor.submit(|| ()).expect("there are two places");
    }
    let full = AdmissionError::Full { capacity: 2 };
    assert_eq!(executor.submit(|| ()), Err(full));
    gate.open();
}

/// It would wait for itself.
#[test]
fn a_task_does_not_wait_for_room() {
    let executor = Arc::new(small(Overflow::Wait(PATIENCE)));
    let inner = Arc::clone(&executor);
    let task = executor.spawn(move || {
        let mut errors = (0..5).filter_map(|_| spawn(&inner, Priority::Low, None).err());
        errors.next()
    });
    let full = AdmissionError::Full { capacity: 2 };
    assert_eq!(result(task.expect("there is room")), Some(full));
}

#[test]
fn a_deadline_that_has_passed_is_not_taken_in() {
    let executor = start(1, |_| ());
    let options = TaskOptions {
        deadline: Some(Instant::now()),
        ..TaskOptions::default()
    };
    let error = executor.spawn_with(options, |_| ()).err();
    assert_eq!(error, Some(AdmissionError::DeadlinePassed));
}

#[test]
fn options_that_do_not_fit_are_refused() {
    let check = |change: fn(&mut Options)| {
        let mut options = Options::default();
        change(&mut options);
        let error = Executor::start(&options).expect_err("they do not fit");
        assert!(matches!(error, StartError::Options(_)), "{error}");
    };
    check(|options| options.workers = Some(0));
    check(|options| (options.workers, options.workers_max) = (Some(3), Some(2)));
    check(|options| options.workers_max = Some(5_000));
    check(|options| options.lane_capacity = 3);
    check(|options| options.queue_capacity = 0);
    check(|options| options.key_running_max = 0);
    check(|options| options.aged_every = 0);
}

fn is_closed(executor: &Executor) -> bool {
    matches!(executor.resize(1), Err(StartError::Stopped))
}

#[test]
fn a_shutdown_runs_what_was_taken_in_and_takes_no_more() {
    let executor = start(1, |_| ());
    let gate = Gate::hold(&executor);
    let plain = executor.spawn(|| 1).expect("there is room");
    let low = spawn(&executor, Priority::Low, Some("a")).expect("there is room");
    thread::scope(|scope| {
        let stopping = scope.spawn(|| executor.shutdown(Instant::now() + PATIENCE));
        wait_for("it is closed", || is_closed(&executor));
        gate.open();
        assert!(stopping.join().expect("it does not panic"));
    });
    assert_eq!(result(plain), 1);
    result(low);
    assert_eq!(executor.submit(|| ()), Err(AdmissionError::Stopped));
    assert_eq!(executor.fork_join(|scope| scope.join(|_| 1, |_| 2)), (1, 2));
}

#[test]
fn what_has_not_begun_at_the_end_is_told() {
    let executor = start(1, |_| ());
    let gate = Gate::hold(&executor);
    let plain = executor.spawn(|| ()).expect("there is room");
    let queued = spawn(&executor, Priority::Low, Some("a")).expect("there is room");
    let Gate { open, held } = gate;
    thread::scope(|scope| {
        let stopping = scope.spawn(|| executor.shutdown(Instant::now()));
        wait_for("it is closed", || is_closed(&executor));
        // It may still be before the deadline's check: what it then runs is run, the rest is told.
        drop(open);
        stopping.join().expect("it does not panic");
    });
    result(held);
    for task in [plain, queued] {
        let ended = task.wait();
        assert!(
            matches!(ended, Ok(()) | Err(TaskError::Stopped)),
            "{ended:?}"
        );
    }
    let metrics = executor.metrics();
    assert_eq!(metrics.finished + metrics.stopped, 3);
}

#[test]
fn dropping_an_executor_tells_those_that_wait() {
    let executor = start(1, |_| ());
    let gate = Gate::hold(&executor);
    let waiting: Vec<_> = (0..3)
        .map(|_| executor.spawn(|| ()).expect("there is room"))
        .collect();
    let open = gate.open;
    let token = CancelToken::new();
    thread::scope(|scope| {
        let token = &token;
        scope.spawn(move || {
            drop(executor);
            token.cancel();
        });
        drop(open);
    });
    assert!(token.is_cancelled());
    for task in waiting {
        let ended = task.wait();
        assert!(
            matches!(ended, Ok(()) | Err(TaskError::Stopped)),
            "{ended:?}"
        );
    }
}

/// The last owner is a task, on a thread that cannot wait for itself.
#[test]
fn an_executor_can_be_dropped_by_its_own_task() {
    let executor = Arc::new(start(2, |_| ()));
    let gate = Gate::hold(&executor);
    let inner = Arc::clone(&executor);
    let (tell, told) = channel();
    let (start_drop, may_drop) = channel::<()>();
    let task = executor.spawn(move || {
        let _ = may_drop.recv();
        drop(inner);
        tell.send(()).expect("the test listens");
    });
    task.expect("there is room");
    gate.open();
    drop(executor);
    drop(start_drop);
    told.recv_timeout(PATIENCE).expect("the drop returns");
}
