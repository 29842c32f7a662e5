//! Workflow commands of GitHub Actions, which become annotations on the changed lines.
//!
//! # Source
//!
//! "Workflow commands for GitHub Actions", and `packages/core/src/command.ts` of actions/toolkit for
//! the escapes: `%`, CR and LF in the message; `:` and `,` too in a property.

use std::io::{self, Write};

use claude_flow::pipeline::document::{FileReport, ReportedFinding, Severity};

use crate::report::{Report, missed_checks, missed_reason, new_findings, unbuilt_checks};
use crate::visible::visible_char;

/// Writes an annotation for each finding that the edit brought and for each check that broke.
pub(super) fn write(report: Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    for file in &report.document.files {
        write_file(file, out)?;
    }
    Ok(())
}

fn write_file(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let path = property(&file.path);
    if let Some(error) = &file.error {
        return writeln!(
            out,
            "::error file={path},title=unreadable::{}",
            message(error)
        );
    }
    for finding in new_findings(file) {
        write_finding(&path, finding, out)?;
    }
    for check in missed_checks(file) {
        let reason = message(&missed_reason(check));
        let name = check.name;
        writeln!(
            out,
            "::warning file={path},title={name} not checked::{reason}"
        )?;
    }
    // A log line and no annotation: what this version cannot do is not news about the change.
    let unbuilt: Vec<&str> = unbuilt_checks(file).map(|check| check.name).collect();
    if unbuilt.is_empty() {
        return Ok(());
    }
    // The prefix keeps a path that begins with `::` from being taken for a command.
    let path = escape(&file.path, "");
    writeln!(
        out,
        "claude-flow: {path}: not checked: {}",
        unbuilt.join(", ")
    )
}

fn write_finding(path: &str, finding: &ReportedFinding, out: &mut dyn Write) -> io::Result<()> {
    let command = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let (start, end) = (finding.range.start, finding.range.end);
    write!(
        out,
        "::{command} file={path},line={},endLine={},col={}",
        start.line, end.line, start.column
    )?;
    // GitHub refuses columns of a range over several lines that ends left of its start.
    if end.line == start.line {
        write!(out, ",endColumn={}", end.column)?;
    }
    let text = match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    };
    writeln!(
        out,
        ",title={}::{}",
        property(&finding.rule),
        message(&text)
    )
}

fn message(text: &str) -> String {
    escape(text, "%\r\n")
}

fn property(text: &str) -> String {
    escape(text, "%\r\n:,")
}

/// Percent-escapes the characters in `special`, and makes every other control character visible.
fn escape(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if special.contains(c) {
            escaped.push_str(match c {
                '%' => "%25",
                '\r' => "%0D",
                '\n' => "%0A",
                ':' => "%3A",
                _ => "%2C",
            });
        } else {
            escaped.push(visible_char(c));
        }
    }
    escaped
}
