//! Cuts a Java text into tokens, up to the first thing that is none.

use std::ops::Range;

use super::token::{Kind, Token};
use super::{Problem, identifier, number};

/// The character that older systems end a file with.
const CONTROL_Z: u8 = 0x1A;

/// The tokens of a text; the last is [`Kind::Eof`], the one before it [`Kind::Error`] if `problem`.
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    pub(super) problem: Option<Problem>,
}

/// Cuts a text, in which unicode escapes are translated, into tokens.
///
/// `is_cut` tells that the text ends before a malformed escape.
///
/// # Complexity
///
/// Linear in the length of the text.
pub(super) fn lex(text: &str, is_cut: bool) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        tokens: Vec::with_capacity(text.len() / 5 + 2),
        templates: Vec::new(),
    };
    let mut problem = lexer.run().err();
    let runs_into_cut = |problem: &Problem| problem.rule.starts_with("syntax/unterminated");
    if is_cut && problem.as_ref().is_none_or(runs_into_cut) {
        let message = "a unicode escape is `\\u` and four hexadecimal digits";
        problem = Some(invalid(message, text.len()..text.len()));
    }
    if let Some(problem) = &problem {
        let span = problem.span.clone();
        lexer.push(Kind::Error, span);
    }
    let end = text.len();
    lexer.push(Kind::Eof, end..end);
    Lexed {
        tokens: lexer.tokens,
        problem,
    }
}

type Lexing<T = ()> = Result<T, Problem>;

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    /// For each open `\{` of a string template: how many braces are open in it, and whether the
    /// template is a text block.
    templates: Vec<(usize, bool)>,
}

/// How a piece of a string ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Quote,
    Field,
}

fn invalid(message: impl Into<String>, span: Range<usize>) -> Problem {
    Problem {
        rule: "syntax/invalid-literal",
        message: message.into(),
        span,
    }
}

