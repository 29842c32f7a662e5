//! The tokens of C and C++ as the parser reads them.
//!
//! Attributes, `_Pragma` and line splices are left out, because they may stand nearly anywhere;
//! operators of several bytes are one token, but `>>` is two, because it may close two templates.

use claude_flow_lang_detect::Language;

use crate::lexical::{Kind as Raw, Lexed, Token as RawToken};

/// How many columns a tab is taken for.
const TAB_COLUMNS: u16 = 8;

/// The longest attribute that is left out, in raw tokens.
const ATTRIBUTE_TOKENS_MAX: usize = 4_096;

/// What a token is to the parser; keywords that behave alike share a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ident,
    Number,
    Str,
    Char,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    LeftBrace,
    RightBrace,
    Semicolon,
    Comma,
    Colon,
    /// `::`
    Scope,
    Question,
    /// `.` and `.*`
    Dot,
    /// `->` and `->*`
    Arrow,
    Ellipsis,
    Less,
    Greater,
    Star,
    Amp,
    AmpAmp,
    /// `+` and `-`
    Sign,
    /// `++` and `--`
    Step,
    /// `!` and `~`
    Not,
    Caret,
    /// `=`
    Assign,
    /// Any other operator with two operands.
    Binary,
    /// A byte that belongs to no token.
    Stray,
    /// `#include` and the like: any tokens at all.
    Include,
    /// A type of one word.
    Type,
    /// `const` and what else may stand inside a type.
    Qualifier,
    /// `static` and what else only begins a declaration.
    Storage,
    /// `struct`, `class`, `union`
    Record,
    Enum,
    /// `sizeof` and its kin.
    Sizeof,
    /// `typeof`, `decltype`
    Typeof,
    Asm,
    /// `static_cast` and its kin.
    Cast,
    /// `this`, `nullptr`, `true`, `false`
    Value,
    New,
    Delete,
    /// `throw`, `co_await`, `co_yield`
    Throw,
    Operator,
    Template,
    Namespace,
    Using,
    Export,
    /// `public`, `protected`, `private`
    Access,
    Try,
    Catch,
    Noexcept,
    Requires,
    Generic,
    /// `__label__`
    LocalLabel,
    If,
    Else,
    While,
    For,
    Do,
    Switch,
    Case,
    Default,
    Break,
    Continue,
    Return,
    Goto,
}

impl Kind {
    /// True for every word of the language.
    pub(super) const fn is_keyword(self) -> bool {
        self as u8 >= Self::Type as u8
    }

    /// True for a keyword that begins a statement and stands nowhere else.
    pub(super) const fn is_statement(self) -> bool {
        matches!(
            self,
            Self::If
                | Self::Else
                | Self::While
                | Self::For
                | Self::Do
                | Self::Switch
                | Self::Case
                | Self::Default
                | Self::Break
                | Self::Continue
                | Self::Return
                | Self::Goto
                | Self::Try
                | Self::Catch
                | Self::LocalLabel
        )
    }
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// True if it is the first of its line.
    pub(super) first: bool,
    /// Its column, if it is the first of its line; else that of the line's first token.
    pub(super) column: u16,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// A preprocessor line and how many tokens stand before it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Directive {
    pub(super) before: usize,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A whole file, its conditional parts included.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) tokens: Vec<Token>,
    pub(super) directives: Vec<Directive>,
}

/// Makes the parser's tokens out of scanned ones.
pub(super) fn build(text: &str, lexed: &Lexed, language: Language) -> Tokens {
    let mut builder = Builder {
        text,
        bytes: text.as_bytes(),
        raw: &lexed.tokens,
        at: 0,
        cpp: language == Language::Cpp,
        scanned: 0,
        first: true,
        column: 0,
        out: Tokens::default(),
    };
    builder.out.tokens.reserve(lexed.tokens.len());
    while builder.at < builder.raw.len() {
        builder.step();
    }
    builder.out
}

struct Builder<'a> {
    text: &'a str,
    bytes: &'a [u8],
    raw: &'a [RawToken],
    at: usize,
    cpp: bool,
    /// Up to where line ends have been looked for.
    scanned: usize,
    first: bool,
    column: u16,
    out: Tokens,
}

