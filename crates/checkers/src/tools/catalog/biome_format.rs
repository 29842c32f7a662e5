//! Biome, the formatter.

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
    name: Cow::Borrowed("biome-format"),
    check: Check::Format,
    files: Files::Languages(&[
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Json,
        Language::JsonWithComments,
        Language::Css,
    ]),
    program: Program {
        name: Cow::Borrowed("biome"),
        homes: &[Home::NodeModules, Home::Path],
        native: super::biome::NATIVE,
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data("biome.json"),
            ConfigFile::data("biome.jsonc"),
            ConfigFile::data(".biome.json"),
            ConfigFile::data(".biome.jsonc"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["format", "--colors=off", "--stdin-file-path={path}"]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[1]),
    signs: &[
        Sign::new("is ignored", Why::Ignored),
        Sign::new("configuration resulted in errors", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("npm install --save-dev @biomejs/biome"),
    warm: None,
};

/// Where the parser gave up; what is wrong is on the line behind it that begins with a cross.
static MISTAKE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^\S.*?:(?P<line>\d+):(?P<column>\d+) parse ━"));

fn mistake(output: &Output<'_>) -> Option<Diagnostic> {
    let text = output.text(Stream::Stderr).ok()?;
    let mut lines = text.lines();
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Scalar,
    };
    let heading = lines.find(|line| MISTAKE.is_match(line))?;
    let mut found = Lines::read(&MISTAKE, heading, defaults).diagnostics.pop()?;
    let message = lines.find_map(|line| line.trim_start().strip_prefix("× "))?;
    message.trim().clone_into(&mut found.message);
    Some(found)
}
