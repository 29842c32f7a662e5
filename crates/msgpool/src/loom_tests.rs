//! Models of the shared list, the caches and the handles, on all interleavings up to the bound.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=/tmp/target-loom-pool \
//!  cargo test -p claude-flow-msgpool --lib --release loom`
//!
//! Batches hold two slots at most here. Two or three threads, at most [`PREEMPTIONS_MAX`]
//! preemptions each, which is part of the result. Loom does not explore load buffering, and takes
//! `SeqCst` accesses for `AcqRel`; here only fences are `SeqCst`.
//!
//! Thread-local caches are passed by hand: loom has no destructors of thread-locals in the order
//! of a real thread's end, so a thread's end is `flush` and `unclaim`, as in `local`.

use core::ptr::NonNull;

use claude_flow_ringbuf::Deadline;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;

use crate::caches::{Cache, Magazine};
use crate::core::Core;
use crate::stack::Stack;
use crate::sync::{AtomicU32, Ordering};
use crate::{Buffer, ClassOptions, Message, Options, Pool, Waiting};

const PREEMPTIONS_MAX: usize = 3;

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.max_branches = 20_000;
    builder.check(run);
}

fn options(slots: usize, waiting: Waiting) -> Options {
    Options {
        classes: vec![ClassOptions {
            payload_bytes: 64,
            slots,
        }],
        waiting,
        thread_caches: 2,
        ..Options::default()
    }
}

/// The magazine for the one class.
fn magazine(cache: Cache<'_>) -> &Magazine {
    #[expect(unsafe_code, reason = "as the registry of a thread")]
    // SAFETY: every model has one class.
    unsafe {
        cache.magazine(0)
    }
}

/// A core with a witness for each slot: loom reports two owners at once, and an owner that does
/// not see what the one before it did.
struct Watched {
    core: Box<Core>,
    witnesses: Vec<UnsafeCell<u32>>,
}

impl Watched {
    fn new(slots: usize, waiting: Waiting) -> Arc<Self> {
        let core = Core::new(&options(slots, waiting)).expect("the options are valid");
        Arc::new(Self {
            #[expect(unsafe_code, reason = "the core knows where it lies")]
            // SAFETY: it came out of a box, and nobody counts its holders here.
            core: unsafe { Box::from_raw(core.as_ptr()) },
            witnesses: (0..slots).map(|_| UnsafeCell::new(0)).collect(),
        })
    }

    fn claim(&self) -> Cache<'_> {
        let index = self.core.caches.claim().expect("there is a cache for each");
        self.cache(index)
    }

    fn cache(&self, index: u32) -> Cache<'_> {
        self.core.caches.cache(index).expect("claim gives an index")
    }

    /// What the end of a thread does.
    fn end(&self, cache: Cache<'_>) {
        #[expect(unsafe_code, reason = "as the claim of a thread")]
        // SAFETY: the Arc keeps the core, and that the caches.
        unsafe {
            Core::flush(cache);
        }
        let is_it = |index: &u32| self.cache(*index).magazines == cache.magazines;
        let index = (0..2).find(is_it).expect("there are two");
        self.core.caches.unclaim(index);
    }

    fn take(&self, cache: Option<Cache<'_>>) -> Option<u32> {
        let at = self.core.at(0).expect("there is one class");
        let header = self.core.take(at.class, cache.map(magazine));
        #[expect(unsafe_code, reason = "the entry point gives a pointer")]
        // SAFETY: the slot is this caller's, and the core keeps its header.
        let slot = header.map(|it| unsafe { it.as_ref() }.index.load(Ordering::Relaxed));
        slot.inspect(|slot| self.touch(*slot))
    }

    fn take_until(&self, deadline: Deadline) -> Option<u32> {
        let slot = self.core.take_until(0, deadline);
        slot.inspect(|slot| self.touch(*slot))
    }

    fn touch(&self, slot: u32) {
        self.witnesses[slot as usize].with_mut(|witness| {
            #[expect(unsafe_code, reason = "the witness of unique ownership")]
            // SAFETY: loom checks that nobody else has it.
            unsafe {
                *witness += 1;
            }
        });
    }

    fn release(&self, slot: u32, cache: Option<Cache<'_>>) {
        self.touch(slot);
        #[expect(unsafe_code, reason = "the entry point takes a pointer")]
        // SAFETY: the caller was given the slot, and the Arc keeps the core.
        unsafe {
            let class = self.core.at(0).expect("there is one class").class;
            let header = class.headers.address(slot).expect("it was taken");
            Core::release(NonNull::from(class), header, cache.map(magazine));
        }
    }

    /// Every slot is at home once: takes all of them.
    fn assert_all_home(&self, slots: usize) {
        let at = self.core.at(0).expect("there is one class");
        let before = format!(
            "in caches {}, in the list {}, {:?}",
            self.core.caches.len(0),
            at.shared_count(),
            at.head,
        );
        let mut found: Vec<u32> = (0..slots).filter_map(|_| self.take(None)).collect();
        assert_eq!(self.take(None), None);
        found.sort_unstable();
        assert_eq!(found, (0..slots as u32).collect::<Vec<_>>(), "{before}");
    }
}

