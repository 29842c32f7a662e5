//! The tokens of JSON in its dialects.

use std::ops::Range;

use super::{Broken, Dialect, unexpected};
use crate::Finding;

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One of `[]{}:,`.
    Punctuation(u8),
    /// A string, its quotes included.
    String,
    Number,
    /// `true`, `false`, `null`, and in JSON5 `NaN` and `Infinity`.
    Literal,
    /// Any other run of letters.
    Word,
    /// The end of the text.
    End,
}

#[derive(Debug, Clone)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
}

/// Cuts a text into tokens and collects what is wrong within them.
pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    /// What is wrong with tokens whose extent is still sure.
    pub(super) errors: Vec<Finding>,
    pub(super) comments: Vec<Range<usize>>,
    dialect: Dialect,
    offset: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, offset: usize, dialect: Dialect) -> Self {
        Self {
            text,
            errors: Vec::new(),
            comments: Vec::new(),
            dialect,
            offset,
        }
    }

    /// The next token, or an error after which the extent of tokens is not sure.
    pub(super) fn next_token(&mut self) -> Result<Token<'a>, Broken> {
        self.skip_trivia()?;
        let start = self.offset;
        let rest = &self.text[start..];
        let Some(first) = rest.chars().next() else {
            return Ok(self.token(Kind::End, start));
        };
        let kind = match first {
            '[' | ']' | '{' | '}' | ':' | ',' => {
                self.offset += 1;
                Kind::Punctuation(rest.as_bytes()[0])
            }
            '"' => self.string(b'"')?,
            '\'' if self.dialect == Dialect::Json5 => self.string(b'\'')?,
            '\'' => {
                let message = "a string in single quotes, which JSON does not allow";
                return Err(unexpected(message, start..start + 1));
            }
            '-' | '+' | '.' | '0'..='9' => self.number(),
            _ if is_word(first) => self.word(),
            _ => {
                let message = format!("unexpected character `{}`", first.escape_debug());
                return Err(unexpected(message, start..start + first.len_utf8()));
            }
        };
        Ok(self.token(kind, start))
    }

    fn token(&self, kind: Kind, start: usize) -> Token<'a> {
        Token {
            kind,
            text: &self.text[start..self.offset],
            span: start..self.offset,
        }
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.offset + ahead).copied()
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.offset..];
        let len = rest.find(|next| !wanted(next)).unwrap_or(rest.len());
        self.offset += len;
        &rest[..len]
    }

    fn skip_trivia(&mut self) -> Result<(), Broken> {
        let json5 = self.dialect == Dialect::Json5;
        loop {
            self.take_while(|next| {
                matches!(next, ' ' | '\t' | '\n' | '\r') || (json5 && is_json5_space(next))
            });
            let start = self.offset;
            let rest = &self.text[start..];
            let len = if rest.starts_with("//") || (rest.starts_with('#') && !json5) {
                rest.find(['\n', '\r']).unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else {
                    let message = "block comment is never closed";
                    let place = start..start + 2;
                    return Err(
                        Finding::error("syntax/unterminated-comment", message, place).into(),
                    );
                };
                end + 4
            } else {
                return Ok(());
            };
            self.offset += len;
            if rest.starts_with('#') || (self.dialect == Dialect::Rfc && self.comments.is_empty()) {
                let message = if rest.starts_with('#') {
                    "a comment with `#`, which no JSON allows"
                } else {
                    "a comment, which JSON does not allow"
                };
                let place = start..start + len;
                self.errors
                    .push(Finding::error("syntax/comment", message, place));
            }
            self.comments.push(start..self.offset);
        }
    }

    fn string(&mut self, quote: u8) -> Result<Kind, Broken> {
        let start = self.offset;
        self.offset += 1;
        loop {
            match self.peek(0) {
                Some(byte) if byte == quote => {
                    self.offset += 1;
                    return Ok(Kind::String);
                }
                Some(b'\\') => self.escape(),
                None | Some(b'\n' | b'\r') => {
                    let message = "string is never closed";
                    let place = start..self.offset;
                    return Err(
                        Finding::error("syntax/unterminated-literal", message, place).into(),
                    );
                }
                Some(byte @ 0..=0x1f) if self.dialect != Dialect::Json5 => {
                    let message = format!("control character U+{byte:04X} in a string");
                    let place = self.offset..self.offset + 1;
                    let finding = Finding::error("syntax/invalid-escape", message, place)
                        .with_help(format!("write it as `\\u{byte:04x}`"));
                    self.errors.push(finding);
                    self.offset += 1;
                }
                Some(_) => self.offset += 1,
            }
        }
    }

    /// Skips an escape; its line end is left to the caller if the dialect does not continue lines.
    fn escape(&mut self) {
        let start = self.offset;
        self.offset += 1;
        let Some(next) = self.text[self.offset..].chars().next() else {
            return;
        };
        let hex_digits = match next {
            'u' => 4,
            'x' if self.dialect == Dialect::Json5 => 2,
            _ => 0,
        };
        let is_valid = match next {
            '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' | 'u' => true,
            '\n' | '\r' if self.dialect != Dialect::Json5 => {
                self.invalid_escape(start);
                return;
            }
            '\r' if self.peek(1) == Some(b'\n') => {
                self.offset += 1;
                true
            }
            '0' => {
                self.dialect == Dialect::Json5
                    && !self.peek(1).is_some_and(|byte| byte.is_ascii_digit())
            }
            '1'..='9' => false,
            _ => self.dialect == Dialect::Json5,
        };
        self.offset += next.len_utf8();
        let digits = self.text.as_bytes()[self.offset..].iter().take(hex_digits);
        let found = digits.take_while(|byte| byte.is_ascii_hexdigit()).count();
        self.offset += found;
        if !is_valid || found < hex_digits {
            self.invalid_escape(start);
        }
    }

    fn invalid_escape(&mut self, start: usize) {
        let escape = &self.text[start..self.offset];
        let message = format!("`{escape}` is not an escape of JSON");
        let help = "a backslash itself is written as `\\\\`";
        let finding = Finding::error("syntax/invalid-escape", message, start..self.offset);
        self.errors.push(finding.with_help(help));
    }

    fn number(&mut self) -> Kind {
        let start = self.offset;
        let text = self.take_while(|next| is_word(next) || matches!(next, '.' | '+' | '-'));
        let is_valid = if self.dialect == Dialect::Json5 {
            is_json5_number(text)
        } else {
            is_number(text.strip_prefix('-').unwrap_or(text))
        };
        if !is_valid {
            let message = format!("`{text}` is not a number of JSON");
            let place = start..self.offset;
            self.errors
                .push(Finding::error("syntax/invalid-number", message, place));
        }
        Kind::Number
    }

    fn word(&mut self) -> Kind {
        match self.take_while(|next| is_word(next) || next == '-') {
            "true" | "false" | "null" => Kind::Literal,
            "NaN" | "Infinity" if self.dialect == Dialect::Json5 => Kind::Literal,
            _ => Kind::Word,
        }
    }
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric()
        || matches!(character, '_' | '$' | '\\' | '\u{200c}' | '\u{200d}')
        || (!character.is_ascii() && !character.is_whitespace() && !character.is_control())
}

