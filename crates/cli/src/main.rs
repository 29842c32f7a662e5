//! The program `claude-flow`: checks an edited file for people, editors, CI and agent harnesses.
//!
//! What it prints and exits with is told by `claude-flow --help`; the checks are in the crate
//! `claude-flow`, this one asks for them and shows what they found.
//!
//! Invariants: standard output holds nothing but what was asked for; every error names the thing,
//! what is wrong with it and what to do, on standard error; a pipe that its reader closed ends the
//! program quietly; `hook` exits with 0 whatever happens.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "this layer is where files and the environment are read; the ban is for the pure crates"
)]

mod args;
#[cfg(unix)]
mod certify;
mod changes;
mod commands;
#[cfg(target_os = "linux")]
mod daemon;
mod failure;
mod hook;
mod output;
mod render;
mod replace;
mod report;
mod settings;
mod visible;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::hook::Harness;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    claude_flow::sandbox::become_helper_if_asked();
    failure::catch_panics(|| {
        // A hook runs after every edit: its two words are understood without the tables of all commands.
        if let Some(harness) = Harness::only_argument(std::env::args_os()) {
            return commands::hook::run(harness, false);
        }
        let args = match Args::try_parse() {
            Ok(args) => args,
            Err(told) => return failure::report_arguments(&told),
        };
        let color = args.color.choice();
        commands::run(args.command, color).unwrap_or_else(|error| failure::report(&error, color))
    })
}
