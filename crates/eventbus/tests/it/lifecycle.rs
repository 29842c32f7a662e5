//! Pausing, draining, closing.

use claude_flow_eventbus::{Fields, PublishError, RecvError, SubscribeError, SubscribeOptions};

use crate::make::{bus, pattern, received, subscribe, topic};

#[test]
fn what_was_published_before_the_end_is_received_after_it() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a.>");
    let (mut any, mut one) = (bus.publisher(), bus.publisher_to(&topic("a.b")));
    assert!(any.publish(&topic("a.b"), b"1").is_ok());
    assert!(one.publish(b"2").is_ok());
    bus.close();
    bus.close();
    assert!(bus.is_closed());
    assert_eq!(any.publish(&topic("a.b"), b"3"), Err(PublishError::Closed));
    assert_eq!(one.publish(b"4"), Err(PublishError::Closed));
    let batch = one.publish_all(&Fields::default(), ["5"]);
    assert_eq!(batch.expect_err("it is closed").why, PublishError::Closed);
    let draft = one.draft(&Fields::default(), 1).expect("there is room");
    assert_eq!(draft.publish(), Err(PublishError::Closed));
    let late = bus.subscribe(&pattern("a"), SubscribeOptions::default());
    assert_eq!(late.err(), Some(SubscribeError::Closed));
    assert_eq!(received(&mut subscriber), ["1", "2", "closed"]);
    assert_eq!(subscriber.recv(), Err(RecvError::Closed));
    assert_eq!(bus.pool().stats().in_use(), 0);
}

#[test]
fn a_paused_subscriber_gets_nothing_and_loses_nothing() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let mut publisher = bus.publisher_to(&topic("a"));
    subscriber.control().pause();
    assert_eq!(publisher.publish(b"1").expect("there is room").delivered, 1);
    assert_eq!(received(&mut subscriber), [""; 0]);
    assert!(!subscriber.is_ready());
    assert_eq!(subscriber.control().stats().waiting, 1);
    subscriber.control().resume();
    assert_eq!(received(&mut subscriber), ["1"]);
    subscriber.control().pause();
    assert!(publisher.publish(b"2").is_ok());
    bus.close();
    assert_eq!(
        received(&mut subscriber),
        ["2", "closed"],
        "the end ends the pause"
    );
}

#[test]
fn a_drained_subscriber_gets_what_waits_and_nothing_more() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let mut publisher = bus.publisher_to(&topic("a"));
    assert!(publisher.publish(b"1").is_ok());
    let control = subscriber.control().clone();
    control.drain();
    control.drain();
    assert_eq!(publisher.publish(b"2").expect("there is room").delivered, 0);
    assert_eq!(bus.subscriber_count(), 0);
    assert_eq!(received(&mut subscriber), ["1", "closed"]);
}

#[test]
fn what_waits_for_a_subscriber_goes_with_it() {
    let bus = bus();
    let subscriber = subscribe(&bus, "a");
    let mut publisher = bus.publisher_to(&topic("a"));
    for _ in 0..3 {
        assert!(publisher.publish(b"").is_ok());
    }
    assert_eq!(bus.pool().stats().in_use(), 3);
    drop(subscriber);
    assert_eq!(bus.pool().stats().in_use(), 0);
}
