//! Pyrefly. Without a configuration it only looks for syntax errors, and its configuration may name an interpreter.

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
    name: Cow::Borrowed("pyrefly"),
    check: Check::Types,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("pyrefly"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::code("pyrefly.toml"),
            ConfigFile::code("pyproject.toml").with_section("tool.pyrefly"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["check", "--output-format=json", "--", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("using preset `basic`", Why::NotConfigured),
        Sign::new("TOML parse error", Why::BadConfiguration),
        Sign::new("Fatal configuration error", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
        Sign::new("No Python files matched", Why::Ignored),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install pyrefly"),
    warm: None,
};

#[derive(Deserialize)]
struct Report {
    errors: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    line: u64,
    column: u64,
    stop_line: u64,
    stop_column: u64,
    path: String,
    name: String,
    description: String,
    severity: String,
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let report: Report = json(output, TOOL.report)?;
    Ok(report.errors.into_iter().map(diagnostic).collect())
}

fn diagnostic(message: Item) -> Diagnostic {
    let severity = match message.severity.as_str() {
        "error" => Severity::Error,
        "warn" | "warning" => Severity::Warning,
        _ => Severity::Info,
    };
    let place = Place::at(message.line, message.column, Unit::Scalar);
    Diagnostic::new(severity, message.description)
        .in_file(message.path)
        .at(place.to(message.stop_line, message.stop_column, Unit::Scalar))
        .of_rule(message.name)
}
