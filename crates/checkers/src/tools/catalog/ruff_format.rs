//! ruff, the formatter.

use std::borrow::Cow;
use std::sync::LazyLock;

use claude_flow_lang_detect::Language;
use regex::Regex;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::format::{Defaults, Format, FormatReader, Lines, compiled};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why};
use crate::tools::place::Unit;
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};
use crate::tools::warm::{Question, Warm};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("ruff-format"),
    check: Check::Format,
    files: Files::Languages(&[Language::Python]),
    program: Program {
        name: Cow::Borrowed("ruff"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data(".ruff.toml"),
            ConfigFile::data("ruff.toml"),
            ConfigFile::data("pyproject.toml").with_section("tool.ruff"),
        ],
        is_needed: false,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "format",
            "--diff",
            "--no-cache",
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
    exits: Exits::new(&[0], &[1, 2]),
    signs: &[
        Sign::new("No Python files found", Why::Ignored),
        Sign::new("Cause:", Why::BadConfiguration),
        Sign::new("ruff failed", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install ruff"),
    warm: Some(Warm {
        server: &super::ruff::SERVER,
        question: Question::Formatting {
            untidy_end: "\n\n\n\n",
        },
    }),
};

/// Where the parser gave up, on the standard error.
static MISTAKE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^error: Failed to parse (?P<path>.+):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)$",
    )
});

const DEFAULTS: Defaults = Defaults {
    severity: Severity::Error,
    unit: Unit::Scalar,
};

const DIFF: FormatReader = FormatReader {
    format: Format::Diff,
    severity: Severity::Warning,
    unit: Unit::Scalar,
};

fn read(request: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let mistakes = Lines::read(&MISTAKE, output.text(Stream::Stderr)?, DEFAULTS).diagnostics;
    if mistakes.is_empty() {
        return DIFF.read(output.text(TOOL.report)?, request);
    }
    Ok(mistakes
        .into_iter()
        .map(|it| it.of_rule("syntax"))
        .collect())
}
