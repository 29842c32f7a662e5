//! Keeps the recursive parsers within their stack: an overflow would abort the whole process.
//!
//! Two bounds are taken from the raw bytes before a parser runs, without knowing where strings
//! and comments are:
//!
//! - the nesting of brackets as a person would count it; beyond [`limits::NESTING_DEPTH_MAX`] the
//!   parser is not run. Text that is hidden in comments can fool this count, so it only saves time;
//! - the number of tokens that could open a level at all, which nothing can fool. Times the
//!   parser's measured cost of each it is the stack that the parser gets. Its pages are
//!   reserved, not used, so the size costs nothing until a parser really goes that deep.
//!
//! What is beyond a bound is judged by the language's tree-sitter grammar, whose parser keeps
//! its stack on the heap.

use std::ops::ControlFlow;

use claude_flow_lang_detect::Language;
use tree_sitter::{ParseOptions, Parser, Tree};

use crate::{Finding, Outcome, Severity, brackets, limits};

/// The smallest stack that a parser gets, in bytes.
const STACK_BYTES_MIN: usize = 1024 * 1024;

/// How often tree-sitter may report progress before it is stopped, beside what the size allows.
///
/// It reports once in a hundred steps, and valid text takes a few steps per byte.
const PROGRESS_REPORTS_MIN: usize = 10_000;

/// A recursive parser, and who judges what is too deep for it.
pub(super) struct Recursive {
    /// What it parses.
    pub(super) language: Language,
    /// The most stack that one opening bracket costs in any shape of text, with its margin.
    pub(super) bracket_bytes: usize,
    /// The same for any other token that opens a level.
    pub(super) token_bytes: usize,
    /// The grammar that judges instead.
    pub(super) grammar: fn() -> tree_sitter::Language,
}

impl Recursive {
    /// Runs a parser on a stack that it cannot overflow, or has the grammar judge.
    ///
    /// Everything that recurses over the parser's result, its drop included, has to happen
    /// within `parse`.
    pub(super) fn run(&self, text: &str, parse: impl FnOnce() -> Outcome) -> Outcome {
        if let Some(offset) = too_deep(text) {
            return self.judge(text, &nesting_reason(text, offset));
        }
        match self.stack_bytes(text) {
            Some(bytes) => stacker::grow(bytes, parse),
            None => self.judge(
                text,
                "the text has more tokens than the parser has stack for",
            ),
        }
    }

    fn stack_bytes(&self, text: &str) -> Option<usize> {
        let levels = Levels::of(text.as_bytes());
        let bytes = levels.brackets.saturating_mul(self.bracket_bytes)
            + levels.tokens.saturating_mul(self.token_bytes)
            + STACK_BYTES_MIN;
        (bytes <= limits::PARSER_STACK_BYTES_MAX).then_some(bytes)
    }

    /// Judges by the grammar alone, which knows fewer errors than the parser does.
    ///
    /// The grammar errs on some valid text, so that it calls something broken is believed only
    /// where the brackets, strings and comments agree.
    fn judge(&self, text: &str, reason: &str) -> Outcome {
        let Some(tree) = parse_by_grammar(text, self.grammar) else {
            return Outcome::not_run(reason);
        };
        let finding = if tree.root_node().has_error() {
            match brackets::diagnose(text, self.language) {
                Some(cause) => cause,
                None => return Outcome::not_run(reason),
            }
        } else {
            let message = format!("{reason}, so only the grammar was checked");
            Finding::error("syntax/limited", message, 0..0).with_severity(Severity::Info)
        };
        Outcome::Checked {
            findings: vec![finding],
        }
    }
}

/// Why text is not parsed whose brackets nest too deeply at an offset.
pub(super) fn nesting_reason(text: &str, offset: usize) -> String {
    let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..offset]).count() + 1;
    format!(
        "brackets nest deeper than {} at line {line}",
        limits::NESTING_DEPTH_MAX
    )
}

/// The offset of the first bracket that is nested too deeply, strings and comments included.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth > limits::NESTING_DEPTH_MAX {
            return Some(offset);
        }
    }
    None
}

