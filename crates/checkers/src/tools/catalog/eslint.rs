//! `ESLint` with a flat configuration.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Repair};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Point, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};
use crate::tools::warm::{Interpreter, Question, Server, Start, Warm};

use super::json;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("eslint"),
    check: Check::Lint,
    files: Files::Languages(&[Language::JavaScript, Language::TypeScript, Language::Tsx]),
    program: Program {
        name: Cow::Borrowed("eslint"),
        homes: &[Home::NodeModules, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::code("eslint.config.js"),
            ConfigFile::code("eslint.config.mjs"),
            ConfigFile::code("eslint.config.cjs"),
            ConfigFile::code("eslint.config.ts"),
            ConfigFile::code("eslint.config.mts"),
            ConfigFile::code("eslint.config.cts"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "--format=json",
            "--no-color",
            "--stdin",
            "--stdin-filename={path}",
        ]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("couldn't find an eslint.config", Why::NotConfigured),
        Sign::new("Cannot find package", Why::MissingPlugin),
        Sign::new("Cannot find module", Why::MissingPlugin),
        Sign::new("couldn't find the plugin", Why::MissingPlugin),
        Sign::new("ConfigError", Why::BadConfiguration),
        Sign::new("Could not find \"", Why::BadConfiguration),
        Sign::new("SyntaxError", Why::BadConfiguration),
        Sign::new("TypeError", Why::Crashed),
        Sign::new("Oops! Something went wrong", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("npm install --save-dev eslint"),
    warm: Some(Warm {
        server: &SERVER,
        question: Question::Command,
    }),
};

static SERVER: Server = Server {
    name: "the eslint worker",
    start: Start::Script {
        interpreter: Interpreter::Node,
        arguments: &["--eval", include_str!("node_worker.js")],
    },
    inputs: &[
        "package.json",
        "package-lock.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "node_modules",
        "node_modules/.package-lock.json",
        ".editorconfig",
        "tsconfig.json",
        ".gitignore",
        ".prettierrc",
        ".prettierrc.json",
    ],
    // With these a configuration loads files of the project, or its rules look at other files.
    unless_configuration_holds: &[
        "'./",
        "\"./",
        "'../",
        "\"../",
        "project",
        "ypeChecked",
        "plugin-import",
        "import-x",
    ],
    watches: &[],
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileResult {
    file_path: String,
    messages: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    rule_id: Option<String>,
    severity: u8,
    message: String,
    line: Option<u64>,
    column: Option<u64>,
    end_line: Option<u64>,
    end_column: Option<u64>,
    fix: Option<Fix>,
}

#[derive(Deserialize)]
struct Fix {
    range: (i64, i64),
    text: String,
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let results: Vec<FileResult> = json(output, TOOL.report)?;
    if results.is_empty() {
        return Err(Unread::not_understood("it reported about no file"));
    }
    let mut diagnostics = Vec::new();
    for result in results {
        for message in result.messages {
            diagnostics.push(diagnostic(message, &result.file_path)?);
        }
    }
    Ok(diagnostics)
}

fn diagnostic(message: Item, path: &str) -> Result<Diagnostic, Unread> {
    // "File ignored because …" is a message without a rule and a place.
    if message.rule_id.is_none() && message.line.is_none() && message.severity == 1 {
        return Err(Unread::new(Why::Ignored, excerpt(&message.message)));
    }
    let severity = if message.severity == 2 {
        Severity::Error
    } else {
        Severity::Warning
    };
    let mut diagnostic = Diagnostic::new(severity, message.message).in_file(path);
    diagnostic.rule = Some(message.rule_id.unwrap_or_else(|| "syntax".to_owned()));
    diagnostic.place = message.line.map(|line| {
        let start = Place::at(line, message.column.unwrap_or(0), Unit::Utf16);
        let end_line = message.end_line.unwrap_or(line);
        start.to(end_line, message.end_column.unwrap_or(0), Unit::Utf16)
    });
    diagnostic.repair = message.fix.and_then(|fix| {
        let offset = |at: i64| {
            let at = u64::try_from(at).ok()?;
            Some(Point::Offset {
                at,
                unit: Unit::Utf16,
            })
        };
        // A fix of the byte-order mark begins before the text and cannot be told here.
        let place = Place {
            start: offset(fix.range.0)?,
            end: Some(offset(fix.range.1)?),
        };
        Some(Repair {
            message: "ESLint's fix".to_owned(),
            is_safe: true,
            edits: vec![Edit {
                place,
                text: fix.text,
            }],
        })
    });
    Ok(diagnostic)
}
