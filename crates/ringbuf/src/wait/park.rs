//! Waiting that sleeps: threads and futures in one list, no system call while nobody does.

use std::collections::VecDeque;
use std::fmt;
use std::sync::PoisonError;
use std::task::{Wake, Waker};
use std::time::Instant;

use super::barrier::Barrier;
use super::{Deadline, Enrol, Ticket, Wait, spin};
use crate::cache_line::CacheLine;
use crate::sync::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering};

/// Polls `SPINS` times (about 2 µs by default), then sleeps until it is notified.
///
/// The same list holds sleeping threads and the wakers of futures, so blocking, `async` and
/// selecting ends work on one ring.
///
/// # Who touches what
///
/// | field | notifier | waiting end |
/// |---|---|---|
/// | `sleeper_count` | loads; stores under the lock | stores under the lock |
/// | `sleepers` | takes the first out, under the lock, only when `sleeper_count` is not zero | adds itself, takes itself out, under the lock |
///
/// An entry that is gone from the list was notified. An end that leaves and finds its entry gone
/// without having used the notification passes it on, so that a time-out or a dropped future
/// never swallows another end's wake-up.
///
/// # No lost wake-up
///
/// The notifier publishes, runs `Barrier::light` and loads `sleeper_count`. The sleeper stores
/// `sleeper_count`, runs `Barrier::heavy` and looks at the ring once more. The barriers order
/// the two pairs in one total order, so at least one of the two sees the other's store: either
/// the sleeper sees the message or the notifier sees the sleeper.
pub struct Park<const SPINS: u32 = 2_048> {
    barrier: Barrier,
    sleeper_count: CacheLine<AtomicU32>,
    sleepers: Mutex<Sleepers>,
}

/// In order of arrival; its length is bounded by the number of ends and futures that wait.
#[derive(Default)]
struct Sleepers {
    next_ticket: u64,
    queue: VecDeque<(u64, Waker)>,
}

impl<const SPINS: u32> Default for Park<SPINS> {
    fn default() -> Self {
        Self {
            barrier: Barrier::new(),
            sleeper_count: CacheLine(AtomicU32::new(0)),
            sleepers: Mutex::new(Sleepers::default()),
        }
    }
}

impl<const SPINS: u32> fmt::Debug for Park<SPINS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Park").finish_non_exhaustive()
    }
}

impl<const SPINS: u32> Wait for Park<SPINS> {
    #[inline]
    fn notify(&self, count: usize) {
        self.barrier.light();
        // The lock orders what follows; the barrier orders this load after the publication.
        if self.sleeper_count.0.load(Ordering::Relaxed) != 0 {
            self.wake(count);
        }
    }

    #[inline]
    fn wait_until(&self, deadline: Deadline, mut is_ready: impl FnMut() -> bool) -> bool {
        spin(SPINS, &mut is_ready) || self.sleep_until(deadline, &mut is_ready)
    }
}

impl<const SPINS: u32> Park<SPINS> {
    #[cold]
    fn wake(&self, count: usize) {
        for _ in 0..count {
            let mut sleepers = self.lock();
            let Some((_, waker)) = sleepers.queue.pop_front() else {
                return;
            };
            self.count(&sleepers);
            drop(sleepers);
            waker.wake();
        }
    }

    #[cold]
    fn sleep_until(&self, deadline: Deadline, is_ready: &mut dyn FnMut() -> bool) -> bool {
        let parker = Parker::of_this_thread();
        let waker = Waker::from(parker.clone());
        let mut ticket = Ticket::default();
        let is_ready = loop {
            self.enrol(&mut ticket, &waker);
            if is_ready() {
                break true;
            }
            if !parker.park(deadline) {
                break is_ready();
            }
        };
        self.leave(&mut ticket);
        is_ready
    }

    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        // Nothing under the lock panics half-way: the list is whole even if a waker's clone panicked.
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the length of the list; under the lock.
    fn count(&self, sleepers: &Sleepers) {
        let count = u32::try_from(sleepers.queue.len()).unwrap_or(u32::MAX);
        self.sleeper_count.0.store(count, Ordering::Relaxed);
    }
}

impl<const SPINS: u32> Enrol for Park<SPINS> {
    fn enrol(&self, ticket: &mut Ticket, waker: &Waker) {
        let mut sleepers = self.lock();
        let ours = ticket.entry;
        let entry = sleepers.queue.iter_mut().find(|(it, _)| Some(*it) == ours);
        if let Some((_, entry)) = entry {
            entry.clone_from(waker);
        } else {
            // Notified, and back: it may yet go because of something else.
            ticket.owes |= ours.is_some();
            let next = sleepers.next_ticket;
            sleepers.next_ticket += 1;
            sleepers.queue.push_back((next, waker.clone()));
            ticket.entry = Some(next);
        }
        self.count(&sleepers);
        drop(sleepers);
        self.barrier.heavy();
    }

    fn leave(&self, ticket: &mut Ticket) {
        let Ticket { entry, owes } = core::mem::take(ticket);
        let Some(ours) = entry else {
            return;
        };
        let mut sleepers = self.lock();
        let place = sleepers.queue.iter().position(|(it, _)| *it == ours);
        if let Some(place) = place {
            sleepers.queue.remove(place);
            self.count(&sleepers);
        }
        drop(sleepers);
        if owes || place.is_none() {
            // Notified, and perhaps without need: the next end wakes, looks and sleeps again.
            // That is cheaper than to know, and it loses nothing.
            self.notify(1);
        }
    }
}

/// Puts one thread to sleep.
pub(crate) struct Parker {
    is_notified: Mutex<bool>,
    condvar: Condvar,
}

impl Parker {
    #[cfg(not(loom))]
    pub(crate) fn of_this_thread() -> std::sync::Arc<Self> {
        std::thread_local! {
            static PARKER: std::sync::Arc<Parker> = std::sync::Arc::new(Parker::new());
        }
        // While the thread's locals are being dropped there is none to share any more.
        PARKER
            .try_with(std::sync::Arc::clone)
            .unwrap_or_else(|_| std::sync::Arc::new(Self::new()))
    }

    #[cfg(loom)]
    pub(crate) fn of_this_thread() -> std::sync::Arc<Self> {
        std::sync::Arc::new(Self::new())
    }

    fn new() -> Self {
        Self {
            is_notified: Mutex::new(false),
            condvar: Condvar::new(),
        }
    }

    /// Sleeps until it is woken; false when the deadline passed before.
    ///
    /// The parker of a thread may hold a notification from an earlier wait: whoever calls this
    /// looks again and sleeps again.
    pub(crate) fn park(&self, deadline: Deadline) -> bool {
        let mut is_notified = self
            .is_notified
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !*is_notified {
            is_notified = match deadline {
                Deadline::Never => self
                    .condvar
                    .wait(is_notified)
                    .unwrap_or_else(PoisonError::into_inner),
                Deadline::At(moment) => {
                    let rest = moment.saturating_duration_since(Instant::now());
                    if rest.is_zero() {
                        return false;
                    }
                    self.condvar
                        .wait_timeout(is_notified, rest)
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
        *is_notified = false;
        true
    }
}

impl Wake for Parker {
    fn wake(self: std::sync::Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        *self
            .is_notified
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = true;
        self.condvar.notify_one();
    }
}
