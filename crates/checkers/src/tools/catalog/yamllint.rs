//! yamllint. A file that it ignores is reported as clean, which cannot be told from a clean one.

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
    name: Cow::Borrowed("yamllint"),
    check: Check::Lint,
    files: Files::Languages(&[Language::Yaml]),
    program: Program {
        name: Cow::Borrowed("yamllint"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data(".yamllint"),
            ConfigFile::data(".yamllint.yaml"),
            ConfigFile::data(".yamllint.yml"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--format=parsable", "--", "{path}"]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("invalid config", Why::BadConfiguration),
        Sign::new("No such file or directory", Why::Unable),
        Sign::new("Traceback", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("pip install yamllint"),
    warm: None,
};

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): \[(?P<severity>error|warning)\] (?P<message>.+?)(?: \((?P<rule>[\w-]+)\))?$",
    )
});

/// The rule of what its parser rejects; style is never an error, whatever its level.
const SYNTAX: &str = "syntax";

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let defaults = Defaults {
        severity: Severity::Warning,
        unit: Unit::Scalar,
    };
    let lines = Lines::read(&LINE, output.text(TOOL.report)?, defaults);
    if let Some(other) = lines.other {
        return Err(Unread::not_understood(format!("it says {other:?}")));
    }
    let mut diagnostics = lines.diagnostics;
    for diagnostic in &mut diagnostics {
        if diagnostic.rule.as_deref() != Some(SYNTAX) {
            diagnostic.severity = Severity::Warning;
        }
    }
    Ok(diagnostics)
}
