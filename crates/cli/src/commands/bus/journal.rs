//! `bus record` and `bus replay`.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use claude_flow::eventbus::journal::{
    Due, Journal, Offset, Options, Paced, ReadError, Speed, Start, Time, Visible,
};
use claude_flow::eventbus::shared::{
    Bus, Item, Message, Publisher, PublisherOptions, SubscribeOptions,
};
use claude_flow::eventbus::{Deadline, Envelope, Pattern};
use claude_flow::msgpool::ClassOptions;
use serde_json::Map;

use super::show::Printer;
use super::{EXIT_UNMET, INTERRUPT_PERIOD, Interrupt};
use crate::args::{RecordArgs, ReplayArgs};

/// How many messages share a sync.
const BATCH: usize = 256;

/// The longest message that is recorded, with its envelope.
const RECORD_BYTES_MAX: u32 = 16 << 20;

/// How fast a journal is replayed without the pauses.
const AT_ONCE: Speed = Speed {
    times: u32::MAX,
    per: 1,
};

fn open(directory: &Path) -> anyhow::Result<Journal> {
    let options = Options {
        record_bytes_max: RECORD_BYTES_MAX,
        ..Options::default()
    };
    let opened = Journal::open(directory, options);
    let opened = opened.with_context(|| format!("opening the journal {}", directory.display()))?;
    Ok(opened.journal)
}

/// Takes messages into a journal.
pub(super) fn record(args: &RecordArgs) -> anyhow::Result<ExitCode> {
    let pattern = super::pattern(&args.pattern)?;
    let interrupt = Interrupt::watch()?;
    let bus = super::open(&args.place)?;
    let journal = open(&args.journal)?;
    let mut subscriber = bus.subscribe(&pattern, &SubscribeOptions::named(&args.name))?;
    let mut held = Vec::new();
    let mut count: u64 = 0;
    loop {
        let mut item = subscriber.recv_until(Deadline::after(INTERRUPT_PERIOD))?;
        while let Some(it) = item.take() {
            if let Item::Message(message) = it {
                append(&journal, &message)?;
                held.push(message);
            }
            if held.len() < BATCH {
                item = subscriber.try_recv()?;
            }
        }
        if held.is_empty() && (interrupt.is_there() || !args.follow) {
            eprintln!("{count} recorded");
            return Ok(ExitCode::SUCCESS);
        }
        journal.sync().context("making the records durable")?;
        for message in held.drain(..) {
            count += u64::from(subscriber.acknowledge(&message));
        }
    }
}

fn append(journal: &Journal, message: &Message) -> anyhow::Result<()> {
    let mut buffer = Vec::new();
    let bytes = message.read(&mut buffer)?.as_bytes();
    journal.append(Time::from_ns(message.unix_ns()), bytes)?;
    Ok(())
}

/// Prints or publishes what was recorded.
pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    ensure!(
        args.journal.is_dir(),
        "there is no journal {}; `claude-flow bus record` makes one",
        args.journal.display()
    );
    let pattern = super::pattern(&args.pattern)?;
    let start = start(args)?;
    let interrupt = Interrupt::watch()?;
    let journal = open(&args.journal)?;
    let reader = journal.reader(start, Visible::Appended)?;
    let speed = if args.recorded_speed {
        Speed::RECORDED
    } else {
        AT_ONCE
    };
    let mut paced = Paced::new(reader, speed);
    let mut outlet = if args.publish {
        Outlet::Bus(Box::new(publisher(&super::open(&args.place)?)?))
    } else {
        Outlet::Print(Printer::new(args.format))
    };
    let mut holes = 0;
    while !interrupt.is_there() {
        match paced.next(now()) {
            Ok(Due::Now(record)) => {
                if !outlet.give(record.offset, record.payload, &pattern)? {
                    break;
                }
            }
            Ok(Due::Later(time)) => {
                let rest = time.as_ns().saturating_sub(now().as_ns());
                std::thread::sleep(Duration::from_nanos(rest).min(INTERRUPT_PERIOD));
            }
            Ok(Due::End) => break,
            Err(error @ (ReadError::Removed { .. } | ReadError::Damaged(_))) => {
                eprintln!("{error}");
                holes += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let code = if holes == 0 { 0 } else { EXIT_UNMET };
    Ok(ExitCode::from(code))
}

fn start(args: &ReplayArgs) -> anyhow::Result<Start> {
    Ok(match (args.from, args.since) {
        (Some(record), _) => Start::At(Offset(record)),
        (None, Some(seconds)) => {
            let since = Duration::try_from_secs_f64(seconds).context("--since is no time")?;
            let ns = u64::try_from(since.as_nanos()).context("--since is no time")?;
            Start::Since(Time::from_ns(ns))
        }
        (None, None) => Start::Beginning,
    })
}

fn now() -> Time {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_ns(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Where replayed messages go.
enum Outlet {
    Print(Printer),
    Bus(Box<Publisher>),
}

impl Outlet {
    /// Whether it takes more.
    fn give(&mut self, offset: Offset, bytes: &[u8], pattern: &Pattern) -> anyhow::Result<bool> {
        let envelope = Envelope::read(bytes)
            .with_context(|| format!("record {} is no message of a bus", offset.0))?;
        let topic = super::topic(envelope.topic())?;
        if !pattern.matches(&topic) {
            return Ok(true);
        }
        match self {
            Self::Print(printer) => {
                let mut more = Map::new();
                more.insert("record".into(), offset.0.into());
                printer.print(&envelope, more)
            }
            Self::Bus(publisher) => publish_again(publisher, &envelope).map(|()| true),
        }
    }
}

/// A publisher of messages of any length that is recorded.
pub(super) fn publisher(bus: &Bus) -> anyhow::Result<Publisher> {
    let class = |payload_bytes, slots| ClassOptions {
        payload_bytes,
        slots,
    };
    let classes = vec![
        class(256, 1_024),
        class(4_096, 128),
        class(64 << 10, 16),
        class(RECORD_BYTES_MAX as usize, 1),
    ];
    let options = PublisherOptions {
        classes,
        ..PublisherOptions::default()
    };
    Ok(bus.publisher(&options)?)
}

/// Publishes a message as a new one, with all that its publisher said about it.
pub(super) fn publish_again(
    publisher: &mut Publisher,
    envelope: &Envelope<'_>,
) -> anyhow::Result<()> {
    let headers: Vec<_> = envelope.headers().collect();
    let fields = claude_flow::eventbus::Fields {
        key: envelope.key(),
        headers: &headers,
        trace: envelope.trace(),
        schema_version: envelope.schema_version(),
        priority: envelope.priority(),
    };
    let topic = super::topic(envelope.topic())?;
    publisher.publish_with(&topic, &fields, envelope.payload())?;
    Ok(())
}
