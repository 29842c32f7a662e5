//! One file for each command.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod bus;
#[cfg(unix)]
mod certificate;
#[cfg(unix)]
mod certify;
mod completions;
#[cfg(unix)]
mod consensus;
#[cfg(target_os = "linux")]
mod daemon;
mod detect;
mod doctor;
#[cfg(target_os = "linux")]
mod events;
pub(crate) mod hook;
mod init;
pub(crate) mod post_edit;
mod schema;
mod tdd;
#[cfg(target_os = "linux")]
mod test;
mod trust;
mod watch;

use std::process::ExitCode;

use anstream::ColorChoice;
use claude_flow::pipeline::Pipeline;
use claude_flow::pipeline::tdd::Recorder;

use crate::args::Command;

/// Does what was asked for; the code is what the program exits with.
pub(crate) fn run(command: Command, color: ColorChoice) -> anyhow::Result<ExitCode> {
    match command {
        Command::PostEdit(args) => post_edit::run(*args, color),
        Command::Hook { harness, no_daemon } => Ok(hook::run(harness, no_daemon)),
        #[cfg(target_os = "linux")]
        Command::Daemon(args) => daemon::run(&args, color),
        #[cfg(target_os = "linux")]
        Command::Events(args) => events::run(&args),
        Command::Init(args) => init::run(&args, color),
        Command::Doctor { directory, format } => doctor::run(&directory, format, color),
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        Command::Bus(command) => bus::run(&command),
        #[cfg(unix)]
        Command::Consensus(command) => consensus::run(&command, color),
        #[cfg(unix)]
        Command::Certify(args) => certify::run(&args, color),
        #[cfg(unix)]
        Command::Certificate(command) => certificate::run(&command, color),
        #[cfg(unix)]
        Command::Secrets { directory } => certify::secrets(&directory, color),
        Command::Detect(args) => detect::run(&args, color),
        #[cfg(target_os = "linux")]
        Command::Test(args) => test::run(args, color),
        Command::Trust(args) => trust::run(&args, color),
        Command::Tdd(args) => tdd::run(&args, color),
        Command::Watch(args) => watch::run(&args, color),
        Command::Schema => schema::run(),
        Command::Completions { shell } => completions::run(shell),
    }
}

/// The pipeline, which tells the user's record of test-driven development of the edits that it sees.
pub(crate) fn recording(pipeline: Pipeline) -> Pipeline {
    match Recorder::of_user() {
        Some(recorder) => pipeline.with_recorder(recorder),
        None => pipeline,
    }
}
