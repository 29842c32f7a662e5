//! Taplo, the formatter. A file that it excludes is formatted all the same.

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
    name: Cow::Borrowed("taplo"),
    check: Check::Format,
    files: Files::Languages(&[Language::Toml]),
    program: Program {
        name: Cow::Borrowed("taplo"),
        homes: &[Home::NodeModules, Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data("taplo.toml"),
            ConfigFile::data(".taplo.toml"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["format", "--colors=never", "--stdin-filepath={path}", "-"]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("invalid configuration file", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("pip install taplo"),
    warm: None,
};

/// Where the parser gave up; what is wrong is at the end of the drawing below.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^\s*┌─ .+?:(?P<line>\d+):(?P<column>\d+)$"));

fn mistake(output: &Output<'_>) -> Option<Diagnostic> {
    let text = output.text(Stream::Stderr).ok()?;
    let place = text.lines().find(|line| PLACE.is_match(line))?;
    let message = text.lines().find_map(|line| line.rsplit_once("^ "))?.1;
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Scalar,
    };
    let mut found = Lines::read(&PLACE, place, defaults).diagnostics.pop()?;
    message.trim().clone_into(&mut found.message);
    Some(found)
}