impl Lexer<'_> {
    fn run(&mut self) -> Lexing {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0C' => self.at += 1,
                b'/' if matches!(self.peek(1), Some(b'/' | b'*')) => self.comment()?,
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' => self.word(),
                b'0'..=b'9' => self.number()?,
                b'.' if self.peek(1).is_some_and(|next| next.is_ascii_digit()) => self.number()?,
                b'"' => self.string()?,
                b'\'' => self.character()?,
                CONTROL_Z if self.is_end() => return Ok(()),
                0x80.. => self.beyond_ascii()?,
                _ => self.operator()?,
            }
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, span: Range<usize>) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.tokens.push(Token {
            kind,
            start: offset(span.start),
            end: offset(span.end),
        });
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn is_end(&self) -> bool {
        let mut rest = self.bytes[self.at..].iter();
        rest.all(|&byte| byte == CONTROL_Z || byte.is_ascii_whitespace())
    }

    /// The span of the character at an offset, for what is wrong with it.
    fn char_span(&self, at: usize) -> Range<usize> {
        let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
        at..at + width
    }

    fn comment(&mut self) -> Lexing {
        let start = self.at;
        if self.peek(1) == Some(b'/') {
            let rest = &self.bytes[start..];
            self.at =
                memchr::memchr2(b'\n', b'\r', rest).map_or(self.bytes.len(), |len| start + len);
            return Ok(());
        }
        let Some(len) = memchr::memmem::find(&self.bytes[start + 2..], b"*/") else {
            return Err(Problem {
                rule: "syntax/unterminated-comment",
                message: String::from("block comment is never closed"),
                span: start..start + 2,
            });
        };
        self.at = start + 2 + len + 2;
        Ok(())
    }

    fn word(&mut self) {
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                // Control characters are part of a name, and ignored in it.
                b'a'..=b'z'
                | b'A'..=b'Z'
                | b'0'..=b'9'
                | b'_'
                | b'$'
                | 0x00..=0x08
                | 0x0E..=0x19
                | 0x1B
                | 0x7F => self.at += 1,
                CONTROL_Z if !self.is_end() => self.at += 1,
                0x80.. => match self.text[self.at..].chars().next() {
                    Some(c) if identifier::is_part(c) => self.at += c.len_utf8(),
                    _ => break,
                },
                _ => break,
            }
        }
        let kind = Kind::keyword(&self.bytes[start..self.at]).unwrap_or(Kind::Identifier);
        self.push(kind, start..self.at);
    }

    fn beyond_ascii(&mut self) -> Lexing {
        let c = self.text[self.at..].chars().next();
        match c {
            Some(c) if identifier::is_start(c) => {
                self.word();
                Ok(())
            }
            _ => Err(self.illegal_character()),
        }
    }

    fn illegal_character(&self) -> Problem {
        let span = self.char_span(self.at);
        let shown = &self.text[span.clone()];
        let message = if shown.chars().all(|c| c.is_control() || c.is_whitespace()) {
            let code = shown.chars().next().map_or(0, u32::from);
            format!("illegal character U+{code:04X}")
        } else {
            format!("illegal character `{shown}`")
        };
        Problem {
            rule: "syntax/unexpected-token",
            message,
            span,
        }
    }

    fn number(&mut self) -> Lexing {
        let start = self.at;
        let scanned = number::scan(&self.bytes[start..]);
        self.at = start + scanned.len;
        if let Some((message, at)) = scanned.problem {
            return Err(invalid(message, start + at..self.at.max(start + at)));
        }
        self.push(scanned.kind, start..self.at);
        Ok(())
    }

    fn operator(&mut self) -> Lexing {
        let start = self.at;
        let rest = &self.bytes[start..];
        let Some((kind, len)) = Kind::operator(rest) else {
            return Err(self.illegal_character());
        };
        if kind == Kind::Dot && self.peek(1) == Some(b'.') {
            return Err(Problem {
                rule: "syntax/unexpected-token",
                message: String::from("unexpected `..`"),
                span: start..start + 2,
            });
        }
        if let Some((braces, is_block)) = self.templates.last_mut() {
            match kind {
                Kind::BraceOpen => *braces += 1,
                Kind::BraceClose if *braces > 0 => *braces -= 1,
                Kind::BraceClose => {
                    let is_block = *is_block;
                    return self.template_goes_on(is_block);
                }
                _ => {}
            }
        }
        self.at += len;
        self.push(kind, start..self.at);
        Ok(())
    }

    /// The part of a string template behind the `}` of a field.
    fn template_goes_on(&mut self, is_block: bool) -> Lexing {
        let start = self.at;
        self.at += 1;
        let kind = match self.piece(start, is_block, true)? {
            Piece::Field => Kind::TemplateMiddle,
            Piece::Quote => {
                self.templates.pop();
                Kind::TemplateClose
            }
        };
        if let Some((braces, _)) = self
            .templates
            .last_mut()
            .filter(|_| kind == Kind::TemplateMiddle)
        {
            *braces = 0;
        }
        self.push(kind, start..self.at);
        Ok(())
    }

    fn character(&mut self) -> Lexing {
        let start = self.at;
        self.at += 1;
        match self.peek(0) {
            Some(b'\'') => {
                let span = start..start + 2;
                return Err(invalid("empty character literal", span));
            }
            Some(b'\\') => self.escape(false)?,
            Some(b'\n' | b'\r') | None => {}
            Some(_) => self.at = self.char_span(self.at).end,
        }
        if self.peek(0) != Some(b'\'') {
            let message = "character literal is never closed";
            return Err(Problem {
                rule: "syntax/unterminated-literal",
                message: String::from(message),
                span: start..start + 1,
            });
        }
        self.at += 1;
        self.push(Kind::Character, start..self.at);
        Ok(())
    }

    fn string(&mut self) -> Lexing {
        let start = self.at;
        let is_block = self.bytes[start..].starts_with(b"\"\"\"");
        self.at += if is_block { 3 } else { 1 };
        if is_block {
            while matches!(self.peek(0), Some(b' ' | b'\t' | b'\x0C')) {
                self.at += 1;
            }
            if !matches!(self.peek(0), Some(b'\n' | b'\r')) {
                let message = "a text block begins on the line below its `\"\"\"`";
                return Err(invalid(message, start..start + 3));
            }
        }
        // Only a processor and a dot make a template of a string.
        let is_template = self
            .tokens
            .last()
            .is_some_and(|token| token.kind == Kind::Dot);
        let kind = match self.piece(start, is_block, is_template)? {
            Piece::Quote => Kind::String,
            Piece::Field => {
                self.templates.push((0, is_block));
                Kind::TemplateOpen
            }
        };
        self.push(kind, start..self.at);
        Ok(())
    }

    /// Goes to the end of a string or to its next field.
    fn piece(&mut self, start: usize, is_block: bool, is_template: bool) -> Lexing<Piece> {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' if !is_block => {
                    self.at += 1;
                    return Ok(Piece::Quote);
                }
                b'"' if self.bytes[self.at..].starts_with(b"\"\"\"") => {
                    self.at += 3;
                    return Ok(Piece::Quote);
                }
                b'\\' if is_template && self.peek(1) == Some(b'{') => {
                    self.at += 2;
                    return Ok(Piece::Field);
                }
                b'\\' => self.escape(is_block)?,
                b'\n' | b'\r' if !is_block => break,
                _ => self.at += 1,
            }
        }
        let (what, len) = if is_block {
            ("text block", 3)
        } else {
            ("string", 1)
        };
        Err(Problem {
            rule: "syntax/unterminated-literal",
            message: format!("{what} is never closed"),
            span: start..start + len,
        })
    }

    fn escape(&mut self, is_block: bool) -> Lexing {
        let backslash = self.at;
        match self.peek(1) {
            Some(b'b' | b't' | b'n' | b'f' | b'r' | b's' | b'\'' | b'"' | b'\\') => self.at += 2,
            Some(first @ b'0'..=b'7') => {
                let len_max = if first <= b'3' { 3 } else { 2 };
                let digits = self.bytes[backslash + 1..].iter().take(len_max);
                self.at += 1 + digits
                    .take_while(|byte| matches!(byte, b'0'..=b'7'))
                    .count();
            }
            Some(b'\n') if is_block => self.at += 2,
            Some(b'\r') if is_block => {
                self.at += if self.peek(2) == Some(b'\n') { 3 } else { 2 };
            }
            Some(b'\n' | b'\r') | None => {
                let message = "a backslash does not continue the line of a literal";
                return Err(invalid(message, backslash..backslash + 1));
            }
            Some(_) => {
                let span = backslash..self.char_span(backslash + 1).end;
                let shown = &self.text[span.clone()];
                return Err(invalid(format!("illegal escape `{shown}`"), span));
            }
        }
        Ok(())
    }
}
