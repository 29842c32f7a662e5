//! Publishing and receiving allocate nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use claude_flow_eventbus::{Fields, Overflow, RouteCache, Router, Topic};

use crate::make::{bus, options, pattern, topic};

struct Counting;

thread_local! {
    static COUNT: Cell<Option<usize>> = const { Cell::new(None) };
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn add_one() {
    COUNT.set(COUNT.get().map(|it| it + 1));
}

#[expect(unsafe_code, reason = "an allocator can only be counted from inside")]
// SAFETY: passes everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: the caller's contract is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        add_one();
        // SAFETY: the caller's contract is the same.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How often this thread allocates and frees meanwhile.
fn counted(run: impl FnOnce()) -> usize {
    COUNT.set(Some(0));
    run();
    COUNT.take().unwrap_or(0)
}

#[test]
fn messages_allocate_nothing() {
    for overflow in [Overflow::DropNewest, Overflow::DropOldest] {
        let bus = bus();
        let mut subscribers = [(); 3].map(|()| {
            bus.subscribe(&pattern("a.*"), options(16, overflow))
                .expect("the options are valid")
        });
        let about = topic("a.b");
        let (mut any, mut one) = (bus.publisher(), bus.publisher_to(&about));
        let mut run = || {
            for _ in 0..20 {
                assert!(any.publish(&about, b"payload").is_ok());
                assert!(one.publish(b"payload").is_ok());
                let batch = one.publish_all(&Fields::default(), [b"payload"; 10]);
                assert!(batch.is_ok());
            }
            for subscriber in &mut subscribers {
                while subscriber.try_recv().is_ok() {}
            }
        };
        // What the system's thread-local storage needs at a thread's first use of a pool.
        run();
        assert_eq!(counted(run), 0, "{overflow:?}");
    }
}

#[test]
fn routes_allocate_nothing_also_for_new_topics() {
    let router = Arc::new(Router::new());
    for text in ["a.*.c", "a.>", "*.1.*", "b"] {
        router.insert(pattern(text), ()).expect("there is room");
    }
    let mut cache = RouteCache::new(Arc::clone(&router));
    let topics: Vec<Topic> = (0..5_000).map(|it| topic(&format!("a.{it}.c"))).collect();
    let mut found = 0;
    let allocations = counted(|| {
        for topic in topics.iter().chain(&topics) {
            found += cache.route(topic).len();
        }
    });
    assert_eq!(allocations, 0);
    assert_eq!(found, 2 * (2 * 5_000 + 1));
}
