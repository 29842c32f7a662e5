//! Java, up to release 25, by an exact reader of its grammar.
//!
//! A text is accepted if the parser of javac accepts it for some release from 8 on, previews
//! included; what needs types or names to be resolved is not looked at. A word that became a
//! keyword later is a name as long as nothing else in the text needs the later release.

mod declaration;
mod escapes;
mod expression;
mod identifier;
mod lexer;
mod lookahead;
mod module;
mod number;
mod parameter;
mod parser;
mod statement;
mod token;
mod types;

use std::ops::Range;

use claude_flow_lang_detect::Language;

use crate::{Finding, Outcome, Source, brackets, limits};

use escapes::Translated;
use parser::{Parser, Reading};

/// How much stack the deepest nesting takes, with a margin.
///
/// 1,000 levels of the most expensive construct take 3 MB without optimisation.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// What is wrong with a text, as offsets into its translated form.
#[derive(Debug, Clone)]
struct Problem {
    rule: &'static str,
    message: String,
    span: Range<usize>,
}

/// Checks a Java file, a module declaration included.
///
/// # Complexity
///
/// Linear in the length of the text.
pub(super) fn check(source: &Source<'_>, text: &str) -> Outcome {
    let translated = escapes::translate(text);
    let skipped = if source.extension() == "java" {
        0
    } else {
        script_line_len(&translated.text)
    };
    let lexed = lexer::lex(&translated.text[skipped..]);
    let body = &translated.text[skipped..];
    let reading = stacker::maybe_grow(STACK_BYTES, STACK_BYTES, || {
        Parser::new(body, &lexed.tokens, lexed.problem.as_ref()).read()
    });
    let problem = match reading {
        Reading::Clean => match translated.malformed {
            None => return Outcome::Checked { findings: vec![] },
            Some(_) => None,
        },
        Reading::Broken(problem) => Some(problem),
        Reading::TooDeep(place) => {
            let place = translated.source_offset(skipped + place);
            return too_deep(text, place);
        }
    };
    let own = finding(&translated, skipped, problem);
    Outcome::Checked {
        findings: with_structure(text, own),
    }
}

fn too_deep(text: &str, place: usize) -> Outcome {
    let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..place]).count() + 1;
    Outcome::not_run(format!(
        "line {line} is nested more than the {} levels that are checked",
        limits::NESTING_DEPTH_MAX
    ))
}

/// The length of the line `#!…` that the launcher of source files skips.
fn script_line_len(text: &str) -> usize {
    if text.starts_with("#!") {
        text.find('\n').unwrap_or(text.len())
    } else {
        0
    }
}

/// The finding for a problem, or for the malformed escape that cut the text short.
fn finding(translated: &Translated<'_>, skipped: usize, problem: Option<Problem>) -> Finding {
    let cut = translated.malformed.filter(|_| {
        let end = translated.text.len();
        let runs_into_it = |problem: &Problem| {
            skipped + problem.span.end >= end || problem.rule.starts_with("syntax/unterminated")
        };
        problem.as_ref().is_none_or(runs_into_it)
    });
    match (problem, cut) {
        (Some(problem), None) => {
            let start = translated.source_offset(skipped + problem.span.start);
            let end = translated.source_offset(skipped + problem.span.end);
            Finding::error(problem.rule, problem.message, start..end.max(start))
        }
        (_, Some(place)) => {
            let message = "a unicode escape is `\\u` and four hexadecimal digits";
            Finding::error("syntax/invalid-literal", message, place..place + 2)
        }
        (None, None) => {
            let end = translated.source_offset(translated.text.len());
            Finding::error("syntax/unexpected-token", "the text is not understood", end..end)
        }
    }
}

/// What the brackets say is wrong, if anything, and the parser's own finding if it comes before.
fn with_structure(text: &str, own: Finding) -> Vec<Finding> {
    let Some(structural) = brackets::diagnose(text, Language::Java) else {
        return vec![own];
    };
    let related = structural.related.iter().map(|related| related.span.start);
    let earliest = related.fold(structural.span.start, usize::min);
    if own.span.end <= earliest && own.span.start < earliest {
        vec![own, structural]
    } else {
        vec![structural]
    }
}

#[cfg(test)]
mod tests;
