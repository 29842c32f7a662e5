//! GCC up to version 14, which tells its diagnostics as JSON.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, Directory, Exits, Files, Home, Program, Reader, Scope, Sign, Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("gcc"),
    check: Check::Types,
    files: Files::Languages(&[Language::C, Language::Cpp]),
    program: Program {
        name: Cow::Borrowed("gcc"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "-fsyntax-only",
            "-Wall",
            "-fdiagnostics-format=json",
            "{path}",
        ]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stderr,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("unrecognized command-line option", Why::BadConfiguration),
        Sign::new("unrecognized argument", Why::BadConfiguration),
        Sign::new("cannot execute", Why::Crashed),
        Sign::new("internal compiler error", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("apt-get install gcc"),
    warm: None,
};

#[derive(Deserialize)]
struct Item {
    kind: String,
    message: String,
    option: Option<String>,
    option_url: Option<String>,
    locations: Vec<Location>,
    #[serde(default)]
    children: Vec<Item>,
}

#[derive(Deserialize)]
struct Location {
    caret: Position,
    start: Option<Position>,
    finish: Option<Position>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Position {
    file: String,
    line: u64,
    byte_column: u64,
}

impl Location {
    /// From the first to behind the last byte; `finish` is the last one itself.
    fn place(&self) -> Place {
        let start = self.start.as_ref().unwrap_or(&self.caret);
        let end = self.finish.as_ref().unwrap_or(start);
        let place = Place::at(start.line, start.byte_column, Unit::Byte);
        place.to(end.line, end.byte_column + 1, Unit::Byte)
    }
}

/// One list for each file that was compiled, and after a fatal error a line of text.
fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let mut diagnostics = Vec::new();
    let mut has_list = false;
    for line in output.text(TOOL.report)?.lines() {
        if line.trim().is_empty() || line == "compilation terminated." {
            continue;
        }
        let messages: Vec<Item> = serde_json::from_str(line)
            .map_err(|_| Unread::not_understood(format!("it says {}", excerpt(line))))?;
        has_list = true;
        for message in messages {
            diagnostics.push(diagnostic(message)?);
        }
    }
    if has_list {
        Ok(diagnostics)
    } else {
        Err(Unread::not_understood("it printed no list of diagnostics"))
    }
}

fn diagnostic(message: Item) -> Result<Diagnostic, Unread> {
    let severity = match message.kind.as_str() {
        "fatal error" if super::is_missing_header(&message.message) => {
            return Err(Unread::new(Why::Unable, excerpt(&message.message)));
        }
        "error" | "fatal error" | "sorry" => Severity::Error,
        "warning" | "pedwarn" => Severity::Warning,
        "note" => Severity::Info,
        kind => {
            let reason = format!("{kind}: {}", excerpt(&message.message));
            return Err(Unread::new(Why::Crashed, reason));
        }
    };
    let mut diagnostic = Diagnostic::new(severity, message.message);
    if let Some(location) = message.locations.first() {
        diagnostic.path = Some(location.caret.file.clone());
        diagnostic.place = Some(location.place());
    }
    diagnostic.rule = message.option;
    diagnostic.docs = message.option_url;
    let notes = message.children.into_iter().map(|child| Note {
        path: child.locations.first().map(|it| it.caret.file.clone()),
        place: child.locations.first().map(Location::place),
        message: child.message,
    });
    diagnostic.notes = notes.collect();
    Ok(diagnostic)
}
