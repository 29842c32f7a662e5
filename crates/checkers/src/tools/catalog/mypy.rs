//! mypy. Its configuration may name plugins and an interpreter, so it is code.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;
use serde::Deserialize;

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Note};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why};
use crate::tools::place::{Place, Unit};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};
use crate::tools::warm::{Interpreter, Question, Server, Start, Warm};

use super::json_lines;

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("mypy"),
    check: Check::Types,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("mypy"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::code("mypy.ini"),
            ConfigFile::code(".mypy.ini"),
            ConfigFile::code("pyproject.toml").with_section("tool.mypy"),
            ConfigFile::code("setup.cfg").with_section("mypy"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "--output=json",
            "--no-error-summary",
            "--no-pretty",
            "--cache-dir={scratch}",
            "--",
            "{path}",
        ]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1, 2]),
    signs: &[
        Sign::new("Error importing plugin", Why::MissingPlugin),
        Sign::new("Not a boolean", Why::BadConfiguration),
        Sign::new("]: ", Why::BadConfiguration),
        Sign::new("INTERNAL ERROR", Why::Crashed),
        Sign::new("Traceback", Why::Crashed),
        Sign::new("Cannot read file", Why::Unable),
        Sign::new("can't read file", Why::Unable),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install mypy"),
    warm: Some(Warm {
        server: &SERVER,
        question: Question::Command,
    }),
};

static SERVER: Server = Server {
    name: "the mypy worker",
    start: Start::Script {
        interpreter: Interpreter::Python,
        arguments: &["-c", include_str!("mypy_worker.py")],
    },
    inputs: &[
        "mypy.ini",
        ".mypy.ini",
        "pyproject.toml",
        "setup.cfg",
        ".venv/pyvenv.cfg",
        ".venv/lib/*/site-packages",
    ],
    // Plugins and paths are files of the project that only a new process reads.
    unless_configuration_holds: &["plugins", "mypy_path", "python_executable"],
    watches: &[],
};

#[derive(Deserialize)]
struct Item {
    file: String,
    line: i64,
    column: i64,
    end_line: Option<i64>,
    end_column: Option<i64>,
    message: String,
    hint: Option<String>,
    code: Option<String>,
    severity: String,
}

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let messages: Vec<Item> = json_lines(output.text(TOOL.report)?)?;
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for message in messages {
        let is_note = message.severity == "note";
        let found = diagnostic(message);
        match diagnostics
            .last_mut()
            .filter(|main| is_note && main.path == found.path)
        {
            Some(main) => main.notes.push(Note {
                path: found.path,
                place: found.place,
                message: found.message,
            }),
            None => diagnostics.push(found),
        }
    }
    Ok(diagnostics)
}

fn diagnostic(message: Item) -> Diagnostic {
    let code = message.code.unwrap_or_else(|| "misc".to_owned());
    // Columns count from 0, but those of syntax errors from 1 (mypy 2.4.1).
    let base = i64::from(code != "syntax");
    let from_one = |value: i64| u64::try_from(value.saturating_add(base)).unwrap_or(0);
    let line = |value: i64| u64::try_from(value).unwrap_or(0);
    let severity = match message.severity.as_str() {
        "error" => Severity::Error,
        _ => Severity::Info,
    };
    let mut diagnostic = Diagnostic::new(severity, message.message)
        .in_file(message.file)
        .of_rule(code);
    // Line -1 is the file as a whole.
    diagnostic.place = (message.line > 0).then(|| {
        let start = Place::at(line(message.line), from_one(message.column), Unit::Scalar);
        let end_line = line(message.end_line.unwrap_or(message.line));
        start.to(
            end_line,
            message.end_column.map_or(0, from_one),
            Unit::Scalar,
        )
    });
    diagnostic.help = message.hint;
    diagnostic
}
