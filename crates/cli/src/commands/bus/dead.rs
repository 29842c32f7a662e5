//! `bus dead-letters`.

use std::process::ExitCode;

use claude_flow::eventbus::Envelope;
use claude_flow::eventbus::delivery::{Letter, Reason};
use claude_flow::eventbus::journal::{Journal, ReadError, Record, Start, Visible};
use claude_flow::eventbus::shared::Bus;
use serde_json::Value;

use super::{journal, show};
use crate::args::{BusFormat, PlaceArgs};
use crate::output::write_plain;
use crate::visible::visible;

/// The cursor of what was published again.
const CURSOR: &str = "resend";

pub(super) fn run(
    place: &PlaceArgs,
    is_resent: bool,
    format: BusFormat,
) -> anyhow::Result<ExitCode> {
    let bus = super::attach(place)?;
    let letters = bus.dead_letters()?;
    if is_resent {
        let count = resend(&bus, &letters)?;
        let text = match format {
            BusFormat::Human => format!("{count} published again\n"),
            BusFormat::Json => format!("{}\n", serde_json::json!({ "published": count })),
        };
        write_plain(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for_each(&letters, Start::Beginning, |record| {
        text.push_str(&line(record, format));
        Ok(())
    })?;
    write_plain(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Calls for each letter; what is missing is told on standard error.
fn for_each(
    letters: &Journal,
    start: Start,
    mut call: impl FnMut(&Record<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut reader = letters.reader(start, Visible::Appended)?;
    loop {
        match reader.next() {
            Ok(Some(record)) => call(&record)?,
            Ok(None) => return Ok(()),
            Err(error @ (ReadError::Removed { .. } | ReadError::Damaged(_))) => {
                eprintln!("{error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn line(record: &Record<'_>, format: BusFormat) -> String {
    let Ok(letter) = Letter::decode(record.payload) else {
        return format!("record {} is no dead letter\n", record.offset.0);
    };
    let reason = match letter.history.last().map(|it| &it.reason) {
        Some(Reason::Rejected(text)) => text.clone(),
        _ => "no reason was given".to_owned(),
    };
    let Ok(envelope) = Envelope::read(letter.payload) else {
        return format!(
            "record {}: {}, of a damaged message\n",
            record.offset.0,
            visible(&reason)
        );
    };
    match format {
        BusFormat::Human => {
            let payload = String::from_utf8_lossy(envelope.payload());
            let (reason, payload) = (visible(&reason), visible(&payload));
            format!("[{}] {reason}: {payload}\n", visible(envelope.topic()))
        }
        BusFormat::Json => {
            let mut document = show::document(&envelope);
            document.insert("reason".into(), reason.into());
            document.insert("record".into(), record.offset.0.into());
            format!("{}\n", Value::Object(document))
        }
    }
}

/// Publishes the letters that were not published again yet; how many.
fn resend(bus: &Bus, letters: &Journal) -> anyhow::Result<u64> {
    let mut cursor = letters.cursor(CURSOR, letters.start())?;
    let mut publisher = journal::publisher(bus)?;
    let mut count = 0;
    for_each(letters, Start::At(cursor.position()), |record| {
        if let Ok(letter) = Letter::decode(record.payload)
            && let Ok(envelope) = Envelope::read(letter.payload)
        {
            journal::publish_again(&mut publisher, &envelope)?;
            count += 1;
        }
        let next = claude_flow::eventbus::journal::Offset(record.offset.0 + 1);
        cursor.commit(next, &[])?;
        Ok(())
    })?;
    Ok(count)
}
