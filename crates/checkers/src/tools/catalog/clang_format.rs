//! clang-format.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;

use crate::tools::diagnostic::Diagnostic;
use crate::tools::output::{Output, Stream, Why};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("clang-format"),
    check: Check::Format,
    files: Files::Languages(&[Language::C, Language::Cpp]),
    program: Program {
        name: Cow::Borrowed("clang-format"),
        homes: &[Home::VirtualEnvironment, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::data(".clang-format"),
            ConfigFile::data("_clang-format"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&[
            "--style=file",
            "--fallback-style=none",
            "--assume-filename={path}",
        ]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[]),
    signs: &[
        Sign::new("Error reading", Why::BadConfiguration),
        Sign::new("error: ", Why::BadConfiguration),
        Sign::new("Configuration file(s) do(es) not support", Why::Ignored),
        Sign::new("PLEASE submit a bug report", Why::Crashed),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("pip install clang-format"),
    warm: None,
};

/// It formats what it does not understand as well as it can, and never says so.
fn mistake(_: &Output<'_>) -> Option<Diagnostic> {
    None
}
