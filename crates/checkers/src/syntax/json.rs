//! JSON by RFC 8259, JSON lines, JSON with comments, and JSON5.
//!
//! The parser keeps its own stack, so no nesting is too deep for it. A lone surrogate in an
//! escape is accepted, as the RFC's grammar does.

mod lexer;

use std::collections::BTreeMap;
use std::ops::Range;

use claude_flow_lang_detect::Language;

use self::lexer::{Kind, Lexer, Token};
use super::first_cause::{self, Recovery};
use crate::{Finding, Outcome, Severity, Source};

/// An error after which the structure of the text is lost.
type Broken = Box<Finding>;

/// What to hold a text against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// RFC 8259.
    Rfc,
    /// The RFC with comments and trailing commas.
    WithComments,
    /// JSON5.
    Json5,
}

pub(super) fn check(source: &Source<'_>, text: &str) -> Outcome {
    let dialect = match source.language {
        Language::JsonWithComments => Dialect::WithComments,
        Language::Json5 => Dialect::Json5,
        _ => Dialect::Rfc,
    };
    let findings = match source.extension().as_str() {
        "jsonl" | "ndjson" => lines(text, dialect),
        _ => {
            let document = Document::parse(text, 0, dialect);
            let errors = document
                .lexer
                .errors
                .into_iter()
                .chain(document.broken)
                .collect();
            let mut findings = first_cause::merge(text, source.language, errors, document.recovery);
            findings.extend(document.duplicates);
            findings
        }
    };
    Outcome::Checked { findings }
}

/// Checks each line as a document; white space between documents is allowed.
fn lines(text: &str, dialect: Dialect) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim().is_empty() {
            let document = Document::parse(&text[..start + line.len()], start, dialect);
            let errors = document.lexer.errors.into_iter().chain(document.broken);
            findings.extend(errors.min_by_key(|error| error.span.start));
            findings.extend(document.duplicates);
        }
        start += line.len();
    }
    findings
}

/// What encloses the place.
enum Frame<'a> {
    Array {
        opener: Range<usize>,
    },
    Object {
        opener: Range<usize>,
        keys: BTreeMap<&'a str, Range<usize>>,
    },
}

/// What may come next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    /// A value, or the end of an array.
    FirstElement,
    /// A key, or the end of an object.
    FirstKey,
    /// Like the former two, but a comma stands before it.
    NextElement,
    NextKey,
    /// A comma, or the end of what encloses the value.
    AfterValue,
}

/// One pass over one document.
struct Document<'a> {
    lexer: Lexer<'a>,
    dialect: Dialect,
    frames: Vec<Frame<'a>>,
    /// The error after which the structure is lost.
    broken: Option<Finding>,
    recovery: Recovery,
    duplicates: Vec<Finding>,
    comma: Range<usize>,
}

impl<'a> Document<'a> {
    fn parse(text: &'a str, start: usize, dialect: Dialect) -> Self {
        let mut document = Self {
            lexer: Lexer::new(text, start, dialect),
            dialect,
            frames: Vec::new(),
            broken: None,
            recovery: Recovery::Independent,
            duplicates: Vec::new(),
            comma: 0..0,
        };
        if let Err(error) = document.run() {
            let comment = document.runaway_comment(&error);
            if comment.is_none() {
                document.recovery = Recovery::Stops;
            }
            document.broken = comment.or(Some(*error));
        }
        document
    }

    /// A block comment whose end was meant to be part of a string further down: it began on an
    /// earlier line and ends right before an error.
    fn runaway_comment(&self, error: &Finding) -> Option<Finding> {
        let comment = self.lexer.comments.last()?.clone();
        let text = self.lexer.text;
        let between = text.get(comment.end..error.span.start)?;
        let is_runaway = text[comment.clone()].starts_with("/*")
            && text[comment.clone()].contains('\n')
            && !between.contains('\n')
            && !text[error.span.start..].starts_with(['\n', '\r', '}', ']']);
        // Other comments may be shorter than the two bytes that open and close this kind.
        is_runaway.then(|| {
            let opener = comment.start..comment.start + 2;
            let end = comment.end - 2..comment.end;
            let message = "block comment is never closed where it was meant to be";
            Finding::error("syntax/unterminated-comment", message, opener)
                .with_related("this ends it", end)
        })
    }

    fn run(&mut self) -> Result<(), Broken> {
        let mut token = self.lexer.next_token()?;
        if token.kind == Kind::End {
            // The editors take an empty configuration file for an empty object.
            if self.dialect == Dialect::WithComments {
                return Ok(());
            }
            let message = "no JSON value";
            return Err(Finding::error("syntax/missing-token", message, token.span).into());
        }
        let mut state = State::Value;
        loop {
            state = match state {
                State::AfterValue if self.frames.is_empty() => {
                    return match token.kind {
                        Kind::End => Ok(()),
                        _ => Err(unexpected("text after the JSON value", token.span)),
                    };
                }
                State::AfterValue => self.after_value(&token)?,
                State::FirstKey | State::NextKey => self.key(&token, state)?,
                State::Value | State::FirstElement | State::NextElement => {
                    self.value(&token, state)?
                }
            };
            token = self.lexer.next_token()?;
        }
    }

