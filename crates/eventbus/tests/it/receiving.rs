//! Ways to receive: blocking, with a deadline, as an iterator, as a future, selected.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use claude_flow_eventbus::{Deadline, Item, RecvError};
use claude_flow_ringbuf::select::Select;

use crate::make::{bus, passed, subscribe, topic};

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn payload(item: Item) -> Vec<u8> {
    item.into_event().expect("a message").payload().to_vec()
}

#[test]
fn a_deadline_that_has_passed_is_a_look() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    assert_eq!(subscriber.recv_until(passed()), Err(RecvError::Empty));
    assert!(bus.publisher().publish(&topic("a"), b"1").is_ok());
    assert_eq!(
        subscriber.recv_until(passed()).map(payload),
        Ok(b"1".to_vec())
    );
}

#[test]
fn an_iterator_ends_with_the_bus() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let publishing = thread::spawn(move || {
        let mut publisher = bus.publisher_to(&topic("a"));
        for number in 0..500_u32 {
            let receipt = publisher.publish(&number.to_le_bytes());
            assert_eq!(receipt.expect("there is room").delivered, 1);
        }
        bus.close();
    });
    let numbers: Vec<_> = subscriber.iter().map(payload).collect();
    publishing.join().expect("it only publishes");
    let expected = (0..500_u32).map(|it| it.to_le_bytes().to_vec());
    assert!(numbers.into_iter().eq(expected));
}

#[test]
fn many_are_received_at_once() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let mut publisher = bus.publisher_to(&topic("a"));
    for _ in 0..5 {
        assert!(publisher.publish(b"").is_ok());
    }
    let mut items = Vec::new();
    assert_eq!(subscriber.recv_many(&mut items, 3), 3);
    assert_eq!(subscriber.recv_many(&mut items, 3), 2);
    assert_eq!(subscriber.recv_many(&mut items, 3), 0);
    assert_eq!(items.len(), 5);
}

#[test]
fn a_future_is_woken_by_a_message_and_by_the_end() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut ctx = Context::from_waker(&waker);
    let rings = || bell.0.load(Ordering::Relaxed);
    {
        let mut future = pin!(subscriber.recv_async());
        assert!(future.as_mut().poll(&mut ctx).is_pending());
        assert_eq!(rings(), 0);
        assert!(bus.publisher().publish(&topic("a"), b"1").is_ok());
        assert_eq!(rings(), 1);
        let Poll::Ready(Ok(item)) = future.poll(&mut ctx) else {
            panic!("it was woken");
        };
        assert_eq!(payload(item), b"1");
    }
    assert!(subscriber.poll_next(&mut ctx).is_pending());
    bus.close();
    assert_eq!(rings(), 2);
    assert_eq!(subscriber.poll_next(&mut ctx), Poll::Ready(None));
}

/// A future that is dropped does not take the wake-up of what comes later with it.
#[test]
fn a_dropped_future_loses_nothing() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut ctx = Context::from_waker(&waker);
    assert!(pin!(subscriber.recv_async()).poll(&mut ctx).is_pending());
    assert!(bus.publisher().publish(&topic("a"), b"1").is_ok());
    assert_eq!(bell.0.load(Ordering::Relaxed), 0, "nobody waits");
    assert_eq!(subscriber.recv().map(payload), Ok(b"1".to_vec()));
}

#[test]
fn a_selection_names_who_has_something() {
    let bus = bus();
    let mut subscribers = ["a", "b", "c"].map(|it| subscribe(&bus, it));
    let mut select = Select::new();
    let publishing = bus.clone();
    let publishing = thread::spawn(move || {
        let mut publisher = publishing.publisher();
        for name in ["b", "c", "a"] {
            assert!(publisher.publish(&topic(name), name.as_bytes()).is_ok());
        }
    });
    let mut found = Vec::new();
    for _ in 0..3 {
        let [a, b, c] = &subscribers;
        let index = select
            .ready(&[a, b, c], Deadline::Never)
            .expect("three come");
        let item = subscribers[index].try_recv().expect("it is ready");
        found.push((index, payload(item)));
    }
    publishing.join().expect("it only publishes");
    found.sort();
    let expected = [(0, b"a".to_vec()), (1, b"b".to_vec()), (2, b"c".to_vec())];
    assert_eq!(found, expected);
}
