//! The layout of envelopes: its golden bytes, and what is refused.

use std::sync::Arc;

use claude_flow_eventbus::{
    Bus, Envelope, EnvelopeError, Fields, HEADER_BYTES_MAX, HEADERS_MAX, Item, KEY_BYTES_MAX,
    Priority, PublishError, Receipt, SubscribeOptions, TraceContext,
};

use crate::make::{At, pattern, pool, topic};

const GOLDEN: &str = include_str!("../../../../fixtures/eventbus/envelope-v1/full.hex");

/// Where the identifier is, which begins at random.
const ID: std::ops::Range<usize> = 16..32;

fn golden() -> Vec<u8> {
    let digits: String = GOLDEN.split_whitespace().collect();
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("they are digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn publish(fields: &Fields<'_>) -> (Result<Receipt, PublishError>, Vec<u8>) {
    let bus = Bus::with_clock(pool(), Arc::new(At(1_700_000_000_123_456_789)));
    let mut all = bus
        .subscribe(&pattern(">"), SubscribeOptions::default())
        .expect("the options are valid");
    let receipt = bus
        .publisher()
        .publish_with(&topic("edits.rust.saved"), fields, b"src/main.rs");
    let event = all.try_recv().ok().and_then(Item::into_event);
    let bytes = event.map_or(Vec::new(), |it| it.message().to_vec());
    (receipt, bytes)
}

fn full() -> Fields<'static> {
    Fields {
        key: b"src/main.rs",
        headers: &[("content-type", b"text/plain"), ("agent", b"7")],
        trace: Some(TraceContext {
            trace_id: *b"0123456789abcdef",
            span_id: *b"spanspan",
            flags: 1,
        }),
        schema_version: 3,
        priority: Priority::High,
    }
}

/// Catches every change of the layout: stored envelopes would not be read any more.
#[test]
fn version_1_has_these_bytes() {
    let (receipt, mut bytes) = publish(&full());
    let id = receipt.expect("there is room").id;
    assert_eq!(bytes[ID], id.as_u128().to_be_bytes());
    assert_eq!(id.unix_ms(), 1_700_000_000_123);
    bytes[ID].fill(0xee);
    assert_eq!(bytes, golden(), "now: {bytes:02x?}");
}

#[test]
fn golden_bytes_are_read() {
    let golden = golden();
    let envelope = Envelope::read(&golden).expect("it is an envelope");
    assert_eq!(envelope.topic(), "edits.rust.saved");
    assert_eq!(envelope.key(), b"src/main.rs");
    assert_eq!(envelope.header("agent"), Some(&b"7"[..]));
    assert_eq!(envelope.header("nobody"), None);
    assert_eq!(envelope.trace(), full().trace);
    assert_eq!(envelope.unix_ns(), 1_700_000_000_123_456_789);
    assert_eq!(envelope.payload(), b"src/main.rs");
}

#[test]
fn what_is_not_canonical_is_refused_by_name() {
    let check = |change: &dyn Fn(&mut Vec<u8>), expected: EnvelopeError| {
        let mut bytes = golden();
        change(&mut bytes);
        assert_eq!(Envelope::read(&bytes).err(), Some(expected));
    };
    check(&|it| it.truncate(39), EnvelopeError::TooShort { len: 39 });
    check(&|it| it[0] = 2, EnvelopeError::Version(2));
    check(&|it| it[1] |= 8, EnvelopeError::Flags(0b1101));
    check(&|it| it[4] += 8, EnvelopeError::Lengths);
    check(&|it| it[32] += 1, EnvelopeError::Lengths);
    check(&|it| it[71] = 1, EnvelopeError::Padding);
    check(&|it| it[72] = 0xff, EnvelopeError::TopicText);
    check(&|it| it[5] = 1, EnvelopeError::Headers);
    check(
        &|it| it.push(0),
        EnvelopeError::PayloadLength {
            written: 11,
            there: 12,
        },
    );
    let is_topic = |bytes: &[u8]| matches!(Envelope::read(bytes), Err(EnvelopeError::Topic(_)));
    let mut bytes = golden();
    bytes[72] = b'*';
    assert!(is_topic(&bytes));
}

#[test]
fn fields_beyond_their_limits_are_refused() {
    let check = |fields: &Fields<'_>| {
        let (receipt, bytes) = publish(fields);
        assert_eq!(receipt, Err(PublishError::TooLarge));
        assert!(bytes.is_empty(), "nobody got anything");
    };
    check(&Fields {
        key: &[0; KEY_BYTES_MAX + 1],
        ..Fields::default()
    });
    check(&Fields {
        headers: &[("a", &b""[..]); HEADERS_MAX + 1],
        ..Fields::default()
    });
    check(&Fields {
        headers: &[("a", &[0; HEADER_BYTES_MAX])],
        ..Fields::default()
    });
    check(&Fields {
        headers: &[("", b"nameless")],
        ..Fields::default()
    });
}
