//! Biome, the linter.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;

use crate::Severity;
use crate::tools::format::{Format, FormatReader};
use crate::tools::output::{Stream, Why};
use crate::tools::place::Unit;
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("biome-lint"),
    check: Check::Lint,
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
        arguments: Words::Fixed(&[
            "lint",
            "--reporter=sarif",
            "--colors=off",
            "--max-diagnostics=none",
            "--",
            "{path}",
        ]),
        is_stdin: false,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 1]),
    signs: &[
        Sign::new("No files were processed", Why::Ignored),
        Sign::new("configuration resulted in errors", Why::BadConfiguration),
        Sign::new("panicked", Why::Crashed),
    ],
    reader: Reader::Format(FormatReader {
        format: Format::Sarif,
        severity: Severity::Warning,
        unit: Unit::Scalar,
    }),
    install: Cow::Borrowed("npm install --save-dev @biomejs/biome"),
    warm: None,
};
