//! Answers to the programs that drive an agent, each by its own contract.

mod claude_code;
mod context;

use std::path::Path;

use clap::ValueEnum;
use claude_flow::pipeline::document::Document;

/// A program that drives an agent and calls hooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Harness {
    /// Claude Code: answers `PostToolUse` after an edit
    ClaudeCode,
}

impl Harness {
    /// The answer to a payload; never an error, because an answer that the harness cannot read
    /// breaks the agent's turn.
    pub(crate) fn respond(self, payload: &[u8], workspace: &dyn Workspace) -> Answer {
        match self {
            Self::ClaudeCode => claude_code::respond(payload, workspace),
        }
    }
}

/// The world as far as an answer depends on it.
pub(crate) trait Workspace {
    /// Whether Cursor is calling, which replays the hooks of Claude Code beside its own.
    fn is_cursor(&self) -> bool;

    /// The file as it is now, if it is readable and not too large to be compared.
    fn read(&self, path: &Path) -> Option<Vec<u8>>;

    /// The verdict on the file, against the content before the edit if that is known.
    fn check(&self, path: &Path, before: Option<Vec<u8>>) -> Document;
}

/// What goes to the harness.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// One JSON document for standard output, or nothing.
    pub(crate) stdout: Option<String>,
    /// One line for standard error: what was wrong with the payload.
    pub(crate) stderr: Option<String>,
}

impl Answer {
    /// Nothing to say.
    fn silent() -> Self {
        Self::default()
    }

    /// Nothing for the agent, a line for whoever looks for the reason.
    fn only_stderr(line: impl Into<String>) -> Self {
        Self {
            stdout: None,
            stderr: Some(line.into()),
        }
    }
}

#[cfg(test)]
mod tests;
