//! Publishing: receipts, identifiers, filters, drafts, the pool.

use std::sync::Arc;

use claude_flow_eventbus::{
    Bus, Fields, Filter, Overflow, PublishError, SubscribeError, SubscribeOptions,
};
use claude_flow_msgpool::TakeError;

use crate::make::{At, bus, options, pattern, pool_of, received, subscribe, topic};

#[test]
fn each_matching_subscriber_gets_it_once() {
    let bus = bus();
    let mut subscribers = ["a.b", "a.*", "a.>", "*.b", "c.>", "a"].map(|it| subscribe(&bus, it));
    let receipt = bus.publisher().publish(&topic("a.b"), b"it");
    assert_eq!(receipt.expect("there is room").delivered, 4);
    let counts = subscribers.each_mut().map(|it| received(it).len());
    assert_eq!(counts, [1, 1, 1, 1, 0, 0]);
}

/// Both kinds of publishers see a change at their next message.
#[test]
fn who_subscribes_or_leaves_is_noticed_at_once() {
    let bus = bus();
    let (mut any, mut one) = (bus.publisher(), bus.publisher_to(&topic("a.b")));
    let mut check = |expected: u32| {
        let receipt = any.publish(&topic("a.b"), b"").expect("there is room");
        assert_eq!(receipt.delivered, expected);
        let receipt = one.publish(b"").expect("there is room");
        assert_eq!(receipt.delivered, expected);
    };
    check(0);
    let first = subscribe(&bus, "a.*");
    check(1);
    let second = subscribe(&bus, ">");
    check(2);
    drop(first);
    check(1);
    drop(second);
    check(0);
    assert_eq!(bus.pool().stats().in_use(), 0, "who left kept nothing");
}

#[test]
fn identifiers_grow_and_tell_publishers_apart() {
    let bus = bus();
    let (mut first, mut second) = (bus.publisher(), bus.publisher());
    let mut ids = Vec::new();
    for publisher in [&mut first, &mut second] {
        for _ in 0..3 {
            let receipt = publisher.publish(&topic("a"), b"");
            ids.push(receipt.expect("there is room").id);
        }
    }
    assert!(ids[..3].is_sorted() && ids[3..].is_sorted(), "{ids:?}");
    assert_ne!(ids[0].publisher(), ids[3].publisher());
    assert_eq!(ids.iter().map(|it| it.unix_ms()).max(), Some(1_000));
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), 6);
}

#[test]
fn a_filter_sees_headers_and_payload() {
    let bus = bus();
    let with = |filter| SubscribeOptions {
        filter: Some(filter),
        ..SubscribeOptions::default()
    };
    let json = Filter::new(|it| it.header("type") == Some(b"json"));
    let short = Filter::new(|it| it.payload().len() < 3);
    let mut json = bus.subscribe(&pattern("a"), with(json)).expect("valid");
    let mut short = bus.subscribe(&pattern("a"), with(short)).expect("valid");
    let mut publisher = bus.publisher();
    let fields = Fields {
        headers: &[("type", b"json")],
        ..Fields::default()
    };
    for (fields, payload, expected) in [
        (fields, "{}", 2),
        (fields, "[1]", 1),
        (Fields::default(), "ab", 1),
        (Fields::default(), "abc", 0),
    ] {
        let receipt = publisher.publish_with(&topic("a"), &fields, payload.as_bytes());
        let receipt = receipt.expect("there is room");
        assert_eq!(receipt.delivered, expected, "{payload}");
        assert_eq!(receipt.dropped, 0, "what is not wanted is no loss");
    }
    let batch = bus
        .publisher_to(&topic("a"))
        .publish_all(&fields, ["{}", "[2]"]);
    assert_eq!(batch.expect("there is room").delivered, 3);
    assert_eq!(received(&mut json), ["{}", "[1]", "{}", "[2]"]);
    assert_eq!(received(&mut short), ["{}", "ab", "{}"]);
}

#[test]
fn a_draft_is_written_in_place_and_reaches_who_is_there_when_it_is_published() {
    let bus = bus();
    let mut publisher = bus.publisher();
    let about = topic("a.b");
    let mut draft = publisher
        .draft(&about, &Fields::default(), 5)
        .expect("there is room");
    draft.copy_from_slice(b"later");
    let id = draft.id();
    let mut late = subscribe(&bus, "a.b");
    let receipt = draft.publish().expect("the bus is open");
    assert_eq!((receipt.id, receipt.delivered), (id, 1));
    assert_eq!(received(&mut late), ["later"]);
    drop(publisher.draft(&about, &Fields::default(), 5));
    assert_eq!(received(&mut late), [""; 0], "a dropped draft is nothing");
    assert_eq!(bus.pool().stats().in_use(), 0);
}

/// What was gathered before a panic is not published by the next batch.
#[test]
fn a_batch_that_panics_leaves_nothing_behind() {
    let bus = bus();
    let mut subscriber = subscribe(&bus, "a");
    let mut publisher = bus.publisher_to(&topic("a"));
    let panicking = ["1", "2"].into_iter().inspect(|it| assert_eq!(*it, "1"));
    let publish = std::panic::AssertUnwindSafe(|| {
        let _ = publisher.publish_all(&Fields::default(), panicking.clone());
    });
    assert!(std::panic::catch_unwind(publish).is_err());
    let receipt = publisher.publish_all(&Fields::default(), ["3"]);
    assert_eq!(receipt.expect("there is room").published, 1);
    assert_eq!(received(&mut subscriber), ["3"]);
    assert_eq!(bus.pool().stats().in_use(), 0);
}

#[test]
fn subscribers_share_one_buffer() {
    let bus = bus();
    let mut subscribers = [subscribe(&bus, "a"), subscribe(&bus, "*")];
    let receipt = bus.publisher().publish(&topic("a"), b"shared");
    assert_eq!(receipt.expect("there is room").delivered, 2);
    assert_eq!(bus.pool().stats().in_use(), 1);
    let places = subscribers.each_mut().map(|it| {
        let event = it.try_recv().expect("it is there").into_event();
        event.expect("nothing was dropped").payload().as_ptr()
    });
    assert_eq!(places[0], places[1]);
    assert_eq!(bus.pool().stats().in_use(), 0);
}

#[test]
fn an_exhausted_pool_is_an_error_and_a_batch_says_how_far_it_came() {
    let bus = Bus::with_clock(pool_of(3), Arc::new(At(0)));
    let mut subscriber = subscribe(&bus, "a");
    let mut publisher = bus.publisher_to(&topic("a"));
    let error = publisher
        .publish_all(&Fields::default(), ["1", "2", "3", "4"])
        .expect_err("there are three buffers");
    assert_eq!((error.before.published, error.before.delivered), (3, 3));
    let is_exhausted = |it| {
        matches!(
            it,
            PublishError::Pool(TakeError::Exhausted { slots: 3, .. })
        )
    };
    assert!(is_exhausted(error.why));
    assert!(is_exhausted(
        publisher.publish(b"5").expect_err("none is left")
    ));
    assert_eq!(received(&mut subscriber), ["1", "2", "3"]);
    assert!(publisher.publish(b"6").is_ok());
}

#[test]
fn a_capacity_that_no_queue_can_have_is_refused_by_name() {
    let bus = bus();
    for capacity in [0, 3, 1 << 30] {
        let refused = bus.subscribe(&pattern("a"), options(capacity, Overflow::Refuse));
        assert_eq!(refused.err(), Some(SubscribeError::Capacity(capacity)));
    }
    assert_eq!(bus.subscriber_count(), 0);
}
