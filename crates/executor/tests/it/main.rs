//! What an executor promises, seen from outside.
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines and STRESS are read here; the ban is for the pure crates"
)]

// The scheduler.
mod admission;
mod faults;
mod joins;
mod scheduling;

// The services.
mod breaker;
mod coalesce;
mod condition;
mod connections;
mod hedge;
#[cfg(target_os = "linux")]
mod processes;
mod retry;
#[cfg(target_os = "linux")]
mod supervisor;
mod timeout;
#[cfg(target_os = "linux")]
mod warm;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use claude_flow_executor::{Executor, Handle, Options, Priority, TaskOptions};

/// After so long a test that waits for something fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// An executor that is small, and the same on every machine.
fn start(workers: usize, change: impl FnOnce(&mut Options)) -> Executor {
    let mut options = Options {
        workers: Some(workers),
        workers_max: Some(workers.max(4)),
        reserved_workers: 0,
        is_pinned: false,
        ..Options::default()
    };
    change(&mut options);
    Executor::start(&options).expect("the options fit and the system gives threads")
}

/// Waits for a condition.
fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// What a task returned.
fn result<T>(handle: Handle<T>) -> T {
    let ended = handle.wait_until(Instant::now() + PATIENCE);
    ended
        .expect("it ends in time")
        .expect("it returns something")
}

/// A worker that is held until the gate is opened.
struct Gate {
    open: Sender<()>,
    held: Handle<()>,
}

impl Gate {
    /// Waits until a worker is held.
    fn hold(executor: &Executor) -> Self {
        let (open, is_open): (_, Receiver<()>) = channel();
        let (tell, is_held) = channel();
        let options = TaskOptions {
            priority: Priority::Normal,
            ..TaskOptions::default()
        };
        let work = move |_: &_| {
            tell.send(()).expect("the test listens");
            // It opens by a message, or by the end of who holds it.
            let _ = is_open.recv();
        };
        let held = executor.spawn_with(options, work).expect("there is room");
        is_held.recv_timeout(PATIENCE).expect("a worker is free");
        Self { open, held }
    }

    /// Lets the worker go, and waits until it has.
    fn open(self) {
        drop(self.open);
        result(self.held);
    }
}

/// How many times more than in the default suite: what the environment variable `STRESS` says.
fn stress() -> u32 {
    std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    })
}
