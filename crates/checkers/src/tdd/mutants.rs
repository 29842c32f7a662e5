//! Small changes of code that a good test notices.

use std::ops::Range;

use crate::lexical::{Kind, Token, lex};
use crate::{Outcome, Severity, Source, syntax};

/// The most mutants of one file.
pub const MUTANTS_MAX: usize = 100;

/// A change of one operator, number or word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// What is replaced, as byte offsets into the source.
    pub span: Range<usize>,
    /// What stands there instead.
    pub replacement: String,
}

impl Mutant {
    /// The source with the change.
    ///
    /// # Panics
    ///
    /// If `source` is not what the mutant was made of.
    #[must_use]
    pub fn apply(&self, source: &[u8]) -> Vec<u8> {
        let (head, tail) = (&source[..self.span.start], &source[self.span.end..]);
        [head, self.replacement.as_bytes(), tail].concat()
    }
}

/// What operators become; those that become nothing are here to be read as a whole.
const OPERATORS: &[(&str, Option<&str>)] = &[
    ("===", Some("!==")),
    ("!==", Some("===")),
    ("**=", None),
    ("...", None),
    ("<<=", None),
    (">>=", None),
    ("<=>", None),
    ("==", Some("!=")),
    ("!=", Some("==")),
    ("<=", Some("<")),
    (">=", Some(">")),
    ("&&", Some("||")),
    ("||", Some("&&")),
    ("+=", Some("-=")),
    ("-=", Some("+=")),
    ("*=", Some("/=")),
    ("/=", Some("*=")),
    ("++", Some("--")),
    ("--", Some("++")),
    ("->", None),
    ("=>", None),
    ("<-", None),
    (":=", None),
    ("::", None),
    ("//", None),
    ("**", None),
    ("<<", None),
    (">>", None),
    ("<", Some("<=")),
    (">", Some(">=")),
    ("+", Some("-")),
    ("-", Some("+")),
    ("*", Some("/")),
    ("/", Some("*")),
    ("%", Some("*")),
];

/// What words become.
const WORDS: &[(&str, &str)] = &[
    ("True", "False"),
    ("False", "True"),
    ("true", "false"),
    ("false", "true"),
    ("and", "or"),
    ("or", "and"),
    ("break", "continue"),
    ("continue", "break"),
];

/// The mutants of the parts of a source that begin within the given bytes, in the order of the text.
///
/// Each is well-formed as far as [`syntax`] tells; whether it compiles, and whether it means another thing, is not
/// known.
/// None of a text that is no UTF-8, or has nothing to change.
///
/// # Complexity
///
/// Linear in the source for each of at most [`MUTANTS_MAX`] mutants and of those that are not well-formed.
#[must_use]
pub fn mutants(source: &Source<'_>, parts: &[Range<usize>]) -> Vec<Mutant> {
    let Ok(text) = std::str::from_utf8(source.bytes) else {
        return Vec::new();
    };
    let tokens = lex(text, source.language).tokens;
    let mut found = Vec::new();
    let mut behind = 0;
    for (index, token) in tokens.iter().enumerate() {
        if token.start < behind {
            continue;
        }
        let (end, replacement) = change(text, &tokens, index);
        behind = end;
        let is_wanted = parts.iter().any(|part| part.contains(&token.start));
        let Some(replacement) = replacement.filter(|_| is_wanted) else {
            continue;
        };
        let mutant = Mutant {
            span: token.start..end,
            replacement,
        };
        if is_well_formed(source, &mutant) {
            found.push(mutant);
        }
        if found.len() == MUTANTS_MAX {
            break;
        }
    }
    found
}

/// Where the operator, number or word at a token ends, and what it becomes.
fn change(text: &str, tokens: &[Token], index: usize) -> (usize, Option<String>) {
    let token = tokens[index];
    let own = &text[token.start..token.end];
    let replacement = match token.kind {
        Kind::Word => WORDS
            .iter()
            .find(|it| it.0 == own)
            .map(|it| it.1.to_owned()),
        Kind::Number => own
            .parse::<u32>()
            .ok()
            .and_then(|it| it.checked_add(1))
            .map(|it| it.to_string()),
        Kind::Punct => {
            let rest = &text[token.start..];
            let operator = OPERATORS.iter().find(|it| rest.starts_with(it.0));
            return operator.map_or((token.end, None), |(operator, becomes)| {
                (token.start + operator.len(), becomes.map(str::to_owned))
            });
        }
        Kind::Open | Kind::Close | Kind::Literal | Kind::Directive => None,
    };
    (token.end, replacement)
}

fn is_well_formed(source: &Source<'_>, mutant: &Mutant) -> bool {
    let bytes = mutant.apply(source.bytes);
    match syntax(&Source {
        bytes: &bytes,
        ..*source
    }) {
        Outcome::Checked { findings } => findings.iter().all(|it| it.severity != Severity::Error),
        Outcome::NotRun { .. } | Outcome::Failed { .. } => false,
    }
}
