//! Models of subscribing, publishing, unsubscribing and closing, and of a queue's policies.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=/tmp/target-loom-bus \
//!  cargo test -p claude-flow-eventbus --lib --release loom_tests`
//!
//! The queues hold numbers instead of messages, one or two at most, and the router's targets are
//! such queues: what publishers and subscribers do to them is the code of the bus, the pool and the
//! envelope are not here (the pool has models of its own). At most [`PREEMPTIONS_MAX`] involuntary
//! switches, which is part of the result.
//!
//! What they do not cover: `arc_swap`, for which a lock stands (`sync.rs`); load buffering, and
//! `SeqCst` beyond `AcqRel`, which loom does not explore; deadlines, which have passed or never do,
//! because loom's condition variables do not time out.
//!
//! What they catch was tried by breaking one thing at a time, in a copy:
//!
//! | broken | caught |
//! |---|---|
//! | no notification at the end | yes, a deadlock |
//! | no last look after the end was seen | yes, three models |
//! | no notification after a drop | no: the end that follows wakes as well |
//! | no notification to who waits for a place when the subscriber goes | no |
//! | the generation is stored before the table | no |

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use claude_flow_ringbuf::Deadline;
use loom::sync::Condvar;
use loom::thread;

use crate::queue::{Overflow, Popped, Queue, Receiver, Shape, Tally};
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::{Pattern, Priority, RecvError, Router, Topic};

const PREEMPTIONS_MAX: usize = 3;

fn model(body: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS_MAX);
    builder.max_branches = 20_000;
    builder.check(body);
}

fn queue(capacity: usize, overflow: Overflow) -> (Arc<Queue<u32>>, Receiver<u32>) {
    let shape = Shape {
        capacity,
        overflow,
        has_priorities: false,
    };
    Queue::new(shape).expect("the capacity is a power of two")
}

fn offer(queue: &Queue<u32>, value: u32) -> Tally {
    let mut tally = Tally::default();
    // Whoever is gone gets nothing, and nothing is counted.
    let _ = queue.offer(Priority::Normal, value, &mut tally);
    tally
}

/// Wakes one thread.
#[derive(Default)]
struct Bell {
    has_rung: Mutex<bool>,
    condvar: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *lock(&self.has_rung) = true;
        self.condvar.notify_one();
    }
}

/// Receives as a future does. A thread that blocks polls first, and gives the others a step
/// after each look in a model; so a wake-up that is missing right behind that step is not seen.
fn receive(receiver: &mut Receiver<u32>) -> Result<Popped<u32>, RecvError> {
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    loop {
        if let Poll::Ready(popped) = receiver.poll_recv(&mut Context::from_waker(&waker)) {
            return popped;
        }
        let mut has_rung = lock(&bell.has_rung);
        while !*has_rung {
            has_rung = bell.condvar.wait(has_rung).expect("no lock is poisoned");
        }
        *has_rung = false;
    }
}

/// What comes until the end: how many values, and how many were missing.
fn receive_all(receiver: &mut Receiver<u32>) -> (u64, u64) {
    let (mut received, mut missing) = (0, 0);
    let mut last = 0;
    loop {
        match receive(receiver) {
            Ok(Popped::Value(value)) => {
                assert!(value > last, "in order");
                last = value;
                received += 1;
            }
            Ok(Popped::Gap(count)) => missing += count,
            Err(RecvError::Closed) => return (received, missing),
            Err(RecvError::Empty) => panic!("there is no deadline"),
        }
    }
}

/// One publisher, one subscriber that sleeps, and the end: everything is received or counted, in
/// order, and nobody sleeps for ever.
fn publish_receive_close(capacity: usize, overflow: Overflow, count: u32) {
    model(move || {
        let (queue, mut receiver) = queue(capacity, overflow);
        let publishing = thread::spawn(move || {
            let mut sums = (0, 0);
            for value in 1..=count {
                let tally = offer(&queue, value);
                sums.0 += u64::from(tally.delivered);
                sums.1 += u64::from(tally.dropped + tally.refused);
            }
            queue.close();
            sums
        });
        let (received, missing) = receive_all(&mut receiver);
        let (delivered, lost) = publishing.join().expect("it only publishes");
        assert_eq!(missing, lost);
        if overflow == Overflow::DropOldest {
            assert_eq!(received + missing, u64::from(count));
        } else {
            assert_eq!(received, delivered);
        }
        if matches!(overflow, Overflow::Wait(_)) {
            assert_eq!(lost, 0);
        }
    });
}

#[test]
fn drop_newest_tells_every_loss() {
    publish_receive_close(1, Overflow::DropNewest, 3);
}

