//! Go's tokens, with the semicolons that line ends stand for.

use super::Stop;

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Keyword,
    Literal,
    Operator,
    /// A semicolon that stands in the text.
    Semicolon,
    /// A semicolon that the end of a line or of the file stands for.
    LineEnd,
    End,
}

/// One token; `LineEnd` and `End` are empty and sit behind the token before them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
}

const KEYWORDS: [&str; 25] = [
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

/// Longest first, so that the first match is the right one.
const OPERATORS: [&str; 47] = [
    "<<=", ">>=", "&^=", "...", "&&", "||", "<-", "++", "--", "==", "!=", "<=", ">=", ":=", "+=",
    "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<", ">>", "&^", "+", "-", "*", "/", "%", "&", "|",
    "^", "<", ">", "=", "!", "(", ")", "[", "]", "{", "}", ",", ".", ":", "~",
];

/// Splits a text into tokens; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Stop> {
    let mut scanner = Scanner {
        text,
        at: 0,
        line: 0,
        tokens: Vec::with_capacity(text.len() / 4),
    };
    while scanner.at < text.len() {
        scanner.step()?;
    }
    scanner.line_end();
    scanner.push(Kind::End, text.len(), text.len());
    Ok(scanner.tokens)
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    tokens: Vec<Token>,
}

impl Scanner<'_> {
    fn step(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let rest = &self.text[start..];
        let byte = rest.as_bytes()[0];
        match byte {
            b' ' | b'\t' | b'\r' => self.at += 1,
            b'\n' => {
                self.line_end();
                self.line += 1;
                self.at += 1;
            }
            b';' => {
                self.at += 1;
                self.push(Kind::Semicolon, start, self.at);
            }
            b'/' if rest.starts_with("//") => self.at += rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => self.block_comment()?,
            b'`' => self.raw_string()?,
            b'"' => self.string()?,
            b'\'' => self.rune()?,
            b'0'..=b'9' => self.number()?,
            b'.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            _ => self.name_or_operator()?,
        }
        Ok(())
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.tokens.push(Token {
            kind,
            start,
            end,
            line: self.line,
        });
    }

    /// Puts in the semicolon that a line's end stands for after some tokens.
    fn line_end(&mut self) {
        let Some(last) = self.tokens.last() else {
            return;
        };
        let ends_statement = match last.kind {
            Kind::Name | Kind::Literal => true,
            Kind::Keyword => matches!(
                &self.text[last.start..last.end],
                "break" | "continue" | "fallthrough" | "return"
            ),
            Kind::Operator => {
                matches!(
                    &self.text[last.start..last.end],
                    "++" | "--" | ")" | "]" | "}"
                )
            }
            _ => false,
        };
        if ends_statement {
            let (end, line) = (last.end, last.line);
            self.tokens.push(Token {
                kind: Kind::LineEnd,
                start: end,
                end,
                line,
            });
        }
    }

    fn block_comment(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let Some(len) = self.text[start + 2..].find("*/") else {
            return Err(Stop::literal(
                "block comment is never closed",
                start..start + 2,
            ));
        };
        self.at = start + 2 + len + 2;
        let lines = self.text[start..self.at].matches('\n').count();
        if lines > 0 {
            self.line_end();
            self.line += lines;
        }
        Ok(())
    }

    fn raw_string(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let Some(len) = self.text[start + 1..].find('`') else {
            return Err(Stop::literal(
                "raw string is never closed",
                start..start + 1,
            ));
        };
        self.at = start + 1 + len + 1;
        self.push(Kind::Literal, start, self.at);
        self.line += self.text[start..self.at].matches('\n').count();
        // The token's line is the one it begins on, except for the line end after it.
        if let Some(last) = self.tokens.last_mut() {
            last.line = self.line;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.escape(b'"')?,
                None | Some(b'\n') => {
                    return Err(Stop::literal("string is never closed", start..start + 1));
                }
                Some(_) => self.at += 1,
            }
        }
        self.at += 1;
        self.push(Kind::Literal, start, self.at);
        Ok(())
    }

    fn rune(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at += 1;
        let mut count = 0_usize;
        loop {
            match self.text[self.at..].chars().next() {
                Some('\'') if count == 0 && self.text[self.at + 1..].starts_with('\'') => {
                    return Err(Stop::literal(
                        "`'` in a rune literal needs a backslash",
                        start..self.at + 2,
                    ));
                }
                Some('\'') => break,
                Some('\\') => self.escape(b'\'')?,
                None | Some('\n') => {
                    return Err(Stop::literal(
                        "rune literal is never closed",
                        start..start + 1,
                    ));
                }
                Some(c) => self.at += c.len_utf8(),
            }
            count += 1;
        }
        self.at += 1;
        match count {
            0 => Err(Stop::literal("empty rune literal", start..self.at)),
            1 => {
                self.push(Kind::Literal, start, self.at);
                Ok(())
            }
            _ => Err(Stop::literal(
                "more than one character in a rune literal",
                start..self.at,
            )),
        }
    }

    fn escape(&mut self, quote: u8) -> Result<(), Stop> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let (digit_count, radix, from) = match bytes.get(start + 1) {
            Some(b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'\\') => (0, 16, 2),
            Some(&byte) if byte == quote => (0, 16, 2),
            Some(b'0'..=b'7') => (3, 8, 1),
            Some(b'x') => (2, 16, 2),
            Some(b'u') => (4, 16, 2),
            Some(b'U') => (8, 16, 2),
            None | Some(b'\n') => {
                self.at += 1;
                return Ok(());
            }
            Some(_) => return Err(Stop::literal("unknown escape", start..start + 2)),
        };
        let end = start + from + digit_count;
        let digits = self.text.get(start + from..end).unwrap_or("");
        let value = u32::from_str_radix(if digit_count == 0 { "0" } else { digits }, radix);
        let sound = digits.len() == digit_count
            && value.is_ok_and(|value| match radix {
                8 => value < 256,
                _ => digit_count == 2 || char::from_u32(value).is_some(),
            });
        if !sound {
            let end = end.min(self.text.len());
            let end = (start + 2..=end)
                .rev()
                .find(|&at| self.text.is_char_boundary(at))
                .unwrap_or(start);
            return Err(Stop::literal("invalid escape", start..end));
        }
        self.at = end;
        Ok(())
    }

    fn number(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start;
        let hex = matches!(bytes.get(start + 1), Some(b'x' | b'X')) && bytes[start] == b'0';
        while let Some(&byte) = bytes.get(at) {
            let exponent = if hex { b"pP" } else { b"eE" };
            let sign =
                matches!(byte, b'+' | b'-') && at > start && exponent.contains(&bytes[at - 1]);
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || sign) {
                break;
            }
            at += 1;
        }
        self.at = at;
        if !is_number(&self.text[start..at]) {
            return Err(Stop::literal("malformed number", start..at));
        }
        self.push(Kind::Literal, start, at);
        Ok(())
    }

    fn name_or_operator(&mut self) -> Result<(), Stop> {
        let start = self.at;
        let rest = &self.text[start..];
        let first = rest.chars().next().unwrap_or_default();
        if first == '_' || first.is_alphabetic() {
            let len = rest
                .find(|c: char| c != '_' && !c.is_alphanumeric())
                .unwrap_or(rest.len());
            self.at += len;
            let keyword = KEYWORDS.binary_search(&&rest[..len]).is_ok();
            self.push(
                if keyword { Kind::Keyword } else { Kind::Name },
                start,
                self.at,
            );
            return Ok(());
        }
        let Some(operator) = OPERATORS
            .iter()
            .find(|operator| rest.starts_with(**operator))
        else {
            let end = start + first.len_utf8();
            return Err(Stop::unexpected(
                format!("unexpected character `{}`", first.escape_debug()),
                start..end,
            ));
        };
        self.at += operator.len();
        self.push(Kind::Operator, start, self.at);
        Ok(())
    }
}

