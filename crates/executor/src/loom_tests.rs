//! Models of the deque, of sleeping and waking, and of the latch.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p claude-flow-executor --lib --release loom`
//!
//! What a pass means: in every interleaving with at most [`PREEMPTIONS_MAX`] involuntary switches,
//! under loom's memory model, every element of a deque comes out once and with what was written
//! before it went in, and nobody sleeps for ever while there is work (loom calls that a deadlock).
//! Loom treats `SeqCst` accesses as `AcqRel` (fences are honoured) and does not explore load
//! buffering. The injector is `ringbuf`'s, with its own models.
//!
//! What the models catch was tried by breaking one thing at a time:
//!
//! | broken | caught by |
//! |---|---|
//! | no fence in `Idle::notify`, or none in `Idle::sleep` | `loom_idle_a_worker_that_falls_asleep_is_woken`, `loom_idle_two_workers_get_two_pieces_of_work` (deadlocks) |
//! | no fence in `Idle::stop_spinning` | `loom_idle_two_workers_get_two_pieces_of_work` (a deadlock) |
//! | who sees work while falling asleep does not count as spinning | `loom_idle_two_workers_get_two_pieces_of_work` (a deadlock) |
//! | no fence in `Owner::pop` | `loom_deque_pops_against_thefts`, `loom_deque_uses_places_again_beside_thefts` |
//! | the store of `bottom` in `Owner::push` is Relaxed | all four of the deque |
//! | the exchange in `Latch::set` is Relaxed | `loom_latch_sleeps_until_it_is_set` |

use std::ptr::NonNull;
use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::thread;

use crate::deque::{Owner, Stealer, Theft, deque};
use crate::idle::Idle;
use crate::latch::Latch;
use crate::sync::{AtomicU32, Ordering, Parker};

/// Involuntary switches of threads in one execution.
const PREEMPTIONS_MAX: usize = 3;

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.check(body);
}

/// An element whose content is not atomic, so that loom sees who races for it.
type Element = UnsafeCell<u32>;

fn element(number: u32) -> NonNull<Element> {
    NonNull::from(Box::leak(Box::new(UnsafeCell::new(number))))
}

/// Reads an element as its only owner, and frees it.
#[expect(unsafe_code, reason = "an element is a pointer to what it owns")]
fn take(element: NonNull<Element>) -> u32 {
    // SAFETY: it was leaked from a box, and comes out of the deque once; if it came twice loom
    // would see the second one touch a cell that is gone or race for it.
    let element = unsafe { Box::from_raw(element.as_ptr()) };
    // SAFETY: it is this thread's.
    element.with_mut(|number| unsafe { *number })
}

/// Tries until it knows.
fn steal(stealer: &Stealer<Element>) -> Option<u32> {
    match stealer.steal() {
        Theft::Got(it) => Some(take(it)),
        Theft::Lost | Theft::Empty => None,
    }
}

/// Does what `own` says beside thieves that each try twice; everything that went in comes out once.
fn check_deque(thieves: usize, own: fn(&Owner<Element>, &mut Vec<u32>) -> u32) {
    model(move || {
        let (owner, stealer) = deque(2);
        let thieves: Vec<_> = (0..thieves)
            .map(|_| {
                let stealer = stealer.clone();
                thread::spawn(move || [steal(&stealer), steal(&stealer)])
            })
            .collect();
        let mut out = Vec::new();
        let pushed = own(&owner, &mut out);
        for thief in thieves {
            let stolen = thief.join().expect("a thief does not panic");
            out.extend(stolen.into_iter().flatten());
        }
        while let Some(rest) = owner.pop() {
            out.push(take(rest));
        }
        out.sort_unstable();
        assert!(out.iter().copied().eq(0..pushed), "{out:?} of {pushed}");
    });
}

/// Pushes the next number; says how many were pushed then.
fn push(owner: &Owner<Element>, next: u32) -> u32 {
    match owner.push(element(next)) {
        Ok(()) => next + 1,
        Err(full) => {
            take(full);
            next
        }
    }
}

fn pop(owner: &Owner<Element>, out: &mut Vec<u32>) {
    out.extend(owner.pop().map(take));
}

#[test]
fn loom_deque_pushes_against_thefts() {
    check_deque(1, |owner, _| {
        let mut next = 0;
        for _ in 0..3 {
            next = push(owner, next);
        }
        next
    });
}

#[test]
fn loom_deque_pops_against_thefts() {
    check_deque(1, |owner, out| {
        let next = push(owner, push(owner, 0));
        pop(owner, out);
        pop(owner, out);
        next
    });
}