impl Builder<'_> {
    fn step(&mut self) {
        let raw = self.raw[self.at];
        self.advance(raw.start);
        match raw.kind {
            Raw::Directive => self.directive(raw),
            Raw::Open => self.open(raw),
            Raw::Close => self.close(raw),
            Raw::Word => self.word(raw),
            Raw::Number => self.number(raw.start),
            Raw::Literal => self.literal(raw),
            Raw::Punct => self.punctuation(raw.start),
        }
    }

    /// Finds out whether the token at `start` is the first of its line, and its column.
    fn advance(&mut self, start: usize) {
        let between = &self.bytes[self.scanned..start];
        self.first = self.scanned == 0;
        if let Some(newline) = memchr::memrchr(b'\n', between) {
            // What is continued by a backslash is one line.
            let spliced = between[..newline].trim_ascii_end().ends_with(b"\\");
            self.first = !spliced;
            if !spliced {
                self.column = columns(&self.bytes[self.scanned + newline + 1..start]);
            }
        } else if self.first {
            self.column = columns(between);
        }
        self.scanned = start;
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        // Sources are bounded far below 4 GiB.
        #[expect(clippy::cast_possible_truncation, reason = "sources are at most 8 MiB")]
        self.out.tokens.push(Token {
            kind,
            first: self.first,
            column: self.column,
            start: start as u32,
            end: end as u32,
        });
        self.scanned = end;
    }

    fn directive(&mut self, raw: RawToken) {
        let name = crate::brackets::directive_name(&self.text[raw.start..raw.end]);
        self.out.directives.push(Directive {
            before: self.out.tokens.len(),
            start: raw.start,
            end: raw.end,
        });
        if matches!(name, "include" | "include_next" | "embed" | "import") {
            self.push(Kind::Include, raw.start, raw.end);
        }
        self.scanned = raw.end;
        self.at += 1;
    }

    fn open(&mut self, raw: RawToken) {
        let kind = match crate::brackets::bracket(self.bytes, &raw) {
            b'(' => Kind::LeftParen,
            b'{' => Kind::LeftBrace,
            _ if self.opens(self.at + 1, b'[') && self.raw[self.at + 1].start == raw.end => {
                if let Some(end) = self.group_end(self.at) {
                    self.at = end;
                    return;
                }
                Kind::LeftBracket
            }
            _ => Kind::LeftBracket,
        };
        self.push(kind, raw.start, raw.end);
        self.at += 1;
    }

    fn close(&mut self, raw: RawToken) {
        let kind = match crate::brackets::bracket(self.bytes, &raw) {
            b')' => Kind::RightParen,
            b'}' => Kind::RightBrace,
            _ => Kind::RightBracket,
        };
        self.push(kind, raw.start, raw.end);
        self.at += 1;
    }

    /// True if the raw token is the opening bracket `byte`.
    fn opens(&self, index: usize, byte: u8) -> bool {
        self.raw.get(index).is_some_and(|raw| {
            raw.kind == Raw::Open && crate::brackets::bracket(self.bytes, raw) == byte
        })
    }

    /// One past the closer of the bracket at `open`, if it has one before any directive.
    fn group_end(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let rest = self.raw[open..].iter().take(ATTRIBUTE_TOKENS_MAX);
        for (offset, raw) in rest.enumerate() {
            match raw.kind {
                Raw::Open => depth += 1,
                Raw::Close => depth -= 1,
                Raw::Directive => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(open + offset + 1);
            }
        }
        None
    }

    /// Steps over a line that becomes a directive later: `EXPAND(#) if A`, `@#if A`.
    fn later_directive(&mut self, raw: RawToken) -> bool {
        let line_end = memchr::memchr(b'\n', &self.bytes[raw.start..])
            .map_or(self.bytes.len(), |len| raw.start + len);
        let line = &self.text[raw.start..line_end];
        let is_macro = line
            .split_once("(#)")
            .is_some_and(|(name, _)| super::macros::may_be_named(name));
        if !self.first || !is_macro && !line.starts_with("@#") {
            return false;
        }
        while self
            .raw
            .get(self.at)
            .is_some_and(|raw| raw.start < line_end)
        {
            self.at += 1;
        }
        true
    }

    fn word(&mut self, raw: RawToken) {
        if self.later_directive(raw) {
            return;
        }
        let word = &self.text[raw.start..raw.end];
        let kind = keyword(word, self.cpp);
        match word {
            "__extension__" => {
                self.at += 1;
                return;
            }
            "__attribute__" | "__attribute" | "__declspec" | "_Pragma" | "__pragma" | "alignas"
            | "_Alignas"
                if self.opens(self.at + 1, b'(') =>
            {
                if let Some(end) = self.group_end(self.at + 1) {
                    self.at = end;
                    return;
                }
            }
            _ => {}
        }
        self.push(kind, raw.start, raw.end);
        self.at += 1;
    }

    /// The raw token at `index`, if it begins where the one before ends.
    fn glued(&self, index: usize, end: usize) -> Option<RawToken> {
        self.raw
            .get(index)
            .copied()
            .filter(|raw| raw.start == end && raw.kind != Raw::Directive)
    }

    fn number(&mut self, start: usize) {
        let mut end = self.raw[self.at].end;
        self.at += 1;
        // `1.`, `1.f` and `1.e-5` come in pieces.
        while let Some(next) = self.glued(self.at, end) {
            let piece = &self.bytes[next.start..next.end];
            let before = self.bytes[end - 1];
            let goes_on = match next.kind {
                Raw::Word | Raw::Number => true,
                Raw::Punct => {
                    piece == b"." && self.bytes.get(next.end) != Some(&b'.') && before != b'.'
                        || matches!(piece, b"+" | b"-")
                            && matches!(before, b'e' | b'E' | b'p' | b'P')
                            && self.bytes[start..end].contains(&b'.')
                }
                _ => false,
            };
            if !goes_on {
                break;
            }
            end = next.end;
            self.at += 1;
        }
        self.push(Kind::Number, start, end);
    }

    fn literal(&mut self, raw: RawToken) {
        let mut end = raw.end;
        self.at += 1;
        if self.cpp {
            // A suffix that is not a macro: `"a"s`, `'a'_x`.
            if let Some(next) = self.glued(self.at, end) {
                let word = &self.text[next.start..next.end];
                if next.kind == Raw::Word && word.bytes().any(|byte| byte.is_ascii_lowercase()) {
                    end = next.end;
                    self.at += 1;
                }
            }
        }
        let quoted = self.bytes[raw.start..raw.end].last() == Some(&b'\'');
        let kind = if quoted { Kind::Char } else { Kind::Str };
        self.push(kind, raw.start, end);
    }

    fn punctuation(&mut self, start: usize) {
        if self.bytes[start] == b'@' && self.later_directive(self.raw[self.at]) {
            return;
        }
        let rest = &self.bytes[start..];
        if rest[0] == b'\\' && is_line_end(&rest[1..]) {
            self.scanned = start;
            self.at += 1;
            return;
        }
        if rest[0] == b'.'
            && self
                .glued(self.at + 1, start + 1)
                .is_some_and(|next| next.kind == Raw::Number)
        {
            self.at += 1;
            self.number(start);
            return;
        }
        let (kind, len) = operator(rest);
        self.push(kind, start, start + len);
        // A comment cannot begin inside an operator, so the raw tokens agree with the length.
        while self
            .raw
            .get(self.at)
            .is_some_and(|raw| raw.start < start + len)
        {
            self.at += 1;
        }
    }
}

