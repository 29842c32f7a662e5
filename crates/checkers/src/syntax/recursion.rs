//! Keeps the recursive parsers within their stack: an overflow would abort the whole process.
//!
//! Two bounds are taken from the raw bytes before a parser runs, without knowing where strings
//! and comments are:
//!
//! - the nesting of brackets as a person would count it; beyond [`limits::NESTING_DEPTH_MAX`] the
//!   parser is not run. Text that is hidden in comments can fool this count, so it only saves time;
//! - the number of tokens that could open a level at all, which nothing can fool. Times the
//!   parser's measured cost per level it is the stack that the parser gets. Its pages are
//!   reserved, not used, so the size costs nothing until a parser really goes that deep.
//!
//! What is beyond a bound is judged by the language's tree-sitter grammar, whose parser keeps
//! its stack on the heap.

use std::ops::ControlFlow;

use tree_sitter::{Language, Node, ParseOptions, Parser, Tree};

use crate::{Finding, Outcome, Severity, limits};

/// The smallest stack that a parser gets, in bytes.
const STACK_BYTES_MIN: usize = 1024 * 1024;

/// How often tree-sitter may report progress before it is stopped, beside what the size allows.
///
/// It reports once in a hundred steps, and valid text takes a few steps per byte.
const PROGRESS_REPORTS_MIN: usize = 10_000;

/// A recursive parser, and who judges what is too deep for it.
pub(super) struct Recursive {
    /// The most stack that one token costs in any shape of text, in bytes, with its margin.
    pub(super) level_bytes: usize,
    /// The grammar that judges instead.
    pub(super) grammar: fn() -> Language,
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
            None => self.judge(text, "the text has more tokens than the parser has stack for"),
        }
    }

    fn stack_bytes(&self, text: &str) -> Option<usize> {
        let bytes = levels_max(text.as_bytes())
            .saturating_mul(self.level_bytes)
            .saturating_add(STACK_BYTES_MIN);
        (bytes <= limits::PARSER_STACK_BYTES_MAX).then_some(bytes)
    }

    /// Judges by the grammar alone, which knows fewer errors than the parser does.
    fn judge(&self, text: &str, reason: &str) -> Outcome {
        let Some(tree) = parse_by_grammar(text, self.grammar) else {
            return Outcome::not_run(reason);
        };
        let finding = first_broken(&tree).map_or_else(
            || {
                Finding::error(
                    "syntax/limited",
                    format!("{reason}, so only the grammar was checked"),
                    0..0,
                )
                .with_severity(Severity::Info)
            },
            |node| broken_node(text, node),
        );
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

/// An upper bound on the levels that any of the parsers can open on these bytes.
///
/// Every byte that is not part of a word, white space, a quote, a separator or a closer may be an
/// operator or a bracket that opens one. A word may, as in `not not not`, unless one of those or a
/// separator follows it, which then counts or ends the level. A character outside ASCII may be
/// white space between two words.
fn levels_max(bytes: &[u8]) -> usize {
    let mut levels = 0;
    let mut after_word = false;
    let mut in_word = false;
    for &byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'$' | 0x80..=0xbf => {
                levels += usize::from(after_word && !in_word);
                after_word = true;
                in_word = true;
            }
            0..=b' ' | b'\\' => in_word = false,
            b',' | b';' | b')' | b']' | b'}' => {
                after_word = false;
                in_word = false;
            }
            b'"' | b'\'' => {
                levels += usize::from(after_word);
                after_word = false;
                in_word = false;
            }
            0xc0.. => {
                levels += 1;
                after_word = true;
                in_word = true;
            }
            _ => {
                levels += 1;
                after_word = false;
                in_word = false;
            }
        }
    }
    levels
}

/// The tree of a text, or nothing if the parser took more steps than its size allows.
fn parse_by_grammar(text: &str, grammar: fn() -> Language) -> Option<Tree> {
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

/// The first node that the grammar could not make sense of.
fn first_broken(tree: &Tree) -> Option<Node<'_>> {
    let mut cursor = tree.walk();
    if !cursor.node().has_error() {
        return None;
    }
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            return Some(node);
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
        }
    }
}

fn broken_node(text: &str, node: Node<'_>) -> Finding {
    if node.is_missing() {
        let message = format!("expected `{}`", node.kind());
        return Finding::error("syntax/missing-token", message, node.byte_range());
    }
    let start = node.start_byte();
    let len = text[start..].chars().next().map_or(0, char::len_utf8);
    Finding::error("syntax/unexpected-token", "unexpected token", start..start + len)
}

#[cfg(test)]
mod tests;
