//! Parameters without a name, which only edition 2015 allows, and only in traits.
//!
//! rust-analyzer knows none of them, so they are given a name before it reads the text again.

use std::ops::Range;

use claude_flow_lang_detect::Language;
use ra_ap_syntax::Edition;

use super::{EDITIONS, errors_in};
use crate::lexical::{Kind, Token, lex};
use crate::{Finding, Severity};

/// What is to be said of a text that is broken in no other way than by its parameters lacking
/// names: nothing if it can only be of edition 2015, otherwise a warning for each parameter.
pub(super) fn findings(text: &str) -> Option<Vec<Finding>> {
    let places = places(text);
    if places.is_empty() {
        return None;
    }
    let mut named = String::with_capacity(text.len() + places.len() * "_: ".len());
    let mut copied = 0;
    for place in &places {
        named.push_str(&text[copied..place.start]);
        named.push_str("_: ");
        copied = place.start;
    }
    named.push_str(&text[copied..]);
    if !errors_in(&named, Edition::Edition2015).is_empty() {
        return None;
    }
    let newer = EDITIONS
        .iter()
        .filter(|edition| **edition != Edition::Edition2015);
    if newer
        .clone()
        .all(|edition| !errors_in(&named, *edition).is_empty())
    {
        return Some(Vec::new());
    }
    let warning = |place: Range<usize>| {
        Finding::error(
            "syntax/edition",
            "a parameter without a name is valid in edition 2015 only",
            place,
        )
        .with_severity(Severity::Warning)
        .with_help("write `_: ` before its type")
    };
    Some(places.into_iter().map(warning).collect())
}

/// The parameters without a name of functions without a body.
fn places(text: &str) -> Vec<Range<usize>> {
    let tokens = lex(text, Language::Rust).tokens;
    let is = |token: &Token, expected: &str| &text[token.start..token.end] == expected;
    let mut places = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if !(token.kind == Kind::Word && is(token, "fn")) {
            continue;
        }
        let header = &tokens[index..];
        let end = header
            .iter()
            .position(|token| is(token, ";") || is(token, "{"));
        let Some(end) = end.filter(|end| is(&header[*end], ";")) else {
            continue;
        };
        if let Some(open) = header[..end].iter().position(|token| is(token, "(")) {
            parameters(text, &header[open + 1..end], &mut places);
        }
    }
    places
}

/// Collects the parameters without a name from the tokens behind the opening parenthesis.
fn parameters(text: &str, tokens: &[Token], places: &mut Vec<Range<usize>>) {
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, token) in tokens.iter().enumerate() {
        let closes = depth == 0 && token.kind == Kind::Close;
        match text.as_bytes()[token.start] {
            b',' if depth == 0 => {}
            _ if closes => {}
            b'(' | b'[' | b'<' => {
                depth += 1;
                continue;
            }
            b')' | b']' | b'>' => {
                depth = depth.saturating_sub(1);
                continue;
            }
            _ => continue,
        }
        let parameter = &tokens[start..index];
        if let (Some(first), Some(last)) = (parameter.first(), parameter.last())
            && !has_name(text, parameter)
        {
            places.push(first.start..last.end);
        }
        if closes {
            return;
        }
        start = index + 1;
    }
}

/// Whether a parameter is a receiver or has a single colon.
fn has_name(text: &str, parameter: &[Token]) -> bool {
    let bytes = text.as_bytes();
    parameter.iter().any(|token| {
        let colon = bytes[token.start] == b':'
            && bytes.get(token.end) != Some(&b':')
            && (token.start == 0 || bytes[token.start - 1] != b':');
        colon || &text[token.start..token.end] == "self"
    })
}
