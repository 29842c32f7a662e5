//! TOML 1.1: `toml_parser` for the grammar, `toml_edit` for what keys and values mean together.
//!
//! `toml_edit` stops at a nesting that no configuration has; such a file is not judged.

mod paths;

use std::ops::Range;

use claude_flow_lang_detect::Language;
use toml_parser::parser::{Event, RecursionGuard, ValidateWhitespace, parse_document};
use toml_parser::{Expected, ParseError};

use super::first_cause::{self, Recovery};
use super::message::fragment;
use crate::{Finding, Outcome, Severity, Source};

/// The nesting at which `toml_edit` stops.
const NESTING_MAX: u32 = 80;

/// The stack for the parsers, which go at most [`NESTING_MAX`] deep.
const STACK_BYTES: usize = 1024 * 1024;

pub(super) fn check(_source: &Source<'_>, text: &str) -> Outcome {
    stacker::grow(STACK_BYTES, || parse(text))
}

fn parse(text: &str) -> Outcome {
    let source = toml_parser::Source::new(text);
    let tokens = source.lex().into_vec();
    let mut events: Vec<Event> = Vec::with_capacity(tokens.len());
    let mut errors: Vec<ParseError> = Vec::new();
    {
        let mut receiver = ValidateWhitespace::new(&mut events, source);
        let mut receiver = RecursionGuard::new(&mut receiver, NESTING_MAX);
        parse_document(&tokens, &mut receiver, &mut errors);
    }
    if errors
        .iter()
        .any(|error| error.description().starts_with("cannot recurse"))
    {
        return too_deep();
    }
    let mut findings: Vec<Finding> = errors.iter().map(|error| finding(text, error)).collect();
    if findings.is_empty() {
        match meaning_error(text, source, &events) {
            Some(found) if found.message.contains("recursion limit") => return too_deep(),
            found => findings.extend(found),
        }
    }
    // A string that does not end is noticed where the text does.
    let is_about_meaning = errors.is_empty()
        && !findings
            .iter()
            .any(|finding| finding.rule == "syntax/unterminated-literal");
    let recovery = if is_about_meaning {
        Recovery::Independent
    } else {
        Recovery::Resumes
    };
    Outcome::Checked {
        findings: first_cause::merge(text, Language::Toml, findings, recovery),
    }
}

fn too_deep() -> Outcome {
    Outcome::not_run(format!("values or keys nest deeper than {NESTING_MAX}"))
}

fn finding(text: &str, error: &ParseError) -> Finding {
    let mut message = fragment(error.description());
    for (index, expected) in error.expected().unwrap_or_default().iter().enumerate() {
        message += match index {
            0 if message.starts_with("missing") || message.starts_with("unclosed") => break,
            0 => ", expected ",
            _ => " or ",
        };
        match expected {
            Expected::Literal("\n") => message += "a line break",
            Expected::Literal(literal) => message.extend(["`", literal, "`"]),
            Expected::Description(description) => message += description,
            _ => message += "something else",
        }
    }
    let span = error.unexpected().or(error.context());
    let mut place = span.map_or(0..0, |span| span.start()..span.end());
    if is_value_missing(text, &message, place.start) {
        "missing value".clone_into(&mut message);
    }
    if message.starts_with("missing") || message.starts_with("unclosed") {
        place = first_cause::missing_before(text, place, &[]);
    }
    let rule = rule(&message);
    Finding::error(rule, message, place)
}

/// Whether an error about an unquoted string is about a value that is not there at all.
fn is_value_missing(text: &str, message: &str, offset: usize) -> bool {
    message.starts_with("string values must be quoted")
        && text[offset..]
            .chars()
            .next()
            .is_none_or(|next| "\r\n#".contains(next))
}

/// What is wrong with well-formed text: a key that is defined twice, a date that does not exist.
fn meaning_error(text: &str, source: toml_parser::Source<'_>, events: &[Event]) -> Option<Finding> {
    let error = toml_edit::Document::parse(text).err()?;
    let mut message = fragment(error.message());
    let place = error.span().unwrap_or(0..0);
    if is_value_missing(text, &message, place.start) {
        "missing value".clone_into(&mut message);
    }
    // The RFC-like floor is 64 bits; readers with wider numbers exist.
    let severity = if message.ends_with("number overflowed") {
        Severity::Warning
    } else {
        Severity::Error
    };
    let mut finding =
        Finding::error(rule(&message), message, place.clone()).with_severity(severity);
    if finding.rule == "syntax/duplicate-key" {
        if let Some(name) = text.get(place.clone()) {
            finding.message = format!("the key `{name}` is defined twice");
        }
        if let Some(first) = paths::first_definition(source, events, place.start) {
            finding = finding.with_related("first defined here", first);
        }
    }
    Some(finding)
}

fn rule(message: &str) -> &'static str {
    const BY_TEXT: [(&str, &str); 14] = [
        ("duplicate key", "syntax/duplicate-key"),
        ("cannot extend value", "syntax/duplicate-key"),
        ("escape", "syntax/invalid-escape"),
        ("unicode value", "syntax/invalid-escape"),
        ("unclosed", "syntax/unclosed-bracket"),
        ("closing quote", "syntax/unterminated-literal"),
        ("string values must be quoted", "syntax/unquoted-string"),
        ("basic string", "syntax/unterminated-literal"),
        ("literal string", "syntax/unterminated-literal"),
        ("missing", "syntax/missing-token"),
        ("key with no value", "syntax/missing-token"),
        ("number", "syntax/invalid-number"),
        ("leading zero", "syntax/invalid-number"),
        ("digits", "syntax/invalid-number"),
    ];
    let by_text = BY_TEXT.iter().find(|(part, _)| message.contains(part));
    by_text.map_or("syntax/unexpected-token", |(_, rule)| rule)
}

/// A span as a range of bytes.
fn range(span: toml_parser::Span) -> Range<usize> {
    span.start()..span.end()
}

#[cfg(test)]
mod tests;
