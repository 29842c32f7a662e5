//! Running a validator, and asking how it is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use anyhow::Context;
use claude_flow::consensus_node::{
    Client, Durability, Home, NodeStatus, RosterFile, Service, ServiceOptions,
};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::ANSWER_TIMEOUT;
use crate::args::{ConsensusFormat, NodeArgs};
use crate::output::{write_plain, write_styled};
use crate::visible::visible;

const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default();

/// Runs a validator until it is told to end or cannot go on.
pub(super) fn run(args: &NodeArgs) -> anyhow::Result<ExitCode> {
    let path = args
        .roster
        .clone()
        .unwrap_or_else(|| beside(&args.directory));
    let group = RosterFile::read(&path)
        .context("the roster file cannot be used; `claude-flow consensus init` writes one")?;
    let mut options = ServiceOptions::default();
    if args.no_sync {
        options.durability = Durability::Process;
    }
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("watching for signals")?;
    let service = Service::start(&Home::new(&args.directory), &group, options)?;
    let handle = service.handle();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || signals.forever().for_each(|_| handle.stop()))
        .context("starting a thread")?;
    let me = service.validator();
    let n = group.roster.committee().n();
    let mut up = format!(
        "validator {me} of {n} is up at {}",
        group.addresses[me.0 as usize]
    );
    if service.torn_bytes() > 0 && !service.is_lossy() {
        up.push_str("; an unfinished write was cut from its log");
    }
    if service.is_lossy() {
        up.push_str(
            "; its log had lost records, so it observes until a later checkpoint, \
             and the damaged files are kept beside as .lost",
        );
    }
    up.push('\n');
    write_plain(up.as_bytes())?;
    service.join().context("the validator stopped")?;
    write_plain(format!("validator {me} has ended\n").as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// roster.toml beside a validator's directory.
fn beside(directory: &Path) -> PathBuf {
    directory.join("..").join("roster.toml")
}

/// Says how a validator is doing.
pub(super) fn status(
    directory: &Path,
    format: ConsensusFormat,
    color: ColorChoice,
) -> anyhow::Result<ExitCode> {
    let mut client = Client::connect(&Home::new(directory).control())
        .context("is it running? `claude-flow consensus node` starts it")?;
    let status = client.status(ANSWER_TIMEOUT)?;
    match format {
        ConsensusFormat::Json => {
            let mut text = serde_json::to_vec(&status)?;
            text.push(b'\n');
            write_plain(&text)?;
        }
        ConsensusFormat::Human => {
            let mut out = Vec::new();
            write_status(&mut out, &status)?;
            write_styled(&out, color)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_status(out: &mut Vec<u8>, status: &NodeStatus) -> std::io::Result<()> {
    writeln!(out, "{BOLD}validator {}{BOLD:#}", status.validator)?;
    writeln!(
        out,
        "  decided {} slots, the last stable checkpoint is at {}",
        status.decided, status.stable
    )?;
    let view = if status.is_changing { "wants" } else { "is in" };
    writeln!(
        out,
        "  {view} view {}, has written {} records",
        status.view, status.records
    )?;
    if status.is_amnesiac {
        writeln!(
            out,
            "  {RED}only observes{RED:#}: its log lost records, until a later checkpoint"
        )?;
    }
    for link in &status.links {
        let id = link.validator;
        match &link.error {
            None if link.is_connected => writeln!(out, "  connected to {id}")?,
            None => writeln!(out, "  not yet connected to {id}")?,
            Some(error) => {
                let error = visible(error);
                writeln!(out, "  {RED}not connected{RED:#} to {id}: {error}")?;
            }
        }
    }
    for liar in &status.liars {
        writeln!(
            out,
            "  {RED}validator {liar} contradicts itself{RED:#}, and signed both"
        )?;
    }
    Ok(())
}
