//! Workers, and the doors through which tasks come.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, mpsc};
use std::time::Instant;

use claude_flow_ringbuf::Deadline;

use crate::cancel::CancelToken;
use crate::cores::{Cores, PinError, pin_this_thread};
use crate::fork::Scope;
use crate::handle::{Detached, Handle, task};
use crate::job::Job;
use crate::metrics::Metrics;
use crate::options::{AdmissionError, Options, StartError, TaskOptions};
use crate::pool::Pool;
use crate::priority::Key;
use crate::queue::Attributes;
use crate::root;
use crate::sync::{Builder, Condvar, JoinHandle, Mutex, Ordering, current, lock};
use crate::worker::Worker;

/// How many tasks of [`Executor::submit_many`] are handed over at once.
const BATCH: usize = 64;

/// Runs tasks on its workers; share it by reference or in an `Arc`.
///
/// Dropping it is [`shutdown`](Self::shutdown) with a deadline that has passed.
///
/// # Examples
///
/// ```
/// use claude_flow_executor::{Executor, Options, Priority, TaskOptions};
///
/// let executor = Executor::start(&Options::default())?;
/// let sum = executor.spawn(|| 2 + 2)?;
/// let urgent = executor.spawn_with(
///     TaskOptions {
///         priority: Priority::High,
///         key: Some("agent-7".into()),
///         ..TaskOptions::default()
///     },
///     |token| token.is_cancelled(),
/// )?;
/// assert_eq!(sum.wait()?, 4);
/// assert!(!urgent.wait()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Executor {
    pool: Arc<Pool>,
    crew: Arc<Crew>,
    cores: Cores,
}

/// Where a worker was put.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Placement {
    /// The name of its thread.
    pub thread: String,
    /// The core that it is bound to; none if it is bound to none, which is for the reserved ones, for
    /// more workers than cores, and if the options say so.
    pub core: Option<Result<usize, PinError>>,
}

/// The threads.
struct Crew {
    /// By seat; none where nobody works.
    threads: Mutex<Vec<Option<JoinHandle<()>>>>,
    placements: Mutex<Vec<Option<Placement>>>,
    alive: Mutex<usize>,
    left: Condvar,
}

impl Executor {
    /// Starts the workers and waits until each has found its place.
    ///
    /// # Errors
    ///
    /// Options that do not fit, or a thread that the system does not give; then none is left.
    pub fn start(options: &Options) -> Result<Self, StartError> {
        let cores = Cores::detect();
        let workers = options.workers.unwrap_or_else(|| cores.worker_count());
        let workers_max = options.workers_max;
        let workers_max = workers_max.unwrap_or_else(|| workers.max(cores.worker_count()));
        options.check(workers, workers_max)?;
        let seats = workers_max + options.reserved_workers;
        let executor = Self {
            pool: Arc::new(Pool::new(options, workers, workers_max)),
            crew: Arc::new(Crew {
                threads: Mutex::new((0..seats).map(|_| None).collect()),
                placements: Mutex::new(vec![None; seats]),
                alive: Mutex::new(0),
                left: Condvar::new(),
            }),
            cores,
        };
        executor.fill(workers)?;
        Ok(executor)
    }

    /// Hands over a task that nobody waits for.
    ///
    /// The cheapest way: no priority, key or deadline, and no allocation for closures of up to 48
    /// bytes. A panic of it is counted.
    ///
    /// # Errors
    ///
    /// [`AdmissionError::Full`], [`AdmissionError::Stopped`]; the task is dropped.
    ///
    /// # Complexity
    ///
    /// From outside one exchange and one fence; lock-free while there is room and nobody must be
    /// woken. From a task of this executor an allocation, and a fence.
    #[inline]
    pub fn submit(&self, work: impl FnOnce() + Send + 'static) -> Result<(), AdmissionError> {
        self.pool.admit_plain(Job::new(Detached(work)))
    }

    /// Hands over many tasks that nobody waits for, in batches.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit), with the number of those that were taken in before; the others
    /// are not asked for.
    pub fn submit_many<F>(
        &self,
        works: impl IntoIterator<Item = F, IntoIter: ExactSizeIterator>,
    ) -> Result<(), BulkError>
    where
        F: FnOnce() + Send + 'static,
    {
        let mut works = works.into_iter();
        let mut taken = 0;
        while works.len() > 0 {
            let batch = works.len().min(BATCH);
            taken += self
                .submit_batch(&mut works, batch)
                .map_err(|source| BulkError {
                    taken: taken + source.0,
                    source: source.1,
                })?;
        }
        Ok(())
    }

