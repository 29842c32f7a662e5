//! The tools that are known: one file each.

mod bandit;
mod basedpyright;
mod biome;
mod biome_format;
mod biome_lint;
mod cargo;
mod cargo_check;
mod cargo_clippy;
mod checkstyle;
mod clang;
mod clang_format;
mod clang_tidy;
mod cppcheck;
mod eslint;
mod gcc;
mod go_vet;
mod gofmt;
mod google_java_format;
mod hadolint;
mod javac;
mod mypy;
mod oxlint;
mod prettier;
mod pyrefly;
mod ruff;
mod ruff_check;
mod ruff_format;
mod rustfmt;
mod shellcheck;
mod shfmt;
mod staticcheck;
mod taplo;
mod tsc;
mod ty;
mod yamllint;

use serde::de::DeserializeOwned;

use super::format::Lines;
use super::output::{Output, Stream, Unread, Why};
use super::tool::Tool;

/// Every tool that is known, in the order of their names.
pub static TOOLS: &[&Tool] = &[
    &bandit::TOOL,
    &basedpyright::TOOL,
    &biome_format::TOOL,
    &biome_lint::TOOL,
    &cargo_check::TOOL,
    &cargo_clippy::TOOL,
    &checkstyle::TOOL,
    &clang::TOOL,
    &clang_format::TOOL,
    &clang_tidy::TOOL,
    &cppcheck::TOOL,
    &eslint::TOOL,
    &gcc::TOOL,
    &go_vet::TOOL,
    &gofmt::TOOL,
    &google_java_format::TOOL,
    &hadolint::TOOL,
    &javac::TOOL,
    &mypy::TOOL,
    &oxlint::TOOL,
    &prettier::TOOL,
    &pyrefly::TOOL,
    &ruff_check::TOOL,
    &ruff_format::TOOL,
    &rustfmt::TOOL,
    &shellcheck::TOOL,
    &shfmt::TOOL,
    &staticcheck::TOOL,
    &taplo::TOOL,
    &tsc::TOOL,
    &ty::TOOL,
    &yamllint::TOOL,
];

/// The tool of a name.
///
/// # Examples
///
/// ```
/// use claude_flow_checkers::tools::{Check, tool};
///
/// assert_eq!(tool("eslint").map(|tool| tool.check), Some(Check::Lint));
/// assert!(tool("notepad").is_none());
/// ```
#[must_use]
pub fn tool(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().copied().find(|tool| tool.name == name)
}

/// A report that is one JSON value, behind lines of text at most.
fn json<T: DeserializeOwned>(output: &Output<'_>, report: Stream) -> Result<T, Unread> {
    serde_json::from_str(output.text(report)?).map_err(|error| {
        let complaint = output.complaint();
        Unread::not_understood(format!("its output is not its JSON: {error}{complaint}"))
    })
}

/// A report with one JSON value in each line.
fn json_lines<T: DeserializeOwned>(report: &str) -> Result<Vec<T>, Unread> {
    let lines = report.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| {
            serde_json::from_str(line).map_err(|error| {
                Unread::not_understood(format!("a line of its output is not its JSON: {error}"))
            })
        })
        .collect()
}

/// What a C compiler says that was not told the project's flags: a header that it does not find says
/// nothing about the file.
fn compiled_without_flags(
    lines: Lines,
    is_heading: impl Fn(&str) -> bool,
) -> Result<Vec<super::Diagnostic>, Unread> {
    if let Some(missing) = lines
        .diagnostics
        .iter()
        .find(|it| is_missing_header(&it.message))
    {
        return Err(Unread::new(Why::Unable, missing.message.clone()));
    }
    match lines.other {
        Some(other) if lines.diagnostics.is_empty() && !is_heading(&other) => {
            Err(Unread::not_understood(format!("it says {other:?}")))
        }
        _ => Ok(lines.diagnostics),
    }
}

fn is_missing_header(message: &str) -> bool {
    message.ends_with("file not found") || message.ends_with("No such file or directory")
}
