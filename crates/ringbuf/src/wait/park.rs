//! Waiting that sleeps: threads and futures in one list, no system call while nobody does.

use std::collections::VecDeque;
use std::fmt;
use std::sync::PoisonError;
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use super::barrier::Barrier;
use super::{Deadline, Enrol, Ticket, Wait, pause};
use crate::cache_line::CacheLine;
use crate::sync::{AtomicU32, Condvar, Mutex, MutexGuard, Ordering};

/// How many polls pass before and between two looks at the clock.
const POLLS: u32 = if cfg!(loom) { 1 } else { 16 };

/// How long a wait polls when it has learned nothing better.
const SPIN_US_MIN: u32 = 2;

/// Whoever waited for less would better have polled: waking takes some 40 µs where the core has
/// gone idle (round trips of `round-trip/block` by those who do not poll: 36 to 80 µs).
const SLEEP_WORTH_IT: Duration = Duration::from_micros(200);

/// Polls for a time, then sleeps until it is notified.
///
/// It polls for 2 µs, or for up to `SPIN_US_MAX` if that is where it pays: a sleep that was over
/// before it would have been worth it lets the next wait poll twice as long, and one that was worth it
/// takes that back. So ends that answer each other soon find each other awake again after either
/// was delayed (waking one takes some 40 µs, which the other must not take as a reason to sleep as well), and an
/// end that waits for long costs next to nothing. `Park<0>` sleeps at once.
///
/// What is bounded is time and not a number of polls, because a pause between polls takes from 5 to
/// 60 ns, by processor.
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
pub struct Park<const SPIN_US_MAX: u32 = 64> {
    barrier: Barrier,
    /// How long the next wait polls, in µs; a guess that any end may overwrite.
    spin_us: AtomicU32,
    sleeper_count: CacheLine<AtomicU32>,
    sleepers: Mutex<Sleepers>,
}

/// In order of arrival; its length is bounded by the number of ends and futures that wait.
#[derive(Default)]
struct Sleepers {
    next_ticket: u64,
    queue: VecDeque<(u64, Waker)>,
}

impl<const SPIN_US_MAX: u32> Default for Park<SPIN_US_MAX> {
    fn default() -> Self {
        Self {
            barrier: Barrier::new(),
            spin_us: AtomicU32::new(SPIN_US_MIN.min(SPIN_US_MAX)),
            sleeper_count: CacheLine(AtomicU32::new(0)),
            sleepers: Mutex::new(Sleepers::default()),
        }
    }
}

impl<const SPIN_US_MAX: u32> fmt::Debug for Park<SPIN_US_MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Park").finish_non_exhaustive()
    }
}

impl<const SPIN_US_MAX: u32> Wait for Park<SPIN_US_MAX> {
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
        // Answers come soon or late: only those that do not come soon are worth a look at the clock.
        let polls = if SPIN_US_MAX == 0 { 0 } else { POLLS };
        poll(polls, &mut is_ready) || self.wait_long(deadline, &mut is_ready)
    }
}

impl<const SPIN_US_MAX: u32> Park<SPIN_US_MAX> {
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
    fn wait_long(&self, deadline: Deadline, is_ready: &mut dyn FnMut() -> bool) -> bool {
        // Relaxed: a guess.
        let spin = Duration::from_micros(self.spin_us.load(Ordering::Relaxed).into());
        if spin.is_zero() || cfg!(loom) {
            return self.sleep_until(deadline, is_ready);
        }
        let start = Instant::now();
        loop {
            if poll(POLLS, &mut *is_ready) {
                return true;
            }
            if start.elapsed() >= spin {
                break;
            }
        }
        let is_in_time = self.sleep_until(deadline, is_ready);
        self.learn(start.elapsed());
        is_in_time
    }

    /// Chooses how long the next wait polls after one that slept and took so long.
    fn learn(&self, waited: Duration) {
        let spin_us = self.spin_us.load(Ordering::Relaxed);
        let is_short = waited < SLEEP_WORTH_IT;
        let next = if is_short {
            spin_us.saturating_mul(2).min(SPIN_US_MAX)
        } else {
            SPIN_US_MIN.min(SPIN_US_MAX)
        };
        self.spin_us.store(next, Ordering::Relaxed);
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
            // Before the list is entered again: that costs a barrier, which interrupts whoever woke
            // this thread if it still runs.
            let is_notified = parker.park(deadline);
            let is_ready = is_ready();
            if is_ready || !is_notified {
                break is_ready;
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

impl<const SPIN_US_MAX: u32> Enrol for Park<SPIN_US_MAX> {
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

/// Polls up to `count` times, with a pause between.
#[inline]
fn poll(count: u32, mut is_ready: impl FnMut() -> bool) -> bool {
    for _ in 0..count {
        if is_ready() {
            return true;
        }
        pause();
    }
    false
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Without the ends' way back to polling, one delay makes both sleep for ever after.
    #[test]
    fn short_sleeps_lengthen_the_polling_up_to_the_maximum_and_a_long_one_ends_it() {
        let park = Park::<10>::default();
        let spin_us = || park.spin_us.load(Ordering::Relaxed);
        let seen = [(); 4].map(|()| {
            park.learn(SLEEP_WORTH_IT / 2);
            spin_us()
        });
        assert_eq!(seen, [4, 8, 10, 10]);
        park.learn(SLEEP_WORTH_IT);
        assert_eq!(spin_us(), SPIN_US_MIN);
        assert_eq!(Park::<0>::default().spin_us.load(Ordering::Relaxed), 0);
    }
}
