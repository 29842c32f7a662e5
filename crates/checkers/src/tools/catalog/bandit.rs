//! Bandit.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("bandit"),
    check: Check::Security,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("bandit"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data(".bandit").with_argument("--ini={config}"),
            ConfigFile::data("pyproject.toml")
                .with_section("tool.bandit")
                .with_argument("--configfile={config}"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--quiet", "--format=json", "{config}", "--", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("Error parsing file", Why::BadConfiguration),
        Sign::new("[main]\tERROR", Why::BadConfiguration),
        Sign::new("Traceback", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install bandit"),
    warm: None,
};

#[derive(Deserialize)]
struct Report {
    errors: Vec<Failure>,
    metrics: serde_json::Map<String, serde_json::Value>,
    results: Vec<Item>,
}

#[derive(Deserialize)]
struct Failure {
    reason: String,
}

#[derive(Deserialize)]
struct Item {
    filename: String,
    issue_severity: String,
    issue_text: String,
    line_number: u64,
    line_range: Vec<u64>,
    col_offset: i64,
    end_col_offset: Option<i64>,
    more_info: Option<String>,
    test_id: String,
}

/// Nothing here is an error: bandit tells patterns, not broken code.
fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let report: Report = json(output, TOOL.report)?;
    // It leaves out a file that it cannot parse, and exits with 0.
    if let Some(failure) = report.errors.first() {
        return Err(Unread::new(Why::Unparsable, excerpt(&failure.reason)));
    }
    if report.metrics.keys().all(|path| path == "_totals") {
        return Err(Unread::new(Why::Ignored, "it looked at no file"));
    }
    Ok(report.results.into_iter().map(diagnostic).collect())
}

fn diagnostic(issue: Item) -> Diagnostic {
    let severity = match issue.issue_severity.as_str() {
        "HIGH" | "MEDIUM" => Severity::Warning,
        _ => Severity::Info,
    };
    // Offsets of Python's syntax tree: bytes, from 0.
    let from_one = |at: i64| u64::try_from(at.saturating_add(1)).unwrap_or(0);
    let end_line = issue
        .line_range
        .iter()
        .copied()
        .max()
        .unwrap_or(issue.line_number);
    let place = Place::at(issue.line_number, from_one(issue.col_offset), Unit::Byte);
    let end = issue.end_col_offset.map_or(0, from_one);
    let mut diagnostic = Diagnostic::new(severity, issue.issue_text)
        .in_file(issue.filename)
        .at(place.to(end_line, end, Unit::Byte))
        .of_rule(issue.test_id);
    diagnostic.docs = issue.more_info;
    diagnostic
}
