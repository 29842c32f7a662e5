//! A tolerant scanner: brackets, words and literals of any of the languages, valid or not.
//!
//! It never fails and never looks further than a literal or comment reaches, so that it still sees
//! the structure of a text that no parser accepts.

use std::ops::Range;

use claude_flow_lang_detect::Language;

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// An identifier or a keyword.
    Word,
    /// A number.
    Number,
    /// A string, character or regular-expression literal.
    Literal,
    /// Any other single byte.
    Punct,
    /// A whole preprocessor line of C or C++, its continuation lines included.
    Directive,
}

/// One token; comments and white space are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// A literal or comment that does not end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unterminated {
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// Its opening delimiter.
    pub(crate) span: Range<usize>,
    /// True if it runs to the end of the text rather than of its line.
    pub(crate) runs_to_end: bool,
    /// How many tokens come before it.
    pub(crate) token_count: usize,
}

/// What a text consists of.
#[derive(Debug, Default)]
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    pub(crate) unterminated: Vec<Unterminated>,
}

/// Scans a text as a language.
///
/// # Complexity
///
/// Linear in the length of the text.
pub(crate) fn lex(text: &str, language: Language) -> Lexed {
    let mut lexer = Lexer {
        bytes: text.as_bytes(),
        at: 0,
        language,
        out: Lexed::default(),
    };
    while lexer.at < lexer.bytes.len() {
        lexer.step();
    }
    lexer.out
}

struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    language: Language,
    out: Lexed,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let start = self.at;
        let byte = self.bytes[start];
        if byte.is_ascii_whitespace() {
            self.at += 1;
        } else if self.comment() || self.directive() || self.literal() {
            // Consumed.
        } else if byte.is_ascii_digit() {
            self.number();
        } else if is_word_byte(byte) {
            self.at = self.word_end(start);
            self.push(Kind::Word, start);
        } else if let Some(kind) = self.digraph() {
            self.at += 2;
            self.push(kind, start);
        } else {
            self.at += 1;
            let kind = match byte {
                b'(' | b'[' | b'{' => Kind::Open,
                b')' | b']' | b'}' => Kind::Close,
                _ => Kind::Punct,
            };
            self.push(kind, start);
        }
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.out.tokens.push(Token {
            kind,
            start,
            end: self.at,
        });
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    fn word_end(&self, start: usize) -> usize {
        let len = self.bytes[start..]
            .iter()
            .position(|&byte| !is_word_byte(byte));
        len.map_or(self.bytes.len(), |len| start + len)
    }

    fn line_end(&self, from: usize) -> usize {
        memchr::memchr(b'\n', &self.bytes[from..]).map_or(self.bytes.len(), |len| from + len)
    }

    fn unterminated(&mut self, what: &'static str, span: Range<usize>, runs_to_end: bool) {
        let token_count = self.out.tokens.len();
        self.out.unterminated.push(Unterminated {
            what,
            span,
            runs_to_end,
            token_count,
        });
    }

    fn comment(&mut self) -> bool {
        let hash = matches!(
            self.language,
            Language::Python | Language::Toml | Language::Yaml
        );
        if hash {
            let starts = self.rest().starts_with(b"#");
            if starts {
                self.at = self.line_end(self.at);
            }
            return starts;
        }
        if self.at == 0 && self.rest().starts_with(b"#!") && !self.rest().starts_with(b"#![") {
            self.at = self.line_end(0);
            return true;
        }
        if self.language == Language::Json {
            return false;
        }
        if self.rest().starts_with(b"//") {
            self.at = self.spliced_line_end(self.at);
            return true;
        }
        if self.rest().starts_with(b"/*") {
            self.block_comment();
            return true;
        }
        false
    }

    /// The end of a line, which a backslash continues in C and C++.
    fn spliced_line_end(&self, from: usize) -> usize {
        let mut end = self.line_end(from);
        while self.is_c() && end < self.bytes.len() {
            let line = &self.bytes[from..end];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.ends_with(b"\\") {
                break;
            }
            end = self.line_end(end + 1);
        }
        end
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let nests = self.language == Language::Rust;
        let mut depth = 1_usize;
        self.at += 2;
        while depth > 0 {
            let Some(len) = memchr::memchr2(b'*', b'/', self.rest()) else {
                self.at = self.bytes.len();
                self.unterminated("block comment", start..start + 2, true);
                return;
            };
            self.at += len;
            if self.rest().starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
            } else if nests && self.rest().starts_with(b"/*") {
                depth += 1;
                self.at += 2;
            } else {
                self.at += 1;
            }
        }
    }

    const fn is_c(&self) -> bool {
        matches!(self.language, Language::C | Language::Cpp)
    }

    /// A bracket of C and C++ that is written with two bytes.
    fn digraph(&self) -> Option<Kind> {
        if !self.is_c() {
            return None;
        }
        match self.rest() {
            // `<::` opens a bracket only before `:` or `>`; else it is `<` and `::`.
            [b'<', b':', b':', after, ..] if !matches!(after, b':' | b'>') => None,
            [b'<', b':' | b'%', ..] => Some(Kind::Open),
            [b':' | b'%', b'>', ..] => Some(Kind::Close),
            _ => None,
        }
    }

    /// A preprocessor line is one token: what stands in it need not balance.
    fn directive(&mut self) -> bool {
        let starts = self.rest().starts_with(b"#") || self.rest().starts_with(b"%:");
        if !self.is_c() || !starts {
            return false;
        }
        let line_start = memchr::memrchr(b'\n', &self.bytes[..self.at]).map_or(0, |at| at + 1);
        let starts_line = self
            .out
            .tokens
            .last()
            .is_none_or(|token| token.end <= line_start || token.kind == Kind::Directive);
        if !starts_line {
            return false;
        }
        let start = self.at;
        let mut end = self.spliced_line_end(start);
        // A block comment that begins on the line may go on below it.
        let mut from = start;
        while let Some(open) =
            memchr::memmem::find(&self.bytes[from..end], b"/*").map(|at| from + at)
        {
            let line_comment = memchr::memmem::find(&self.bytes[from..open], b"//").is_some();
            let quoted = memchr::memchr_iter(b'"', &self.bytes[from..open]).count() % 2 == 1;
            if line_comment || quoted {
                break;
            }
            match memchr::memmem::find(&self.bytes[open + 2..], b"*/") {
                Some(len) => from = open + 2 + len + 2,
                None => break,
            }
            if from > end {
                end = self.spliced_line_end(from);
            }
        }
        self.at = end;
        self.push(Kind::Directive, start);
        true
    }

    fn number(&mut self) {
        let start = self.at;
        let separators = matches!(self.language, Language::C | Language::Cpp);
        while let Some(&byte) = self.bytes.get(self.at) {
            let next_is_word = self
                .bytes
                .get(self.at + 1)
                .is_some_and(|&next| is_word_byte(next));
            let exponent = matches!(byte, b'+' | b'-')
                && matches!(self.bytes[self.at - 1], b'e' | b'E' | b'p' | b'P')
                && !self.bytes[start..self.at].starts_with(b"0x")
                && self.at > start;
            let goes_on = is_word_byte(byte)
                || exponent
                || byte == b'.' && self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_digit)
                || byte == b'\'' && separators && next_is_word;
            if !goes_on {
                break;
            }
            self.at += 1;
        }
        self.push(Kind::Number, start);
    }

    /// A literal, with its prefix if it has one.
    fn literal(&mut self) -> bool {
        let start = self.at;
        let prefix_end = if is_word_byte(self.bytes[start]) {
            self.word_end(start)
        } else {
            start
        };
        let prefix = &self.bytes[start..prefix_end];
        let quote = match self.bytes.get(prefix_end) {
            Some(&quote @ (b'"' | b'\'' | b'`')) => quote,
            Some(b'#') if self.language == Language::Rust => return self.rust_raw(prefix_end),
            Some(b'/') if prefix.is_empty() && self.is_script() && self.regex_may_start() => {
                return self.regex();
            }
            _ => return false,
        };
        let known = match self.language {
            Language::C | Language::Cpp => {
                matches!(
                    prefix,
                    b"" | b"L" | b"u" | b"U" | b"u8" | b"R" | b"LR" | b"uR" | b"UR" | b"u8R"
                )
            }
            Language::Rust => matches!(prefix, b"" | b"b" | b"c" | b"r" | b"br" | b"cr"),
            Language::Python => {
                prefix.len() <= 2 && prefix.iter().all(|byte| b"rRbBuUfFtT".contains(byte))
            }
            _ => prefix.is_empty(),
        };
        if !known || quote == b'\'' && self.is_apostrophe(start) {
            return false;
        }
        match (self.language, quote) {
            (Language::C | Language::Cpp, b'"') if prefix.ends_with(b"R") => {
                self.cpp_raw(prefix_end);
            }
            (Language::Rust, b'"') if prefix.ends_with(b"r") => return self.rust_raw(prefix_end),
            (Language::Rust, b'\'') => self.rust_quote(prefix_end),
            (Language::Rust, b'"') => self.multi_line(prefix_end, b"\"", "string"),
            (Language::Go, b'`') => self.until(prefix_end, b"`", "raw string"),
            (_, b'`') if self.is_script() => self.template(prefix_end),
            (_, b'`') => return false,
            (Language::Python | Language::Toml, _) if self.is_triple(prefix_end) => {
                let triple = [quote; 3];
                self.multi_line(prefix_end, &triple, "triple-quoted string");
            }
            (Language::Java, b'"') if self.is_triple(prefix_end) => {
                self.multi_line(prefix_end, b"\"\"\"", "text block");
            }
            _ => self.one_line(start, prefix_end, quote),
        }
        self.push(Kind::Literal, start);
        true
    }

    const fn is_script(&self) -> bool {
        matches!(
            self.language,
            Language::JavaScript | Language::TypeScript | Language::Tsx
        )
    }

    fn is_triple(&self, at: usize) -> bool {
        let quote = self.bytes[at];
        self.bytes[at..].starts_with(&[quote; 3])
    }

    /// A literal that its line's end breaks, unless a backslash stands before it.
    fn one_line(&mut self, start: usize, open: usize, quote: u8) {
        let escapes = !(self.language == Language::Toml && quote == b'\'');
        let mut at = open + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\\' if escapes => {
                    at += 1;
                    if self.bytes[at..].starts_with(b"\r\n") {
                        at += 1;
                    }
                }
                b'\n' => break,
                b'{' if self.is_f_string(start, open) => {
                    at = self.f_string_field(at);
                    continue;
                }
                _ if byte == quote => {
                    self.at = at + 1;
                    return;
                }
                _ => {}
            }
            at += 1;
        }
        self.at = at.min(self.bytes.len());
        let what = if quote == b'\'' && self.has_characters() {
            "character literal"
        } else {
            "string"
        };
        self.unterminated(what, open..open + 1, false);
    }

    /// In JSX text an apostrophe follows a letter; no literal of JavaScript does, but after a keyword.
    fn is_apostrophe(&self, at: usize) -> bool {
        let last = self
            .out
            .tokens
            .last()
            .filter(|token| token.end == at && token.kind == Kind::Word);
        self.is_script()
            && last.is_some_and(|word| {
                !matches!(
                    &self.bytes[word.start..word.end],
                    b"return"
                        | b"case"
                        | b"typeof"
                        | b"in"
                        | b"of"
                        | b"from"
                        | b"import"
                        | b"default"
                )
            })
    }

    const fn has_characters(&self) -> bool {
        matches!(
            self.language,
            Language::C | Language::Cpp | Language::Java | Language::Go
        )
    }

    fn is_f_string(&self, start: usize, open: usize) -> bool {
        self.language == Language::Python
            && self.bytes[start..open]
                .iter()
                .any(|byte| b"fFtT".contains(byte))
    }

    /// Skips a replacement field of a one-line f-string, in which the same quote may occur again.
    fn f_string_field(&self, open: usize) -> usize {
        if self.bytes.get(open + 1) == Some(&b'{') {
            return open + 2;
        }
        let line = &self.bytes[open..self.line_end(open)];
        let mut depth = 0_usize;
        let mut at = 0;
        while let Some(&byte) = line.get(at) {
            at += 1;
            match byte {
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return open + at;
                    }
                }
                b'"' | b'\'' => {
                    at += memchr::memchr(byte, &line[at..]).map_or(0, |len| len + 1);
                }
                _ => {}
            }
        }
        open + 1
    }

    /// A literal with escapes that may run over lines.
    fn multi_line(&mut self, open: usize, delimiter: &[u8], what: &'static str) {
        let mut at = open + delimiter.len();
        while at < self.bytes.len() {
            if self.bytes[at..].starts_with(delimiter) {
                at += delimiter.len();
                // A triple-quoted string may end in a quote of its own, as TOML allows.
                while delimiter.len() == 3
                    && self.language == Language::Toml
                    && self.bytes.get(at) == Some(&delimiter[0])
                {
                    at += 1;
                }
                self.at = at;
                return;
            }
            at += if self.bytes[at] == b'\\' { 2 } else { 1 };
        }
        self.at = self.bytes.len();
        self.unterminated(what, open..open + delimiter.len(), true);
    }

    fn until(&mut self, open: usize, delimiter: &[u8], what: &'static str) {
        let from = open + 1;
        if let Some(len) = memchr::memmem::find(&self.bytes[from..], delimiter) {
            self.at = from + len + delimiter.len();
        } else {
            self.at = self.bytes.len();
            self.unterminated(what, open..from, true);
        }
    }

    fn cpp_raw(&mut self, open: usize) {
        const DELIMITER_LEN_MAX: usize = 16;
        let head = &self.bytes[open + 1..self.bytes.len().min(open + 2 + DELIMITER_LEN_MAX)];
        let Some(len) = memchr::memchr(b'(', head) else {
            self.one_line(open, open, b'"');
            return;
        };
        let mut closer = vec![b')'];
        closer.extend_from_slice(&head[..len]);
        closer.push(b'"');
        self.until(open, &closer, "raw string");
    }

    /// `r"…"`, `r#"…"#` and the like; `r#word` is a word.
    fn rust_raw(&mut self, hashes_start: usize) -> bool {
        let start = self.at;
        let prefix = &self.bytes[start..hashes_start];
        if !matches!(prefix, b"r" | b"br" | b"cr") {
            return false;
        }
        let hash_count = self.bytes[hashes_start..]
            .iter()
            .take_while(|&&byte| byte == b'#')
            .count();
        let open = hashes_start + hash_count;
        if self.bytes.get(open) != Some(&b'"') {
            return false;
        }
        let mut closer = vec![b'"'];
        closer.resize(1 + hash_count, b'#');
        self.until(open, &closer, "raw string");
        self.push(Kind::Literal, start);
        true
    }

    /// A character or a lifetime.
    fn rust_quote(&mut self, open: usize) {
        let rest = &self.bytes[open + 1..];
        let char_len = match rest {
            [b'\\', ..] => {
                let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
                // The escaped byte itself may be a quote.
                let tail = line.get(2..).and_then(|tail| memchr::memchr(b'\'', tail));
                let Some(len) = tail else {
                    self.at = open + 1 + line.len();
                    self.unterminated("character literal", open..open + 1, false);
                    return;
                };
                2 + len + 1
            }
            [first, ..] => {
                let width = utf8_width(*first);
                if rest.get(width) == Some(&b'\'') {
                    width + 1
                } else {
                    0
                }
            }
            [] => 0,
        };
        let lifetime_end = self.word_end(open + 1);
        self.at = if char_len > 0 {
            open + 1 + char_len
        } else {
            lifetime_end.max(open + 1)
        };
    }

    /// A template literal of JavaScript; the expressions in it are scanned as code.
    fn template(&mut self, open: usize) {
        let mut at = open + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\\' => at += 2,
                b'`' => {
                    self.at = at + 1;
                    return;
                }
                b'$' if self.bytes.get(at + 1) == Some(&b'{') => {
                    match self.template_field(at + 2) {
                        Some(end) => at = end,
                        None => break,
                    }
                }
                _ => at += 1,
            }
        }
        self.at = self.bytes.len();
        self.unterminated("template literal", open..open + 1, true);
    }

    /// The end of `${…}`; nested templates are kept on a stack, so that depth costs no recursion.
    fn template_field(&self, from: usize) -> Option<usize> {
        // Each entry is the brace depth of one open `${`; `None` marks the text of a template.
        let mut stack: Vec<Option<usize>> = vec![Some(0)];
        let mut at = from;
        while let Some(&byte) = self.bytes.get(at) {
            at += 1;
            match (stack.last_mut()?, byte) {
                (_, b'\\') => at += 1,
                (Some(depth), b'{') => *depth += 1,
                (Some(0), b'}') => {
                    stack.pop();
                    if stack.is_empty() {
                        return Some(at);
                    }
                }
                (Some(depth), b'}') => *depth -= 1,
                (Some(_), b'`') => stack.push(None),
                (Some(_), quote @ (b'"' | b'\'')) => {
                    let line = &self.bytes[at..self.line_end(at)];
                    let mut len = 0;
                    while len < line.len() && line[len] != quote {
                        len += if line[len] == b'\\' { 2 } else { 1 };
                    }
                    at += if len < line.len() { len + 1 } else { 0 };
                }
                (None, b'`') => {
                    stack.pop();
                }
                (None, b'$') if self.bytes.get(at) == Some(&b'{') => {
                    at += 1;
                    stack.push(Some(0));
                }
                _ => {}
            }
        }
        None
    }

    /// A slash divides after a value and begins a regular expression elsewhere.
    fn regex_may_start(&self) -> bool {
        let Some(last) = self.out.tokens.last() else {
            return true;
        };
        match last.kind {
            Kind::Number | Kind::Literal | Kind::Close => false,
            Kind::Word => matches!(
                &self.bytes[last.start..last.end],
                b"return"
                    | b"typeof"
                    | b"case"
                    | b"in"
                    | b"of"
                    | b"delete"
                    | b"void"
                    | b"throw"
                    | b"new"
                    | b"do"
                    | b"else"
                    | b"instanceof"
                    | b"yield"
                    | b"await"
            ),
            // `</a>` and `/>` belong to JSX.
            Kind::Punct => {
                self.bytes[last.start] != b'<' && self.bytes.get(self.at + 1) != Some(&b'>')
            }
            Kind::Open | Kind::Directive => true,
        }
    }

    fn regex(&mut self) -> bool {
        let start = self.at;
        let mut in_class = false;
        let mut at = start + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' => return false,
                b'\\' => at += 1,
                b'[' => in_class = true,
                b']' => in_class = false,
                b'/' if !in_class => {
                    self.at = self.word_end(at + 1);
                    self.push(Kind::Literal, start);
                    return true;
                }
                _ => {}
            }
            at += 1;
        }
        false
    }
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

const fn utf8_width(first: u8) -> usize {
    match first {
        0x00..=0x7F => 1,
        0x80..=0xDF => 2,
        0xE0..=0xEF => 3,
        _ => 4,
    }
}

#[cfg(test)]
mod tests;
