//! google-java-format.

use std::borrow::Cow;
use std::sync::LazyLock;

use claude_flow_lang_detect::Language;
use regex::Regex;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::format::{Defaults, Lines, compiled};
use crate::tools::output::{Output, Stream, Why};
use crate::tools::place::Unit;
use crate::tools::tool::{
    Ask, Check, Config, Directory, Exits, Files, Home, Program, Reader, Scope, Sign, Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("google-java-format"),
    check: Check::Format,
    files: Files::Languages(&[Language::Java]),
    program: Program {
        name: Cow::Borrowed("google-java-format"),
        homes: &[Home::NodeModules, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["-"]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("UnsupportedClassVersionError", Why::MissingPlugin),
        Sign::new("Unable to locate a Java Runtime", Why::MissingPlugin),
        Sign::new("Exception in thread", Why::Crashed),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("npm install --save-dev google-java-format"),
    warm: None,
};

/// Where the parser gave up.
static MISTAKE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^<stdin>:(?P<line>\d+):(?P<column>\d+): error: (?P<message>.+)$"));

fn mistake(output: &Output<'_>) -> Option<Diagnostic> {
    let text = output.text(Stream::Stderr).ok()?;
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Utf16,
    };
    Lines::read(&MISTAKE, text, defaults)
        .diagnostics
        .into_iter()
        .next()
}