/// An integer, floating-point or imaginary literal.
fn is_number(text: &str) -> bool {
    let (text, imaginary) = text
        .strip_suffix('i')
        .map_or((text, false), |text| (text, true));
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (&*lower, 10),
    };
    let (mantissa, exponent) = match radix {
        16 => digits.split_once('p'),
        10 => digits.split_once('e'),
        _ => None,
    }
    .map_or((digits, None), |(mantissa, exponent)| {
        (mantissa, Some(exponent))
    });
    let (whole, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let prefixed = radix != 10;
    let digits_sound = |part: &str| {
        let body = if prefixed {
            part.strip_prefix('_').unwrap_or(part)
        } else {
            part
        };
        body.is_empty() && !part.starts_with('_')
            || body
                .split('_')
                .all(|run| !run.is_empty() && run.chars().all(|c| c.is_digit(radix)))
    };
    let some_digit = mantissa.contains(|c: char| c.is_digit(radix));
    let exponent_sound = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        !exponent.is_empty()
            && exponent
                .split('_')
                .all(|run| !run.is_empty() && run.bytes().all(|b| b.is_ascii_digit()))
    });
    let fraction_allowed = matches!(radix, 10 | 16);
    let hex_float_has_exponent = radix != 16 || fraction.is_none() || exponent.is_some();
    let octal_sound = radix != 10
        || fraction.is_some()
        || exponent.is_some()
        || imaginary
        || !whole.starts_with('0')
        || whole.bytes().all(|byte| matches!(byte, b'0'..=b'7' | b'_'));
    some_digit
        && digits_sound(whole)
        && fraction.is_none_or(|fraction| fraction_allowed && digits_sound(fraction))
        && exponent_sound
        && hex_float_has_exponent
        && octal_sound
}
