//! Prettier. A file that it ignores comes back as it is, which cannot be told from a formatted one.

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
use crate::tools::warm::{Interpreter, Question, Server, Start, Warm};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("prettier"),
    check: Check::Format,
    files: Files::Languages(&[
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Json,
        Language::JsonWithComments,
        Language::Json5,
        Language::Css,
        Language::Html,
        Language::Markdown,
        Language::Yaml,
    ]),
    program: Program {
        name: Cow::Borrowed("prettier"),
        homes: &[Home::NodeModules, Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[
            ConfigFile::code("package.json").with_section("prettier"),
            ConfigFile::code(".prettierrc"),
            ConfigFile::code(".prettierrc.json"),
            ConfigFile::code(".prettierrc.yml"),
            ConfigFile::code(".prettierrc.yaml"),
            ConfigFile::code(".prettierrc.json5"),
            ConfigFile::code(".prettierrc.js"),
            ConfigFile::code(".prettierrc.mjs"),
            ConfigFile::code(".prettierrc.cjs"),
            ConfigFile::code(".prettierrc.ts"),
            ConfigFile::code(".prettierrc.toml"),
            ConfigFile::code("prettier.config.js"),
            ConfigFile::code("prettier.config.mjs"),
            ConfigFile::code("prettier.config.cjs"),
            ConfigFile::code("prettier.config.ts"),
        ],
        is_needed: true,
    },
    runs_code: None,
    ask: Ask {
        arguments: Words::Fixed(&["--no-color", "--stdin-filepath={path}"]),
        is_stdin: true,
        scope: Scope::File,
        directory: Directory::Root,
        environment: &[],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[2]),
    signs: &[
        Sign::new("No parser could be inferred", Why::Ignored),
        Sign::new("Invalid configuration", Why::BadConfiguration),
        Sign::new("Expected true or false", Why::BadConfiguration),
        Sign::new("Cannot find package", Why::MissingPlugin),
        Sign::new("Cannot find module", Why::MissingPlugin),
        Sign::new("] Invalid ", Why::BadConfiguration),
    ],
    reader: Reader::Formatter(mistake),
    install: Cow::Borrowed("npm install --save-dev prettier"),
    warm: Some(Warm {
        server: &SERVER,
        question: Question::Command,
    }),
};

static SERVER: Server = Server {
    name: "the prettier worker",
    start: Start::Script {
        interpreter: Interpreter::Node,
        arguments: &["--eval", include_str!("node_worker.js")],
    },
    inputs: &[
        "package.json",
        "package-lock.json",
        "pnpm-lock.yaml",
        "yarn.lock",
        "node_modules",
        "node_modules/.package-lock.json",
        ".editorconfig",
        ".prettierignore",
        ".gitignore",
    ],
    // With these a configuration loads files of the project.
    unless_configuration_holds: &["'./", "\"./", "'../", "\"../"],
    watches: &[],
};

/// Where the parser gave up, on the standard error.
static MISTAKE: LazyLock<Regex> = LazyLock::new(|| {
    compiled(
        r"^\[error\] (?P<path>.+?): SyntaxError: (?P<message>.*) \((?P<line>\d+):(?P<column>\d+)\)$",
    )
});

fn mistake(output: &Output<'_>) -> Option<Diagnostic> {
    let text = output.text(Stream::Stderr).ok()?;
    let defaults = Defaults {
        severity: Severity::Error,
        unit: Unit::Utf16,
    };
    Lines::read(&MISTAKE, text, defaults)
        .diagnostics
        .into_iter()
        .next()
}