/// ABA: one thread's pop is overtaken by pop, pop, push of the other.
#[test]
fn stack_gives_each_index_to_one() {
    model(|| {
        let shared = Arc::new((
            Stack::default(),
            [const { () }; 3].map(|()| AtomicU32::new(0)),
            [const { () }; 3].map(|()| UnsafeCell::new(0_u32)),
        ));
        let (stack, links, _) = &*shared;
        for index in 0..3 {
            let link = |next| links[index as usize].store(next, Ordering::Relaxed);
            stack.push(index, 1, link).expect("it is open");
        }
        fn round(shared: &(Stack, [AtomicU32; 3], [UnsafeCell<u32>; 3]), is_twice: bool) {
            let (stack, links, owned) = shared;
            let pop = || stack.pop(|index| links[index as usize].load(Ordering::Relaxed));
            let touch = |index: u32| {
                owned[index as usize].with_mut(|it| {
                    #[expect(unsafe_code, reason = "the witness of unique ownership")]
                    // SAFETY: loom checks that nobody else has it.
                    unsafe {
                        *it += 1;
                    }
                });
            };
            let first = pop();
            let second = if is_twice { pop() } else { None };
            for index in [first, second].into_iter().flatten() {
                touch(index);
            }
            if let Some(index) = first {
                let link = |next| links[index as usize].store(next, Ordering::Relaxed);
                stack.push(index, 1, link).expect("it is open");
            }
        }
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || round(&other, true));
        round(&shared, false);
        thread.join().expect("the other thread ends");
    });
}

#[test]
fn closing_counts_what_is_pushed_before_and_refuses_the_rest() {
    model(|| {
        let shared = Arc::new((Stack::default(), AtomicU32::new(0), AtomicU32::new(0)));
        let other = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let (stack, link, _) = &*other;
            stack.push(0, 1, |next| link.store(next, Ordering::Relaxed))
        });
        let (stack, link, _) = &*shared;
        let count = stack.close(|_| link.load(Ordering::Relaxed));
        let pushed = thread.join().expect("the other thread ends");
        assert_eq!(count == 1, pushed.is_ok());
    });
}

/// Both with caches: refill, spill and the shared batches cross.
#[test]
fn two_caches_never_have_one_slot() {
    model(|| {
        let pool = Watched::new(16, Waiting::Spin);
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let cache = other.claim();
            let slot = other.take(Some(cache));
            slot.inspect(|slot| other.release(*slot, Some(cache)));
            other.end(cache);
        });
        let cache = pool.claim();
        let slot = pool.take(Some(cache));
        slot.inspect(|slot| pool.release(*slot, Some(cache)));
        pool.end(cache);
        thread.join().expect("the other thread ends");
        pool.assert_all_home(16);
    });
}

