//! rustfmt, with the edition of the package.

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
    name: Cow::Borrowed("rustfmt"),
    check: Check::Format,
    files: Files::Languages(&[Language::Rust]),
    program: Program {
        name: Cow::Borrowed("rustfmt"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data("rustfmt.toml"),
            ConfigFile::data(".rustfmt.toml"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--edition={edition}", "--color=never"]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::File,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("failed to parse", Why::BadConfiguration),
        Sign::new("internal error", Why::Crashed),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("rustup component add rustfmt"),
    warm: None,
};

/// Where the parser gave up; what is wrong is on the line before.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^\s*--> .+?:(?P<line>\d+):(?P<column>\d+)$"));

fn mistake(output: &Output<'_>) -> Option<Diagnostic> {
    let text = output.text(Stream::Stderr).ok()?;
    let message = text.lines().find_map(|line| line.strip_prefix("error: "))?;
    let place = text.lines().find(|line| PLACE.is_match(line))?;
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Scalar,
    };
    let mut found = Lines::read(&PLACE, place, defaults).diagnostics.pop()?;
    message.clone_into(&mut found.message);
    Some(found)
}
