//! basedpyright.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("basedpyright"),
    check: Check::Types,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("basedpyright"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data("pyrightconfig.json"),
            ConfigFile::data("pyproject.toml").with_section("tool.basedpyright"),
            ConfigFile::data("pyproject.toml").with_section("tool.pyright"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--outputjson", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("could not be parsed", Why::BadConfiguration),
        Sign::new("No source files found", Why::Ignored),
        Sign::new("Config ", Why::BadConfiguration),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install basedpyright"),
    warm: None,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    general_diagnostics: Vec<Item>,
    summary: Summary,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    files_analyzed: u64,
}

#[derive(Deserialize)]
struct Item {
    file: String,
    severity: String,
    message: String,
    range: Option<Range>,
    rule: Option<String>,
}

#[derive(Deserialize)]
struct Range {
    start: Position,
    end: Position,
}

/// Counts from 0.
#[derive(Deserialize)]
struct Position {
    line: u32,
    character: u32,
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let report: Report = json(output, TOOL.report)?;
    if report.summary.files_analyzed == 0 {
        return Err(Unread::new(Why::Ignored, "it looked at no file"));
    }
    Ok(report
        .general_diagnostics
        .into_iter()
        .map(diagnostic)
        .collect())
}

fn diagnostic(message: Item) -> Diagnostic {
    let severity = match message.severity.as_str() {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        _ => Severity::Info,
    };
    let mut diagnostic = Diagnostic::new(severity, message.message).in_file(message.file);
    // What its parser rejects has no rule.
    diagnostic.rule = Some(message.rule.unwrap_or_else(|| "syntax".to_owned()));
    diagnostic.place = message.range.map(|Range { start, end }| {
        let from_one = |at: u32| u64::from(at) + 1;
        let place = Place::at(from_one(start.line), from_one(start.character), Unit::Utf16);
        place.to(from_one(end.line), from_one(end.character), Unit::Utf16)
    });
    diagnostic
}