/// One takes, the other gives back: its cache spills a whole batch, which comes round.
#[test]
fn a_batch_comes_back_from_another_thread() {
    model(|| {
        let pool = Watched::new(16, Waiting::Spin);
        let cache = pool.claim();
        let slots: Vec<u32> = (0..5).filter_map(|_| pool.take(Some(cache))).collect();
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let cache = other.claim();
            for slot in slots {
                other.release(slot, Some(cache));
            }
            other.end(cache);
        });
        let slot = pool.take(Some(cache)).and_then(|first| {
            let second = pool.take(Some(cache));
            pool.release(first, Some(cache));
            second
        });
        slot.inspect(|slot| pool.release(*slot, Some(cache)));
        thread.join().expect("the other thread ends");
        pool.end(cache);
        pool.assert_all_home(16);
    });
}

/// The shared list is empty and the slot lies in the other's cache, which uses it meanwhile.
#[test]
fn reclaiming_never_takes_what_the_owner_takes() {
    model(|| {
        let pool = Watched::new(1, Waiting::Spin);
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let cache = other.claim();
            for _ in 0..2 {
                if let Some(slot) = other.take(Some(cache)) {
                    other.release(slot, Some(cache));
                }
            }
            other.end(cache);
        });
        if let Some(slot) = pool.take(None) {
            pool.release(slot, None);
        }
        thread.join().expect("the other thread ends");
        pool.assert_all_home(1);
    });
}

/// The owner's end moves in both ways, by `out` and by `bottom`, while others look at it.
#[test]
fn reclaiming_meets_takes_and_puts_of_both_ways() {
    model(|| {
        let pool = Watched::new(2, Waiting::Spin);
        let cache = pool.claim();
        let slots = [pool.take(Some(cache)), pool.take(Some(cache))];
        for slot in slots.into_iter().flatten() {
            pool.release(slot, Some(cache));
        }
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let slot = other.take(None);
            slot.inspect(|slot| other.release(*slot, None));
        });
        let slots = [pool.take(Some(cache)), pool.take(Some(cache))];
        for slot in slots.into_iter().flatten() {
            pool.release(slot, Some(cache));
        }
        thread.join().expect("the other thread ends");
        pool.end(cache);
        pool.assert_all_home(2);
    });
}

/// Two find nothing and reclaim from a third, idle cache.
#[test]
fn two_reclaimers_share_one_cache() {
    model(|| {
        let pool = Watched::new(2, Waiting::Spin);
        let cache = pool.claim();
        let slots = [pool.take(Some(cache)), pool.take(Some(cache))];
        for slot in slots.into_iter().flatten() {
            pool.release(slot, Some(cache));
        }
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            if let Some(slot) = other.take(None) {
                other.release(slot, None);
            }
        });
        if let Some(slot) = pool.take(None) {
            pool.release(slot, None);
        }
        thread.join().expect("the other thread ends");
        pool.assert_all_home(2);
    });
}

fn waiter_gets_the_slot(waiting: Waiting, has_cache: bool) {
    model(move || {
        let pool = Watched::new(1, waiting);
        let cache = has_cache.then(|| pool.core.caches.claim()).flatten();
        let slot = pool.take(None).expect("it is fresh");
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let cache = cache.map(|index| other.cache(index));
            other.release(slot, cache);
            if let Some(cache) = cache {
                other.end(cache);
            }
        });
        // A lost wake-up is a deadlock, which loom reports.
        let slot = pool.take_until(Deadline::Never);
        slot.inspect(|slot| pool.release(*slot, None));
        assert!(slot.is_some());
        thread.join().expect("the other thread ends");
        pool.assert_all_home(1);
    });
}

#[test]
fn a_sleeping_taker_is_woken_by_a_release_into_a_cache() {
    waiter_gets_the_slot(Waiting::Park, true);
}

#[test]
fn a_sleeping_taker_is_woken_by_a_release_into_the_list() {
    waiter_gets_the_slot(Waiting::Park, false);
}

#[test]
fn a_yielding_taker_sees_a_release_into_a_cache() {
    waiter_gets_the_slot(Waiting::Yield, true);
}