#[test]
fn loom_deque_uses_places_again_beside_thefts() {
    check_deque(1, |owner, out| {
        let mut next = push(owner, push(owner, 0));
        pop(owner, out);
        next = push(owner, next);
        next = push(owner, next);
        pop(owner, out);
        next
    });
}

#[test]
fn loom_deque_two_thieves_and_the_owner_want_the_last() {
    check_deque(2, |owner, out| {
        let next = push(owner, 0);
        pop(owner, out);
        next
    });
}

/// A worker that takes one piece of work, and is busy with it for ever.
fn take_one(idle: &Idle, work: &AtomicU32, worker: usize, spins: bool) {
    let mut is_spinning = false;
    let has_work = || work.load(Ordering::Relaxed) > 0;
    loop {
        let taken = work.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            count.checked_sub(1)
        });
        if taken.is_ok() {
            if is_spinning {
                idle.stop_spinning(has_work);
            }
            return;
        }
        is_spinning |= spins && !is_spinning && idle.try_spin();
        idle.sleep(worker, is_spinning, has_work);
        is_spinning = true;
    }
}

/// As many pieces of work as workers, each of which takes one: nobody may sleep on.
///
/// The work itself is published Relaxed, so that the fences of the protocol are all that orders it.
fn check_idle(workers: usize, spins: bool) {
    model(move || {
        let idle = Arc::new(Idle::new(workers, 1));
        let work = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let (idle, work) = (Arc::clone(&idle), Arc::clone(&work));
                thread::spawn(move || take_one(&idle, &work, worker, spins))
            })
            .collect();
        for _ in 0..workers {
            work.fetch_add(1, Ordering::Relaxed);
            idle.notify();
        }
        for thread in threads {
            thread.join().expect("a worker does not panic");
        }
        assert_eq!(work.load(Ordering::Relaxed), 0);
        assert_eq!(idle.counts(), (0, 0));
    });
}

#[test]
fn loom_idle_a_worker_that_falls_asleep_is_woken() {
    check_idle(1, false);
    check_idle(1, true);
}

#[test]
fn loom_idle_two_workers_get_two_pieces_of_work() {
    check_idle(2, false);
    check_idle(2, true);
}

/// Everybody who sleeps, or is about to, sees that it is over.
#[test]
fn loom_idle_the_end_wakes_all() {
    model(|| {
        let idle = Arc::new(Idle::new(2, 1));
        let is_over = Arc::new(AtomicU32::new(0));
        let threads: Vec<_> = (0..2)
            .map(|worker| {
                let (idle, is_over) = (Arc::clone(&idle), Arc::clone(&is_over));
                thread::spawn(move || {
                    let has_ended = || is_over.load(Ordering::Acquire) > 0;
                    let mut is_spinning = false;
                    while !has_ended() {
                        idle.sleep(worker, is_spinning, has_ended);
                        is_spinning = true;
                    }
                })
            })
            .collect();
        is_over.store(1, Ordering::Release);
        idle.wake_all();
        for thread in threads {
            thread.join().expect("a worker does not panic");
        }
    });
}

/// What was written before a latch is set is seen by who waited, who may free it then.
#[test]
fn loom_latch_sleeps_until_it_is_set() {
    struct Half {
        latch: Latch,
        result: UnsafeCell<u32>,
    }
    /// A pointer that goes to another thread.
    struct Sent(NonNull<Half>);
    #[expect(
        unsafe_code,
        reason = "the model shares what it points to by the latch's rule"
    )]
    // SAFETY: the thread that has it touches the result before it sets the latch, and nothing
    // afterwards.
    unsafe impl Send for Sent {}
    #[expect(unsafe_code, reason = "as above")]
    fn set(Sent(half): Sent, parker: &Parker) {
        // SAFETY: it is live until the latch is set.
        unsafe { half.as_ref() }
            .result
            // SAFETY: the waiter does not touch it before.
            .with_mut(|result| unsafe { *result = 7 });
        // SAFETY: the waiter waits for it.
        unsafe { Latch::set(&raw const (*half.as_ptr()).latch, parker) };
    }
    #[expect(unsafe_code, reason = "as above")]
    fn result(half: &Half) -> u32 {
        // SAFETY: the latch is set, after which the thief does not touch it.
        half.result.with(|result| unsafe { *result })
    }
    model(|| {
        let parker = Arc::new(Parker::new());
        let half = Box::new(Half {
            latch: Latch::new(),
            result: UnsafeCell::new(0),
        });
        let sent = Sent(NonNull::from(&*half));
        let its_parker = Arc::clone(&parker);
        let thief = thread::spawn(move || set(sent, &its_parker));
        half.latch.sleep(&parker);
        assert_eq!(result(&half), 7);
        thief.join().expect("the thief does not panic");
    });
}
