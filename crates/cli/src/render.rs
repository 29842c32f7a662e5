//! The result document in the forms that people and programs read.

mod compact;
mod github;
mod human;
mod json;
mod sarif;

use std::io::{self, Write};

use clap::ValueEnum;

use crate::report::Report;

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: a source excerpt with a caret for each finding, then what was checked and what was not
    Human,
    /// The whole result as one JSON document (`claude-flow schema` prints its schema)
    Json,
    /// SARIF 2.1.0, for code scanning services and editors
    Sarif,
    /// GitHub Actions annotations
    Github,
    /// One line for each finding
    Compact,
}

/// Writes a report in a form; `width` is that of the terminal, in columns.
///
/// # Errors
///
/// What the writer answers; part of the output may be written.
pub(crate) fn render(
    report: Report<'_>,
    format: Format,
    width: usize,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Human => human::write(report, width, out),
        Format::Json => json::write(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Github => github::write(report, out),
        Format::Compact => compact::write(report, out),
    }
}

#[cfg(test)]
mod tests;
