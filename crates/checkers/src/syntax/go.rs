//! Go, by a parser of our own that recognises what `gofmt` and the compiler's parser accept.
//!
//! The tree-sitter grammar lets misplaced imports, mixed parameters and statements outside
//! functions pass, and does not know the newest syntax; the language is small enough to be read
//! exactly.
//!
//! # Source
//!
//! The Go Programming Language Specification, language version go1.26; semicolon insertion and
//! composite-literal ambiguity are resolved as its "Semicolons" and "Composite literals" sections say.

mod expression;
mod parser;
mod statement;
mod tokens;
mod types;

use std::ops::Range;

use claude_flow_lang_detect::Language;

use super::first_cause::{self, Recovery};
use crate::{Finding, Outcome, Source, limits};

use parser::Parser;

/// The stack that the parser may need at the deepest nesting, with room to spare.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Why the parser stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The text is not Go.
    Error {
        rule: &'static str,
        message: String,
        span: Range<usize>,
    },
    /// The text is nested deeper than the parser goes.
    TooDeep { at: usize },
}

impl Stop {
    fn literal(message: &str, span: Range<usize>) -> Self {
        Self::Error {
            rule: "syntax/invalid-literal",
            message: message.to_owned(),
            span,
        }
    }

    fn unexpected(message: String, span: Range<usize>) -> Self {
        Self::Error {
            rule: "syntax/unexpected-token",
            message,
            span,
        }
    }
}

pub(super) fn check(_: &Source<'_>, text: &str) -> Outcome {
    let stop = match stacker::grow(STACK_BYTES, || parse(text)) {
        Ok(()) => {
            return Outcome::Checked {
                findings: Vec::new(),
            };
        }
        Err(stop) => stop,
    };
    match stop {
        Stop::TooDeep { at } => Outcome::not_run(limits::too_deep(text, at)),
        Stop::Error {
            rule,
            message,
            span,
        } => {
            let error = Finding::error(rule, message, span);
            let findings = first_cause::merge(text, Language::Go, vec![error], Recovery::Stops);
            Outcome::Checked { findings }
        }
    }
}

fn parse(text: &str) -> Result<(), Stop> {
    let tokens = tokens::tokens(text)?;
    Parser::new(text, &tokens).file()
}

#[cfg(test)]
mod tests;
