//! What only the edition of 2015 allows and rust-analyzer does not know: parameters of trait
//! functions that are types without a name.

use ra_ap_syntax::SyntaxKind::{self, COLON, COMMA, FN_KW, IDENT, L_ANGLE, L_BRACK, L_CURLY};
use ra_ap_syntax::SyntaxKind::{L_PAREN, R_ANGLE, R_BRACK, R_CURLY, R_PAREN, SELF_KW, TRAIT_KW};
use ra_ap_syntax::{NodeOrToken, SyntaxNode, SyntaxToken};

/// A type that is one word in lower case is more likely a name whose type was forgotten.
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize", "str", "u128", "u16",
    "u32", "u64", "u8", "usize",
];

/// The text with `_: ` before every parameter of a trait's function that has no name; nothing if
/// there is none.
pub(super) fn name_parameters(text: &str, root: &SyntaxNode) -> Option<String> {
    let tokens: Vec<SyntaxToken> = root
        .descendants_with_tokens()
        .filter_map(NodeOrToken::into_token)
        .filter(|token| !token.kind().is_trivia())
        .collect();
    let mut named = String::new();
    let mut copied = 0;
    for start in unnamed(&tokens) {
        named += &text[copied..start];
        named += "_: ";
        copied = start;
    }
    (copied > 0).then(|| named + &text[copied..])
}

/// Where the unnamed parameters start.
fn unnamed(tokens: &[SyntaxToken]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut depth = 0_usize;
    let mut trait_ahead = false;
    let mut trait_depth = None;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind() {
            TRAIT_KW => trait_ahead = true,
            L_CURLY => {
                depth += 1;
                if std::mem::take(&mut trait_ahead) {
                    trait_depth = Some(depth);
                }
            }
            R_CURLY => {
                if trait_depth == Some(depth) {
                    trait_depth = None;
                }
                depth = depth.saturating_sub(1);
            }
            FN_KW if trait_depth == Some(depth) => starts.extend(unnamed_of(&tokens[index..])),
            _ => {}
        }
    }
    // In broken text two functions may share a parameter list.
    starts.sort_unstable();
    starts.dedup();
    starts
}

/// Where the unnamed parameters of one function start, whose `fn` is the first token.
fn unnamed_of(tokens: &[SyntaxToken]) -> Vec<usize> {
    let mut starts = Vec::new();
    let Some(open) = tokens.iter().position(|token| token.kind() == L_PAREN) else {
        return starts;
    };
    let mut depth = 0_usize;
    let mut parameter: Vec<&SyntaxToken> = Vec::new();
    for token in &tokens[open + 1..] {
        let kind = token.kind();
        if depth == 0 && matches!(kind, COMMA | R_PAREN) {
            starts.extend(unnamed_start(&parameter));
            parameter.clear();
            if kind == R_PAREN {
                break;
            }
            continue;
        }
        match kind {
            L_PAREN | L_BRACK | L_CURLY | L_ANGLE => depth += 1,
            R_PAREN | R_BRACK | R_CURLY | R_ANGLE => depth = depth.saturating_sub(1),
            _ if depth == 0 => parameter.push(token),
            _ => {}
        }
        if matches!(kind, L_PAREN | L_BRACK) && parameter.is_empty() {
            parameter.push(token);
        }
    }
    starts
}

/// The start of a parameter, given the tokens outside its brackets, if it is a type alone.
fn unnamed_start(parameter: &[&SyntaxToken]) -> Option<usize> {
    let has = |kind: SyntaxKind| parameter.iter().any(|token| token.kind() == kind);
    if has(COLON) || has(SELF_KW) {
        return None;
    }
    if let [only] = parameter
        && only.kind() == IDENT
        && only.text().starts_with(char::is_lowercase)
        && !PRIMITIVES.contains(&only.text())
    {
        return None;
    }
    parameter
        .first()
        .map(|token| usize::from(token.text_range().start()))
}
