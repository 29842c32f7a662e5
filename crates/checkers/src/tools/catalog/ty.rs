//! ty.

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
use crate::tools::warm::{Question, Server, Start, Warm};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("ty"),
    check: Check::Types,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("ty"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data("ty.toml"),
            ConfigFile::data("pyproject.toml").with_section("tool.ty"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "check",
            "--output-format=gitlab",
            "--no-progress",
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
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("ty failed", Why::BadConfiguration),
        Sign::new("No python files found", Why::Ignored),
        Sign::new("No files found", Why::Ignored),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install ty"),
    warm: Some(Warm {
        server: &SERVER,
        question: Question::Diagnostics {
            mistake: ")\n",
            translate: std::convert::identity,
        },
    }),
};

static SERVER: Server = Server {
    name: "ty server",
    start: Start::Protocol {
        arguments: &["server"],
    },
    inputs: &[
        "ty.toml",
        "pyproject.toml",
        ".gitignore",
        ".ignore",
        ".venv/pyvenv.cfg",
        ".venv/lib/*/site-packages",
    ],
    unless_configuration_holds: &["extra-paths", "root", "typeshed", "environment"],
    watches: &[".py", ".pyi"],
};

/// One entry of GitLab's code quality report.
#[derive(Deserialize)]
struct Issue {
    check_name: String,
    description: String,
    severity: String,
    location: Location,
}

#[derive(Deserialize)]
struct Location {
    path: String,
    positions: Positions,
}

#[derive(Deserialize)]
struct Positions {
    begin: Position,
    end: Position,
}

#[derive(Deserialize)]
struct Position {
    line: u64,
    column: u64,
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let issues: Vec<Issue> = json(output, TOOL.report)?;
    issues.into_iter().map(diagnostic).collect()
}

fn diagnostic(issue: Issue) -> Result<Diagnostic, Unread> {
    if issue.check_name == "io" || issue.check_name == "panic" {
        return Err(Unread::new(Why::Crashed, excerpt(&issue.description)));
    }
    let severity = match issue.severity.as_str() {
        "major" | "critical" | "blocker" => Severity::Error,
        "minor" => Severity::Warning,
        _ => Severity::Info,
    };
    // The description repeats the name of the rule.
    let prefix = format!("{}: ", issue.check_name);
    let message = issue
        .description
        .strip_prefix(&prefix)
        .unwrap_or(&issue.description);
    let Positions { begin, end } = issue.location.positions;
    let place = Place::at(begin.line, begin.column, Unit::Scalar);
    Ok(Diagnostic::new(severity, message)
        .in_file(issue.location.path)
        .at(place.to(end.line, end.column, Unit::Scalar))
        .of_rule(issue.check_name))
}
