//! The pool among others' types.

use std::borrow::Borrow;
use std::collections::BTreeSet;

use claude_flow_msgpool::Message;

use crate::{assert_all_home, pool_of};

fn message(pool: &claude_flow_msgpool::Pool, bytes: &[u8]) -> Message {
    let mut buffer = pool.take_empty(bytes.len()).expect("it is fresh");
    buffer.extend_from_slice(bytes).expect("it fits");
    buffer.freeze()
}

#[test]
fn a_message_is_found_by_its_bytes() {
    let pool = pool_of(64, 8);
    let set: BTreeSet<Message> = [&b"b"[..], b"a"].map(|bytes| message(&pool, bytes)).into();
    assert!(set.contains(&b"a"[..]) && !set.contains(&b"c"[..]));
    let bytes: &[u8] = set.first().expect("there are two").borrow();
    assert_eq!(bytes, b"a");
    assert!(format!("{set:?}").contains("Message"));
}

#[cfg(feature = "bytes")]
#[test]
fn a_message_becomes_bytes_without_a_copy() {
    let pool = pool_of(64, 1);
    let message = message(&pool, b"hello");
    let address = message.as_ptr();
    let bytes = bytes::Bytes::from(message);
    assert_eq!((&*bytes, bytes.as_ptr()), (&b"hello"[..], address));
    let part = bytes.slice(1..);
    drop(bytes);
    assert!(pool.take(1).is_err(), "the part keeps the slot");
    drop(part);
    assert_all_home(&pool);
}

#[cfg(feature = "postcard")]
#[test]
fn values_come_back_from_a_message_and_what_does_not_fit_changes_nothing() {
    use claude_flow_msgpool::CodecError;

    let pool = pool_of(64, 1);
    let mut buffer = pool.take_empty(64).expect("it is fresh");
    buffer.encode(&(1_u8, "two", [3_u64; 3])).expect("it fits");
    let len = buffer.len();
    let error = buffer.encode(&"x".repeat(64)).expect_err("it does not fit");
    assert_eq!(error, CodecError::Full { rest: 64 - len });
    assert_eq!(buffer.len(), len);
    let message = buffer.freeze();
    let value: (u8, &str, [u64; 3]) = message.decode().expect("it was written");
    assert_eq!(value, (1, "two", [3; 3]));
    assert!(message.slice(..2).decode::<(u8, &str)>().is_err());
}
