//! The text that an agent's model reads: what its edit broke, in few words.
//!
//! It states facts: what sounds like an order can be taken for an attempt at injection.

use claude_flow::pipeline::document::{CheckReport, FileReport, ReportedFinding, Severity, State};

use crate::report::{all_findings, findings_worst_first, missed_checks, missed_reason};
use crate::visible::visible_short;

/// The longest text, in UTF-16 units, which no way of counting characters exceeds.
///
/// Harnesses cut or drop what has more than 10,000; the margin is for what they may add.
pub(super) const CONTEXT_UNITS_MAX: usize = 9_000;

/// What is kept free for the lines after the findings, in UTF-16 units.
const CLOSING_UNITS_MAX: usize = 1_500;

/// With less than this left no other file is begun, in UTF-16 units.
const FILE_UNITS_MIN: usize = 500;

/// The longest path that is told, in characters.
const PATH_CHARS_MAX: usize = 500;

/// The longest message of a finding, in characters.
const MESSAGE_CHARS_MAX: usize = 400;

/// The longest explanation of a finding, in characters.
const DETAIL_CHARS_MAX: usize = 200;

/// How many related places of a finding are told.
const RELATED_MAX: usize = 3;

/// What there is to say about the files; `None` if the edits brought nothing.
///
/// `left_out` more files were edited and not checked.
pub(super) fn of_files(files: &[(&FileReport, &str)], left_out: usize) -> Option<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut units_left = CONTEXT_UNITS_MAX - CLOSING_UNITS_MAX;
    let mut silenced = 0;
    for (file, path) in files {
        let Some(text) = of_file(
            file,
            path,
            units_left.min(CONTEXT_UNITS_MAX - CLOSING_UNITS_MAX),
        ) else {
            continue;
        };
        let units = text.encode_utf16().count();
        if units_left < FILE_UNITS_MIN {
            silenced += 1;
            continue;
        }
        units_left = units_left.saturating_sub(units);
        texts.push(text);
    }
    if silenced > 0 {
        texts.push(format!(
            "{silenced} more files with something to tell are not listed here\n"
        ));
    }
    if left_out > 0 {
        texts.push(format!(
            "{left_out} more files were edited and not checked\n"
        ));
    }
    let lines = texts.iter().map(|text| text.trim_end_matches('\n'));
    let text = lines.collect::<Vec<_>>().join("\n");
    (!text.is_empty()).then(|| bounded(text))
}

fn of_file(file: &FileReport, path: &str, units_max: usize) -> Option<String> {
    let path = visible_short(path, PATH_CHARS_MAX);
    if let Some(error) = &file.error {
        let error = visible_short(error, MESSAGE_CHARS_MAX);
        return Some(format!("claude-flow did not check {path}: {error}"));
    }
    let findings = findings_worst_first(file);
    let broken: Vec<&CheckReport> = missed_checks(file)
        .filter(|check| is_news(file, check))
        .collect();
    if findings.is_empty() && broken.is_empty() {
        return None;
    }
    let mut text = match findings.as_slice() {
        [] => format!("claude-flow on {path}: not everything could be checked\n"),
        findings => format!(
            "claude-flow on {path}, after this edit: {}\n",
            counts(findings)
        ),
    };
    let mut units = text.encode_utf16().count();
    let mut told = 0;
    for finding in &findings {
        let lines = finding_lines(finding);
        units += lines.encode_utf16().count();
        if units > units_max {
            break;
        }
        text.push_str(&lines);
        told += 1;
    }
    text.push_str(&closing(file, &findings[told..], &broken));
    Some(text)
}

/// Whether a check that was not made is told.
///
/// What broke is, because the silence would read as clean, and so is what could not be done for
/// this content. What is never made for such a file, was switched off or needs a tool that is not there
/// would be told after every edit and is not.
fn is_news(file: &FileReport, check: &CheckReport) -> bool {
    match check.state {
        State::Clean | State::Findings => false,
        State::NotRun => {
            let reason = check.reason.as_deref().unwrap_or_default();
            let is_never_made =
                reason.starts_with("switched off") || reason.starts_with("no parser for");
            let needs_no_tool = matches!(check.name, "text" | "syntax");
            file.language.is_some() && needs_no_tool && !is_never_made
        }
        State::Failed | State::TimedOut | State::Stale => true,
    }
}

fn finding_lines(finding: &ReportedFinding) -> String {
    let start = finding.range.start;
    let mut lines = vec![format!(
        "{}:{} {}[{}] {}\n",
        start.line,
        start.column,
        severity_word(finding.severity),
        visible_short(&finding.rule, DETAIL_CHARS_MAX),
        visible_short(&finding.message, MESSAGE_CHARS_MAX),
    )];
    lines.extend(finding.related.iter().take(RELATED_MAX).map(|related| {
        let start = related.range.start;
        let message = visible_short(&related.message, DETAIL_CHARS_MAX);
        format!("  {}:{} {message}\n", start.line, start.column)
    }));
    lines.extend(finding.help.as_ref().map(|help| {
        let help = visible_short(help, DETAIL_CHARS_MAX);
        format!("  help: {help}\n")
    }));
    lines.extend(finding.fix.as_ref().map(|fix| {
        let message = visible_short(&fix.message, DETAIL_CHARS_MAX);
        format!("  possible fix: {message}\n")
    }));
    lines.concat()
}

/// What was left out, what does not count, and what was not checked.
fn closing(file: &FileReport, left_out: &[&ReportedFinding], broken: &[&CheckReport]) -> String {
    let mut lines = Vec::new();
    if !left_out.is_empty() {
        lines.push(format!("left out here: {}\n", counts(left_out)));
    }
    let pre_existing = all_findings(file).filter(|f| f.pre_existing).count();
    if pre_existing > 0 {
        lines.push(format!(
            "from before this edit, not listed: {pre_existing}\n"
        ));
    }
    lines.extend(broken.iter().map(|check| {
        let reason = missed_reason(check);
        let reason = visible_short(&reason, DETAIL_CHARS_MAX);
        format!("{} not checked: {reason}\n", check.name)
    }));
    lines.concat()
}

fn counts(findings: &[&ReportedFinding]) -> String {
    let words = [Severity::Error, Severity::Warning, Severity::Info].map(|severity| {
        let count = findings.iter().filter(|f| f.severity == severity).count();
        let plural = if count == 1 { "" } else { "s" };
        (count, format!("{count} {}{plural}", noun(severity)))
    });
    let words: Vec<String> = words
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, words)| words)
        .collect();
    words.join(", ")
}

fn noun(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        other => noun(other),
    }
}

/// Cuts what the limits on the parts let through, if ever they do.
fn bounded(text: String) -> String {
    if text.encode_utf16().count() <= CONTEXT_UNITS_MAX {
        return text;
    }
    let mut units = 0;
    let kept = text.chars().take_while(|c| {
        units += c.len_utf16();
        units < CONTEXT_UNITS_MAX
    });
    kept.collect()
}
