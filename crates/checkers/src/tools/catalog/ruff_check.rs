//! ruff, the linter.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Repair};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};
use crate::tools::warm::{Question, Warm};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("ruff-check"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("ruff"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data(".ruff.toml"),
            ConfigFile::data("ruff.toml"),
            ConfigFile::data("pyproject.toml").with_section("tool.ruff"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "check",
            "--output-format=json",
            "--no-fix",
            "--no-cache",
            "--force-exclude",
            "--",
            "{path}",
        ]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("No Python files found", Why::Ignored),
        Sign::new("Cause:", Why::BadConfiguration),
        Sign::new("ruff failed", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install ruff"),
    warm: Some(Warm {
        server: &super::ruff::SERVER,
        question: Question::Diagnostics {
            mistake: ")\n",
            translate: super::ruff::translate,
        },
    }),
};

#[derive(Deserialize)]
struct Item {
    code: Option<String>,
    filename: String,
    location: Location,
    end_location: Location,
    message: String,
    url: Option<String>,
    fix: Option<Fix>,
}

#[derive(Deserialize, Clone, Copy)]
struct Location {
    row: u64,
    column: u64,
}

#[derive(Deserialize)]
struct Fix {
    applicability: String,
    message: Option<String>,
    edits: Vec<RuffEdit>,
}

#[derive(Deserialize)]
struct RuffEdit {
    content: String,
    location: Location,
    end_location: Location,
}

fn place(start: Location, end: Location) -> Place {
    let place = Place::at(start.row, start.column, Unit::Scalar);
    place.to(end.row, end.column, Unit::Scalar)
}

/// ruff calls everything an error; only what its parser rejects is one here.
fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let messages: Vec<Item> = json(output, TOOL.report)?;
    messages.into_iter().map(diagnostic).collect()
}

fn diagnostic(message: Item) -> Result<Diagnostic, Unread> {
    let code = message.code.unwrap_or_else(|| "invalid-syntax".to_owned());
    if code == "E902" {
        return Err(Unread::new(Why::Unable, message.message));
    }
    let severity = if code == "invalid-syntax" || code == "E999" {
        Severity::Error
    } else {
        Severity::Warning
    };
    let mut diagnostic = Diagnostic::new(severity, message.message)
        .in_file(message.filename)
        .at(place(message.location, message.end_location))
        .of_rule(code);
    diagnostic.docs = message.url;
    diagnostic.repair = message.fix.map(|fix| Repair {
        message: fix.message.unwrap_or_else(|| "ruff's fix".to_owned()),
        is_safe: fix.applicability == "safe",
        edits: fix.edits.into_iter().map(edit).collect(),
    });
    Ok(diagnostic)
}

fn edit(edit: RuffEdit) -> Edit {
    Edit {
        place: place(edit.location, edit.end_location),
        text: edit.content,
    }
}
