use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use claude_flow_executor::{CancelToken, Executor, Key, Priority, TaskError, TaskOptions};

use crate::{Gate, PATIENCE, result, start, wait_for};

fn with_priority(priority: Priority) -> TaskOptions {
    TaskOptions {
        priority,
        ..TaskOptions::default()
    }
}

#[test]
fn every_plain_task_runs_once() {
    let executor = start(2, |options| options.lane_capacity = 16);
    let count = Arc::new(AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    let count = Arc::clone(&count);
                    let work = move || {
                        count.fetch_add(1, Ordering::Relaxed);
                    };
                    executor.submit(work).expect("there is room in time");
                }
            });
        }
    });
    assert!(executor.shutdown(Instant::now() + PATIENCE));
    assert_eq!(count.load(Ordering::Relaxed), 3_000);
    assert_eq!(executor.metrics().finished, 3_000);
}

#[test]
fn many_tasks_at_once_run_once_each() {
    let executor = start(2, |options| options.lane_capacity = 64);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let works = (0..500).map(|number| {
        let seen = Arc::clone(&seen);
        move || seen.lock().expect("nobody panics").push(number)
    });
    executor.submit_many(works).expect("there is room in time");
    assert!(executor.shutdown(Instant::now() + PATIENCE));
    let mut seen = seen.lock().expect("nobody panics").clone();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..500));
}

/// Tasks of tasks go through the worker's deque, and beyond its end into the lane.
#[test]
fn tasks_spawn_tasks() {
    let executor = Arc::new(start(2, |_| ()));
    let (tell, told) = channel();
    let inner = Arc::clone(&executor);
    let outer = executor.spawn(move || {
        for number in 0..3_000 {
            let tell = tell.clone();
            let work = move || tell.send(number).expect("the test listens");
            inner.submit(work).expect("deque and lane have room");
        }
    });
    result(outer.expect("there is room"));
    let mut numbers: Vec<i32> = told.iter().collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..3_000));
}

#[test]
fn a_panic_costs_no_worker() {
    let executor = start(1, |_| ());
    for _ in 0..10 {
        let panics = || std::panic::resume_unwind(Box::new("as it should"));
        executor.submit(panics).expect("there is room");
        let handle = executor.spawn(panics).expect("there is room");
        let error = handle.wait().expect_err("it panics");
        assert!(matches!(error, TaskError::Panicked(_)), "{error}");
    }
    assert_eq!(result(executor.spawn(|| 7).expect("there is room")), 7);
    executor.shutdown(Instant::now() + PATIENCE);
    assert_eq!(executor.metrics().panicked, 20);
}

#[test]
fn the_most_urgent_task_that_waits_is_next() {
    let executor = start(1, |options| options.aged_every = u32::MAX);
    let gate = Gate::hold(&executor);
    let order = Arc::new(Mutex::new(Vec::new()));
    let handles: Vec<_> = [3, 1, 0, 2, 0, 3]
        .map(|class| {
            let order = Arc::clone(&order);
            let priority = Priority::ALL[class];
            let work = move |_: &CancelToken| order.lock().expect("nobody panics").push(class);
            let spawned = executor.spawn_with(with_priority(priority), work);
            spawned.expect("there is room")
        })
        .into();
    gate.open();
    handles.into_iter().for_each(result);
    assert_eq!(*order.lock().expect("nobody panics"), [0, 0, 1, 2, 3, 3]);
}

#[test]
fn an_urgent_task_runs_while_all_workers_are_busy() {
    let executor = start(2, |options| options.reserved_workers = 1);
    let gates = [Gate::hold(&executor), Gate::hold(&executor)];
    for priority in [Priority::Critical, Priority::High] {
        let task = executor.spawn_with(with_priority(priority), |_| 7);
        assert_eq!(result(task.expect("there is room")), 7);
    }
    gates.into_iter().for_each(Gate::open);
}

#[test]
fn a_key_has_no_more_tasks_running_than_it_may() {
    let executor = start(4, |_| ());
    let key = Key::from("agent");
    executor.limit_key(key.clone(), 2.try_into().expect("it is not zero"));
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let handles: Vec<_> = (0..200)
        .map(|_| {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            let options = TaskOptions {
                key: Some(key.clone()),
                ..TaskOptions::default()
            };
            let work = move |_: &CancelToken| {
                let now = running.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(now, Ordering::Relaxed);
                thread::yield_now();
                running.fetch_sub(1, Ordering::Relaxed);
            };
            executor.spawn_with(options, work).expect("there is room")
        })
        .collect();
    handles.into_iter().for_each(result);
    assert!(most.load(Ordering::Relaxed) <= 2);
}

