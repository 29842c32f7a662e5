//! Envelopes: what is written is read, and nothing else is.

use std::sync::Arc;

use claude_flow_eventbus::{
    Bus, Envelope, Event, Fields, Item, Priority, SubscribeOptions, Topic, TraceContext,
};
use proptest::prelude::*;

use crate::make::{At, pattern, pool};

#[derive(Debug, Clone)]
struct Said {
    topic: String,
    key: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
    trace: Option<TraceContext>,
    schema_version: u16,
    priority: Priority,
    payload: Vec<u8>,
}

prop_compose! {
    fn said()(
        topic in "[a-zü]{1,8}(\\.[a-z0-9_-]{1,8}){0,4}",
        key in prop::collection::vec(any::<u8>(), 0..20),
        headers in prop::collection::vec(("[a-z-]{1,10}", prop::collection::vec(any::<u8>(), 0..20)), 0..5),
        trace in prop::option::of(any::<([u8; 16], [u8; 8], u8)>()),
        schema_version in any::<u16>(),
        priority in 0..4_usize,
        payload in prop::collection::vec(any::<u8>(), 0..100),
    ) -> Said {
        let trace = trace.map(|(trace_id, span_id, flags)| TraceContext { trace_id, span_id, flags });
        let priority = Priority::ALL[priority];
        Said { topic, key, headers, trace, schema_version, priority, payload }
    }
}

/// Published and received.
fn event(said: &Said) -> Event {
    let bus = Bus::with_clock(pool(), Arc::new(At(123_456_789)));
    let mut subscriber = bus
        .subscribe(&pattern(">"), SubscribeOptions::default())
        .expect("the options are valid");
    let headers: Vec<_> = said
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), &value[..]))
        .collect();
    let fields = Fields {
        key: &said.key,
        headers: &headers,
        trace: said.trace,
        schema_version: said.schema_version,
        priority: said.priority,
    };
    let topic = Topic::new(&said.topic).expect("it is a topic");
    let receipt = bus.publisher().publish_with(&topic, &fields, &said.payload);
    assert_eq!(receipt.expect("there is room").delivered, 1);
    match subscriber.try_recv() {
        Ok(Item::Event(event)) => event,
        other => panic!("{other:?}"),
    }
}

fn assert_says(envelope: &Envelope<'_>, said: &Said) {
    assert_eq!(envelope.topic(), said.topic);
    assert_eq!(envelope.key(), said.key);
    let headers: Vec<_> = envelope
        .headers()
        .map(|(name, value)| (name.to_owned(), value.to_vec()))
        .collect();
    assert_eq!(headers, said.headers);
    assert_eq!(envelope.trace(), said.trace);
    assert_eq!(envelope.schema_version(), said.schema_version);
    assert_eq!(envelope.priority(), said.priority);
    assert_eq!(envelope.payload(), said.payload);
    assert_eq!(envelope.unix_ns(), 123_456_789);
    assert_eq!(envelope.id().unix_ms(), 123);
}

/// Reads everything that can be read.
fn look_at(envelope: &Envelope<'_>) -> usize {
    let headers = envelope
        .headers()
        .map(|(name, value)| name.len() + value.len());
    envelope.topic().len()
        + envelope.key().len()
        + headers.sum::<usize>()
        + envelope.payload().len()
        + usize::from(envelope.trace().is_some())
        + format!("{envelope:?} {:?}", envelope.priority()).len()
}

proptest! {
    #[test]
    fn what_is_published_is_received(said in said()) {
        let event = event(&said);
        assert_says(&event.envelope(), &said);
        let read = Envelope::read(event.message()).expect("it was written here");
        assert_says(&read, &said);
    }

    /// An envelope with some bytes changed is refused, or is another envelope.
    #[test]
    fn changed_bytes_never_panic(
        said in said(),
        changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        len in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = event(&said).message().to_vec();
        for (place, value) in changes {
            let place = place % bytes.len();
            bytes[place] = value;
        }
        if is_cut {
            bytes.truncate(len.index(bytes.len()));
        }
        if let Ok(envelope) = Envelope::read(&bytes) {
            look_at(&envelope);
        }
    }

    #[test]
    fn any_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), is_first in any::<bool>()) {
        if is_first && bytes.len() > 1 {
            bytes[0] = 1;
            bytes[1] &= 7;
        }
        if let Ok(envelope) = Envelope::read(&bytes) {
            look_at(&envelope);
        }
    }
}
