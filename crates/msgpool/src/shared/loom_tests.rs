//! Models of a slot in shared memory: every pair of what two processes, or two threads of one, do.
//!
//! Each model has one slot and a payload that is no atomic, so that loom finds whoever writes
//! while another one reads. Loom does not explore load buffering; the preemption bound is in each
//! call of `check`, `None` where all executions fit.

#![expect(unsafe_code, reason = "a payload that loom watches")]

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use super::slots::{Header, Held, Refused, Status, header_words};
use crate::sync::AtomicU64;

/// Seats in two words of lanes, so that nobody can read all of them at once.
const SEATS: usize = 8;

/// Of the second word.
const FAR: u16 = 5;

struct Slot {
    words: Vec<AtomicU64>,
    payload: UnsafeCell<()>,
}

// SAFETY: the words are atomics; that the payload is not used by two at once is what the models
// show, with loom's cell that finds it out.
unsafe impl Sync for Slot {}

impl Slot {
    fn new() -> Arc<Self> {
        let words = (0..header_words(SEATS)).map(|_| AtomicU64::new(0));
        Arc::new(Self {
            words: words.collect(),
            payload: UnsafeCell::new(()),
        })
    }

    fn header(&self) -> Header<'_> {
        Header::new(&self.words)
    }

    fn write(&self) {
        self.payload.with_mut(|_| ());
    }

    fn read(&self) {
        self.payload.with(|_| ());
    }
}

/// What one process has of the slot.
struct Process {
    slot: Arc<Slot>,
    held: Held,
    seat: u16,
}

impl Process {
    fn new(slot: &Arc<Slot>, seat: u16) -> Arc<Self> {
        Arc::new(Self {
            slot: Arc::clone(slot),
            held: Held::none(),
            seat,
        })
    }

    fn take(&self) -> bool {
        let is_taken = self.held.take(self.slot.header(), self.seat);
        if is_taken {
            self.slot.write();
        }
        is_taken
    }

    fn send(&self) -> (u16, u16) {
        let nonce = self.held.send(self.slot.header(), self.seat);
        (self.seat, nonce.expect("few are in flight"))
    }

    fn claim(&self, generation: u32, reference: Option<(u16, u16)>) -> Result<(), Refused> {
        let header = self.slot.header();
        let claimed = self.held.claim(header, self.seat, generation, reference);
        if claimed.is_ok() {
            self.slot.read();
        }
        claimed
    }

    fn leave(&self) -> bool {
        self.held.leave(self.slot.header(), self.seat)
    }
}

fn check(preemption_bound: Option<usize>, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemption_bound;
    builder.check(model);
}

/// The slot is free for the second time, and can be taken.
fn assert_free_again(slot: &Arc<Slot>) {
    assert_eq!(slot.header().status(), Status::Free);
    assert_eq!(slot.header().generation(), 1);
    assert!(Process::new(slot, 3).take());
}

/// Would catch a free slot that two get.
#[test]
fn two_take_one_slot() {
    check(None, || {
        let slot = Slot::new();
        let (one, other) = (Process::new(&slot, 0), Process::new(&slot, FAR));
        let thread = thread::spawn(move || other.take());
        let first = one.take();
        let second = thread.join().expect("it does not panic");
        assert!(first ^ second, "one of them gets it");
        assert_eq!(slot.header().status(), Status::Live);
    });
}

/// Would catch a slot that nobody frees, or two, when its last two owners go at once.
#[test]
fn the_last_two_owners_leave() {
    check(None, || {
        let slot = Slot::new();
        let (one, other) = (Process::new(&slot, 0), Process::new(&slot, FAR));
        assert!(one.take());
        other.claim(0, None).expect("it is there");
        let thread = thread::spawn(move || other.leave());
        let first = one.leave();
        let second = thread.join().expect("it does not panic");
        assert!(first ^ second, "one of them frees it");
        assert_free_again(&slot);
    });
}

/// Would catch a message that is read while the slot is written by its next owner.
#[test]
fn one_claims_without_a_reference_while_the_last_leaves_and_the_next_takes() {
    check(None, || {
        let slot = Slot::new();
        let (one, other) = (Process::new(&slot, 0), Process::new(&slot, FAR));
        assert!(one.take());
        let thread = thread::spawn(move || {
            if other.claim(0, None).is_ok() {
                other.leave();
            }
        });
        one.leave();
        one.take();
        thread.join().expect("it does not panic");
    });
}

