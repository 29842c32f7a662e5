//! The TypeScript compiler, over the whole project.

use std::borrow::Cow;
use std::path::Path;
use std::sync::LazyLock;

use claude_flow_lang_detect::Language;
use regex::Regex;

use crate::Severity;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::format::{Defaults, Lines, compiled};
use crate::tools::invocation::Request;
use crate::tools::output::{Output, Stream, Unread, Why, excerpt};
use crate::tools::place::Unit;
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("tsc"),
    check: Check::Types,
    files: Files::Languages(&[Language::TypeScript, Language::Tsx]),
    program: Program {
        name: Cow::Borrowed("tsc"),
        homes: &[Home::NodeModules, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[ConfigFile::data("tsconfig.json").with_argument("{config}")],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "--noEmit",
            "--pretty",
            "false",
            "--incremental",
            "--tsBuildInfoFile",
            "{scratch}/tsc.tsbuildinfo",
            "-p",
            "{config}",
        ]),
        is_stdin: false,
        scope: Scope::Project,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1, 2]),
    signs: &[
        Sign::new("Fatal error", Why::Crashed),
        Sign::new("Cannot find module", Why::Crashed),
    ],
    reader: Reader::Own(read),
    install: Cow::Borrowed("npm install --save-dev typescript"),
    warm: None,
};

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^(?:(?P<path>\S.*?)\((?P<line>\d+),(?P<column>\d+)\): )?(?P<severity>error|warning|message) (?P<rule>TS\d+): (?P<message>.*)$",
    )
});

fn read(_: &Request<'_>, output: &Output<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Utf16,
    };
    let lines = Lines::read(&LINE, output.text(TOOL.report)?, defaults);
    if let Some(other) = lines.other {
        return Err(Unread::not_understood(format!("it says {other:?}")));
    }
    if let Some(broken) = lines
        .diagnostics
        .iter()
        .find(|it| is_about_configuration(it))
    {
        return Err(Unread::new(Why::BadConfiguration, excerpt(&broken.message)));
    }
    Ok(lines.diagnostics)
}

/// Errors about the options or about the list of files are in the configuration, or nowhere.
fn is_about_configuration(diagnostic: &Diagnostic) -> bool {
    let path = diagnostic.path.as_deref();
    path.is_none_or(|path| {
        let extension = Path::new(path).extension();
        extension.is_some_and(|it| it.eq_ignore_ascii_case("json")) && path.contains("tsconfig")
    })
}
