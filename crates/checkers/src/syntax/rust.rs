//! Rust: rust-analyzer's parser and those of its validations that `rustc` makes while it parses.
//!
//! The edition is not in the text, so a file is clean if it is clean in any; the errors reported
//! are those of the newest.

mod edition_2015;

use std::borrow::Cow;
use std::ops::Range;

use claude_flow_lang_detect::Language;
use ra_ap_syntax::{
    Edition, NodeOrToken, Parse, SourceFile, SyntaxError, SyntaxKind, SyntaxNode, TextSize,
};

use super::first_cause::{self, Recovery};
use super::message::fragment;
use super::recursion::Recursive;
use crate::{Finding, Outcome, Source, limits};

/// Newest first.
const EDITIONS: [Edition; 4] = [
    Edition::Edition2024,
    Edition::Edition2021,
    Edition::Edition2018,
    Edition::Edition2015,
];

/// What rust-analyzer calls wrong and `rustc` finds only while it resolves names, gates features
/// or expands macros, if at all.
const LATER_THAN_PARSING: [&str; 3] = [
    "The `self` keyword is only allowed",
    "The `crate` keyword is only allowed",
    "A block in this position cannot accept inner attributes",
];

/// The deepest syntax tree that rust-analyzer's own thread can drop.
///
/// It drops recursively on a stack of 2 MiB, which overflowed beyond 20,000 levels.
const DROPPED_DEPTH_MAX: usize = 4_000;

const PARSER: Recursive = Recursive {
    language: Language::Rust,
    // Measured in the dev profile: 1,380 for `{` after `loop`, 920 for `break`.
    bracket_bytes: 4096,
    token_bytes: 2048,
    grammar: || tree_sitter_rust::LANGUAGE.into(),
};

pub(super) fn check(_source: &Source<'_>, text: &str) -> Outcome {
    let unified = LineEnds::unify(text);
    let outcome = PARSER.run(&unified.text, || {
        let text = &*unified.text;
        let mut errors = errors(text);
        if !errors.is_empty()
            && let Some(text) = without_predicates(text)
        {
            errors = self::errors(&text);
        }
        Outcome::Checked {
            findings: first_cause::merge(text, Language::Rust, errors, Recovery::Resumes),
        }
    });
    unified.restore(outcome)
}

/// The errors in the newest edition, or none if the text is clean in any.
fn errors(text: &str) -> Vec<Finding> {
    let mut newest = None;
    for edition in EDITIONS {
        let errors = errors_in(text, edition);
        if errors.is_empty() {
            return errors;
        }
        newest.get_or_insert(errors);
    }
    let parsed = SourceFile::parse(text, Edition::Edition2015);
    let root = parsed.syntax_node();
    let named = edition_2015::name_parameters(text, &root);
    dispose(parsed, survey(&root).depth);
    match named {
        Some(named) if errors_in(&named, Edition::Edition2015).is_empty() => Vec::new(),
        _ => newest.unwrap_or_default(),
    }
}

/// A text of the same length in which no attribute is named `cfg` or `cfg_attr`, if one is.
///
/// rust-analyzer parses the predicates of those two, and trips over ones that it does not know;
/// to `rustc`'s parser they are tokens like any attribute's.
fn without_predicates(text: &str) -> Option<String> {
    let other = text
        .replace("cfg_attr(", "cfg_atts(")
        .replace("cfg(", "cfh(");
    (other != text).then_some(other)
}

/// A text with `\n` for every `\r\n`, as `rustc` makes it before it reads a file.
struct LineEnds<'a> {
    text: Cow<'a, str>,
    /// Where carriage returns were dropped, as offsets into `text`, ascending.
    dropped: Vec<usize>,
}

impl<'a> LineEnds<'a> {
    fn unify(text: &'a str) -> Self {
        let offsets = memchr::memmem::find_iter(text.as_bytes(), "\r\n");
        let dropped: Vec<usize> = offsets
            .enumerate()
            .map(|(count, offset)| offset - count)
            .collect();
        let text = if dropped.is_empty() {
            Cow::Borrowed(text)
        } else {
            Cow::Owned(text.replace("\r\n", "\n"))
        };
        Self { text, dropped }
    }

    /// Puts findings back onto the original text's offsets.
    fn restore(&self, outcome: Outcome) -> Outcome {
        let Outcome::Checked { mut findings } = outcome else {
            return outcome;
        };
        for finding in &mut findings {
            let related = finding.related.iter_mut().map(|related| &mut related.span);
            for span in related.chain(std::iter::once(&mut finding.span)) {
                *span = self.original(span.start)..self.original(span.end);
            }
        }
        Outcome::Checked { findings }
    }