/// An upper bound on the levels that any of the parsers can open on a text, whatever is a string
/// or a comment in it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Levels {
    brackets: usize,
    /// Operators and keywords.
    tokens: usize,
}

impl Levels {
    /// Counts what may open a level: opening brackets, `<` of types and tags among them,
    /// operators, and the keywords that take an operand.
    ///
    /// Quotes, separators and closing brackets open none. A keyword before an operator or a
    /// bracket shares its level. A character outside ASCII counts, because it may be white space
    /// between two keywords.
    fn of(bytes: &[u8]) -> Self {
        let mut levels = Self::default();
        let mut after_keyword = false;
        let mut index = 0;
        while let Some(&byte) = bytes.get(index) {
            let start = index;
            index += 1;
            match byte {
                0..=b' ' | b'\\' => continue,
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' => {
                    let rest = bytes[index..].iter();
                    index += rest.take_while(|byte| is_word_byte(**byte)).count();
                    levels.tokens += usize::from(after_keyword);
                    after_keyword = takes_operand(&bytes[start..index]);
                    continue;
                }
                b'"' | b'\'' => levels.tokens += usize::from(after_keyword),
                b'(' | b'[' | b'{' | b'<' => levels.brackets += 1,
                b',' | b';' | b')' | b']' | b'}' | 0x80..=0xbf => {}
                // One token: `==`, `===`, `=>`. A comment's start opens no level.
                b'=' | b'>' if start > 0 && bytes[start - 1] == b'=' => {}
                b'/' if matches!(bytes.get(index), Some(b'/' | b'*')) => index += 1,
                _ => levels.tokens += 1,
            }
            after_keyword = false;
        }
        levels
    }
}

const fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// Whether a word can stand before another word in an expression, statement or type of any of
/// the languages, and nest in it.
#[expect(clippy::too_many_lines, reason = "a list of keywords")]
fn takes_operand(word: &[u8]) -> bool {
    let word = match word {
        // Python takes a number and a keyword without a space between them.
        [b'0'..=b'9', ..] => {
            let digits = word
                .iter()
                .rev()
                .take_while(|byte| byte.is_ascii_lowercase())
                .count();
            &word[word.len() - digits..]
        }
        _ => word,
    };
    matches!(
        word,
        b"abstract"
            | b"and"
            | b"as"
            | b"assert"
            | b"asserts"
            | b"async"
            | b"await"
            | b"become"
            | b"box"
            | b"break"
            | b"case"
            | b"class"
            | b"const"
            | b"continue"
            | b"default"
            | b"del"
            | b"delete"
            | b"do"
            | b"dyn"
            | b"elif"
            | b"else"
            | b"export"
            | b"extends"
            | b"extern"
            | b"fn"
            | b"for"
            | b"from"
            | b"function"
            | b"gen"
            | b"if"
            | b"impl"
            | b"import"
            | b"in"
            | b"infer"
            | b"instanceof"
            | b"is"
            | b"keyof"
            | b"lambda"
            | b"let"
            | b"loop"
            | b"match"
            | b"mod"
            | b"move"
            | b"mut"
            | b"namespace"
            | b"new"
            | b"not"
            | b"of"
            | b"or"
            | b"raise"
            | b"readonly"
            | b"ref"
            | b"return"
            | b"satisfies"
            | b"static"
            | b"struct"
            | b"throw"
            | b"try"
            | b"type"
            | b"typeof"
            | b"unique"
            | b"unsafe"
            | b"void"
            | b"where"
            | b"while"
            | b"with"
            | b"yield"
    )
}

/// The tree of a text, or nothing if the parser took more steps than its size allows.
fn parse_by_grammar(text: &str, grammar: fn() -> tree_sitter::Language) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&grammar()).ok()?;
    let mut reports_left = PROGRESS_REPORTS_MIN + text.len();
    let mut progress = |_: &_| match reports_left.checked_sub(1) {
        Some(left) => {
            reports_left = left;
            ControlFlow::Continue(())
        }
        None => ControlFlow::Break(()),
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let bytes = text.as_bytes();
    parser.parse_with_options(
        &mut |offset, _| bytes.get(offset..).unwrap_or_default(),
        None,
        Some(options),
    )
}

#[cfg(test)]
mod tests;
