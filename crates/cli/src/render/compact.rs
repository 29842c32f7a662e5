//! One line for each finding, for grep, for error lists of editors and for short logs.

use std::io::{self, Write};

use claude_flow::pipeline::document::{FileReport, Severity};

use crate::report::{Report, findings_worst_first, missed_checks, missed_reason, unbuilt_checks};
use crate::visible::{visible, visible_short};

/// The longest message that is written, in characters.
const MESSAGE_CHARS_MAX: usize = 500;

/// Writes every finding that the edit brought, then what was not checked.
pub(super) fn write(report: Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for file in &report.document.files {
        write_file(file, out)?;
    }
    Ok(())
}

fn write_file(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let path = visible(&file.path);
    if let Some(error) = &file.error {
        return writeln!(out, "{path}: unreadable: {}", visible(error));
    }
    for finding in findings_worst_first(file) {
        let start = finding.range.start;
        writeln!(
            out,
            "{path}:{}:{}: {} {}: {}",
            start.line,
            start.column,
            severity_word(finding.severity),
            visible(&finding.rule),
            visible_short(&finding.message, MESSAGE_CHARS_MAX),
        )?;
    }
    let missed: Vec<String> = missed_checks(file)
        .map(|check| format!("{} ({})", check.name, visible(&missed_reason(check))))
        .chain(unbuilt_checks(file).map(|check| check.name.to_owned()))
        .collect();
    if missed.is_empty() {
        return Ok(());
    }
    writeln!(out, "{path}: not checked: {}", missed.join(", "))
}

/// A severity as all forms write it.
pub(super) fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "info",
    }
}
