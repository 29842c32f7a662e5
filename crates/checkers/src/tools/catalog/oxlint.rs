//! oxlint.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why};
use crate::tools::place::Place;
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};
use crate::tools::warm::{Question, Server, Start, Warm, split_help};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("oxlint"),
    check: Check::Lint,
    files: Files::Languages(&[Language::JavaScript, Language::TypeScript, Language::Tsx]),
    program: Program {
        name: Cow::Borrowed("oxlint"),
        homes: &[Home::NodeModules, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::code(".oxlintrc.json"),
            ConfigFile::code("oxlint.config.ts"),
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
        Sign::new("No files found to lint", Why::Ignored),
        Sign::new("Plugin '", Why::MissingPlugin),
        Sign::new("Failed to load JS plugin", Why::MissingPlugin),
        Sign::new("Failed to parse", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("npm install --save-dev oxlint"),
    warm: Some(Warm {
        server: &SERVER,
        question: Question::Diagnostics {
            mistake: ")\n",
            translate,
        },
    }),
};

static SERVER: Server = Server {
    name: "oxlint --lsp",
    start: Start::Protocol {
        arguments: &["--lsp"],
    },
    inputs: &[
        ".oxlintrc.json",
        "oxlint.config.ts",
        ".gitignore",
        ".eslintignore",
        "tsconfig.json",
        "package.json",
    ],
    // Rules of these look at other files, and so does a configuration that extends another one.
    unless_configuration_holds: &["import", "extends", "jsPlugins", "typeAware"],
    watches: &[],
};

/// As `oxlint` tells it.
fn translate(mut diagnostic: Diagnostic) -> Diagnostic {
    diagnostic.help = split_help(&mut diagnostic);
    // What its parser rejects has the empty code.
    let code = diagnostic.rule.filter(|code| !code.is_empty());
    diagnostic.rule = Some(code.map_or_else(|| "syntax".to_owned(), |code| rule(&code)));
    // One that repeats the place itself.
    let place = diagnostic.place;
    diagnostic
        .notes
        .retain(|note| note.place != place || !note.message.is_empty());
    diagnostic
}

#[derive(Deserialize)]
struct Report {
    diagnostics: Vec<Item>,
    number_of_files: u64,
}

#[derive(Deserialize)]
struct Item {
    message: String,
    code: Option<String>,
    severity: String,
    url: Option<String>,
    help: Option<String>,
    filename: String,
    labels: Vec<Label>,
}

#[derive(Deserialize)]
struct Label {
    label: Option<String>,
    span: Span,
}

#[derive(Deserialize, Clone, Copy)]
struct Span {
    offset: usize,
    length: usize,
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let report: Report = json(output, TOOL.report)?;
    if report.number_of_files == 0 {
        return Err(Unread::new(Why::Ignored, "it looked at no file"));
    }
    Ok(report.diagnostics.into_iter().map(diagnostic).collect())
}

/// `eslint(no-debugger)` is `eslint/no-debugger`.
fn rule(code: &str) -> String {
    code.replace('(', "/").replace(')', "")
}

fn place(span: Span) -> Place {
    Place::bytes(span.offset..span.offset.saturating_add(span.length))
}

fn diagnostic(message: Item) -> Diagnostic {
    // What oxlint's parser rejects has no code.
    let severity = if message.severity == "error" {
        Severity::Error
    } else {
        Severity::Warning
    };
    let mut labels = message.labels.into_iter();
    let path = message.filename;
    let mut diagnostic = Diagnostic::new(severity, message.message).in_file(&path);
    diagnostic.place = labels.next().map(|label| place(label.span));
    diagnostic.rule = Some(
        message
            .code
            .as_deref()
            .map_or_else(|| "syntax".to_owned(), rule),
    );
    diagnostic.help = message.help;
    diagnostic.docs = message.url;
    let notes = labels.map(|label| Note {
        path: Some(path.clone()),
        place: Some(place(label.span)),
        message: label.label.unwrap_or_default(),
    });
    diagnostic.notes = notes.collect();
    diagnostic
}
