//! `bus sub`.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use claude_flow::eventbus::Deadline;
use claude_flow::eventbus::shared::{Item, Message, SubscribeOptions};
use serde_json::{Map, Value};

use super::show::Printer;
use super::{EXIT_INTERRUPTED, EXIT_UNMET, INTERRUPT_PERIOD, Interrupt};
use crate::args::SubArgs;
use crate::visible::visible;

pub(super) fn run(args: &SubArgs) -> anyhow::Result<ExitCode> {
    let pattern = super::pattern(&args.pattern)?;
    let interrupt = Interrupt::watch()?;
    let options = match &args.name {
        Some(name) => SubscribeOptions::named(name),
        None => SubscribeOptions::default(),
    };
    let mut subscriber = super::open(&args.place)?.subscribe(&pattern, &options)?;
    let end = end(args.timeout)?;
    let printer = Printer::new(args.format);
    let mut buffer = Vec::new();
    let mut left = if args.follow { u64::MAX } else { args.count };
    while left != 0 {
        if interrupt.is_there() {
            let code = if args.follow { 0 } else { EXIT_INTERRUPTED };
            return Ok(ExitCode::from(code));
        }
        let look = Instant::now() + INTERRUPT_PERIOD;
        let until = Deadline::At(end.map_or(look, |end| end.min(look)));
        match subscriber.recv_until(until)? {
            Some(Item::Message(message)) => {
                let envelope = message.read(&mut buffer)?;
                if !printer.print(&envelope, more(&message))? {
                    return Ok(ExitCode::SUCCESS);
                }
                subscriber.acknowledge(&message);
                left -= 1;
            }
            Some(Item::Gap(count)) => eprintln!("{count} messages were dropped: this was too slow"),
            Some(Item::DeadLetter(message)) => {
                let topic = visible(message.read(&mut buffer)?.topic());
                eprintln!("a message on {topic} was put aside: see `claude-flow bus dead-letters`");
            }
            None => {}
        }
        if left != 0 && end.is_some_and(|end| Instant::now() >= end) {
            let code = if args.follow { 0 } else { EXIT_UNMET };
            return Ok(ExitCode::from(code));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What only who receives a message knows.
fn more(message: &Message) -> Map<String, Value> {
    let mut more = Map::new();
    more.insert("is_redelivered".into(), message.is_redelivered().into());
    more
}

/// The end of so many seconds from now.
fn end(timeout: Option<f64>) -> anyhow::Result<Option<Instant>> {
    let Some(seconds) = timeout else {
        return Ok(None);
    };
    let duration = Duration::try_from_secs_f64(seconds).context("--timeout is no time")?;
    let end = Instant::now().checked_add(duration);
    ensure!(end.is_some(), "--timeout is longer than the clock goes");
    Ok(end)
}
