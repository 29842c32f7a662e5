//! shfmt, with the settings of .editorconfig.

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
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("shfmt"),
    check: Check::Format,
    files: Files::Languages(&[Language::Shell]),
    program: Program {
        name: Cow::Borrowed("shfmt"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[ConfigFile::data(".editorconfig")],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--apply-ignore", "--filename={path}"]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("flag provided but not defined", Why::BadConfiguration),
        Sign::new("panic:", Why::Crashed),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("pip install shfmt-py"),
    warm: None,
};

/// Where the parser gave up.
static MISTAKE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^.+?:(?P<line>\d+):(?P<column>\d+): (?P<message>.+)$"));

fn mistake(output: &Output<'_>) -> Option<Diagnostic> {
    let text = output.text(Stream::Stderr).ok()?;
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Byte,
    };
    Lines::read(&MISTAKE, text, defaults)
        .diagnostics
        .into_iter()
        .next()
}
