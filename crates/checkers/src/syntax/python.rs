//! Python: ruff's parser, and the errors that `CPython` raises while it compiles.
//!
//! The text is held against the newest version of the language. What a newer version rejects and
//! an older one accepts is accepted, for example `yield` in an annotation, which is an error only
//! since 3.14.

mod scopes;

use std::ops::Range;

use claude_flow_lang_detect::Language;
use ruff_python_ast::statement_visitor::{StatementVisitor, walk_stmt};
use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{Mod, PySourceType, PythonVersion, Stmt};
use ruff_python_parser::{
    InterpolatedStringErrorType, LexicalErrorType, ParseError, ParseErrorType, ParseOptions,
    Parsed, parse_unchecked,
};
use ruff_text_size::Ranged;

use super::first_cause::{self, Recovery};
use super::message::fragment;
use super::recursion::Recursive;
use crate::{Finding, Outcome, Source};

/// Brackets that `CPython`'s tokenizer holds open at once; one more is an error.
const OPEN_BRACKETS_MAX: usize = 200;

/// Indentation levels that `CPython`'s tokenizer holds, the first of which is the module's own.
const INDENTATIONS_MAX: usize = 99;

const PARSER: Recursive = Recursive {
    language: Language::Python,
    // Measured in the dev profile, where most is the walk over the scopes: 1,580 for `(` in a
    // call, 1,450 for any operator.
    bracket_bytes: 4096,
    token_bytes: 3072,
    grammar: || tree_sitter_python::LANGUAGE.into(),
};

pub(super) fn check(source: &Source<'_>, text: &str) -> Outcome {
    PARSER.run(text, || {
        let kind = match source.extension().as_str() {
            "pyi" => PySourceType::Stub,
            _ => PySourceType::Python,
        };
        let options = ParseOptions::from(kind).with_target_version(PythonVersion::latest_preview());
        let parsed = parse_unchecked(text, options);
        Outcome::Checked {
            findings: findings(text, &parsed),
        }
    })
}

fn findings(text: &str, parsed: &Parsed<Mod>) -> Vec<Finding> {
    if parsed.errors().is_empty() {
        let mut findings = Vec::from_iter(nesting_errors(parsed));
        if let Mod::Module(module) = parsed.syntax() {
            findings.extend(scopes::errors(text, &module.body));
        }
        return findings;
    }
    let comments: Vec<_> = parsed
        .tokens()
        .iter()
        .filter(|token| token.kind() == TokenKind::Comment)
        .map(|token| token.range().to_std_range())
        .collect();
    let errors = parsed
        .errors()
        .iter()
        .map(|error| finding(text, parsed, error, &comments))
        .collect();
    first_cause::merge(text, Language::Python, errors, Recovery::Resumes)
}

fn finding(
    text: &str,
    parsed: &Parsed<Mod>,
    error: &ParseError,
    comments: &[Range<usize>],
) -> Finding {
    let range = error.location.to_std_range();
    let (rule, message) = (rule(&error.error), message(&error.error));
    let place = match error.error {
        ParseErrorType::ExpectedToken { found, .. } if may_begin_an_element(found) => {
            first_cause::missing_before(text, range.clone(), comments)
        }
        // The range begins where the last statement ends.
        ParseErrorType::UnexpectedIndentation => {
            let line_start = text[..range.end]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            line_start.max(range.start)..range.end
        }
        // What a statement lacks is missing where it stands, not where the next one begins.
        ParseErrorType::OtherError(_) if message.contains("after `try` block") => {
            incomplete_try(parsed, range.start).unwrap_or_else(|| range.clone())
        }
        ParseErrorType::OtherError(_) if message.contains(" after ") => {
            first_cause::missing_before(text, range.clone(), comments)
        }
        _ => range.clone(),
    };
    let finding = Finding::error(rule, message, place);
    if is_python_2(text, range.start) {
        return finding.with_help(
            "this looks like Python 2, where `print` and `exec` are statements; \
             call them as functions",
        );
    }
    finding
}

