//! clang-tidy. Warnings are asked for as errors, so that the exit code tells that there are some.

use std::borrow::Cow;
use std::sync::LazyLock;

use claude_flow_lang_detect::Language;
use regex::Regex;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::format::{Defaults, Lines, compiled};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why};
use crate::tools::place::Unit;
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("clang-tidy"),
    check: Check::Lint,
    files: Files::Languages(&[Language::C, Language::Cpp]),
    program: Program {
        name: Cow::Borrowed("clang-tidy"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[ConfigFile::data(".clang-tidy")],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--quiet", "--warnings-as-errors=*", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("Error parsing", Why::BadConfiguration),
        Sign::new("unknown argument", Why::BadConfiguration),
        Sign::new(
            "Error while trying to load a compilation database",
            Why::Unable,
        ),
        Sign::new("Compile command not found", Why::Unable),
        Sign::new("no checks enabled", Why::NotConfigured),
        Sign::new("PLEASE submit a bug report", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install clang-tidy"),
    warm: None,
};

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^(?P<path>(?:[A-Za-z]:)?[^:\s][^:]*):(?P<line>\d+):(?P<column>\d+): (?P<severity>fatal error|error|warning|note): (?P<message>.+?)(?: \[(?P<rule>[^\]]+)\])?$",
    )
});

/// The compiler's own errors, among the checks.
const COMPILER: &str = "clang-diagnostic-error";

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let defaults = Defaults {
        severity: Severity::Warning,
        unit: Unit::Byte,
    };
    let lines = Lines::read(&LINE, output.text(TOOL.report)?, defaults);
    let mut diagnostics = super::compiled_without_flags(lines, |_| false)?;
    for diagnostic in &mut diagnostics {
        let rule = diagnostic.rule.take().unwrap_or_default();
        let rule = rule.trim_end_matches(",-warnings-as-errors");
        diagnostic.severity = if rule == COMPILER {
            Severity::Error
        } else {
            Severity::Warning
        };
        diagnostic.rule = Some(rule.to_owned());
    }
    Ok(diagnostics)
}
