//! Staticcheck, over the package of the file.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

use super::json_lines;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("staticcheck"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Go]),
    program: Program {
        name: Cow::Borrowed("staticcheck"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["-version"]),
    config: Config {
        files: &[
            ConfigFile::data("staticcheck.conf"),
            ConfigFile::data("go.mod"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["-f", "json", "."]),
        is_stdin: false,
        scope: Scope::Directory,
        directory: Directory::File,
        environment: &[
            ("GOCACHE", "{scratch}"),
            ("GOFLAGS", "-mod=readonly"),
            ("GOPROXY", "off"),
            ("GOTOOLCHAIN", "local"),
            ("STATICCHECK_CACHE", "{scratch}"),
        ],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("panic:", Why::Crashed),
        Sign::new("internal error", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("go install honnef.co/go/tools/cmd/staticcheck@latest"),
    warm: None,
};

#[derive(Deserialize)]
struct Problem {
    code: String,
    severity: String,
    location: Location,
    end: Location,
    message: String,
    #[serde(default)]
    related: Vec<Related>,
}

#[derive(Deserialize)]
struct Location {
    file: String,
    line: u64,
    column: u64,
}

#[derive(Deserialize)]
struct Related {
    location: Location,
    message: String,
}

fn place(start: &Location) -> Option<Place> {
    (start.line > 0).then(|| Place::at(start.line, start.column, Unit::Byte))
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let problems: Vec<Problem> = json_lines(output.text(TOOL.report)?)?;
    problems
        .into_iter()
        .filter(|problem| problem.severity != "ignored")
        .map(diagnostic)
        .collect()
}

fn diagnostic(problem: Problem) -> Result<Diagnostic, Unread> {
    // Staticcheck tells everything as an error; what does not compile is one.
    let severity = if problem.code == "compile" {
        Severity::Error
    } else {
        Severity::Warning
    };
    if problem.location.file.is_empty() && problem.message.starts_with("toml:") {
        return Err(Unread::new(
            Why::BadConfiguration,
            excerpt(&problem.message),
        ));
    }
    if problem.location.file.is_empty() {
        return Err(Unread::new(Why::Unable, excerpt(&problem.message)));
    }
    let end = &problem.end;
    let mut diagnostic = Diagnostic::new(severity, problem.message)
        .in_file(problem.location.file.clone())
        .of_rule(problem.code);
    diagnostic.place =
        place(&problem.location).map(|start| start.to(end.line, end.column, Unit::Byte));
    let notes = problem.related.into_iter().map(|related| Note {
        place: place(&related.location),
        path: Some(related.location.file),
        message: related.message,
    });
    diagnostic.notes = notes.collect();
    Ok(diagnostic)
}