/// The keyword of the last `try` before an offset that has no handler.
fn incomplete_try(parsed: &Parsed<Mod>, offset: usize) -> Option<Range<usize>> {
    struct Search {
        offset: usize,
        found: Option<usize>,
    }
    impl<'a> StatementVisitor<'a> for Search {
        fn visit_stmt(&mut self, statement: &'a Stmt) {
            if let Stmt::Try(it) = statement
                && it.handlers.is_empty()
                && it.finalbody.is_empty()
                && it.range.end().to_usize() <= self.offset
            {
                self.found = Some(it.range.start().to_usize());
            }
            walk_stmt(self, statement);
        }
    }
    let Mod::Module(module) = parsed.syntax() else {
        return None;
    };
    let mut search = Search {
        offset,
        found: None,
    };
    search.visit_body(&module.body);
    search.found.map(|start| start..start + "try".len())
}

/// Whether something may be missing before a token, rather than the token being too much.
fn may_begin_an_element(found: TokenKind) -> bool {
    !matches!(
        found,
        TokenKind::Colon | TokenKind::Dot | TokenKind::Equal | TokenKind::Comma | TokenKind::Rarrow
    )
}

fn rule(error: &ParseErrorType) -> &'static str {
    use InterpolatedStringErrorType as Interpolated;
    use ParseErrorType as E;
    match error {
        E::ExpectedToken { .. }
        | E::ExpectedExpression
        | E::ExpectedKeywordParam
        | E::EmptySlice
        | E::EmptyGlobalNames
        | E::EmptyNonlocalNames
        | E::EmptyDeleteTargets
        | E::EmptyImportNames
        | E::EmptyTypeParams
        | E::SimpleStatementsOnSameLine => "syntax/missing-token",
        E::UnexpectedIndentation | E::Lexical(LexicalErrorType::IndentationError) => {
            "syntax/indentation"
        }
        E::InvalidAssignmentTarget
        | E::InvalidNamedAssignmentTarget
        | E::InvalidAnnotatedAssignmentTarget
        | E::InvalidAugmentedAssignmentTarget
        | E::InvalidDeleteTarget => "syntax/invalid-target",
        E::Lexical(
            LexicalErrorType::UnclosedStringError
            | LexicalErrorType::FStringError(
                Interpolated::UnterminatedString | Interpolated::UnterminatedTripleQuotedString,
            )
            | LexicalErrorType::TStringError(
                Interpolated::UnterminatedString | Interpolated::UnterminatedTripleQuotedString,
            ),
        ) => "syntax/unterminated-literal",
        E::Lexical(
            LexicalErrorType::UnicodeError
            | LexicalErrorType::MissingUnicodeLbrace
            | LexicalErrorType::MissingUnicodeRbrace,
        ) => "syntax/invalid-escape",
        _ => "syntax/unexpected-token",
    }
}

fn message(error: &ParseErrorType) -> String {
    let text = match error {
        ParseErrorType::UnexpectedIpythonEscapeCommand => {
            "IPython's escape commands are not Python".to_owned()
        }
        other => other.to_string(),
    };
    fragment(&text)
}

/// Whether the line of an offset begins with one of Python 2's statements.
fn is_python_2(text: &str, offset: usize) -> bool {
    let start = text[..offset.min(text.len())]
        .rfind('\n')
        .map_or(0, |newline| newline + 1);
    let line = text[start..]
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start();
    ["print", "exec"].into_iter().any(|word| {
        line.strip_prefix(word).is_some_and(|rest| {
            rest.starts_with([' ', '\t'])
                && rest.trim_start().starts_with(|next: char| {
                    next.is_alphanumeric() || matches!(next, '"' | '\'' | '_' | '>' | '`')
                })
        })
    })
}

/// The errors that `CPython`'s tokenizer raises where text nests too deeply for it.
fn nesting_errors(parsed: &Parsed<Mod>) -> Option<Finding> {
    let (mut brackets, mut indentations) = (0_usize, 0_usize);
    for token in parsed.tokens() {
        match token.kind() {
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => brackets += 1,
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                brackets = brackets.saturating_sub(1);
            }
            TokenKind::Indent => indentations += 1,
            TokenKind::Dedent => indentations = indentations.saturating_sub(1),
            _ => continue,
        }
        let message = if brackets > OPEN_BRACKETS_MAX {
            "too many nested brackets"
        } else if indentations > INDENTATIONS_MAX {
            "too many levels of indentation"
        } else {
            continue;
        };
        let limit = if brackets > OPEN_BRACKETS_MAX {
            OPEN_BRACKETS_MAX
        } else {
            INDENTATIONS_MAX
        };
        let place = token.range().to_std_range();
        return Some(
            Finding::error("syntax/nesting", message, place)
                .with_help(format!("Python takes at most {limit}")),
        );
    }
    None
}

#[cfg(test)]
mod tests;
