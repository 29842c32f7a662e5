//! Our executor and those that it is measured beside.

use std::hint::black_box;
use std::num::NonZero;
use std::thread;

use claude_flow_executor::{Executor, Options, Priority, Scope, TaskOptions};

use crate::executor::{Bulk, Forks, Urgent, Workers, even_alone, uneven_alone};

/// Tasks that a channel holds, as many as our express lane.
const CHANNEL_CAPACITY: usize = 4_096;

/// Tasks that the others hand over in one piece; ours does so by itself.
const BATCH: u64 = 64;

pub(crate) struct Ours(Executor);

impl Workers for Ours {
    fn start(threads: usize) -> Self {
        let options = Options {
            workers: Some(threads),
            ..Options::default()
        };
        Self(Executor::start(&options).expect("the system gives threads"))
    }

    fn submit(&self, task: impl FnOnce() + Send + 'static) {
        self.0.submit(task).expect("there is room within a second");
    }
}

impl Bulk for Ours {
    fn submit_many(&self, count: u64, task: impl Fn() + Copy + Send + 'static) {
        let count = usize::try_from(count).expect("a count of this machine");
        let tasks = std::iter::repeat_n(task, count);
        let taken = self.0.submit_many(tasks);
        taken.expect("there is room within a second");
    }
}

impl Urgent for Ours {
    fn submit_urgent(&self, task: impl FnOnce() + Send + 'static) {
        let options = TaskOptions {
            priority: Priority::Critical,
            ..TaskOptions::default()
        };
        let handle = self.0.spawn_with(options, |_| task());
        drop(handle.expect("there is room within a second"));
    }
}

impl Forks for Ours {
    fn start(threads: usize) -> Self {
        <Self as Workers>::start(threads)
    }

    fn even(&self, height: u32) -> u64 {
        fn count(scope: &Scope<'_>, height: u32) -> u64 {
            if height == 0 {
                return 1;
            }
            let (left, right) = scope.join(|s| count(s, height - 1), |s| count(s, height - 1));
            1 + left + right
        }
        self.0.fork_join(|scope| count(scope, height))
    }

    fn uneven(&self, height: u32) -> u64 {
        fn count(scope: &Scope<'_>, height: u32) -> u64 {
            if height < 2 {
                return 1;
            }
            let (left, right) = scope.join(|s| count(s, height - 1), |s| count(s, height - 2));
            1 + left + right
        }
        self.0.fork_join(|scope| count(scope, height))
    }
}

pub(crate) struct Rayon(rayon::ThreadPool);

impl Workers for Rayon {
    fn start(threads: usize) -> Self {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        Self(pool.expect("the system gives threads"))
    }

    fn submit(&self, task: impl FnOnce() + Send + 'static) {
        self.0.spawn(task);
    }
}

impl Forks for Rayon {
    fn start(threads: usize) -> Self {
        <Self as Workers>::start(threads)
    }

    fn even(&self, height: u32) -> u64 {
        fn count(height: u32) -> u64 {
            if height == 0 {
                return 1;
            }
            let (left, right) = rayon::join(|| count(height - 1), || count(height - 1));
            1 + left + right
        }
        self.0.install(|| count(height))
    }

    fn uneven(&self, height: u32) -> u64 {
        fn count(height: u32) -> u64 {
            if height < 2 {
                return 1;
            }
            let (left, right) = rayon::join(|| count(height - 1), || count(height - 2));
            1 + left + right
        }
        self.0.install(|| count(height))
    }
}

pub(crate) struct Chili(chili::ThreadPool);

impl Forks for Chili {
    fn start(threads: usize) -> Self {
        Self(chili::ThreadPool::with_config(chili::Config {
            thread_count: NonZero::new(threads),
            ..chili::Config::default()
        }))
    }

    fn even(&self, height: u32) -> u64 {
        fn count(scope: &mut chili::Scope<'_>, height: u32) -> u64 {
            if height == 0 {
                return 1;
            }
            let (left, right) = scope.join(|s| count(s, height - 1), |s| count(s, height - 1));
            1 + left + right
        }
        count(&mut self.0.scope(), height)
    }