fn is_line_end(rest: &[u8]) -> bool {
    let blank = rest
        .iter()
        .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
        .count();
    rest.get(blank).is_none_or(|&byte| byte == b'\n')
}

/// The width of white space; comments before the first token of a line count by the byte.
fn columns(blank: &[u8]) -> u16 {
    blank.iter().fold(0_u16, |columns, &byte| {
        if byte == b'\t' {
            (columns / TAB_COLUMNS)
                .saturating_add(1)
                .saturating_mul(TAB_COLUMNS)
        } else {
            columns.saturating_add(1)
        }
    })
}

/// The operator at the start, and its length.
fn operator(rest: &[u8]) -> (Kind, usize) {
    let second = rest.get(1).copied().unwrap_or(0);
    let third = rest.get(2).copied().unwrap_or(0);
    match (rest[0], second, third) {
        (b'.', b'.', b'.') => (Kind::Ellipsis, 3),
        (b'-', b'>', b'*') => (Kind::Arrow, 3),
        (b'<', b'<', b'=') | (b'<', b'=', b'>') => (Kind::Binary, 3),
        (b'-', b'>', _) => (Kind::Arrow, 2),
        (b'.', b'*', _) => (Kind::Dot, 2),
        (b':', b':', _) => (Kind::Scope, 2),
        (b'&', b'&', _) => (Kind::AmpAmp, 2),
        (b'+', b'+', _) | (b'-', b'-', _) => (Kind::Step, 2),
        (b'<', b'<', _)
        | (b'|', b'|', _)
        | (
            b'=' | b'!' | b'<' | b'>' | b'+' | b'-' | b'*' | b'/' | b'%' | b'&' | b'|' | b'^',
            b'=',
            _,
        ) => (Kind::Binary, 2),
        (b';', ..) => (Kind::Semicolon, 1),
        (b',', ..) => (Kind::Comma, 1),
        (b':', ..) => (Kind::Colon, 1),
        (b'?', ..) => (Kind::Question, 1),
        (b'.', ..) => (Kind::Dot, 1),
        (b'<', ..) => (Kind::Less, 1),
        (b'>', ..) => (Kind::Greater, 1),
        (b'*', ..) => (Kind::Star, 1),
        (b'&', ..) => (Kind::Amp, 1),
        (b'+' | b'-', ..) => (Kind::Sign, 1),
        (b'!' | b'~', ..) => (Kind::Not, 1),
        (b'^', ..) => (Kind::Caret, 1),
        (b'=', ..) => (Kind::Assign, 1),
        (b'/' | b'%' | b'|', ..) => (Kind::Binary, 1),
        _ => (Kind::Stray, 1),
    }
}

