//! javac, over the file alone.

use std::borrow::Cow;
use std::sync::LazyLock;

use claude_flow_lang_detect::Language;
use regex::Regex;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::format::{Defaults, Lines, compiled};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::{Place, Point, Unit};
use crate::tools::tool::{
    Ask, Check, Config, Directory, Exits, Files, Home, Program, Reader, Scope, Sign, Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("javac"),
    check: Check::Types,
    files: Files::Languages(&[Language::Java]),
    program: Program {
        name: Cow::Borrowed("javac"),
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
            "-Xlint:all",
            "-proc:none",
            "-Xmaxerrs",
            "1000",
            "-Xmaxwarns",
            "1000",
            "-encoding",
            "UTF-8",
            "-d",
            "{scratch}",
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
        Sign::new("error: invalid flag", Why::BadConfiguration),
        Sign::new("error: file not found", Why::Unable),
        Sign::new("An exception has occurred in the compiler", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("apt-get install default-jdk"),
    warm: None,
};

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^(?P<path>[^:\s][^:]*\.java):(?P<line>\d+): (?P<severity>error|warning|Note): (?:\[(?P<rule>[\w-]+)\] )?(?P<message>.+)$",
    )
});

/// A message without a place, and the counts at the end.
static OTHER: LazyLock<Regex> = LazyLock::new(|| {
    compiled(r"^(?:error|warning|Note): (?P<message>.+)$|^\d+ (?:errors?|warnings?)$")
});

/// A place is told by the line and, below the line's text, a caret.
fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Utf16,
    };
    let mut diagnostics: Vec<Diagnostic> = Vec::new();
    for line in output.text(TOOL.report)?.lines() {
        if LINE.is_match(line) {
            diagnostics.append(&mut Lines::read(&LINE, line, defaults).diagnostics);
        } else if OTHER.is_match(line) {
            if let Some(message) = line.strip_prefix("error: ") {
                return Err(Unread::new(Why::Unable, excerpt(message)));
            }
        } else if let Some(last) = diagnostics.last_mut() {
            add_caret(line, last);
        } else if !line.trim().is_empty() {
            return Err(Unread::not_understood(format!("it says {}", excerpt(line))));
        }
    }
    Ok(diagnostics)
}

/// The caret's column is the place's: the line above is printed as it is, tabulators included.
fn add_caret(line: &str, to: &mut Diagnostic) {
    let Some(before) = line.strip_suffix('^') else {
        return;
    };
    let is_blank = before.chars().all(|c| c == ' ' || c == '\t');
    if let (
        true,
        Some(Place {
            start: Point::Line(line),
            ..
        }),
    ) = (is_blank, to.place)
    {
        to.place = Some(Place::at(line, before.len() as u64 + 1, Unit::Utf16));
    }
}
