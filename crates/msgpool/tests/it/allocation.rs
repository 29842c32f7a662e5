//! Nothing is allocated after construction.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use claude_flow_msgpool::{Deadline, Message, Options, Pool, TakeError, Waiting};

struct Counting;

thread_local! {
    static IS_COUNTED: Cell<bool> = const { Cell::new(false) };
}

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator can only be counted from inside")]
// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTED.get() {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTED.get() {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if IS_COUNTED.get() {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Counts what the calling thread allocates and frees meanwhile.
fn counted<R>(run: impl FnOnce() -> R) -> R {
    IS_COUNTED.set(true);
    let result = run();
    IS_COUNTED.set(false);
    result
}

/// How often the calling thread was given a slot, and found none, while it was counted.
#[derive(Default, Debug)]
struct Outcome {
    taken: usize,
    refused: usize,
}

/// Takes every slot of a class and one more, keeping them.
fn exhaust(pool: &Pool, len: usize, held: &mut Vec<Message>, outcome: &mut Outcome) {
    loop {
        match pool.take(len) {
            Ok(buffer) => {
                held.push(buffer.freeze());
                outcome.taken += 1;
            }
            Err(error) => {
                assert!(matches!(error, TakeError::Exhausted { .. }));
                outcome.refused += 1;
                return;
            }
        }
    }
}

/// Every way a slot can go: this thread's cache and its overflow, all classes, exhaustion with
/// reclaiming, messages dropped elsewhere, a thread's first use, a wait for a slot.
///
/// The two threads take turns, so each finds the slots that it counts on.
#[test]
fn nothing_is_allocated_after_construction() {
    counted(|| drop(Box::new(1)));
    assert_eq!(
        ALLOCATIONS.swap(0, Ordering::Relaxed),
        2,
        "the counter counts"
    );
    let options = Options {
        waiting: Waiting::Yield,
        ..Options::default()
    };
    let pool = Pool::new(&options).expect("the options are valid");
    let rounds = if cfg!(miri) { 1 } else { 10 };
    let mut held = Vec::with_capacity(4_096);
    let (messages, other_messages) = sync_channel::<Vec<Message>>(1);
    let (empty, other_empty) = sync_channel::<Vec<Message>>(1);
    let other = pool.clone();
    let other_thread = thread::spawn(move || {
        let mut outcome = Outcome::default();
        for mut messages in other_messages {
            counted(|| {
                let len = messages[0].len();
                let count = messages.len();
                messages.clear();
                // What it dropped it can have, however the slots lie in magazines and lists.
                exhaust(&other, len, &mut messages, &mut outcome);
                assert_eq!(messages.len(), count, "{len}");
                messages.clear();
                let waited = other.take_until(len, Deadline::after(Duration::from_mins(1)));
                drop(waited.expect("all are at home"));
            });
            empty.send(messages).expect("the main thread waits");
        }
        outcome
    });
    let mut outcome = Outcome::default();
    let mut expected = Outcome::default();
    for _ in 0..rounds {
        for class in &options.classes {
            let len = class.payload_bytes;
            counted(|| {
                exhaust(&pool, len, &mut held, &mut outcome);
                assert_eq!(held.len(), class.slots, "every slot was at home");
                let parts = (held[0].clone(), held[1].slice(1..));
                drop(parts);
                held.truncate(class.slots / 2);
                exhaust(&pool, len, &mut held, &mut outcome);
                assert_eq!(held.len(), class.slots, "what was dropped came back");
            });
            expected.taken += class.slots + class.slots.div_ceil(2);
            expected.refused += 2;
            messages.send(held).expect("the other thread lives");
            held = other_empty.recv().expect("the other thread answers");
        }
    }
    drop(messages);
    let other_outcome = other_thread.join().expect("the other thread ends");
    let slots: usize = options.classes.iter().map(|it| it.slots).sum();
    let turns = rounds * options.classes.len();
    assert_eq!(
        (outcome.taken, outcome.refused),
        (expected.taken, expected.refused)
    );
    assert_eq!(
        (other_outcome.taken, other_outcome.refused),
        (rounds * slots, turns)
    );
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 0);
}
