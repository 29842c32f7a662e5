//! The brackets, quotes and keywords of a text, outside of comments and of the insides of strings.

use std::ops::Range;

use claude_flow_lang_detect::Language;
use tree_sitter::{Node, Parser};

use crate::Fixture;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bracket,
    Quote,
    Keyword,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Bracket, Self::Quote, Self::Keyword];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bracket => "bracket",
            Self::Quote => "quote",
            Self::Keyword => "keyword",
        }
    }
}

#[derive(Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

/// The tokens of a good file, in the order of the text.
pub(super) fn of(fixture: &Fixture) -> Vec<Token> {
    let bytes = fixture.bytes.as_slice();
    match fixture.language {
        Language::Json | Language::JsonWithComments | Language::Json5 => {
            scanned(bytes, &["//"], &["\"", "'"])
        }
        Language::Toml => scanned(bytes, &["#"], &["\"\"\"", "'''", "\"", "'"]),
        Language::Yaml => scanned(bytes, &["#"], &["\"", "'"]),
        other => parsed(bytes, other),
    }
}

fn grammar(language: Language) -> tree_sitter::Language {
    match language {
        Language::C => tree_sitter_c::LANGUAGE.into(),
        Language::Cpp => tree_sitter_cpp::LANGUAGE.into(),
        Language::Go => tree_sitter_go::LANGUAGE.into(),
        Language::Java => tree_sitter_java::LANGUAGE.into(),
        Language::JavaScript => tree_sitter_javascript::LANGUAGE.into(),
        Language::Python => tree_sitter_python::LANGUAGE.into(),
        Language::Rust => tree_sitter_rust::LANGUAGE.into(),
        Language::Tsx => tree_sitter_typescript::LANGUAGE_TSX.into(),
        Language::TypeScript => tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into(),
        other => panic!("no grammar for {other}"),
    }
}

/// The leaves of a tree that are tokens of a fixed text.
fn parsed(bytes: &[u8], language: Language) -> Vec<Token> {
    let mut parser = Parser::new();
    parser
        .set_language(&grammar(language))
        .expect("the grammar's version is the library's");
    let tree = parser
        .parse(bytes, None)
        .expect("a parser without a limit ends");
    let mut tokens = Vec::new();
    let mut open = vec![tree.root_node()];
    while let Some(node) = open.pop() {
        if node.child_count() == 0 {
            let span = node.byte_range();
            if let Some(kind) = kind(node, &bytes[span.clone()]) {
                tokens.push(Token { kind, span });
            }
            continue;
        }
        let mut cursor = node.walk();
        open.extend(node.children(&mut cursor));
    }
    tokens.sort_by_key(|token| token.span.start);
    tokens
}

fn kind(leaf: Node<'_>, text: &[u8]) -> Option<Kind> {
    if leaf.is_missing() || text.is_empty() {
        return None;
    }
    let is_string_end = matches!(leaf.kind(), "string_start" | "string_end");
    if is_string_end || matches!(text, b"\"" | b"'" | b"`" | b"\"\"\"" | b"'''") {
        return Some(Kind::Quote);
    }
    if matches!(text, b"(" | b")" | b"[" | b"]" | b"{" | b"}" | b"${") {
        return Some(Kind::Bracket);
    }
    let is_word = text.len() > 1 && text.iter().all(u8::is_ascii_lowercase);
    let is_fixed = !leaf.is_named() && leaf.kind().as_bytes() == text;
    // Anything goes in the arguments of a macro and where the grammar lost its way.
    (is_word && is_fixed && !is_within(leaf, &["token_tree", "token_tree_pattern", "ERROR"]))
        .then_some(Kind::Keyword)
}

fn is_within(leaf: Node<'_>, kinds: &[&str]) -> bool {
    let parents = std::iter::successors(leaf.parent(), Node::parent);
    let mut parents = parents;
    parents.any(|node| kinds.contains(&node.kind()))
}

/// The tokens of a data language: brackets, both ends of strings, and the words that stand for values.
fn scanned(bytes: &[u8], comments: &[&str], quotes: &[&str]) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut push = |kind, span| tokens.push(Token { kind, span });
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let starts_line = at == 0 || matches!(bytes[at - 1], b'\n' | b' ' | b'\t' | b',');
        let begins = |mark: &&&str| rest.starts_with(mark.as_bytes());
        if starts_line && comments.iter().find(begins).is_some() {
            at += len_until(rest, b'\n');
        } else if rest.starts_with(b"/*") && comments.contains(&"//") {
            let end = rest.windows(2).position(|it| it == b"*/");
            at += end.map_or(rest.len(), |end| end + 2);
        } else if let Some(quote) = quotes.iter().find(begins) {
            let len = string_len(rest, quote.as_bytes());
            push(Kind::Quote, at..at + quote.len());
            push(Kind::Quote, at + len - quote.len()..at + len);
            at += len;
        } else if b"[]{}".contains(&bytes[at]) {
            push(Kind::Bracket, at..at + 1);
            at += 1;
        } else if bytes[at].is_ascii_alphanumeric() {
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
            let len = rest.iter().take_while(|byte| is_word(byte)).count();
            if matches!(&rest[..len], b"true" | b"false" | b"null") {
                push(Kind::Keyword, at..at + len);
            }
            at += len;
        } else {
            at += 1;
        }
    }
    tokens
}

fn len_until(rest: &[u8], end: u8) -> usize {
    let found = rest.iter().position(|byte| *byte == end);
    found.unwrap_or(rest.len())
}

/// The length of the string at the start of a text, both quotes included.
fn string_len(rest: &[u8], quote: &[u8]) -> usize {
    let mut at = quote.len();
    while at + quote.len() <= rest.len() {
        if rest[at..].starts_with(quote) {
            return at + quote.len();
        }
        at += if rest[at] == b'\\' && quote[0] == b'"' {
            2
        } else {
            1
        };
    }
    rest.len()
}