/// Would catch a reference that is lost or doubled on its way.
#[test]
fn a_reference_travels_while_its_sender_keeps_another() {
    check(None, || {
        let slot = Slot::new();
        let (one, other) = (Process::new(&slot, 0), Process::new(&slot, FAR));
        assert!(one.take());
        one.held.add().expect("there are few");
        let reference = one.send();
        let thread = thread::spawn(move || {
            other.claim(0, Some(reference)).expect("it is in flight");
            let (mut lives, mut freed) = (1, u32::from(other.leave()));
            if freed == 1 && other.take() {
                lives += 1;
                freed += u32::from(other.leave());
            }
            (lives, freed)
        });
        one.slot.read();
        // Whoever is late may free the second life as well as the first.
        let first = u32::from(one.leave());
        let (lives, freed) = thread.join().expect("it does not panic");
        assert_eq!(first + freed, lives, "each life ends once");
        assert_eq!(slot.header().status(), Status::Free);
    });
}

/// Would catch a handle that is good for two.
#[test]
fn two_claim_one_reference() {
    // Without a bound it takes minutes, and finds nothing more.
    check(Some(4), || {
        let slot = Slot::new();
        let sender = Process::new(&slot, 0);
        assert!(sender.take());
        let reference = sender.send();
        let claim = |seat| {
            let process = Process::new(&slot, seat);
            move || {
                let claimed = process.claim(0, Some(reference));
                claimed.is_ok().then(|| process.leave())
            }
        };
        let thread = thread::spawn(claim(1));
        let first = claim(FAR)();
        let second = thread.join().expect("it does not panic");
        assert!(first.is_some() ^ second.is_some(), "one of them gets it");
        assert_free_again(&slot);
    });
}

/// Would catch a lane that is unmarked by one thread although another of the same process counts
/// on it.
#[test]
fn one_thread_leaves_while_another_claims() {
    check(None, || {
        let slot = Slot::new();
        let (one, other) = (Process::new(&slot, 0), Process::new(&slot, FAR));
        assert!(other.take());
        other.held.add().expect("there are few");
        let reference = other.send();
        one.claim(0, None).expect("it is there");
        other.leave();
        let claimer = Arc::clone(&one);
        let thread = thread::spawn(move || {
            claimer.claim(0, Some(reference)).expect("it is in flight");
        });
        assert!(!one.leave(), "the reference keeps it");
        thread.join().expect("it does not panic");
        assert!(one.leave());
        assert_free_again(&slot);
    });
}

/// Would catch a slot that is lost, or freed under its claimer, when the sender is dead.
#[test]
fn one_claims_what_a_dead_process_sent_while_another_sweeps() {
    check(None, || {
        let slot = Slot::new();
        let (dead, one) = (Process::new(&slot, 0), Process::new(&slot, FAR));
        assert!(dead.take());
        let reference = dead.send();
        let swept = Arc::clone(&slot);
        let thread = thread::spawn(move || {
            let is_freed = swept.header().sweep(0);
            if is_freed && Process::new(&swept, 2).take() {
                assert_eq!(swept.header().generation(), 1);
            }
            is_freed
        });
        let claimed = one.claim(0, Some(reference));
        let is_freed_by_claimer = claimed.is_ok() && one.leave();
        let is_freed_by_sweeper = thread.join().expect("it does not panic");
        assert!(claimed.is_ok() || claimed == Err(Refused::Stale));
        if claimed.is_ok() {
            assert!(is_freed_by_claimer ^ is_freed_by_sweeper);
        }
        assert_eq!(slot.header().generation(), 1, "it came back once");
    });
}

/// Would catch a sweep that takes a slot from one who has it, and one that two sweepers free.
#[test]
fn two_sweep_what_a_process_left_between_two_steps() {
    check(None, || {
        let slot = Slot::new();
        let dead = Process::new(&slot, 0);
        assert!(dead.take());
        let swept = Arc::clone(&slot);
        let thread = thread::spawn(move || swept.header().sweep(0));
        let first = slot.header().sweep(0);
        let second = thread.join().expect("it does not panic");
        assert!(first ^ second, "one of them frees it");
        assert_free_again(&slot);
    });
}
