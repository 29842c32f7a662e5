//! Nothing is allocated after construction.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use claude_flow_msgpool::{Message, Options, Pool};

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

/// Every way a slot can go: this thread's cache and its overflow, all classes, exhaustion with
/// reclaiming, messages dropped elsewhere, a thread's first use.
#[test]
fn nothing_is_allocated_after_construction() {
    counted(|| drop(Box::new(1)));
    assert_eq!(
        ALLOCATIONS.swap(0, Ordering::Relaxed),
        2,
        "the counter counts"
    );
    let pool = Pool::new(&Options::default()).expect("the default is valid");
    let mut held = Vec::with_capacity(4_096);
    let (sender, receiver) = sync_channel::<Message>(8);
    let other = pool.clone();
    let dropper = thread::spawn(move || {
        for message in receiver {
            counted(|| {
                drop(message);
                // At times the main thread has all of them.
                drop(other.take(10));
            });
        }
    });
    for round in 0..10 {
        for class in &Options::default().classes {
            counted(|| {
                while let Ok(buffer) = pool.take(class.payload_bytes) {
                    held.push(buffer.freeze());
                }
            });
            assert!(held.len() >= class.slots - 9, "round {round}");
            let parts = counted(|| (held[0].clone(), held[1].slice(1..)));
            counted(|| {
                drop(parts);
                held.truncate(32);
            });
            for message in held.drain(..) {
                sender.send(message).expect("the dropper lives");
            }
        }
    }
    drop(sender);
    dropper.join().expect("the dropper ends");
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 0);
}
