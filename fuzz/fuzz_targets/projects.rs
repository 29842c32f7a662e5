//! Any manifests in: no panic, and work that ends.
//!
//! The input is a list of files, each begun by a byte that chooses its name and ended by a NUL.
//! The suite has the same property with other inputs, in `crates/lang-detect/tests/it/projects/prop.rs`.
#![no_main]

use claude_flow_lang_detect::project::{Text, Tree, detect};
use libfuzzer_sys::fuzz_target;

/// The names for which there are readers.
const NAMES: &[&str] = &[
    "package.json",
    "deno.jsonc",
    "pnpm-workspace.yaml",
    "Cargo.toml",
    "pyproject.toml",
    "setup.py",
    "tox.ini",
    "noxfile.py",
    "requirements.txt",
    "go.mod",
    "go.work",
    "pom.xml",
    "build.gradle",
    "settings.gradle.kts",
    "gradle/libs.versions.toml",
    "CMakeLists.txt",
    "Makefile",
    "composer.json",
    "Gemfile",
    "a.csproj",
    "a.sln",
    "Package.swift",
    "mix.exs",
    ".github/workflows/ci.yml",
    "a/package.json",
    "a/Cargo.toml",
];

fuzz_target!(|data: &[u8]| {
    let files = data.split(|byte| *byte == 0).filter_map(|file| {
        let (choice, text) = file.split_first()?;
        let name = NAMES[usize::from(*choice) % NAMES.len()];
        Some((name, std::str::from_utf8(text).map_or(Text::Unreadable, Text::Given)))
    });
    let projects = detect(&Tree::new(files));
    for name in NAMES {
        let _ = projects.test_file(name);
    }
});