/// Whether a word is a name of ECMAScript; escapes in it are not looked into.
pub(super) fn is_identifier(word: &str) -> bool {
    !word.starts_with(|first: char| first.is_numeric()) && !word.contains('-')
}

fn is_json5_space(character: char) -> bool {
    matches!(character, '\u{b}' | '\u{c}' | '\u{feff}')
        || (character.is_whitespace() && character != '\u{85}')
}

/// Whether a text without its sign is a number by the RFC.
fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = split_exponent(text);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    (whole == "0" || !whole.starts_with('0'))
        && [whole, fraction, exponent].into_iter().all(is_digits)
}

fn is_json5_number(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    if matches!(text, "NaN" | "Infinity") {
        return true;
    }
    let (mantissa, exponent) = split_exponent(text);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let has_digits = !(whole.is_empty() && fraction.is_empty());
    let is_absent_or_digits = |part: &str| part.is_empty() || is_digits(part);
    has_digits
        && (whole.len() < 2 || !whole.starts_with('0'))
        && is_absent_or_digits(whole)
        && is_absent_or_digits(fraction)
        && is_digits(exponent)
}

/// The parts before and after `e`, the latter without its sign.
fn split_exponent(text: &str) -> (&str, &str) {
    match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (
            mantissa,
            exponent.strip_prefix(['+', '-']).unwrap_or(exponent),
        ),
        None => (text, "0"),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