#[test]
fn drop_oldest_tells_every_loss() {
    publish_receive_close(1, Overflow::DropOldest, 2);
}

#[test]
fn who_waits_for_a_place_is_told_of_it() {
    publish_receive_close(1, Overflow::Wait(Duration::MAX), 2);
}

/// Two publishers lose one thing or another at once; what they count is what is told.
#[test]
fn two_publishers_count_as_the_subscriber_does() {
    model(|| {
        let (queue, mut receiver) = queue(1, Overflow::DropNewest);
        let other = Arc::clone(&queue);
        let publishing = thread::spawn(move || offer(&other, 1));
        let mut tally = offer(&queue, 1);
        let others = publishing.join().expect("it only publishes");
        tally.delivered += others.delivered;
        tally.dropped += others.dropped;
        queue.close();
        let mut got = (0, 0);
        loop {
            match receiver.try_recv() {
                Ok(Popped::Value(_)) => got.0 += 1,
                Ok(Popped::Gap(count)) => got.1 += count,
                Err(_) => break,
            }
        }
        assert_eq!(got, (tally.delivered, u64::from(tally.dropped)));
        assert_eq!(tally.delivered + tally.dropped, 2);
    });
}

/// A publisher that waits for a place while the subscriber goes does not wait for ever.
#[test]
fn who_waits_for_one_that_goes_is_told() {
    model(|| {
        let (queue, receiver) = queue(1, Overflow::Wait(Duration::MAX));
        let publishing = thread::spawn(move || {
            offer(&queue, 1);
            offer(&queue, 2);
        });
        drop(receiver);
        publishing.join().expect("it only publishes");
    });
}

/// A pause that ends wakes the subscriber.
#[test]
fn who_resumes_is_told() {
    model(|| {
        let (queue, mut receiver) = queue(2, Overflow::DropNewest);
        queue.set_paused(true);
        offer(&queue, 1);
        let resuming = thread::spawn(move || queue.set_paused(false));
        let popped = receiver.recv_until(Deadline::Never);
        assert_eq!(popped, Ok(Popped::Value(1)));
        resuming.join().expect("it only resumes");
    });
}

struct Publishing {
    router: Arc<Router<Arc<Queue<u32>>>>,
    topic: Topic,
}

impl Publishing {
    fn new() -> Self {
        Self {
            router: Arc::new(Router::new()),
            topic: Topic::new("a").expect("it is a topic"),
        }
    }

    /// As a publisher does at its first message, or after a change.
    fn publish(&self, value: u32) -> u32 {
        let table = self.router.table();
        let mut delivered = 0;
        table.each_match(&self.topic, |place| {
            delivered += offer(table.target(place), value).delivered;
        });
        delivered
    }
}

fn pattern() -> Pattern {
    Pattern::new("*").expect("it is a pattern")
}

/// Whoever learns that a subscription is complete reaches it, also through a table that it
/// looked up before and takes for current.
#[test]
fn a_complete_subscription_is_reached() {
    model(|| {
        let publishing = Arc::new(Publishing::new());
        let is_complete = Arc::new(AtomicBool::new(false));
        let (queue, mut receiver) = queue(2, Overflow::DropNewest);
        let before = publishing.router.table();
        let subscribing = {
            let (publishing, is_complete) = (Arc::clone(&publishing), Arc::clone(&is_complete));
            thread::spawn(move || {
                let key = publishing.router.insert(pattern(), queue);
                is_complete.store(true, Ordering::Release);
                key.expect("there is room")
            })
        };
        let is_told = is_complete.load(Ordering::Acquire);
        let is_current = publishing.router.is_current(before.generation);
        assert!(!(is_told && is_current), "the table was replaced");
        let delivered = publishing.publish(1);
        assert!(!is_told || delivered == 1);
        let key = subscribing.join().expect("it only subscribes");
        let received = u32::from(receiver.try_recv().is_ok());
        assert_eq!(received, delivered);
        assert!(publishing.router.remove(key));
        assert_eq!(publishing.publish(2), 0);
    });
}

/// Publishing while the only subscriber leaves: it came in or it did not, and who comes next is
/// reached.
#[test]
fn one_may_leave_and_another_come_while_a_message_is_published() {
    model(|| {
        let publishing = Arc::new(Publishing::new());
        let (queue, receiver) = queue(2, Overflow::DropNewest);
        let key = publishing.router.insert(pattern(), queue);
        let key = key.expect("there is room");
        let other = Arc::clone(&publishing);
        let leaving = thread::spawn(move || {
            other.router.remove(key);
            drop(receiver);
        });
        assert!(publishing.publish(1) <= 1);
        leaving.join().expect("it only leaves");
        assert_eq!(publishing.publish(2), 0);
    });
}
