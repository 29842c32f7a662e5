//! How messages are printed.

use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::Context;
use claude_flow::eventbus::Envelope;
use serde_json::{Map, Value, json};

use crate::args::MessageFormat;
use crate::visible::visible;

/// Standard output, written message by message.
pub(super) struct Printer {
    format: MessageFormat,
}

impl Printer {
    pub(super) const fn new(format: MessageFormat) -> Self {
        Self { format }
    }

    /// Prints a message; whether somebody still reads.
    pub(super) fn print(
        &self,
        envelope: &Envelope<'_>,
        more: Map<String, Value>,
    ) -> anyhow::Result<bool> {
        let bytes = match self.format {
            MessageFormat::Raw => envelope.payload().to_vec(),
            MessageFormat::Json => {
                let mut document = document(envelope);
                document.extend(more);
                format!("{}\n", Value::Object(document)).into_bytes()
            }
            MessageFormat::Human => {
                let payload = String::from_utf8_lossy(envelope.payload());
                format!("[{}] {}\n", visible(envelope.topic()), visible(&payload)).into_bytes()
            }
        };
        let mut stdout = io::stdout().lock();
        match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            written => written
                .context("the message could not be written to standard output")
                .map(|()| true),
        }
    }
}

/// Everything that is known of a message.
pub(super) fn document(envelope: &Envelope<'_>) -> Map<String, Value> {
    let headers = envelope
        .headers()
        .map(|(name, value)| json!({"name": name, "value": text(value)}));
    let mut document = Map::new();
    document.insert("id".into(), envelope.id().to_string().into());
    document.insert("topic".into(), envelope.topic().into());
    document.insert("unix_ns".into(), envelope.unix_ns().into());
    document.insert("key".into(), text(envelope.key()));
    document.insert("headers".into(), headers.collect());
    document.insert("payload".into(), text(envelope.payload()));
    document
}

/// Text as it is; other bytes as an object with their hexadecimal digits.
pub(super) fn text(bytes: &[u8]) -> Value {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.into();
    }
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    json!({ "hex": digits })
}
