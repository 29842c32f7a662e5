//! Each re-export is used through the facade's path once; a feature that is renamed or lost fails here.

#[cfg(feature = "certify")]
#[test]
fn certify_is_reached_through_the_facade() {
    use claude_flow::certify::Bound;
    assert!(Bound::Below(5).is_met(4));
}

#[cfg(feature = "checkers")]
#[test]
fn checkers_are_reached_through_the_facade() {
    use claude_flow::checkers::{Finding, Severity};
    let finding = Finding::error("text/example", "an example", 0..1);
    assert_eq!(finding.severity, Severity::Error);
}

#[cfg(feature = "consensus")]
#[test]
fn consensus_is_reached_through_the_facade() {
    use claude_flow::consensus::{Digest, Domain};
    let (one, other) = (
        Digest::of(Domain::Subject, b"a"),
        Digest::of(Domain::Evidence, b"a"),
    );
    assert_ne!(one, other);
}

#[cfg(all(feature = "consensus-node", unix))]
#[test]
fn consensus_node_is_reached_through_the_facade() {
    let group = claude_flow::consensus_node::Group::generate(4, 1, 3).expect("a legal size");
    assert_eq!(group.roster().agreement().votes(), 3);
}

#[cfg(feature = "lang-detect")]
#[test]
fn lang_detect_is_reached_through_the_facade() {
    let found = claude_flow::lang_detect::detect("a.rs", b"");
    let language = found.map(|found| found.language);
    assert_eq!(language, Some(claude_flow::prelude::Language::Rust));
}

#[cfg(feature = "msgpool")]
#[test]
fn msgpool_is_reached_through_the_facade() {
    use claude_flow::msgpool::{Options, Pool};
    let pool = Pool::new(&Options::default()).expect("the defaults are valid");
    let buffer = pool.take(100).expect("the pool is full");
    assert_eq!(buffer.freeze().len(), 100);
}

#[cfg(feature = "ringbuf")]
#[test]
fn ringbuf_is_reached_through_the_facade() {
    let ends = claude_flow::ringbuf::spsc::ring(2).expect("a power of two");
    let (mut producer, mut consumer) = ends;
    producer.try_push(1).expect("there is a place");
    assert_eq!(consumer.try_pop(), Ok(1));
}

#[cfg(feature = "pipeline")]
#[test]
fn pipeline_is_reached_through_the_facade() {
    let document = claude_flow::pipeline::Document::new(
        claude_flow::pipeline::document::Request::default(),
        Vec::new(),
    );
    assert_eq!(document.exit_status(), 0);
}

#[cfg(feature = "pipeline")]
#[test]
fn prelude_suffices_to_check_a_content() {
    use claude_flow::prelude::*;
    let report: FileReport = Pipeline::new(Config::default()).check_content(
        "notes".as_ref(),
        b"x\n",
        &Options::default(),
    );
    assert!(
        report.checks[1..]
            .iter()
            .all(|check| check.state == State::NotRun)
    );
}

#[cfg(all(feature = "sandbox", target_os = "linux"))]
#[test]
fn sandbox_is_reached_through_the_facade() {
    use claude_flow::sandbox::{Level, Network, Policy};
    let policy = Policy::new();
    assert_eq!(policy.network, Network::None);
    assert!(policy.require < Level::L3);
}

#[cfg(feature = "executor")]
#[test]
fn executor_is_reached_through_the_facade() {
    use claude_flow::executor::{Executor, Options};
    let executor = Executor::start(&Options::default()).expect("the system gives threads");
    let answer = executor.spawn(|| 6 * 7).expect("there is room");
    assert_eq!(answer.wait().expect("it returns"), 42);
}

#[cfg(all(feature = "eventbus", feature = "msgpool"))]
#[test]
fn eventbus_is_reached_through_the_facade() {
    use claude_flow::eventbus::{Bus, Item, SubscribeOptions};
    use claude_flow::msgpool::{Options, Pool};
    let bus = Bus::new(Pool::new(&Options::default()).expect("the classes are valid"));
    let all = ">".parse().expect("a pattern");
    let mut subscriber = bus
        .subscribe(&all, SubscribeOptions::default())
        .expect("there is room");
    let topic = "a.b".parse().expect("a topic");
    let receipt = bus.publisher_to(&topic).publish(b"x").expect("it fits");
    assert_eq!(receipt.delivered, 1);
    bus.close();
    let items: Vec<Item> = subscriber.iter().collect();
    assert_eq!(items.len(), 1);
}
