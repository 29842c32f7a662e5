//! One front end per language, behind one door that keeps their promises.

mod c_family;
mod first_cause;
mod go;
mod java;
mod javascript;
mod json;
mod message;
mod python;
mod recursion;
mod rust;
mod toml;
mod yaml;

use std::panic::{AssertUnwindSafe, catch_unwind};

use claude_flow_lang_detect::Language;

use crate::text::{self, Encoding};
use crate::{Finding, Outcome, Source, limits};

/// The byte-order mark of UTF-8.
const BOM: &str = "\u{feff}";

/// The parsers of our own, by the version of this crate.
const OWN_ENGINE: &str = concat!("claude-flow-checkers ", env!("CARGO_PKG_VERSION"));

/// The languages whose syntax is checked, in the order of their names.
pub const LANGUAGES: [Language; 14] = [
    Language::C,
    Language::Cpp,
    Language::Go,
    Language::Java,
    Language::JavaScript,
    Language::Json,
    Language::JsonWithComments,
    Language::Json5,
    Language::Python,
    Language::Rust,
    Language::Toml,
    Language::Tsx,
    Language::TypeScript,
    Language::Yaml,
];

/// The language whose rules of syntax a language has: descriptions of interfaces are JSON or YAML.
const fn of_syntax(language: Language) -> Language {
    match language {
        Language::OASv2Json | Language::OASv3Json => Language::Json,
        Language::OASv2Yaml | Language::OASv3Yaml => Language::Yaml,
        other => other,
    }
}

/// Whether a file's syntax can be checked.
#[must_use]
pub fn is_checked(language: Language) -> bool {
    LANGUAGES.contains(&of_syntax(language))
}

/// The name and version of the parser that decides for a language.
#[must_use]
pub const fn engine(language: Language) -> &'static str {
    match of_syntax(language) {
        Language::JavaScript | Language::TypeScript | Language::Tsx => "oxc 0.146.0",
        Language::Python => "ruff_python_parser 0.0.10",
        Language::Rust => "ra_ap_syntax 0.0.349",
        Language::C
        | Language::Cpp
        | Language::Go
        | Language::Java
        | Language::Json
        | Language::JsonWithComments
        | Language::Json5 => OWN_ENGINE,
        Language::Yaml => "saphyr-parser 0.3",
        Language::Toml => "toml_parser 1.1",
        _ => "none",
    }
}

/// Checks the syntax of a file, early errors such as redeclarations included where the language's
/// front end knows them.
///
/// # Errors
///
/// None: what cannot be checked is [`Outcome::NotRun`], a parser that breaks is [`Outcome::Failed`].
///
/// # Complexity
///
/// Linear in the size for valid text; recovery from errors may cost more, so a caller that needs
/// a bound on time runs it on a thread and stops waiting.
/// Reserves stack in proportion to the size, at most [`limits::PARSER_STACK_BYTES_MAX`].
#[must_use]
pub fn syntax(source: &Source<'_>) -> Outcome {
    if source.bytes.len() > limits::SOURCE_BYTES_MAX {
        return Outcome::not_run(limits::too_large(source.bytes.len()));
    }
    if text::first_conflict(source.bytes).is_some() && !is_clean_despite_markers(source) {
        return Outcome::not_run("merge-conflict markers: the text is two versions at once");
    }
    parse(source)
}

/// True if the parsers accept a text that has conflict markers: then it quotes them.
pub(crate) fn is_clean_despite_markers(source: &Source<'_>) -> bool {
    matches!(parse(source), Outcome::Checked { findings } if findings.is_empty())
}

fn parse(source: &Source<'_>) -> Outcome {
    let decoded = match text::decode(source) {
        Encoding::Text(decoded) => decoded,
        Encoding::Unreadable(reason) => return Outcome::not_run(reason),
    };
    let (text, shift) = decoded
        .strip_prefix(BOM)
        .map_or((&*decoded, 0), |rest| (rest, BOM.len()));
    let checked = catch_unwind(AssertUnwindSafe(|| front_end(source, text)));
    match checked {
        Ok(Outcome::Checked { findings }) => Outcome::Checked {
            findings: finish(findings, shift),
        },
        Ok(other) => other,
        Err(_) => Outcome::Failed {
            reason: format!("{} panicked", engine(source.language)),
        },
    }
}

fn front_end(source: &Source<'_>, text: &str) -> Outcome {
    match of_syntax(source.language) {
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            javascript::check(source, text)
        }
        Language::Python => python::check(source, text),
        Language::Rust => rust::check(source, text),
        Language::Go => go::check(source, text),
        Language::Java => java::check(source, text),
        Language::C | Language::Cpp => c_family::check(source, text),
        Language::Json | Language::JsonWithComments | Language::Json5 => json::check(source, text),
        Language::Yaml => yaml::check(source, text),
        Language::Toml => toml::check(source, text),
        other => Outcome::not_run(format!("no parser for {other}")),
    }
}

/// Puts findings into the order of the text, back onto the file's own offsets, and bounds them.
fn finish(mut findings: Vec<Finding>, shift: usize) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.span.start, finding.severity));
    findings.truncate(limits::FINDINGS_MAX);
    for finding in &mut findings {
        let spans = finding.related.iter_mut().map(|related| &mut related.span);
        let spans = spans.chain(finding.fix.iter_mut().map(|fix| &mut fix.span));
        for span in spans.chain(std::iter::once(&mut finding.span)) {
            *span = span.start + shift..span.end + shift;
        }
    }
    findings
}

#[cfg(test)]
mod tests;