    /// Hands over a task and gives a handle to wait for its result.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    ///
    /// # Complexity
    ///
    /// As [`submit`](Self::submit), and two allocations.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Handle<T>, AdmissionError> {
        let (spawned, handle) = task(move |_: &CancelToken| work(), CancelToken::new());
        self.pool.admit_plain(Job::new(spawned))?;
        Ok(handle)
    }

    /// Hands over a task with a priority, key, deadline or token.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit); [`AdmissionError::KeyFull`], [`AdmissionError::DeadlinePassed`].
    ///
    /// # Complexity
    ///
    /// One lock, and O(log k) for k keys that wait.
    pub fn spawn_with<T: Send + 'static>(
        &self,
        options: TaskOptions,
        work: impl FnOnce(&CancelToken) -> T + Send + 'static,
    ) -> Result<Handle<T>, AdmissionError> {
        let TaskOptions {
            priority,
            key,
            deadline,
            token,
        } = options;
        let token = match token {
            Some(token) => token.child_until(deadline),
            None if deadline.is_some() => CancelToken::new().child_until(deadline),
            None => CancelToken::new(),
        };
        let (spawned, handle) = task(work, token);
        let attributes = Attributes {
            priority,
            key,
            deadline,
        };
        self.pool.admit(Job::new(spawned), attributes)?;
        Ok(handle)
    }

    /// Runs work that splits itself by [`Scope::join`], and waits for it.
    ///
    /// It may borrow. On a worker of this executor it runs at once, on other threads it waits for
    /// its turn as a plain task does; if there is no room it runs on this thread, and its joins are
    /// plain calls.
    ///
    /// # Panics
    ///
    /// When the work does.
    pub fn fork_join<R: Send>(&self, work: impl FnOnce(&Scope<'_>) -> R + Send) -> R {
        let rest = Worker::with(&self.pool, |worker| match worker {
            Some(worker) => Ok(work(&Scope::of(worker))),
            None => Err(work),
        });
        rest.unwrap_or_else(|work| root::run(&self.pool, work))
    }

    /// Limits how many tasks of a key run at once; those that run already go on.
    ///
    /// The limit is kept until the executor is dropped, so set it for keys whose number is bounded.
    pub fn limit_key(&self, key: Key, running_max: NonZeroUsize) {
        let mut queue = self.pool.lock_queue();
        queue.set_running_max(key, running_max.get());
        self.pool.publish(&queue);
        drop(queue);
        self.pool.announce(true);
    }

    /// Changes how many workers there are. Surplus ones leave after their tasks.
    ///
    /// # Errors
    ///
    /// A number that is not from 1 to [`Options::workers_max`], a thread that the system does not
    /// give; [`StartError::Stopped`].
    pub fn resize(&self, workers: usize) -> Result<(), StartError> {
        let workers_max = self.pool.workers_max;
        self.pool.options.check(workers, workers_max)?;
        self.fill(workers)
    }

    /// What has happened and what is going on.
    ///
    /// # Complexity
    ///
    /// Takes no lock and stops nobody; some 3,000 loads a worker.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        self.pool.metrics()
    }

    /// The cores as they were when it started.
    #[must_use]
    pub fn cores(&self) -> &Cores {
        &self.cores
    }

    /// Where its workers are.
    #[must_use]
    pub fn placements(&self) -> Vec<Placement> {
        lock(&self.crew.placements)
            .iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// Takes no tasks from now on, runs what was taken in, and ends the workers.
    ///
    /// What has not begun by the deadline is refused with [`TaskError::Stopped`](crate::TaskError).
    /// A task that runs is waited for, however long it takes; called from a task of its own, it does
    /// not wait for that one.
    ///
    /// Returns whether everything that was taken in was begun.
    pub fn shutdown(&self, deadline: impl Into<Deadline>) -> bool {
        self.pool.close(false);
        let is_worker = Worker::with(&self.pool, |worker| worker.is_some());
        let is_drained = self
            .crew
            .wait_for_all(deadline.into(), usize::from(is_worker));
        self.pool.close(true);
        self.crew.join_others();
        self.pool.refuse_rest();
        is_drained
    }

    /// Tries to hand over `count` tasks at once; on failure how many were.
    fn submit_batch<F>(
        &self,
        works: &mut impl Iterator<Item = F>,
        count: usize,
    ) -> Result<usize, (usize, AdmissionError)>
    where
        F: FnOnce() + Send + 'static,
    {
        let pool = &*self.pool;
        let is_outside = Worker::with(pool, |worker| worker.is_none());
        if is_outside
            && !pool.is_closed()
            && let Ok(mut claim) = pool.lane.try_claim(count)
        {
            claim.extend(works.take(count).map(|work| Job::new(Detached(work))));
            claim.commit();
            pool.announce(false);
            return Ok(count);
        }
        for (taken, work) in works.take(count).enumerate() {
            self.submit(work).map_err(|why| (taken, why))?;
        }
        Ok(count)
    }

    /// Sets how many workers there are, and starts those that are missing.
    fn fill(&self, workers: usize) -> Result<(), StartError> {
        let mut threads = lock(&self.crew.threads);
        if self.pool.is_closed() {
            return Err(StartError::Stopped);
        }
        self.pool.workers.store(workers, Ordering::Release);
        self.pool.wake_everybody();
        let (tx, rx) = mpsc::channel();
        let reserved = self.pool.workers_max..threads.len();
        for seat in (0..workers).chain(reserved) {
            if threads[seat].is_none() {
                threads[seat] = Some(self.start_thread(seat, workers, tx.clone())?);
            }
        }
        drop((threads, tx));
        let mut placements = lock(&self.crew.placements);
        for (seat, placement) in rx {
            placements[seat] = Some(placement);
        }
        Ok(())
    }

    fn start_thread(
        &self,
        seat: usize,
        workers: usize,
        placed: mpsc::Sender<(usize, Placement)>,
    ) -> Result<JoinHandle<()>, StartError> {
        let options = &self.pool.options;
        let reserved = seat.checked_sub(self.pool.workers_max);
        let thread = match reserved {
            None => format!("{}-{seat}", options.name),
            Some(number) => format!("{}-urgent-{number}", options.name),
        };
        let is_pinned = options.is_pinned && reserved.is_none();
        let core = is_pinned
            .then(|| self.cores.core_for(seat, workers))
            .flatten();
        let victims = self.victims_of(seat);
        let (pool, crew) = (Arc::clone(&self.pool), Arc::clone(&self.crew));
        let placement = thread.clone();
        *lock(&self.crew.alive) += 1;
        let work = move || {
            let core = core.map(|core| pin_this_thread(core).map(|()| core.id));
            let thread = placement;
            // Nobody listens any more if starting another thread failed.
            let _ = placed.send((seat, Placement { thread, core }));
            drop(placed);
            crew.work(&pool, seat, &victims);
        };
        Builder::new().name(thread).spawn(work).map_err(|source| {
            *lock(&self.crew.alive) -= 1;
            StartError::Thread {
                worker: seat,
                source,
            }
        })
    }

    /// The seats that a worker steals from: those on its node first, beginning after its own.
    fn victims_of(&self, seat: usize) -> Vec<usize> {
        let seats = self.pool.seats.len();
        let node = |seat: usize| self.cores.allowed.get(seat).and_then(|core| core.node);
        let mut victims: Vec<usize> = (1..seats).map(|step| (seat + step) % seats).collect();
        victims.sort_by_key(|it| node(*it) != node(seat));
        victims
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.pool.close(true);
        self.crew.join_others();
        self.pool.refuse_rest();
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

impl Crew {
    /// What a thread does.
    fn work(&self, pool: &Arc<Pool>, seat: usize, victims: &[usize]) {
        while let Some(worker) = Worker::sit_down(pool, seat, victims.to_vec()) {
            worker.work();
            worker.stand_up();
            // Under the lock: either whoever wants this seat filled sees that this thread stays,
            // or that it has gone.
            let mut threads = lock(&self.threads);
            if pool.is_closed() {
                break;
            }
            if pool.is_leaving(seat, true) {
                threads[seat] = None;
                lock(&self.placements)[seat] = None;
                break;
            }
        }
        *lock(&self.alive) -= 1;
        self.left.notify_all();
    }

    /// Waits until no more than `rest` threads work; false if the deadline passed before.
    fn wait_for_all(&self, deadline: Deadline, rest: usize) -> bool {
        let mut alive = lock(&self.alive);
        while *alive > rest {
            let woken = if let Deadline::At(moment) = deadline {
                let rest = moment.saturating_duration_since(Instant::now());
                if rest.is_zero() {
                    return false;
                }
                let woken = self.left.wait_timeout(alive, rest);
                woken.unwrap_or_else(PoisonError::into_inner).0
            } else {
                let woken = self.left.wait(alive);
                woken.unwrap_or_else(PoisonError::into_inner)
            };
            alive = woken;
        }
        true
    }

    /// Waits for the ends of all threads but this one.
    fn join_others(&self) {
        let threads: Vec<_> = lock(&self.threads)
            .iter_mut()
            .filter_map(Option::take)
            .collect();
        for thread in threads {
            if thread.thread().id() != current().id() {
                thread
                    .join()
                    .expect("a worker catches what tasks panic with");
            }
        }
    }
}

/// Why not all of many tasks were taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("taking in more than {taken} of the tasks")]
pub struct BulkError {
    /// How many were.
    pub taken: usize,
    /// Why the next was not.
    #[source]
    pub source: AdmissionError,
}