/// True for the words of a language.
pub(super) fn is_keyword(word: &str, language: Language) -> bool {
    keyword(word, language == Language::Cpp).is_keyword()
}

/// The keyword that a word is, or [`Kind::Ident`].
fn keyword(word: &str, cpp: bool) -> Kind {
    let common = match word {
        "if" => Kind::If,
        "else" => Kind::Else,
        "while" => Kind::While,
        "for" => Kind::For,
        "do" => Kind::Do,
        "switch" => Kind::Switch,
        "case" => Kind::Case,
        "default" => Kind::Default,
        "break" => Kind::Break,
        "continue" => Kind::Continue,
        "return" => Kind::Return,
        "goto" => Kind::Goto,
        "int" | "char" | "short" | "long" | "float" | "double" | "void" | "signed" | "unsigned"
        | "auto" | "_Bool" | "_Complex" | "__signed__" | "__signed" | "__int128" => Kind::Type,
        "const" | "volatile" | "restrict" | "__restrict" | "__restrict__" | "__const"
        | "__const__" | "__volatile__" | "__volatile" => Kind::Qualifier,
        "static" | "extern" | "inline" | "register" | "typedef" | "__inline" | "__inline__"
        | "_Noreturn" | "_Thread_local" | "__thread" => Kind::Storage,
        "struct" | "union" => Kind::Record,
        "enum" => Kind::Enum,
        "sizeof" | "_Alignof" | "__alignof__" | "__alignof" => Kind::Sizeof,
        "typeof" | "__typeof__" | "__typeof" | "typeof_unqual" => Kind::Typeof,
        "asm" | "__asm__" | "__asm" | "_asm" => Kind::Asm,
        "_Generic" => Kind::Generic,
        "__label__" => Kind::LocalLabel,
        _ => Kind::Ident,
    };
    if common != Kind::Ident || !cpp {
        return common;
    }
    match word {
        "class" => Kind::Record,
        "bool" | "wchar_t" | "char8_t" | "char16_t" | "char32_t" => Kind::Type,
        "mutable" | "virtual" | "explicit" | "friend" | "constexpr" | "consteval" | "constinit"
        | "thread_local" => Kind::Storage,
        "typename" => Kind::Qualifier,
        "alignof" | "typeid" => Kind::Sizeof,
        "decltype" => Kind::Typeof,
        "static_cast" | "dynamic_cast" | "const_cast" | "reinterpret_cast" => Kind::Cast,
        "this" | "nullptr" | "true" | "false" => Kind::Value,
        "new" => Kind::New,
        "delete" => Kind::Delete,
        "throw" | "co_await" | "co_yield" => Kind::Throw,
        "operator" => Kind::Operator,
        "template" => Kind::Template,
        "namespace" => Kind::Namespace,
        "using" => Kind::Using,
        "export" => Kind::Export,
        "public" | "protected" | "private" => Kind::Access,
        "try" => Kind::Try,
        "catch" => Kind::Catch,
        "noexcept" => Kind::Noexcept,
        "requires" => Kind::Requires,
        "co_return" => Kind::Return,
        "not" | "compl" => Kind::Not,
        "and" => Kind::AmpAmp,
        "bitand" => Kind::Amp,
        "xor" => Kind::Caret,
        "or" | "bitor" | "and_eq" | "or_eq" | "xor_eq" | "not_eq" => Kind::Binary,
        _ => Kind::Ident,
    }
}

/// Keywords that may stand twice in a row.
pub(super) fn may_double(word: &str, cpp: bool) -> bool {
    match word {
        "long" | "sizeof" | "requires" | "delete" | "throw" | "co_await" | "co_yield" | "do"
        | "restrict" => true,
        "const" | "volatile" | "inline" | "__inline" | "__inline__" => !cpp,
        _ => false,
    }
}
