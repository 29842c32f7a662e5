//! Clang. Warnings are asked for as errors, so that the exit code tells that there are some.

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
    Ask, Check, Config, Directory, Exits, Files, Home, Program, Reader, Scope, Sign, Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("clang"),
    check: Check::Types,
    files: Files::Languages(&[Language::C, Language::Cpp]),
    program: Program {
        name: Cow::Borrowed("clang"),
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
            "-fsyntax-only",
            "-Wall",
            "-Werror",
            "-fno-color-diagnostics",
            "-fno-caret-diagnostics",
            "--",
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
        Sign::new("PLEASE submit a bug report", Why::Crashed),
        Sign::new("error: unknown argument", Why::BadConfiguration),
        Sign::new("error: no such file", Why::Unable),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("apt-get install clang"),
    warm: None,
};

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^(?P<path>(?:[A-Za-z]:)?[^:\s][^:]*):(?P<line>\d+):(?P<column>\d+): (?P<severity>fatal error|error|warning|note): (?P<message>.+?)(?: \[(?P<rule>-[^\]]+)\])?$",
    )
});

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Byte,
    };
    let lines = Lines::read(&LINE, output.text(TOOL.report)?, defaults);
    let mut diagnostics = super::compiled_without_flags(lines, |line| {
        line.starts_with("In file included from") || line.contains(" generated.")
    })?;
    for diagnostic in &mut diagnostics {
        let rule = diagnostic.rule.as_deref();
        let warning = rule.and_then(|rule| rule.strip_prefix("-Werror,"));
        if let Some(warning) = warning.map(str::to_owned) {
            diagnostic.severity = Severity::Warning;
            diagnostic.rule = Some(warning);
        }
    }
    Ok(diagnostics)
}
