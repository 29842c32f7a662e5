//! `ruff server`, which lints and formats.

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::warm::{Server, Start, split_help};

pub(super) static SERVER: Server = Server {
    name: "ruff server",
    start: Start::Protocol {
        arguments: &["server"],
    },
    inputs: &[
        ".ruff.toml",
        "ruff.toml",
        "pyproject.toml",
        ".gitignore",
        ".ignore",
    ],
    unless_configuration_holds: &["extend ", "extend="],
    watches: &[],
};

/// As `ruff check` tells it. Which of its edits are safe the server does not say, so none is offered.
pub(super) fn translate(mut diagnostic: Diagnostic) -> Diagnostic {
    split_help(&mut diagnostic);
    let rule = diagnostic.rule.get_or_insert("invalid-syntax".to_owned());
    diagnostic.severity = if rule == "invalid-syntax" {
        Severity::Error
    } else {
        Severity::Warning
    };
    diagnostic
}
