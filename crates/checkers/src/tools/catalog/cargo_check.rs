//! cargo check, over the whole workspace.

use std::borrow::Cow;

use claude_flow_lang_detect::Language;

use crate::tools::output::{Stream, Why};
use crate::tools::tool::{
    Ask, Check, Config, ConfigFile, Directory, Exits, Files, Home, Program, Reader, Scope, Sign,
    Tool, Words,
};

pub(super) static TOOL: Tool = Tool {
    name: Cow::Borrowed("cargo-check"),
    check: Check::Types,
    files: Files::Languages(&[Language::Rust]),
    program: Program {
        name: Cow::Borrowed("cargo"),
        homes: &[Home::Path],
        native: &[],
    },
    version: Words::Fixed(&["--version"]),
    config: Config {
        files: &[ConfigFile::code("Cargo.toml")],
        is_needed: true,
    },
    runs_code: Some("build scripts and procedural macros"),
    ask: Ask {
        arguments: Words::Fixed(&[
            "check",
            "--message-format=json",
            "--quiet",
            "--workspace",
            "--all-targets",
        ]),
        is_stdin: false,
        scope: Scope::Project,
        directory: Directory::Root,
        environment: &[
            ("CARGO_TARGET_DIR", "{scratch}"),
            ("CARGO_NET_OFFLINE", "true"),
            ("CARGO_TERM_COLOR", "never"),
        ],
    },
    report: Stream::Stdout,
    exits: Exits::new(&[0], &[0, 101]),
    signs: &[
        Sign::new("Cargo.toml:", Why::BadConfiguration),
        Sign::new("no matching package", Why::Unable),
        Sign::new("no such command", Why::MissingPlugin),
        Sign::new("is not installed", Why::MissingPlugin),
        Sign::new("failed to parse manifest", Why::BadConfiguration),
        Sign::new("could not find `Cargo.toml`", Why::NotConfigured),
        Sign::new("failed to download", Why::Unable),
        Sign::new("failed to run custom build", Why::Unable),
    ],
    reader: Reader::Own(super::cargo::read),
    install: Cow::Borrowed("rustup toolchain install stable"),
    warm: None,
};
