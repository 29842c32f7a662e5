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

use super::first_cause::{self, Recovery};
use crate::{Finding, Outcome, Source, limits};

use escapes::Translated;
use parser::{Parser, Reading};

/// How much stack the deepest nesting takes, with a margin.
///
/// 1,000 levels of type arguments, the most expensive construct, take 1.7 MB without optimisation
/// and 0.6 MB with it.
const STACK_BYTES: usize = 4 * 1024 * 1024;

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
    let skipped = match source.extension().as_str() {
        "java" => 0,
        _ => script_line_len(&translated.text),
    };
    let body = &translated.text[skipped..];
    let lexed = lexer::lex(body, translated.is_cut);
    let reading = stacker::maybe_grow(STACK_BYTES, STACK_BYTES, || {
        Parser::new(body, &lexed.tokens, lexed.problem.as_ref()).read()
    });
    let findings = match reading {
        Reading::Clean => Vec::new(),
        Reading::Broken(problem) => report(text, &translated, skipped, problem),
        Reading::TooDeep(place) => {
            let place = translated.source_offset(skipped + place);
            return Outcome::not_run(limits::too_deep(text, place));
        }
    };
    Outcome::Checked { findings }
}

/// The length of the line `#!…` that the launcher of source files skips.
fn script_line_len(text: &str) -> usize {
    if text.starts_with("#!") {
        text.find('\n').unwrap_or(text.len())
    } else {
        0
    }
}

/// The findings for a problem, on the offsets of the source.
fn report(
    text: &str,
    translated: &Translated<'_>,
    skipped: usize,
    problem: Problem,
) -> Vec<Finding> {
    let span = skipped + problem.span.start..skipped + problem.span.end;
    let to_source = |span: &Range<usize>| {
        let start = translated.source_offset(span.start);
        start..translated.source_offset(span.end).max(start)
    };
    if translated.is_cut {
        // The translation lacks its end, so its brackets say nothing.
        let error = Finding::error(problem.rule, problem.message, to_source(&span));
        return first_cause::merge(text, Language::Java, vec![error], Recovery::Stops);
    }
    let error = Finding::error(problem.rule, problem.message, span);
    let errors = vec![error];
    let mut findings =
        first_cause::merge(&translated.text, Language::Java, errors, Recovery::Stops);
    for finding in &mut findings {
        finding.span = to_source(&finding.span);
        for related in &mut finding.related {
            related.span = to_source(&related.span);
        }
    }
    findings
}

#[cfg(test)]
mod tests;
