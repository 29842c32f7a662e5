//! Queue groups: one member gets each message.

use std::collections::BTreeMap;

use claude_flow_eventbus::{
    Bus, Fields, Overflow, Share, SubscribeError, SubscribeOptions, Subscriber,
};

use crate::make::{bus, options, pattern, received, subscribe, topic};

fn join(bus: &Bus, share: Share) -> Subscriber {
    let options = SubscribeOptions {
        group: Some(("workers".to_owned(), share)),
        ..options(64, Overflow::DropNewest)
    };
    bus.subscribe(&pattern("jobs.*"), options)
        .expect("the options are valid")
}

#[test]
fn one_member_gets_each_and_others_get_all() {
    let bus = bus();
    let mut members = [(); 3].map(|()| join(&bus, Share::LeastLoaded));
    let mut alone = subscribe(&bus, "jobs.*");
    let mut publisher = bus.publisher();
    for number in 0..30 {
        let receipt = publisher.publish(&topic("jobs.new"), number.to_string().as_bytes());
        assert_eq!(receipt.expect("there is room").delivered, 2);
    }
    let parts = members.each_mut().map(received);
    assert_eq!(parts.each_ref().map(Vec::len), [10, 10, 10]);
    let mut all: Vec<u32> = parts
        .concat()
        .iter()
        .map(|it| it.parse().expect("numbers"))
        .collect();
    all.sort_unstable();
    assert!(all.into_iter().eq(0..30));
    assert_eq!(received(&mut alone).len(), 30);
}

#[test]
fn the_least_loaded_gets_the_next() {
    let bus = bus();
    let mut busy = join(&bus, Share::LeastLoaded);
    let mut publisher = bus.publisher();
    let mut publish = || {
        let receipt = publisher.publish(&topic("jobs.new"), b"");
        assert_eq!(receipt.expect("there is room").delivered, 1);
    };
    (0..5).for_each(|_| publish());
    let mut idle = join(&bus, Share::LeastLoaded);
    (0..5).for_each(|_| publish());
    assert_eq!(received(&mut idle).len(), 5);
    assert_eq!(received(&mut busy).len(), 5);
}

#[test]
fn a_key_stays_with_its_member_and_moves_only_to_a_new_one() {
    let bus = bus();
    let mut members = vec![join(&bus, Share::ByKey), join(&bus, Share::ByKey)];
    let mut publisher = bus.publisher();
    let mut owners = |members: &mut [Subscriber]| {
        for round in 0..2 {
            for key in 0..40 {
                let key = format!("key {key}");
                let fields = Fields {
                    key: key.as_bytes(),
                    ..Fields::default()
                };
                let payload = format!("{key}/{round}");
                let receipt =
                    publisher.publish_with(&topic("jobs.new"), &fields, payload.as_bytes());
                assert_eq!(receipt.expect("there is room").delivered, 1);
            }
        }
        let mut owners = BTreeMap::new();
        for (index, member) in members.iter_mut().enumerate() {
            let got = received(member);
            for (at, word) in got.iter().enumerate() {
                let (key, round) = word.split_once('/').expect("key and round");
                let before = owners.insert(key.to_owned(), index);
                assert!(before.is_none_or(|it| it == index), "{key} has one owner");
                let first = got.iter().position(|it| it.starts_with(&format!("{key}/")));
                assert_eq!(first == Some(at), round == "0", "{key} is in order");
            }
        }
        owners
    };
    let before = owners(&mut members);
    assert_eq!(before.len(), 40);
    members.push(join(&bus, Share::ByKey));
    let after = owners(&mut members);
    let moved: Vec<_> = before
        .iter()
        .filter(|(key, it)| after[*key] != **it)
        .collect();
    assert!(!moved.is_empty() && moved.len() < 30, "{moved:?}");
    assert!(moved.iter().all(|(key, _)| after[*key] == 2));
}

#[test]
fn who_leaves_a_group_is_replaced_by_the_others() {
    let bus = bus();
    let first = join(&bus, Share::LeastLoaded);
    let mut second = join(&bus, Share::LeastLoaded);
    let mut publisher = bus.publisher_to(&topic("jobs.new"));
    assert_eq!(publisher.publish(b"1").expect("there is room").delivered, 1);
    drop(first);
    for _ in 0..3 {
        assert_eq!(publisher.publish(b"2").expect("there is room").delivered, 1);
    }
    assert!(received(&mut second).len() >= 3);
    drop(second);
    assert_eq!(publisher.publish(b"3").expect("there is room").delivered, 0);
    let batch = publisher.publish_all(&Fields::default(), ["4", "5"]);
    assert_eq!(batch.expect("there is room").delivered, 0);
    assert_eq!(bus.subscriber_count(), 0);
}

#[test]
fn a_group_shares_in_one_way() {
    let bus = bus();
    let _first = join(&bus, Share::ByKey);
    let options = SubscribeOptions {
        group: Some(("workers".to_owned(), Share::LeastLoaded)),
        ..SubscribeOptions::default()
    };
    let refused = bus.subscribe(&pattern("jobs.*"), options.clone());
    let expected = SubscribeError::Share {
        name: "workers".to_owned(),
        there: Share::ByKey,
    };
    assert_eq!(refused.err(), Some(expected));
    assert!(
        bus.subscribe(&pattern("jobs.new"), options).is_ok(),
        "with another pattern it is another group"
    );
}