#[test]
fn a_task_past_its_deadline_does_not_begin() {
    let executor = start(1, |_| ());
    let gate = Gate::hold(&executor);
    let deadline = Instant::now() + std::time::Duration::from_millis(1);
    let options = TaskOptions {
        deadline: Some(deadline),
        ..TaskOptions::default()
    };
    let task = executor.spawn_with(options, |_| unreachable!("it is too late"));
    let Ok(task) = task else {
        // This machine took a millisecond to get here.
        return;
    };
    wait_for("the deadline has passed", || Instant::now() >= deadline);
    gate.open();
    let error: Result<(), _> = task.wait();
    assert!(matches!(error, Err(TaskError::DeadlinePassed)), "{error:?}");
    executor.shutdown(Instant::now() + PATIENCE);
    assert_eq!(executor.metrics().expired, 1);
}

#[test]
fn a_task_that_runs_sees_its_deadline() {
    let executor = start(1, |_| ());
    let options = TaskOptions {
        deadline: Some(Instant::now() + std::time::Duration::from_millis(50)),
        ..TaskOptions::default()
    };
    let work = |token: &CancelToken| wait_for("it is cancelled", || token.is_cancelled());
    let Ok(task) = executor.spawn_with(options, work) else {
        return;
    };
    // It ran to its end, or was not begun in time; it did not run on.
    match task.wait() {
        Ok(()) | Err(TaskError::DeadlinePassed) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_task_that_waits_is_cancelled_at_once() {
    let executor = start(1, |_| ());
    let gate = Gate::hold(&executor);
    let task = executor.spawn(|| unreachable!("it is cancelled"));
    let task = task.expect("there is room");
    task.cancel();
    let error: Result<(), _> = task.wait();
    assert!(matches!(error, Err(TaskError::Cancelled)), "{error:?}");
    gate.open();
    executor.shutdown(Instant::now() + PATIENCE);
    assert_eq!(executor.metrics().cancelled, 1);
}

#[test]
fn a_handle_is_a_future() {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let executor = start(1, |_| ());
    let mut task = pin!(executor.spawn(|| 7).expect("there is room"));
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let answer = loop {
        match task.as_mut().poll(&mut context) {
            Poll::Ready(answer) => break answer,
            Poll::Pending => thread::park_timeout(PATIENCE),
        }
    };
    assert_eq!(answer.expect("it returns something"), 7);
}

#[test]
fn workers_without_work_sleep() {
    let executor = start(3, |options| options.spin = std::time::Duration::ZERO);
    let all_sleep = |executor: &Executor| executor.metrics().sleeping == 3;
    wait_for("all sleep", || all_sleep(&executor));
    result(executor.spawn(|| ()).expect("there is room"));
    wait_for("all sleep again", || all_sleep(&executor));
}

#[test]
fn threads_have_names_and_places() {
    let executor = start(2, |options| {
        options.name = "here".to_owned();
        options.reserved_workers = 1;
        options.is_pinned = true;
    });
    let name = executor.spawn(|| thread::current().name().map(str::to_owned));
    let name = result(name.expect("there is room")).expect("it has a name");
    assert!(["here-0", "here-1"].contains(&&*name), "{name}");
    let placements = executor.placements();
    let names: Vec<_> = placements.iter().map(|it| it.thread.as_str()).collect();
    assert_eq!(names, ["here-0", "here-1", "here-urgent-0"]);
    let is_pinned = executor.cores().allowed.len() >= 2;
    let core = placements[0].core.as_ref();
    assert_eq!(core.is_some(), is_pinned);
    assert!(core.is_none_or(Result::is_ok), "{core:?}");
    assert!(placements[2].core.is_none());
}

#[test]
fn workers_come_and_go() {
    let executor = start(1, |_| ());
    let gate = Gate::hold(&executor);
    executor.resize(4).expect("four may be");
    // The first is held: others do this.
    assert_eq!(result(executor.spawn(|| 7).expect("there is room")), 7);
    executor.resize(1).expect("one may be");
    wait_for("the others have left", || executor.placements().len() == 1);
    gate.open();
    assert_eq!(result(executor.spawn(|| 8).expect("there is room")), 8);
    for workers in [0, 5] {
        executor.resize(workers).expect_err("from 1 to 4 may be");
    }
}
