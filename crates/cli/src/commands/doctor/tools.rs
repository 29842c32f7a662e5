//! The outside tools that a project may have, and what each would add.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// How many directories of PATH are looked into.
const DIRECTORIES_MAX: usize = 1_000;

/// Each tool's program and what it would add.
const TOOLS: [(&str, &str); 38] = [
    ("ruff", "Python: lint and format"),
    ("ty", "Python: types"),
    ("pyrefly", "Python: types"),
    ("mypy", "Python: types"),
    ("dmypy", "Python: types of mypy, kept warm"),
    ("basedpyright", "Python: types"),
    ("bandit", "Python: security"),
    (
        "node",
        "JavaScript and TypeScript: runs eslint and prettier",
    ),
    ("eslint", "JavaScript and TypeScript: lint"),
    ("prettier", "JavaScript, TypeScript, JSON, YAML: format"),
    ("biome", "JavaScript, TypeScript, JSON: lint and format"),
    ("oxlint", "JavaScript and TypeScript: lint"),
    ("oxfmt", "JavaScript and TypeScript: format"),
    ("tsc", "TypeScript: types"),
    ("tsgo", "TypeScript: types"),
    ("rustfmt", "Rust: format"),
    ("cargo", "Rust: types"),
    ("cargo-clippy", "Rust: lint"),
    ("go", "Go: types and vet"),
    ("gofmt", "Go: format"),
    ("staticcheck", "Go: lint"),
    ("gopls", "Go: types and lint"),
    ("gcc", "C and C++: types"),
    ("clang", "C and C++: types"),
    ("clang-format", "C and C++: format"),
    ("clang-tidy", "C and C++: lint"),
    ("clangd", "C and C++: types and lint"),
    ("cppcheck", "C and C++: lint"),
    ("javac", "Java: types"),
    ("ecj", "Java: types"),
    ("checkstyle", "Java: lint"),
    ("google-java-format", "Java: format"),
    ("shellcheck", "shell: lint"),
    ("shfmt", "shell: format"),
    ("hadolint", "Dockerfiles: lint"),
    ("actionlint", "GitHub workflows: lint"),
    ("taplo", "TOML: lint and format"),
    ("yamllint", "YAML: lint"),
];

/// One tool, found or not.
#[derive(Debug, Serialize)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// Where it is, `null` if it is missing.
    pub(super) path: Option<String>,
    pub(super) adds: &'static str,
}

/// Looks for each tool in the directories of PATH; starts none.
pub(super) fn look_for_tools(path: Option<OsString>) -> Vec<Tool> {
    let path = path.unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .take(DIRECTORIES_MAX)
        .collect();
    let find = |name: &str| {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let candidates = directories.iter().map(|directory| directory.join(&name));
        candidates.into_iter().find(|path| is_executable(path))
    };
    let tool = |(name, adds)| Tool {
        name,
        path: find(name).map(|path| path.to_string_lossy().into_owned()),
        adds,
    };
    TOOLS.into_iter().map(tool).collect()
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}
