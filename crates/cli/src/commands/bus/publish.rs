//! `bus pub`.

use std::io::{self, BufRead, Read};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use claude_flow::eventbus::Fields;
use claude_flow::eventbus::shared::{Publisher, PublisherOptions};
use claude_flow::msgpool::ClassOptions;
use serde_json::json;

use super::EXIT_UNMET;
use crate::args::{BusFormat, PubArgs};
use crate::output::write_plain;

/// The largest payload, in bytes.
const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// What an envelope has room for beside the payload, rounded up.
const ENVELOPE_BYTES: usize = 16 << 10;

/// Slots for lines: small ones, and those that are longer.
const LINE_CLASSES: [(usize, usize); 3] = [(256, 1_024), (4_096, 128), (80 << 10, 16)];

/// What became of all messages.
#[derive(Default)]
struct Sums {
    published: u64,
    delivered: u64,
    dropped: u64,
    /// Messages for fewer subscriptions than expected.
    short: u64,
}

pub(super) fn run(args: &PubArgs) -> anyhow::Result<ExitCode> {
    let topic = super::topic(&args.topic)?;
    let headers: Vec<_> = args
        .headers
        .iter()
        .map(|header| {
            let (name, value) = header
                .split_once('=')
                .with_context(|| format!("the header {header:?} is not NAME=VALUE"))?;
            Ok::<_, anyhow::Error>((name, value.as_bytes()))
        })
        .collect::<Result<_, _>>()?;
    let fields = Fields {
        key: args.key.as_bytes(),
        headers: &headers,
        ..Fields::default()
    };
    let bus = super::open(&args.place)?;
    let mut sums = Sums::default();
    let mut publish = |publisher: &mut Publisher, payload: &[u8]| -> anyhow::Result<()> {
        let receipt = publisher.publish_with(&topic, &fields, payload)?;
        sums.published += 1;
        sums.delivered += u64::from(receipt.delivered);
        sums.dropped += u64::from(receipt.dropped);
        sums.short += u64::from(receipt.delivered < args.expect);
        Ok(())
    };
    if args.lines {
        let mut publisher = bus.publisher(&options(&LINE_CLASSES))?;
        let told = "publishing the lines of standard input";
        for_each_line(|line| publish(&mut publisher, line)).context(told)?;
    } else {
        let payload = payload(args)?;
        let bytes = (payload.len() + ENVELOPE_BYTES).next_multiple_of(64);
        let mut publisher = bus.publisher(&options(&[(bytes, 1)]))?;
        publish(&mut publisher, &payload)?;
    }
    write_plain(sums.text(args.format).as_bytes())?;
    Ok(if sums.dropped == 0 && sums.short == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_UNMET)
    })
}

impl Sums {
    fn text(&self, format: BusFormat) -> String {
        let Self {
            published,
            delivered,
            dropped,
            ..
        } = self;
        match format {
            BusFormat::Json => {
                let document = json!({
                    "published": published, "delivered": delivered, "dropped": dropped,
                });
                format!("{document}\n")
            }
            BusFormat::Human if *dropped == 0 => {
                format!("published {published}, delivered {delivered}\n")
            }
            BusFormat::Human => {
                format!("published {published}, delivered {delivered}, dropped {dropped}\n")
            }
        }
    }
}

fn options(classes: &[(usize, usize)]) -> PublisherOptions {
    let class = |(payload_bytes, slots): &(usize, usize)| ClassOptions {
        payload_bytes: *payload_bytes,
        slots: *slots,
    };
    PublisherOptions {
        classes: classes.iter().map(class).collect(),
        ..PublisherOptions::default()
    }
}

fn payload(args: &PubArgs) -> anyhow::Result<Vec<u8>> {
    if let Some(text) = &args.payload {
        return Ok(text.clone().into_bytes());
    }
    let mut bytes = Vec::new();
    let mut stdin = io::stdin().lock().take(PAYLOAD_BYTES_MAX as u64 + 1);
    stdin
        .read_to_end(&mut bytes)
        .context("reading the payload from standard input")?;
    ensure!(
        bytes.len() <= PAYLOAD_BYTES_MAX,
        "the payload is longer than {PAYLOAD_BYTES_MAX} bytes; put it into a file and publish its path"
    );
    Ok(bytes)
}

/// Calls for each line of standard input, without its end.
fn for_each_line(mut call: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let line_bytes_max = LINE_CLASSES.last().map_or(0, |it| it.0) - ENVELOPE_BYTES;
    let mut stdin = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        let mut limited = stdin.by_ref().take(line_bytes_max as u64 + 1);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() > line_bytes_max {
            bail!("a line is longer than {line_bytes_max} bytes");
        }
        call(&line)?;
    }
}
