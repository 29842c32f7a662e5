//! `bus stats`.

use std::fmt::Write as _;
use std::process::ExitCode;

use claude_flow::eventbus::shared::{Overflow, Stats, SubscriptionStats};
use serde_json::{Value, json};

use crate::args::{BusFormat, PlaceArgs};
use crate::output::write_plain;

pub(super) fn run(place: &PlaceArgs, format: BusFormat) -> anyhow::Result<ExitCode> {
    let bus = super::attach(place)?;
    let stats = bus.stats();
    let text = match format {
        BusFormat::Json => format!("{}\n", document(&bus.directory().to_string_lossy(), &stats)),
        BusFormat::Human => human(&bus.directory().to_string_lossy(), &stats),
    };
    write_plain(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn document(directory: &str, stats: &Stats) -> Value {
    let publishers = stats
        .publishers
        .iter()
        .map(|it| json!({"seat": it.seat, "pid": it.pid, "published": it.published}));
    let subscriptions = stats.subscriptions.iter().map(|it| {
        json!({
            "name": it.name,
            "pattern": it.pattern.as_str(),
            "pid": it.pid,
            "capacity": it.capacity,
            "when_full": when_full(it.overflow),
            "publishers": it.publishers,
            "waiting": it.waiting,
            "acknowledged": it.received,
            "redelivered": it.redelivered,
            "dropped": it.dropped,
            "dead_letters": it.dead,
        })
    });
    json!({
        "directory": directory,
        "publishers": publishers.collect::<Value>(),
        "subscriptions": subscriptions.collect::<Value>(),
    })
}

fn human(directory: &str, stats: &Stats) -> String {
    let mut text = format!("{directory}\n");
    // Writing to a string cannot fail.
    for it in &stats.publishers {
        let who = it
            .pid
            .map_or("gone".to_owned(), |pid| format!("process {pid}"));
        let _ = writeln!(
            text,
            "publisher {}: {who}, {} published",
            it.seat, it.published
        );
    }
    for it in &stats.subscriptions {
        let _ = writeln!(text, "{}", line(it));
    }
    if stats.publishers.is_empty() && stats.subscriptions.is_empty() {
        text.push_str("nobody publishes or subscribes\n");
    }
    text
}

fn line(it: &SubscriptionStats) -> String {
    let name = it.name.as_ref().map(|it| format!(" {it}"));
    let name = name.unwrap_or_default();
    let who = it
        .pid
        .map_or("nobody receives".to_owned(), |pid| format!("process {pid}"));
    let mut line = format!(
        "subscription{name} on {}: {who}, {} waiting, {} acknowledged",
        it.pattern, it.waiting, it.received
    );
    for (count, what) in [
        (it.redelivered, "redelivered"),
        (it.dropped, "dropped"),
        (it.dead, "dead letters"),
    ] {
        if count != 0 {
            let _ = write!(line, ", {count} {what}");
        }
    }
    line
}

fn when_full(overflow: Overflow) -> Value {
    match overflow {
        Overflow::Drop => "drop".into(),
        Overflow::Refuse { after } => {
            json!({ "refuse_after_ms": u64::try_from(after.as_millis()).unwrap_or(u64::MAX) })
        }
    }
}
