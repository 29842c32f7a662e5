//! The evidence that a name is a macro.

use std::collections::HashSet;

use super::tokens::{Kind, Token, Tokens};
use crate::brackets::directive_name;

/// Lower-case macros of well-known libraries that stand where only a macro can.
const WELL_KNOWN: &[&str] = &[
    "signals",
    "slots",
    "emit",
    "foreach",
    "forever",
    "likely",
    "unlikely",
    "_",
    "N_",
    "and",
    "or",
    "not",
    "xor",
    "bitand",
    "bitor",
    "compl",
    "and_eq",
    "or_eq",
    "not_eq",
    "asmlinkage",
    "noinline",
    "jni",
    "final",
    "override",
    "va_dcl",
    "_T",
    "synchronized",
    "interface",
];

/// The names that a file itself defines.
#[derive(Debug, Default)]
pub(super) struct Macros<'t> {
    text: &'t str,
    defined: HashSet<&'t str>,
    /// Those with parameters.
    functions: HashSet<&'t str>,
}

impl<'t> Macros<'t> {
    pub(super) fn read(text: &'t str, tokens: &Tokens) -> Self {
        let mut defined = HashSet::new();
        let mut functions = HashSet::new();
        for directive in &tokens.directives {
            let line = &text[directive.start..directive.end];
            if directive_name(line) == "define"
                && let Some((_, rest)) = line.split_once("define")
            {
                let rest = rest.trim_start();
                let end = rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')
                    .unwrap_or(rest.len());
                defined.insert(&rest[..end]);
                if rest[end..].starts_with('(') {
                    functions.insert(&rest[..end]);
                }
            }
        }
        Self {
            text,
            defined,
            functions,
        }
    }

    /// True if the file itself defines the name.
    pub(super) fn defines(&self, token: Token) -> bool {
        !self.defined.is_empty() && self.defined.contains(self.word(token))
    }

    /// True if the file itself defines the name as a macro with parameters.
    pub(super) fn defines_function(&self, token: Token) -> bool {
        token.kind == Kind::Ident
            && !self.functions.is_empty()
            && self.functions.contains(self.word(token))
    }

    fn word(&self, token: Token) -> &'t str {
        &self.text[token.start as usize..token.end as usize]
    }

    /// True if a name is in capitals.
    pub(super) fn shouts(&self, token: Token) -> bool {
        token.kind == Kind::Ident && is_shouted(self.word(token))
    }

    /// True for a name that constants have, as parameters of templates do: `N`, `MAX`, `value`.
    pub(super) fn is_constant(&self, token: Token) -> bool {
        let word = self.word(token);
        token.kind == Kind::Ident && (word.len() == 1 || word == "value" || is_shouted(word))
    }

    /// True if a token may be a macro, given that it is used like none but a macro.
    pub(super) fn may_be(&self, token: Token) -> bool {
        let word = self.word(token);
        self.suspects(token)
            || token.kind == Kind::Ident && (has_shouted_part(word) || is_statement_like(word))
    }

    /// True if a token may well be a macro.
    pub(super) fn suspects(&self, token: Token) -> bool {
        if token.kind != Kind::Ident {
            return false;
        }
        let word = self.word(token);
        is_shouted(word)
            || word.starts_with("__")
            || WELL_KNOWN.contains(&word)
            || ["foreach", "for_each"]
                .iter()
                .any(|part| word.contains(part))
            || takes_code(word)
            || declares(word)
            || self.defines(token)
    }
}

/// True for names that only macros have which stand for statements.
fn is_statement_like(word: &str) -> bool {
    ["Assert", "Trace", "pthread_cleanup_"]
        .iter()
        .any(|start| word.starts_with(start))
}

/// True for macros that compile their argument or leave it out: `CGAL_assertion_code(…)`.
pub(super) fn takes_code(word: &str) -> bool {
    word.ends_with("_code") && has_shouted_part(word)
}

/// True for macros named for the variables that they declare: `DeclareLoadVars`.
fn declares(word: &str) -> bool {
    word.strip_prefix("Declare")
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// True for names in capitals; one letter alone is none.
fn is_shouted(word: &str) -> bool {
    let bytes = word.as_bytes();
    let capitals = bytes
        .iter()
        .filter(|byte| byte.is_ascii_uppercase())
        .count();
    let small = bytes
        .iter()
        .filter(|byte| byte.is_ascii_lowercase())
        .count();
    // Libraries put a short mark before: `wxDECLARE_EVENT`, `static_ASN1_SEQUENCE_END`.
    capitals + small >= 2 && (small == 0 || capitals >= 3 && capitals > 2 * small)
}

/// True for names with a part in capitals, as macros and functions of libraries have:
/// `CGAL_assertion`, `PyObject_HEAD_INIT`, `SSL_new`.
fn has_shouted_part(word: &str) -> bool {
    word.contains('_')
        && word.split('_').any(|part| {
            part.len() >= 2
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        })
}

/// True if a name may be a macro's, by how it is written.
pub(super) fn may_be_named(word: &str) -> bool {
    is_shouted(word) || has_shouted_part(word)
}