    fn uneven(&self, height: u32) -> u64 {
        fn count(scope: &mut chili::Scope<'_>, height: u32) -> u64 {
            if height < 2 {
                return 1;
            }
            let (left, right) = scope.join(|s| count(s, height - 1), |s| count(s, height - 2));
            1 + left + right
        }
        count(&mut self.0.scope(), height)
    }
}

/// Plain calls, on one thread.
pub(crate) struct Calls;

impl Forks for Calls {
    fn start(_threads: usize) -> Self {
        Self
    }

    fn even(&self, height: u32) -> u64 {
        even_alone(black_box(height))
    }

    fn uneven(&self, height: u32) -> u64 {
        uneven_alone(black_box(height))
    }
}

pub(crate) struct Tokio(tokio::runtime::Runtime);

impl Workers for Tokio {
    fn start(threads: usize) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .build();
        Self(runtime.expect("the system gives threads"))
    }

    fn submit(&self, task: impl FnOnce() + Send + 'static) {
        drop(self.0.spawn(async { task() }));
    }
}

pub(crate) struct AsyncExecutor(&'static async_executor::Executor<'static>);

impl Workers for AsyncExecutor {
    fn start(threads: usize) -> Self {
        let executor: &async_executor::Executor<'_> =
            Box::leak(Box::new(async_executor::Executor::new()));
        for _ in 0..threads {
            let forever = executor.run(std::future::pending::<()>());
            thread::spawn(|| pollster::block_on(forever));
        }
        Self(executor)
    }

    fn submit(&self, task: impl FnOnce() + Send + 'static) {
        self.0.spawn(async { task() }).detach();
    }
}

impl Bulk for AsyncExecutor {
    fn submit_many(&self, count: u64, task: impl Fn() + Copy + Send + 'static) {
        let mut left = count;
        let mut handles = Vec::new();
        while left > 0 {
            let batch = left.min(BATCH);
            self.0
                .spawn_many((0..batch).map(|_| async move { task() }), &mut handles);
            for handle in handles.drain(..) {
                handle.detach();
            }
            left -= batch;
        }
    }
}

type Task = Box<dyn FnOnce() + Send>;

/// Threads that take closures from a bounded channel.
pub(crate) struct Threads(crossbeam_channel::Sender<Task>);

impl Workers for Threads {
    fn start(threads: usize) -> Self {
        Self(channel(threads, |task: Task| task()))
    }

    fn submit(&self, task: impl FnOnce() + Send + 'static) {
        let sent = self.0.send(Box::new(task));
        assert!(sent.is_ok(), "the threads live as long as the sender");
    }
}

/// The same, many closures a message.
pub(crate) struct Batches(crossbeam_channel::Sender<Vec<Task>>);

impl Workers for Batches {
    fn start(threads: usize) -> Self {
        let run = |tasks: Vec<Task>| tasks.into_iter().for_each(|task| task());
        Self(channel(threads, run))
    }

    fn submit(&self, task: impl FnOnce() + Send + 'static) {
        self.send(vec![Box::new(task)]);
    }
}

impl Batches {
    fn send(&self, tasks: Vec<Task>) {
        let sent = self.0.send(tasks);
        assert!(sent.is_ok(), "the threads live as long as the sender");
    }
}

impl Bulk for Batches {
    fn submit_many(&self, count: u64, task: impl Fn() + Copy + Send + 'static) {
        let mut left = count;
        while left > 0 {
            let batch = left.min(BATCH);
            self.send((0..batch).map(|_| Box::new(task) as Task).collect());
            left -= batch;
        }
    }
}

/// The end that sends to so many threads, which run what comes.
fn channel<T: Send + 'static>(threads: usize, run: fn(T)) -> crossbeam_channel::Sender<T> {
    let (sender, receiver) = crossbeam_channel::bounded(CHANNEL_CAPACITY);
    for _ in 0..threads {
        let receiver = receiver.clone();
        thread::spawn(move || receiver.into_iter().for_each(run));
    }
    sender
}
