//! `claude-flow schema`.

use std::process::ExitCode;

use claude_flow::pipeline::RESULT_SCHEMA;

use crate::output::write_plain;

/// Prints the JSON Schema of the result document.
pub(super) fn run() -> anyhow::Result<ExitCode> {
    write_plain(RESULT_SCHEMA.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
