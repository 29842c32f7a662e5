//! What happens to what does not fit: exactly counted, told to both sides, in its place.

use std::time::Duration;

use claude_flow_eventbus::{
    Bus, Fields, Overflow, Priority, Publisher, SubscribeOptions, Subscriber,
};

use crate::make::{bus, options, pattern, received, topic};

struct Fixture {
    _bus: Bus,
    publisher: Publisher,
    subscriber: Subscriber,
}

impl Fixture {
    fn new(options: SubscribeOptions) -> Self {
        let bus = bus();
        Self {
            publisher: bus.publisher(),
            subscriber: bus
                .subscribe(&pattern("a.>"), options)
                .expect("the options are valid"),
            _bus: bus,
        }
    }

    /// Publishes words, and checks how many were delivered, dropped and refused, all together.
    fn publish(&mut self, words: &str, expected: [u32; 3]) {
        let mut sums = [0; 3];
        for word in words.split_whitespace() {
            let receipt = self.publisher.publish(&topic("a.b"), word.as_bytes());
            let receipt = receipt.expect("there is room in the pool");
            sums[0] += receipt.delivered;
            sums[1] += receipt.dropped;
            sums[2] += receipt.refused;
        }
        assert_eq!(sums, expected, "{words}: delivered, dropped, refused");
    }

    fn receive(&mut self, expected: &[&str]) {
        assert_eq!(received(&mut self.subscriber), expected);
    }
}

#[test]
fn the_newest_are_dropped_and_the_gap_stands_behind_what_was_there() {
    let mut it = Fixture::new(options(2, Overflow::DropNewest));
    it.publish("1 2 3 4", [2, 2, 0]);
    it.receive(&["1", "2", "-2"]);
    it.publish("5 6 7", [2, 1, 0]);
    assert!(it.subscriber.try_recv().is_ok(), "makes room for one");
    it.publish("8", [1, 0, 0]);
    it.receive(&["6", "-1", "8"]);
    assert_eq!(it.subscriber.control().stats().dropped, 3);
}

#[test]
fn the_oldest_are_dropped_and_the_gap_stands_before_what_is_left() {
    let mut it = Fixture::new(options(2, Overflow::DropOldest));
    it.publish("1 2 3 4 5", [5, 3, 0]);
    it.receive(&["-3", "4", "5"]);
    it.publish("6 7", [2, 0, 0]);
    it.receive(&["6", "7"]);
    assert_eq!(it.subscriber.control().stats().dropped, 3);
}

#[test]
fn what_is_refused_is_told_to_both() {
    let mut it = Fixture::new(options(1, Overflow::Refuse));
    it.publish("1 2 3", [1, 0, 2]);
    it.receive(&["1", "-2"]);
    let stats = it.subscriber.control().stats();
    assert_eq!((stats.dropped, stats.refused), (0, 2));
}

#[test]
fn who_waits_in_vain_drops_the_newest() {
    let mut it = Fixture::new(options(1, Overflow::Wait(Duration::ZERO)));
    it.publish("1 2", [1, 1, 0]);
    it.receive(&["1", "-1"]);
}

#[test]
fn a_batch_is_counted_as_its_messages_are() {
    let bus = bus();
    let mut subscribers = [
        (Overflow::DropNewest, ["0", "1", "-3"]),
        (Overflow::DropOldest, ["-3", "3", "4"]),
        (Overflow::Refuse, ["0", "1", "-3"]),
    ]
    .map(|(overflow, expected)| {
        let subscriber = bus.subscribe(&pattern("a.b"), options(2, overflow));
        (subscriber.expect("the options are valid"), expected)
    });
    let mut publisher = bus.publisher_to(&topic("a.b"));
    let receipt = publisher.publish_all(&Fields::default(), ["0", "1", "2", "3", "4"]);
    let receipt = receipt.expect("there is room in the pool");
    assert_eq!(receipt.published, 5);
    assert_eq!(receipt.delivered, 2 + 5 + 2);
    assert_eq!((receipt.dropped, receipt.refused), (3 + 3, 3));
    for (subscriber, expected) in &mut subscribers {
        assert_eq!(received(subscriber), *expected);
    }
    assert_eq!(bus.pool().stats().in_use(), 0, "all buffers came back");
}

/// A long batch goes over in parts, and is whole.
#[test]
fn a_long_batch_keeps_its_order() {
    let bus = bus();
    let mut subscriber = bus
        .subscribe(&pattern("a.b"), SubscribeOptions::default())
        .expect("the options are valid");
    let payloads: Vec<_> = (0..200).map(|it| it.to_string()).collect();
    let receipt = bus
        .publisher_to(&topic("a.b"))
        .publish_all(&Fields::default(), &payloads);
    assert_eq!(receipt.expect("there is room").delivered, 200);
    assert_eq!(received(&mut subscriber), payloads);
}

#[test]
fn urgent_messages_pass_others_and_the_lowest_are_not_starved() {
    let mut it = Fixture::new(SubscribeOptions {
        has_priorities: true,
        ..options(64, Overflow::DropNewest)
    });
    let mut publish = |priority, word: &str, count: usize| {
        let fields = Fields {
            priority,
            ..Fields::default()
        };
        for _ in 0..count {
            let receipt = it
                .publisher
                .publish_with(&topic("a.b"), &fields, word.as_bytes());
            assert_eq!(receipt.expect("there is room").delivered, 1);
        }
    };
    publish(Priority::Low, "low", 2);
    publish(Priority::Normal, "normal", 2);
    publish(Priority::Critical, "critical", 30);
    let order = received(&mut it.subscriber).join(" ");
    let eight = "critical ".repeat(8);
    let expected = format!(
        "{eight}normal normal low {eight}low {}",
        "critical ".repeat(14)
    );
    assert_eq!(order, expected.trim_end());
}

#[test]
fn a_priority_that_is_full_takes_no_place_of_another() {
    let mut it = Fixture::new(SubscribeOptions {
        has_priorities: true,
        ..options(1, Overflow::DropOldest)
    });
    for (priority, word) in [
        (Priority::Low, "1"),
        (Priority::Low, "2"),
        (Priority::Critical, "3"),
    ] {
        let fields = Fields {
            priority,
            ..Fields::default()
        };
        let receipt = it
            .publisher
            .publish_with(&topic("a.b"), &fields, word.as_bytes());
        assert_eq!(receipt.expect("there is room").delivered, 1);
    }
    it.receive(&["3", "-1", "2"]);
}