    fn original(&self, offset: usize) -> usize {
        offset + self.dropped.partition_point(|&dropped| dropped < offset)
    }
}

fn errors_in(text: &str, edition: Edition) -> Vec<Finding> {
    let parsed = SourceFile::parse(text, edition);
    let mut errors = parsed.errors();
    errors.sort_by_key(|error| error.range().start());
    let root = parsed.syntax_node();
    let survey = survey(&root);
    let errors = errors
        .iter()
        .filter(|error| !is_later_than_parsing(error, edition))
        .take(limits::FINDINGS_MAX)
        .map(|error| finding(text, &root, error))
        .chain(survey.findings)
        .collect();
    dispose(parsed, survey.depth);
    errors
}

/// What one walk over the tree sees.
#[derive(Default)]
struct Survey {
    /// Of nodes within nodes.
    depth: usize,
    findings: Vec<Finding>,
}

/// Looks for tokens that the parser lets pass and `rustc` does not: characters that begin no token,
/// inside a macro's call as well; `const const`; documentation comments that document nothing.
///
/// Walks the tree without its cursors, which allocate for every node and token that they stand on.
fn survey(root: &SyntaxNode) -> Survey {
    let green = root.green();
    let mut survey = Survey::default();
    let mut offset = 0;
    // What a macro makes of its tokens is not known.
    let mut open = vec![(green.children(), false)];
    let mut docs: Option<(Range<usize>, bool)> = None;
    let mut last = None;
    while let Some((children, is_in_macro)) = open.last_mut() {
        let (child, is_in_macro) = (children.next(), *is_in_macro);
        let token = match child {
            None => {
                open.pop();
                continue;
            }
            Some(NodeOrToken::Node(node)) => {
                let is_call = SyntaxKind::from(node.kind().0) == SyntaxKind::TOKEN_TREE;
                open.push((node.children(), is_in_macro || is_call));
                survey.depth = survey.depth.max(open.len());
                continue;
            }
            Some(NodeOrToken::Token(token)) => token,
        };
        let place = offset..offset + usize::from(token.text_len());
        offset = place.end;
        let kind = SyntaxKind::from(token.kind().0);
        match kind {
            SyntaxKind::WHITESPACE => continue,
            SyntaxKind::COMMENT => {
                if is_outer_doc(token.text()) {
                    docs = Some((place, is_in_macro));
                }
                continue;
            }
            SyntaxKind::ERROR => survey.report("a character that begins no token", place),
            SyntaxKind::CONST_KW if last == Some(kind) && !is_in_macro => {
                survey.report("`const` doubled", place);
            }
            SyntaxKind::R_CURLY => survey.end(docs.take()),
            _ => {}
        }
        docs = None;
        last = Some(kind);
    }
    survey.end(docs);
    survey
}

impl Survey {
    fn report(&mut self, message: &'static str, place: Range<usize>) {
        let finding = Finding::error("syntax/unexpected-token", message, place);
        self.findings.push(finding);
    }

    /// Takes the documentation before a bracket that closes, or before the text's end.
    fn end(&mut self, docs: Option<(Range<usize>, bool)>) {
        if let Some((place, false)) = docs {
            let message = "a documentation comment that documents nothing";
            let finding = Finding::error("syntax/dangling-doc", message, place);
            self.findings.push(finding);
        }
    }
}

fn is_outer_doc(comment: &str) -> bool {
    (comment.starts_with("///") && !comment.starts_with("////"))
        || (comment.starts_with("/**") && !comment.starts_with("/***") && comment.len() > 4)
}

/// Lets a tree go.
///
/// Dropping it hands it to a thread of rust-analyzer's, whose stack is not ours to size: a tree
/// that is too deep for that thread, which only a hostile text has, is leaked.
fn dispose(parsed: Parse<SourceFile>, depth: usize) {
    if depth > DROPPED_DEPTH_MAX {
        std::mem::forget(parsed);
    }
}

fn is_later_than_parsing(error: &SyntaxError, edition: Edition) -> bool {
    let message = error.to_string();
    // A word before `#` or a quote became a prefix only in 2021.
    if message == "unknown literal prefix" && edition < Edition::Edition2021 {
        return true;
    }
    LATER_THAN_PARSING
        .iter()
        .any(|start| message.starts_with(start))
}

fn finding(text: &str, root: &SyntaxNode, error: &SyntaxError) -> Finding {
    let message = error.to_string();
    let place = place(text, root, error, &message);
    let message = with_glyphs(&message);
    if message == "expected `>`"
        && let Some(opener) = open_angle(root, error.range().start())
    {
        return Finding::error("syntax/unclosed-bracket", "`<` is never closed", opener)
            .with_related("`>` was expected here at the latest", place);
    }
    Finding::error(rule(&message), fragment(&message), place)
}