    fn value(&mut self, token: &Token<'a>, state: State) -> Result<State, Broken> {
        match token.kind {
            Kind::Punctuation(b'[') => {
                self.frames.push(Frame::Array {
                    opener: token.span.clone(),
                });
                Ok(State::FirstElement)
            }
            Kind::Punctuation(b'{') => {
                self.frames.push(Frame::Object {
                    opener: token.span.clone(),
                    keys: BTreeMap::new(),
                });
                Ok(State::FirstKey)
            }
            Kind::Punctuation(b']') if state == State::FirstElement => Ok(self.close()),
            Kind::Punctuation(b']') if state == State::NextElement => {
                self.check_trailing_comma();
                Ok(self.close())
            }
            Kind::String | Kind::Number | Kind::Literal => Ok(State::AfterValue),
            Kind::Word => {
                let message = format!("`{}` is not a JSON value", token.text);
                let help = "strings stand in double quotes; literals are true, false and null";
                Err(unexpected(message, token.span.clone())
                    .with_help(help)
                    .into())
            }
            Kind::Punctuation(_) | Kind::End => Err(self.missing("a value", token)),
        }
    }

    fn key(&mut self, token: &Token<'a>, state: State) -> Result<State, Broken> {
        match token.kind {
            Kind::Punctuation(b'}') => {
                if state == State::NextKey {
                    self.check_trailing_comma();
                }
                return Ok(self.close());
            }
            Kind::String => {}
            Kind::Word | Kind::Literal
                if self.dialect == Dialect::Json5 && lexer::is_identifier(token.text) => {}
            Kind::Word | Kind::Literal | Kind::Number => {
                let message = format!("the key `{}` is not in double quotes", token.text);
                return Err(unexpected(message, token.span.clone()));
            }
            Kind::Punctuation(_) | Kind::End => return Err(self.missing("a key", token)),
        }
        self.note_key(token);
        let colon = self.lexer.next_token()?;
        match colon.kind {
            Kind::Punctuation(b':') => Ok(State::Value),
            _ => Err(self.missing("`:` after the key", &colon)),
        }
    }

    fn note_key(&mut self, token: &Token<'a>) {
        let Some(Frame::Object { keys, .. }) = self.frames.last_mut() else {
            return;
        };
        let name = token.text.trim_matches(['"', '\'']);
        if let Some(first) = keys.insert(name, token.span.clone()) {
            let message = format!("the key `{name}` occurs twice in this object");
            let finding = Finding::error("syntax/duplicate-key", message, token.span.clone())
                .with_severity(Severity::Warning)
                .with_related("the key occurs here first", first);
            self.duplicates.push(finding);
        }
    }

    fn after_value(&mut self, token: &Token<'a>) -> Result<State, Broken> {
        match (&token.kind, self.frames.last()) {
            (Kind::Punctuation(b','), Some(frame)) => {
                let next = match frame {
                    Frame::Array { .. } => State::NextElement,
                    Frame::Object { .. } => State::NextKey,
                };
                self.comma = token.span.clone();
                Ok(next)
            }
            (Kind::Punctuation(b']'), Some(Frame::Array { .. }))
            | (Kind::Punctuation(b'}'), Some(Frame::Object { .. })) => Ok(self.close()),
            (_, Some(Frame::Array { .. })) => Err(self.missing("`,` or `]`", token)),
            (_, _) => Err(self.missing("`,` or `}`", token)),
        }
    }

    fn close(&mut self) -> State {
        self.frames.pop();
        State::AfterValue
    }

    fn check_trailing_comma(&mut self) {
        if self.dialect == Dialect::Rfc {
            let message = "trailing comma, which JSON does not allow";
            let finding = Finding::error("syntax/trailing-comma", message, self.comma.clone());
            self.lexer.errors.push(finding);
        }
    }

    /// The error for something that is missing before a token.
    fn missing(&self, what: &str, found: &Token<'_>) -> Broken {
        let place =
            first_cause::missing_before(self.lexer.text, found.span.clone(), &self.lexer.comments);
        let finding = Finding::error("syntax/missing-token", format!("expected {what}"), place);
        let finding = match self.frames.last() {
            Some(Frame::Array { opener }) => finding.with_related("in this array", opener.clone()),
            Some(Frame::Object { opener, .. }) => {
                finding.with_related("in this object", opener.clone())
            }
            None => finding,
        };
        finding.into()
    }
}

fn unexpected(message: impl Into<String>, place: Range<usize>) -> Broken {
    Finding::error("syntax/unexpected-token", message, place).into()
}

#[cfg(test)]
mod tests;
