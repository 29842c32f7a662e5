//! JSON-RPC 2.0 messages, looked into only as far as needed: results and parameters stay text.
#![forbid(unsafe_code)]

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::tool::ServerError;

/// The code of a method that nobody handles.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

/// The code of a handler that panicked.
pub(super) const INTERNAL_ERROR: i64 = -32603;

/// A message from the tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Message {
    /// The answer to the request of this id, `None` if no such id can be ours.
    Answer {
        id: Option<u64>,
        outcome: Result<String, ServerError>,
    },
    Notification {
        method: String,
        params: String,
    },
    /// The tool asks something. Its id may be anything.
    Request {
        id: String,
        method: String,
        params: String,
    },
}

#[derive(Debug, Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<WireError<'a>>,
}

#[derive(Debug, Deserialize)]
struct WireError<'a> {
    code: i64,
    #[serde(borrow)]
    message: Cow<'a, str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

pub(super) fn parse(bytes: &[u8]) -> Result<Message, serde_json::Error> {
    let envelope: Envelope<'_> = serde_json::from_slice(bytes)?;
    let text = |raw: Option<&RawValue>| raw.map_or("null", RawValue::get).to_owned();
    Ok(match (envelope.method, envelope.id) {
        (Some(method), None) => Message::Notification {
            method: method.into_owned(),
            params: text(envelope.params),
        },
        (Some(method), Some(id)) => Message::Request {
            id: id.get().to_owned(),
            method: method.into_owned(),
            params: text(envelope.params),
        },
        (None, id) => Message::Answer {
            id: id.and_then(|id| id.get().parse().ok()),
            outcome: match envelope.error {
                None => Ok(text(envelope.result)),
                Some(error) => Err(ServerError {
                    code: error.code,
                    message: error.message.into_owned(),
                    data: error.data.map(|data| data.get().to_owned()),
                }),
            },
        },
    })
}

/// Whether a text is one JSON value.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

pub(super) fn request(id: u64, method: &str, params: &str) -> Vec<u8> {
    let method = quote(method);
    framed(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":{method},"params":{params}}}"#
    ))
}

pub(super) fn notification(method: &str, params: &str) -> Vec<u8> {
    let method = quote(method);
    framed(&format!(
        r#"{{"jsonrpc":"2.0","method":{method},"params":{params}}}"#
    ))
}

/// What LSP sends when nobody waits for an answer any more; others do not know it and ignore it.
pub(super) fn cancellation(id: u64) -> Vec<u8> {
    notification("$/cancelRequest", &format!(r#"{{"id":{id}}}"#))
}

pub(super) fn answer(id: &str, outcome: &Result<String, ServerError>) -> Vec<u8> {
    framed(&match outcome {
        Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
        Err(error) => {
            let ServerError { code, message, .. } = error;
            let message = quote(message);
            format!(
                r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#
            )
        }
    })
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn framed(body: &str) -> Vec<u8> {
    format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &Message) {
        assert_eq!(&parse(text.as_bytes()).expect("it is JSON"), expected);
    }

    fn answer_of(id: Option<u64>, text: &str) -> Message {
        Message::Answer {
            id,
            outcome: Ok(text.into()),
        }
    }

    #[test]
    fn kinds_of_messages_are_told_apart() {
        check(
            r#"{"jsonrpc":"2.0","id":7,"result":{"a": 1}}"#,
            &answer_of(Some(7), r#"{"a": 1}"#),
        );
        check(r#"{"id":7,"result":null}"#, &answer_of(Some(7), "null"));
        check(r#"{"id":"7","result":1}"#, &answer_of(None, "1"));
        check(r#"{"id":-7,"result":1}"#, &answer_of(None, "1"));
        check("{}", &answer_of(None, "null"));
        check(
            r#"{"method":"a\n","params":[1]}"#,
            &Message::Notification {
                method: "a\n".into(),
                params: "[1]".into(),
            },
        );
        check(
            r#"{"id":"x\"y","method":"a"}"#,
            &Message::Request {
                id: r#""x\"y""#.into(),
                method: "a".into(),
                params: "null".into(),
            },
        );
        check(
            r#"{"id":1,"error":{"code":-1,"message":"no","data":{}}}"#,
            &Message::Answer {
                id: Some(1),
                outcome: Err(ServerError {
                    code: -1,
                    message: "no".into(),
                    data: Some("{}".into()),
                }),
            },
        );
    }

    #[test]
    fn what_is_sent_is_what_the_other_side_reads() {
        let body = |bytes: Vec<u8>| {
            let text = String::from_utf8(bytes).expect("JSON is UTF-8");
            let (_, body) = text.split_once("\r\n\r\n").expect("there is a header");
            parse(body.as_bytes()).expect("it is JSON")
        };
        let request = Message::Request {
            id: "3".into(),
            method: "say \"hi\"".into(),
            params: "{}".into(),
        };
        assert_eq!(body(super::request(3, "say \"hi\"", "{}")), request);
        let refusal = ServerError {
            code: METHOD_NOT_FOUND,
            message: "no \"such\"".into(),
            data: None,
        };
        let outcome = Err(refusal);
        let expected = Message::Answer {
            id: Some(4),
            outcome: outcome.clone(),
        };
        assert_eq!(body(answer("4", &outcome)), expected);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