/// The `<` of the list of generic arguments or parameters that ends at an offset without a `>`.
fn open_angle(root: &SyntaxNode, offset: TextSize) -> Option<Range<usize>> {
    let before = root.token_at_offset(offset).left_biased()?;
    let list = before.parent_ancestors().find(|node| {
        matches!(
            node.kind(),
            SyntaxKind::GENERIC_ARG_LIST | SyntaxKind::GENERIC_PARAM_LIST
        ) && node
            .last_child_or_token()
            .is_some_and(|last| last.kind() != SyntaxKind::R_ANGLE)
    })?;
    let mut tokens = list
        .children_with_tokens()
        .filter_map(NodeOrToken::into_token);
    let opener = tokens.find(|token| token.kind() == SyntaxKind::L_ANGLE)?;
    Some(Range::from(opener.text_range()))
}

/// The parser's place is behind the previous token; what is too much stands at the next one.
fn place(text: &str, root: &SyntaxNode, error: &SyntaxError, message: &str) -> Range<usize> {
    let range = Range::<usize>::from(error.range());
    if !range.is_empty() || !is_about_next_token(message) {
        return range;
    }
    let Some(next) = next_token(root, error.range().start()) else {
        return range;
    };
    match first_cause::missing_operand(text, next.clone(), &[]) {
        Some((_, place)) => place,
        None => next,
    }
}

/// Whether the token after the place cannot begin what is expected, rather than a token being
/// missing before it.
fn is_about_next_token(message: &str) -> bool {
    message.starts_with("expected an item")
        || message.starts_with("expected expression")
        || message.starts_with("expected pattern")
        || message.starts_with("unmatched")
        || message.starts_with("expected field")
}

fn next_token(root: &SyntaxNode, offset: TextSize) -> Option<Range<usize>> {
    let mut token = root.token_at_offset(offset).right_biased()?;
    while matches!(token.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT)
        || token.text_range().end() <= offset
    {
        token = token.next_token()?;
    }
    Some(Range::from(token.text_range()))
}

/// The message with tokens as they are written in place of their kinds' names.
fn with_glyphs(message: &str) -> String {
    let words = message.split(' ').map(|word| {
        let (kind, comma) = word
            .strip_suffix(',')
            .map_or((word, ""), |kind| (kind, ","));
        glyph(kind).map_or_else(|| word.to_owned(), |glyph| format!("{glyph}{comma}"))
    });
    words.collect::<Vec<_>>().join(" ")
}

fn glyph(kind: &str) -> Option<String> {
    let token = match kind {
        "SEMICOLON" | "SEMI" => ";",
        "COMMA" | "comma" => ",",
        "COLON" | "colon" => ":",
        "COLON2" => "::",
        "L_PAREN" => "(",
        "R_PAREN" => ")",
        "L_CURLY" => "{",
        "R_CURLY" => "}",
        "L_BRACK" => "[",
        "R_BRACK" => "]",
        "L_ANGLE" => "<",
        "R_ANGLE" => ">",
        "EQ" => "=",
        "EQ2" => "==",
        "FAT_ARROW" => "=>",
        "THIN_ARROW" => "->",
        "PIPE" => "|",
        "BANG" => "!",
        "DOT2" => "..",
        "POUND" => "#",
        "STAR" => "*",
        "IDENT" | "NAME" | "NAME_REF" => return Some("a name".to_owned()),
        keyword => {
            return keyword
                .strip_suffix("_KW")
                .map(|word| format!("`{}`", word.to_lowercase()));
        }
    };
    Some(format!("`{token}`"))
}

fn rule(message: &str) -> &'static str {
    const BY_TEXT: [(&str, &str); 9] = [
        ("Missing trailing `*/`", "syntax/unterminated-comment"),
        ("block comment", "syntax/unterminated-comment"),
        ("Missing trailing", "syntax/unterminated-literal"),
        ("escape", "syntax/invalid-escape"),
        ("expected an item", "syntax/unexpected-token"),
        ("expected expression, item", "syntax/unexpected-token"),
        ("expected", "syntax/missing-token"),
        ("unmatched", "syntax/unexpected-token"),
        ("unexpected", "syntax/unexpected-token"),
    ];
    let by_text = BY_TEXT.iter().find(|(part, _)| message.contains(part));
    by_text.map_or("syntax/early-error", |(_, rule)| rule)
}

#[cfg(test)]
mod tests;
