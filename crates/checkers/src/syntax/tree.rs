//! What a tree-sitter grammar says of a text: the places that it could not fit in.

use std::ops::{ControlFlow, Range};

use claude_flow_lang_detect::Language;
use tree_sitter::{Node, ParseOptions, Parser, Point, Tree, TreeCursor};

/// The parser calls back once in some hundred operations; valid text needs about one call in
/// 80 bytes, and recovery from errors may take some ten times that before it is given up.
const CALLS_PER_BYTE_INVERSE: usize = 8;

/// Calls that any text may take, however short.
const CALLS_MIN: usize = 2_000;

/// The most places that are collected.
const PLACES_MAX: usize = 1_000;

/// A place that the grammar could not fit in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Misfit {
    /// Text that was skipped.
    Unexpected {
        /// The skipped text.
        span: Range<usize>,
    },
    /// A token that was put in to go on.
    Missing {
        /// Where it belongs.
        at: usize,
        /// The token as the grammar names it.
        token: &'static str,
    },
}

impl Misfit {
    /// The first byte.
    pub(super) const fn start(&self) -> usize {
        match self {
            Self::Unexpected { span } => span.start,
            Self::Missing { at, .. } => *at,
        }
    }
}

/// A text's tree, or `None` if recovery took more steps than the text is worth.
pub(super) fn parse(text: &str, language: Language) -> Option<Tree> {
    let grammar = grammar(language)?;
    let mut parser = Parser::new();
    parser.set_language(&grammar).ok()?;
    let bytes = text.as_bytes();
    let mut calls_left = CALLS_MIN + bytes.len() / CALLS_PER_BYTE_INVERSE;
    let mut progress = |_: &tree_sitter::ParseState| {
        calls_left = calls_left.saturating_sub(1);
        if calls_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut progress);
    let mut input = |at: usize, _: Point| bytes.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut input, None, Some(options))
}

/// The outermost misfits of a tree in the order of the text.
pub(super) fn misfits(tree: &Tree) -> Vec<Misfit> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        let misfit = misfit(&node);
        let descend = misfit.is_none() && node.has_error();
        found.extend(misfit);
        if found.len() == PLACES_MAX || !(descend && cursor.goto_first_child() || advance(&mut cursor)) {
            return found;
        }
    }
}

/// Moves to the next node that is not inside the current one.
fn advance(cursor: &mut TreeCursor<'_>) -> bool {
    loop {
        if cursor.goto_next_sibling() {
            return true;
        }
        if !cursor.goto_parent() {
            return false;
        }
    }
}

fn misfit(node: &Node<'_>) -> Option<Misfit> {
    if node.is_missing() {
        Some(Misfit::Missing { at: node.start_byte(), token: node.kind() })
    } else if node.is_error() {
        Some(Misfit::Unexpected { span: node.byte_range() })
    } else {
        None
    }
}

fn grammar(language: Language) -> Option<tree_sitter::Language> {
    let grammar = match language {
        Language::C => tree_sitter_c::LANGUAGE,
        Language::Cpp => tree_sitter_cpp::LANGUAGE,
        Language::Go => tree_sitter_go::LANGUAGE,
        Language::Java => tree_sitter_java::LANGUAGE,
        Language::JavaScript => tree_sitter_javascript::LANGUAGE,
        Language::Python => tree_sitter_python::LANGUAGE,
        Language::Rust => tree_sitter_rust::LANGUAGE,
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX,
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT,
        _ => return None,
    };
    Some(grammar.into())
}