/// The end of a thread against a reclaimer, and the next owner of its cache.
#[test]
fn what_an_ended_thread_leaves_is_found() {
    model(|| {
        let pool = Watched::new(2, Waiting::Spin);
        let other = Arc::clone(&pool);
        let thread = thread::spawn(move || {
            let cache = other.claim();
            if let Some(slot) = other.take(Some(cache)) {
                other.release(slot, Some(cache));
            }
            other.end(cache);
        });
        let held = [pool.take(None), pool.take(None)];
        for slot in held.into_iter().flatten() {
            pool.release(slot, None);
        }
        thread.join().expect("the other thread ends");
        let heir = pool.claim();
        let slot = pool.take(Some(heir)).expect("both slots are at home");
        pool.release(slot, Some(heir));
        pool.end(heir);
        pool.assert_all_home(2);
    });
}

fn frozen(pool: &Pool) -> Message {
    let mut buffer = pool.take(1).expect("there is a slot");
    buffer[0] = 7;
    buffer.freeze()
}

/// The last of two handles gives the slot back, whichever it is, and once.
#[test]
fn clones_of_a_message_give_its_slot_back_once() {
    model(|| {
        let pool = Pool::new(&options(1, Waiting::Spin)).expect("the options are valid");
        let message = frozen(&pool);
        let clone = message.clone();
        let thread = thread::spawn(move || {
            let third = clone.clone();
            drop(clone);
            assert_eq!(third[0], 7);
        });
        drop(message);
        thread.join().expect("the other thread ends");
        let again: Buffer = pool.take(1).expect("the slot is back");
        assert!(pool.take(1).is_err(), "the slot came back twice");
        drop(again);
    });
}

/// Getting the buffer back against the drop of the other handle.
#[test]
fn a_message_becomes_a_buffer_only_alone() {
    model(|| {
        let pool = Pool::new(&options(1, Waiting::Spin)).expect("the options are valid");
        let message = frozen(&pool);
        let clone = message.clone();
        let thread = thread::spawn(move || assert_eq!(clone[0], 7));
        match message.try_into_buffer() {
            Ok(mut buffer) => buffer[0] = 8,
            Err(message) => assert_eq!(message[0], 7),
        }
        thread.join().expect("the other thread ends");
        assert!(pool.take(1).is_ok());
    });
}

/// The last handle of the pool against the last message: whoever is last frees the memory, once.
#[test]
fn the_pool_and_its_last_message_end_in_any_order() {
    model(|| {
        let pool = Pool::new(&options(2, Waiting::Spin)).expect("the options are valid");
        let message = frozen(&pool);
        let thread = thread::spawn(move || drop(message));
        drop(pool);
        thread.join().expect("the other thread ends");
    });
}

/// As above with a cache: closing waits for the owner that is busy, and counts what it has.
#[test]
fn closing_finds_what_lies_in_caches() {
    model(|| {
        let core = Core::new(&options(2, Waiting::Spin)).expect("they are valid");
        let pool = Pool::from_core(core);
        let caches = {
            #[expect(unsafe_code, reason = "as the registry of a thread")]
            // SAFETY: the pool keeps the core.
            let core = unsafe { core.as_ref() };
            Arc::clone(&core.caches)
        };
        let index = caches.claim().expect("there are two");
        let held = pool.take(1).expect("there are two");
        let sent = SendCore(core);
        let slot = held.slot_index();
        core::mem::forget(held);
        let thread = thread::spawn(move || {
            let core = sent;
            let cache = caches.cache(index).expect("claim gives an index");
            #[expect(unsafe_code, reason = "the entry point takes a pointer")]
            // SAFETY: the slot was taken above and is given back once.
            unsafe {
                let class = core.0.as_ref().at(0).expect("there is one").class;
                let header = class.headers.address(slot).expect("it was taken");
                Core::release(NonNull::from(class), header, Some(magazine(cache)));
            }
            #[expect(unsafe_code, reason = "as the claim of a thread")]
            // SAFETY: the Arc keeps the caches; the core may be gone by now.
            unsafe {
                Core::flush(cache);
            }
            caches.unclaim(index);
        });
        drop(pool);
        thread.join().expect("the other thread ends");
    });
}

struct SendCore(NonNull<Core>);

#[expect(unsafe_code, reason = "a model hands the core to a thread")]
// SAFETY: the core is Sync.
unsafe impl Send for SendCore {}
