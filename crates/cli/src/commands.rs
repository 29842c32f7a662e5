//! One file for each command.

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod bus;
mod completions;
#[cfg(unix)]
mod consensus;
mod detect;
mod doctor;
mod hook;
mod init;
mod post_edit;
mod schema;
mod trust;

use std::process::ExitCode;

use anstream::ColorChoice;

use crate::args::Command;

/// Does what was asked for; the code is what the program exits with.
pub(crate) fn run(command: Command, color: ColorChoice) -> anyhow::Result<ExitCode> {
    match command {
        Command::PostEdit(args) => post_edit::run(*args, color),
        Command::Hook { harness } => Ok(hook::run(harness)),
        Command::Init(args) => init::run(&args, color),
        Command::Doctor { directory, format } => doctor::run(&directory, format, color),
        #[cfg(all(target_os = "linux", target_pointer_width = "64"))]
        Command::Bus(command) => bus::run(&command),
        #[cfg(unix)]
        Command::Consensus(command) => consensus::run(&command, color),
        Command::Detect(args) => detect::run(&args, color),
        Command::Trust(args) => trust::run(&args, color),
        Command::Schema => schema::run(),
        Command::Completions { shell } => completions::run(shell),
    }
}
