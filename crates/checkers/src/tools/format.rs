//! General formats of reports, for tools of the catalog and for those of the settings.

mod checkstyle;
mod diff;
mod formatted;
mod github;
mod lines;
mod lsp;
mod sarif;

use super::diagnostic::Diagnostic;
use super::invocation::Request;
use super::output::Unread;
use super::place::Unit;
use crate::Severity;

pub use lines::Pattern;

pub(super) use checkstyle::attribute;
pub(super) use formatted::formatted;
pub(super) use lines::{Defaults, Lines, compiled};
pub(super) use lsp::{Range as LspRange, pulled};

/// A general format with what it leaves open.
#[derive(Debug, Clone)]
pub struct FormatReader {
    /// The format.
    pub format: Format,
    /// The severity where the report tells none.
    pub severity: Severity,
    /// What columns count where the report does not tell.
    pub unit: Unit,
}

/// A general format of reports.
#[derive(Debug, Clone)]
pub enum Format {
    /// SARIF 2.1.0.
    Sarif,
    /// Diagnostics of the Language Server Protocol: `textDocument/publishDiagnostics` messages or their
    /// parameters, a full document diagnostic report, or a bare list of diagnostics of the file.
    Lsp,
    /// The XML of checkstyle.
    Checkstyle,
    /// GitHub's workflow commands: `::error file=…,line=…::message`.
    Github,
    /// `file:line:column: severity: message [rule]`, column and severity and rule optional.
    Gnu,
    /// A regular expression with named groups, one line at a time.
    Regex(Pattern),
    /// A unified diff that turns the content into what the tool would write.
    Diff,
    /// The whole text as the tool would write it.
    Formatted,
}

impl FormatReader {
    /// Reads a report; `request` gives the content that a diff is against.
    ///
    /// # Errors
    ///
    /// [`Unread`] if the report is not of the format, or not whole.
    pub fn read(&self, report: &str, request: &Request<'_>) -> Result<Vec<Diagnostic>, Unread> {
        let defaults = Defaults {
            severity: self.severity,
            unit: self.unit,
        };
        match &self.format {
            Format::Sarif => sarif::read(report, defaults),
            Format::Lsp => lsp::read(report, defaults, request),
            Format::Checkstyle => checkstyle::read(report, defaults),
            Format::Github => github::read(report, defaults),
            Format::Gnu => lines::strict(&lines::GNU, report, defaults),
            Format::Regex(pattern) => {
                let mut diagnostics = lines::strict(pattern.regex(), report, defaults)?;
                if !pattern.has_path() {
                    for diagnostic in &mut diagnostics {
                        diagnostic.path = Some(request.path.to_owned());
                    }
                }
                Ok(diagnostics)
            }
            Format::Diff => diff::read(report, request),
            Format::Formatted => formatted(request.content, report.as_bytes()),
        }
    }
}

/// A number of a report that counts from 1, with what is negative taken for 0.
fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
