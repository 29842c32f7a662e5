//! Waiting for the first of several ends.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use claude_flow_ringbuf::lanes::{self, Options};
use claude_flow_ringbuf::select::{Select, Source};
use claude_flow_ringbuf::{Deadline, Park, PopError, broadcast, mpmc, mpsc, packed, spsc};

/// Wakes a thread that runs a future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[test]
fn ready_ends_are_named_in_turn() {
    let (mut first, first_end) = spsc::ring_with::<u8, Park>(4).expect("a power of two");
    let (_second, second_end) = spsc::ring_with::<u8, Park>(4).expect("a power of two");
    let (mut third, third_end) = spsc::ring_with::<u64, Park>(4).expect("a power of two");
    let sources: [&dyn Source; 3] = [&first_end, &second_end, &third_end];
    let mut select = Select::new();
    assert_eq!(select.try_ready(&sources), None);
    let soon = Deadline::after(Duration::from_millis(5));
    assert_eq!(select.ready(&sources, soon), None);
    first.try_push(1).expect("there is a place");
    third.try_push(2).expect("there is a place");
    let named: Vec<_> = (0..4)
        .map(|_| select.ready(&sources, Deadline::Never))
        .collect();
    assert_eq!(named, [Some(0), Some(2), Some(0), Some(2)]);
    assert_eq!(select.ready(&[], Deadline::Never), None);
}

#[test]
fn disconnection_is_an_answer() {
    let (_first, first_end) = spsc::ring_with::<u8, Park>(4).expect("a power of two");
    let (second, mut second_end) = spsc::ring_with::<u8, Park>(4).expect("a power of two");
    let other = thread::spawn(move || drop(second));
    let index = Select::new().ready(&[&first_end, &second_end], Deadline::Never);
    assert_eq!(index, Some(1));
    assert_eq!(second_end.try_pop(), Err(PopError::Disconnected));
    other.join().expect("nothing panics");
}

/// A producer with room and a consumer with a value can be waited for together.
#[test]
fn ends_of_every_kind_and_both_directions_mix() {
    let (mut full, mut drained) = spsc::ring_with::<u8, Park>(1).expect("a power of two");
    let options = Options {
        lanes_max: 2,
        capacity: 2,
    };
    let (door, mut consumer) = lanes::lanes_with::<u16, Park>(options).expect("a power of two");
    let mut lane = door.open().expect("two lanes");
    full.try_push(1).expect("there is a place");
    let mut select = Select::new();
    assert_eq!(select.try_ready(&[&full, &consumer]), None);
    assert_eq!(drained.try_pop(), Ok(1));
    assert_eq!(select.try_ready(&[&full, &consumer]), Some(0));
    lane.try_push(2).expect("there is a place");
    assert_eq!(select.try_ready(&[&full, &consumer]), Some(1));
    assert_eq!(consumer.try_pop(), Ok(2));

    // Every kind once: ready to push and not to pop, and after a push the other way round.
    let (mut near, packed) = packed::ring_with::<u8, Park>(1).expect("a power of two");
    let (many, one) = mpsc::ring_with::<u8, Park>(1).expect("a power of two");
    let (several, others) = mpmc::ring_with::<u8, Park>(1).expect("a power of two");
    let (caller, hearer) = broadcast::ring_with::<u8, Park>(1, 1).expect("a power of two");
    let is_ready = |sources: [&dyn Source; 4]| sources.map(Source::is_ready);
    assert_eq!(is_ready([&near, &many, &several, &caller]), [true; 4]);
    assert_eq!(is_ready([&packed, &one, &others, &hearer]), [false; 4]);
    near.try_push(1).expect("there is a place");
    many.try_push(1).expect("there is a place");
    several.try_push(1).expect("there is a place");
    caller.try_push(1).expect("there is a place");
    assert_eq!(is_ready([&near, &many, &several, &caller]), [false; 4]);
    assert_eq!(is_ready([&packed, &one, &others, &hearer]), [true; 4]);
}

/// An end that is in no list, or in the wrong one, would hang here.
#[test]
fn an_end_of_every_kind_ends_the_sleep() {
    fn check(consumer: &impl Source, push: impl FnOnce() + Send) {
        thread::scope(|scope| {
            scope.spawn(push);
            let index = Select::new().ready(&[consumer], Deadline::Never);
            assert_eq!(index, Some(0));
        });
    }
    for _ in 0..crate::stress::rounds(20) {
        let (mut tx, rx) = packed::ring_with::<u8, Park>(1).expect("a power of two");
        check(&rx, || tx.try_push(1).expect("there is a place"));
        let (tx, rx) = mpsc::ring_with::<u8, Park>(1).expect("a power of two");
        check(&rx, || tx.try_push(1).expect("there is a place"));
        let (tx, rx) = mpmc::ring_with::<u8, Park>(1).expect("a power of two");
        check(&rx, || tx.try_push(1).expect("there is a place"));
        let (tx, rx) = broadcast::ring_with::<u8, Park>(1, 1).expect("a power of two");
        check(&rx, move || tx.try_push(1).expect("there is a place"));
        let (mut tx, rx) = broadcast::lossy::ring_with::<u8, Park>(1).expect("a power of two");
        check(&rx, move || tx.try_push(1).expect("there is a place"));
    }
}

/// A wake-up that is lost would hang here.
#[test]
fn nothing_is_missed_by_threads_or_futures() {
    let each = u64::from(crate::stress::rounds(3_000));
    for is_async in [false, true] {
        let mut ends = Vec::new();
        let mut senders = Vec::new();
        for _ in 0..3 {
            let (mut producer, consumer) =
                spsc::ring_with::<u64, Park<0>>(1).expect("a power of two");
            ends.push(consumer);
            senders.push(thread::spawn(move || {
                for number in 0..each {
                    producer.push(number).expect("the consumer listens");
                }
            }));
        }
        let mut next = vec![0; ends.len()];
        let mut select = Select::new();
        while !ends.is_empty() {
            let sources: Vec<&dyn Source> = ends.iter().map(|it| it as &dyn Source).collect();
            let index = if is_async {
                block_on(select.ready_async(&sources))
            } else {
                select
                    .ready(&sources, Deadline::Never)
                    .expect("there is no deadline")
            };
            match ends[index].try_pop() {
                Ok(number) => {
                    assert_eq!(number, next[index]);
                    next[index] += 1;
                }
                Err(end) => {
                    assert_eq!((end, next[index]), (PopError::Disconnected, each));
                    ends.remove(index);
                    next.remove(index);
                }
            }
        }
        for sender in senders {
            sender.join().expect("the sender does not panic");
        }
    }
}
