//! One process at both ends: what is delivered, refused, counted and cleared away.

use std::os::unix::fs::{FileExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::Duration;

use claude_flow_eventbus::delivery::Letter;
use claude_flow_eventbus::journal::{Start, Visible};
use claude_flow_eventbus::shared::{
    AttachError, Bus, Item, Overflow, PublishError, PublisherOptions, Receipt, SubscribeOptions,
};
use claude_flow_eventbus::{Envelope, Fields, Priority};
use claude_flow_msgpool::ClassOptions;

use super::{bus, drain, left_behind, next, next_message, number, pattern, topic};

fn small(slots: usize) -> PublisherOptions {
    PublisherOptions {
        classes: vec![ClassOptions {
            payload_bytes: 256,
            slots,
        }],
        ..PublisherOptions::default()
    }
}

fn refusing(name: &str, capacity: usize) -> SubscribeOptions {
    SubscribeOptions {
        capacity,
        overflow: Overflow::Refuse {
            after: Duration::ZERO,
        },
        ..SubscribeOptions::named(name)
    }
}

#[test]
fn every_subscription_that_matches_gets_every_message_in_order() {
    let (_directory, bus) = bus();
    let options = SubscribeOptions::default;
    let mut all = bus
        .subscribe(&pattern("edits.>"), &options())
        .expect("room");
    let mut rust = bus
        .subscribe(&pattern("edits.rust.*"), &options())
        .expect("room");
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    for number in 0..100_u64 {
        let text = ["edits.rust.saved", "edits.go.saved"][number as usize % 2];
        let receipt = publisher.publish(&topic(text), &number.to_le_bytes());
        let delivered = if number % 2 == 0 { 2 } else { 1 };
        let expected = Receipt {
            delivered,
            dropped: 0,
        };
        assert_eq!(receipt.expect("there is room"), expected);
    }
    for expected in 0..100 {
        let message = next_message(&mut all);
        assert_eq!(number(&message), expected);
        assert!(all.acknowledge(&message));
        assert!(!all.acknowledge(&message), "once");
    }
    for expected in (0..100).step_by(2) {
        let message = next_message(&mut rust);
        assert_eq!(number(&message), expected);
        assert!(rust.acknowledge(&message));
    }
    assert!(matches!(all.try_recv(), Ok(None)));
    assert_eq!(publisher.in_use(), 0, "every slot came back");
    let none = publisher.publish(&topic("other"), b"nobody");
    assert_eq!(none.expect("there is room"), Receipt::default());
    assert_eq!(publisher.in_use(), 0);
}

#[test]
fn an_envelope_arrives_as_it_was_published() {
    let (_directory, bus) = bus();
    let mut subscriber = bus
        .subscribe(&pattern(">"), &SubscribeOptions::default())
        .expect("room");
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    let fields = Fields {
        key: b"lib.rs",
        headers: &[("kind", b"edit")],
        priority: Priority::High,
        ..Fields::default()
    };
    let large = vec![7; 40_000];
    publisher
        .publish_with(&topic("edits.rust"), &fields, &large)
        .expect("there is room");
    let message = next_message(&mut subscriber);
    let mut buffer = Vec::new();
    let envelope = message.read(&mut buffer).expect("an envelope");
    assert_eq!(envelope.topic(), "edits.rust");
    assert_eq!(envelope.key(), b"lib.rs");
    assert_eq!(envelope.header("kind"), Some(&b"edit"[..]));
    assert_eq!(envelope.priority(), Priority::High);
    assert_eq!(envelope.payload(), large);
    assert_eq!(envelope.unix_ns(), message.unix_ns());
    let mut draft = publisher
        .draft(&topic("edits.go"), &Fields::default(), 5)
        .expect("there is room");
    draft.payload().write_bytes(0, b"place");
    assert_eq!(draft.publish().delivered, 1);
    assert_eq!(next_message(&mut subscriber).payload().to_vec(), b"place");
}

#[test]
fn what_was_not_acknowledged_comes_again_and_nothing_else() {
    let (_directory, bus) = bus();
    let options = SubscribeOptions::named("work");
    let mut first = bus.subscribe(&pattern("work"), &options).expect("room");
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    for number in 0..4_u64 {
        publisher
            .publish(&topic("work"), &number.to_le_bytes())
            .expect("there is room");
    }
    let held: Vec<_> = (0..3).map(|_| next_message(&mut first)).collect();
    assert!(held.iter().all(|it| !it.is_redelivered()));
    assert!(first.acknowledge(&held[0]));
    // Behind one that is not: it comes again with that one.
    assert!(first.acknowledge(&held[2]));
    drop(first);
    let mut second = bus.subscribe(&pattern("work"), &options).expect("it left");
    for expected in 1..4 {
        let message = next_message(&mut second);
        assert_eq!(number(&message), expected);
        assert_eq!(message.is_redelivered(), expected != 3);
        assert!(second.acknowledge(&message));
    }
    assert_eq!(publisher.in_use(), 0);
    let stats = bus.stats();
    let it = &stats.subscriptions[0];
    assert_eq!((it.received, it.redelivered, it.waiting), (5, 2, 0));
    assert_eq!(stats.publishers[0].published, 4);
}

#[test]
fn a_durable_subscription_collects_while_nobody_is_there() {
    let (_directory, bus) = bus();
    let options = SubscribeOptions::named("work");
    drop(bus.subscribe(&pattern("work"), &options));
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    let receipt = publisher.publish(&topic("work"), &7_u64.to_le_bytes());
    assert_eq!(receipt.expect("there is room").delivered, 1);
    drop(publisher);
    // Its publisher is gone, and its memory is not.
    bus.reclaim().expect("nobody has the lock");
    let mut subscriber = bus.subscribe(&pattern("work"), &options).expect("it left");
    let message = next_message(&mut subscriber);
    assert_eq!(number(&message), 7);
    assert!(!message.is_redelivered());
    assert!(subscriber.acknowledge(&message));
    drain(&mut subscriber);
    drop(subscriber);
    assert!(bus.remove("work").expect("nobody receives"));
    assert!(!bus.remove("work").expect("nobody receives"));
    bus.reclaim().expect("nobody has the lock");
    assert_eq!(left_behind(&bus), Vec::<String>::new());
}

#[test]
fn what_is_dropped_is_counted_and_told_to_both_sides() {
    let (_directory, bus) = bus();
    let options = SubscribeOptions {
        capacity: 2,
        ..SubscribeOptions::default()
    };
    let mut subscriber = bus.subscribe(&pattern("a"), &options).expect("room");
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    let mut dropped = 0;
    for number in 0..5_u64 {
        let receipt = publisher.publish(&topic("a"), &number.to_le_bytes());
        dropped += receipt.expect("it drops").dropped;
    }
    assert_eq!(dropped, 3);
    for expected in 0..2 {
        let message = next_message(&mut subscriber);
        assert_eq!(number(&message), expected);
        assert!(subscriber.acknowledge(&message));
    }
    publisher
        .publish(&topic("a"), &5_u64.to_le_bytes())
        .expect("it drops");
    assert!(matches!(next(&mut subscriber), Item::Gap(3)));
    assert_eq!(number(&next_message(&mut subscriber)), 5);
    assert_eq!(subscriber.dropped(), 3);
}

#[test]
fn a_refused_message_was_given_to_nobody() {
    let (_directory, bus) = bus();
    let mut other = bus
        .subscribe(&pattern("a"), &SubscribeOptions::default())
        .expect("room");
    let mut strict = bus
        .subscribe(&pattern("*"), &refusing("strict", 1))
        .expect("room");
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    publisher
        .publish(&topic("a"), &0_u64.to_le_bytes())
        .expect("room");
    match publisher.publish(&topic("a"), &1_u64.to_le_bytes()) {
        Err(PublishError::Refused {
            subscription,
            capacity: 1,
        }) => assert_eq!(subscription, "strict"),
        other => panic!("it is full: {other:?}"),
    }
    let message = next_message(&mut strict);
    assert!(strict.acknowledge(&message));
    publisher
        .publish(&topic("a"), &2_u64.to_le_bytes())
        .expect("room");
    let others: Vec<_> = [(); 2].map(|()| number(&next_message(&mut other))).into();
    assert_eq!(others, [0, 2]);
    assert!(matches!(other.try_recv(), Ok(None)));
}

#[test]
fn a_full_memory_and_a_large_message_are_refused_by_name() {
    let (_directory, bus) = bus();
    let mut subscriber = bus
        .subscribe(&pattern("a"), &SubscribeOptions::default())
        .expect("room");
    let mut publisher = bus.publisher(&small(2)).expect("room");
    for number in 0..2_u64 {
        publisher
            .publish(&topic("a"), &number.to_le_bytes())
            .expect("room");
    }
    let refused = publisher.publish(&topic("a"), b"one more");
    let Err(
        error @ PublishError::Exhausted {
            class_bytes: 256,
            slots: 2,
        },
    ) = refused
    else {
        panic!("both are in use: {refused:?}");
    };
    let text = "all 2 slots of 256 bytes of this publisher's pool are in use";
    assert_eq!(error.to_string(), text);
    let large = publisher.publish(&topic("a"), &[0; 300]);
    let Err(PublishError::TooLarge { bytes_max: 256, .. }) = large else {
        panic!("it is too large: {large:?}");
    };
    let message = next_message(&mut subscriber);
    subscriber.acknowledge(&message);
    publisher
        .publish(&topic("a"), b"one more")
        .expect("one came back");
    drop(subscriber);
    publisher
        .publish(&topic("a"), b"one more")
        .expect("nobody is there");
    assert_eq!(publisher.in_use(), 0, "who left has nothing");
}

#[test]
fn a_message_that_consumers_die_of_becomes_a_dead_letter() {
    let (_directory, bus) = bus();
    let options = SubscribeOptions {
        tries_max: 2,
        ..SubscribeOptions::named("work")
    };
    let mut publisher = bus.publisher(&PublisherOptions::default()).expect("room");
    drop(bus.subscribe(&pattern("work"), &options));
    for number in 0..2_u64 {
        publisher
            .publish(&topic("work"), &number.to_le_bytes())
            .expect("room");
    }
    for _ in 0..2 {
        let mut consumer = bus.subscribe(&pattern("work"), &options).expect("it left");
        assert_eq!(number(&next_message(&mut consumer)), 0);
    }
    let mut consumer = bus.subscribe(&pattern("work"), &options).expect("it left");
    assert!(matches!(next(&mut consumer), Item::DeadLetter(_)));
    let message = next_message(&mut consumer);
    assert_eq!(number(&message), 1);
    consumer
        .reject(&message, "not for us")
        .expect("it is written");
    assert!(!consumer.acknowledge(&message), "it was");
    assert_eq!(publisher.in_use(), 0);
    assert_eq!(bus.stats().subscriptions[0].dead, 2);
    let letters = bus.dead_letters().expect("nobody has it open");
    let mut reader = letters
        .reader(Start::Beginning, Visible::Appended)
        .expect("it can be read");
    for expected in 0..2_u64 {
        let record = reader
            .next()
            .expect("nothing is missing")
            .expect("a letter");
        let letter = Letter::decode(record.payload).expect("a letter");
        let envelope = Envelope::read(letter.payload).expect("an envelope");
        assert_eq!(envelope.payload(), expected.to_le_bytes());
    }
}

#[test]
fn a_name_belongs_to_one_who_lives_and_to_one_pattern() {
    let (_directory, bus) = bus();
    let options = SubscribeOptions::named("work");
    let _first = bus.subscribe(&pattern("a.*"), &options).expect("room");
    let pid = std::process::id();
    let second = bus.subscribe(&pattern("a.*"), &options);
    assert!(matches!(second, Err(AttachError::Taken { pid: it, .. }) if it == pid));
    assert!(matches!(bus.remove("work"), Err(AttachError::Taken { .. })));
    let other = bus.subscribe(&pattern("b"), &options);
    assert!(matches!(other, Err(AttachError::Pattern { found, .. }) if found == "a.*"));
    for (name, capacity, tries_max) in [("", 1, 1), ("a/b", 1, 1), ("a", 3, 1), ("a", 1, 0)] {
        let options = SubscribeOptions {
            capacity,
            tries_max,
            ..SubscribeOptions::named(name)
        };
        let refused = bus.subscribe(&pattern("a"), &options);
        assert!(
            matches!(refused, Err(AttachError::Option { .. })),
            "{name:?}"
        );
    }
}

/// What opening a bus says after one of its files was changed.
fn open_after(change: impl FnOnce(&Path)) -> AttachError {
    let (_directory, bus) = bus();
    change(bus.directory());
    Bus::attach(bus.directory()).expect_err("it was changed")
}

#[test]
fn what_is_not_ours_or_not_a_bus_is_refused_before_it_is_used() {
    let write = |at: u64, bytes: &'static [u8]| {
        move |path: &Path| {
            let file = std::fs::File::options().write(true).open(path.join("bus"));
            let file = file.expect("there is one");
            file.write_all_at(bytes, at).expect("it can be written");
        }
    };
    let mode = |name: &'static str, mode: u32| {
        move |path: &Path| {
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(path.join(name), mode).expect("it is ours");
        }
    };
    let found = open_after(write(8, &[2]));
    assert!(
        matches!(
            found,
            AttachError::Version {
                found: 2,
                expected: 1,
                ..
            }
        ),
        "{found}"
    );
    for at in [0, 17, 25, 33] {
        let found = open_after(write(at, &[0xa5]));
        assert!(
            matches!(found, AttachError::Damaged { .. }),
            "{at}: {found}"
        );
    }
    for change in [mode("", 0o750), mode("bus", 0o644)] {
        let found = open_after(change);
        assert!(matches!(found, AttachError::NotOurs { .. }), "{found}");
    }
    let found = open_after(|path| {
        std::fs::rename(path.join("bus"), path.join("elsewhere")).expect("it is ours");
        std::os::unix::fs::symlink(path.join("elsewhere"), path.join("bus")).expect("it is ours");
    });
    assert!(matches!(found, AttachError::Io { .. }), "{found}");
    let found = open_after(|path| {
        let file = std::fs::File::options().write(true).open(path.join("bus"));
        file.expect("there is one")
            .set_len(200)
            .expect("it is ours");
    });
    assert!(matches!(found, AttachError::Damaged { .. }), "{found}");
    let found = open_after(|path| std::fs::remove_file(path.join("bus")).expect("it is ours"));
    assert!(matches!(found, AttachError::Absent { .. }), "{found}");
}

#[test]
fn a_directory_of_another_user_is_refused() {
    let (_directory, bus) = bus();
    // Only root can give files away; anybody else finds root's directory instead.
    let found = if std::os::unix::fs::chown(bus.directory(), Some(65_534), None).is_ok() {
        Bus::open(bus.directory())
    } else {
        Bus::open(Path::new("/"))
    };
    assert!(matches!(found, Err(AttachError::NotOurs { why, .. }) if why.contains("another user")));
}
