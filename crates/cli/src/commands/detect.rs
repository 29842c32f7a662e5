//! `claude-flow detect`: what a directory holds.

pub(crate) mod project;

use std::process::ExitCode;

use anstream::ColorChoice;

use crate::args::DetectArgs;

/// Prints the projects of a directory.
pub(super) fn run(args: &DetectArgs, color: ColorChoice) -> anyhow::Result<ExitCode> {
    let options = project::Options {
        is_json: args.json,
        is_explained: args.explain,
        color,
    };
    project::run(&args.path, options)
}
