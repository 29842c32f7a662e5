//! `claude-flow completions`.

use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::output::write_plain;

/// Prints a completion script.
pub(super) fn run(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "claude-flow", &mut script);
    write_plain(&script)?;
    Ok(ExitCode::SUCCESS)
}
