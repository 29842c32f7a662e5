//! `claude-flow bus`: messages between the processes of one user.

mod dead;
mod journal;
mod publish;
mod show;
mod stats;
mod subscribe;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use claude_flow::eventbus::shared::{AttachError, Bus};
use claude_flow::eventbus::{Pattern, Topic};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::args::{BusCommand, PlaceArgs};

/// What was asked for did not come to pass, and nothing is broken.
const EXIT_UNMET: u8 = 1;
/// As a shell tells it of a program that an interrupt has ended.
const EXIT_INTERRUPTED: u8 = 130;

/// The longest time between an interrupt and the look whether there was one.
const INTERRUPT_PERIOD: Duration = Duration::from_millis(100);

pub(super) fn run(command: &BusCommand) -> anyhow::Result<ExitCode> {
    match command {
        BusCommand::Pub(args) => publish::run(args),
        BusCommand::Sub(args) => subscribe::run(args),
        BusCommand::Stats { place, format } => stats::run(place, *format),
        BusCommand::Record(args) => journal::record(args),
        BusCommand::Replay(args) => journal::replay(args),
        BusCommand::DeadLetters {
            place,
            resend,
            format,
        } => dead::run(place, *resend, *format),
        BusCommand::Remove { name, place } => remove(name, place),
    }
}

fn remove(name: &str, place: &PlaceArgs) -> anyhow::Result<ExitCode> {
    let was_there = attach(place)?.remove(name)?;
    Ok(if was_there {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_UNMET)
    })
}

/// The bus, which is made if there is none.
fn open(place: &PlaceArgs) -> anyhow::Result<Bus> {
    with_directory(place, Bus::open)
}

/// The bus, if there is one.
fn attach(place: &PlaceArgs) -> anyhow::Result<Bus> {
    with_directory(place, Bus::attach)
}

fn with_directory(
    place: &PlaceArgs,
    open: fn(&Path) -> Result<Bus, AttachError>,
) -> anyhow::Result<Bus> {
    let bus = match &place.directory {
        Some(directory) => open(directory),
        None => Bus::directory_of(&place.bus).and_then(|directory| open(&directory)),
    };
    bus.context("attaching to the bus")
}

fn pattern(text: &str) -> anyhow::Result<Pattern> {
    Pattern::new(text).with_context(|| format!("{text:?} is no pattern"))
}

fn topic(text: &str) -> anyhow::Result<Topic> {
    Topic::new(text).with_context(|| format!("{text:?} is no topic"))
}

/// Whether somebody wants the program to end.
struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on an interrupt is noticed and does not end the program at once.
    fn watch() -> anyhow::Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register(signal, Arc::clone(&flag))
                .context("watching for interrupts")?;
        }
        Ok(Self(flag))
    }

    fn is_there(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
