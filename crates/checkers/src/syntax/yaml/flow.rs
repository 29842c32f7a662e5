//! Flow collections, `[…]` and `{…}`, by their brackets alone.

use std::ops::Range;

/// The text with the line ends and comments of the flow collection at an offset made spaces, each
/// character for one; nothing if it has none.
pub(super) fn join(text: &str, start: usize) -> Option<String> {
    let end = match scan(text, start) {
        Scan::Closed(end) => end,
        Scan::Open(_) => text.len(),
    };
    let mut joined = String::with_capacity(text.len());
    joined.push_str(&text[..start]);
    let mut is_comment = false;
    let mut previous = ' ';
    let mut quote = None;
    for character in text[start..end].chars() {
        let at_token = previous.is_whitespace() || "[{,:".contains(previous);
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '"' | '\'') if at_token && !is_comment => quote = Some(character),
            (None, '#') if previous.is_whitespace() => is_comment = true,
            (_, '\n') => is_comment = false,
            _ => {}
        }
        let is_masked = is_comment || matches!(character, '\n' | '\r');
        joined.push(if is_masked { ' ' } else { character });
        previous = character;
    }
    joined.push_str(&text[end..]);
    (joined != text).then_some(joined)
}

/// The text with the line ends of the quoted scalar at an offset made spaces; nothing if it has
/// none or does not end.
pub(super) fn join_quoted(text: &str, start: usize) -> Option<String> {
    let end = quoted_end(text.as_bytes(), start);
    let scalar = text.get(start..end).filter(|_| end < text.len())?;
    let joined = scalar.replace(['\n', '\r'], " ");
    (joined != scalar).then(|| format!("{}{joined}{}", &text[..start], &text[end..]))
}

/// The bracket of the flow collection at an offset that is never closed.
pub(super) fn unclosed(text: &str, start: usize) -> Option<Range<usize>> {
    match scan(text, start) {
        Scan::Closed(_) => None,
        Scan::Open(opener) => Some(opener..opener + 1),
    }
}

/// How the flow collection at an offset ends.
enum Scan {
    /// At an offset behind its closing bracket.
    Closed(usize),
    /// Not; the offset of the outermost bracket that stays open.
    Open(usize),
}

fn scan(text: &str, start: usize) -> Scan {
    let mut open = Vec::new();
    let mut previous = b' ';
    let mut offset = start;
    let bytes = text.as_bytes();
    while let Some(&byte) = bytes.get(offset) {
        let at_token = previous.is_ascii_whitespace() || b"[{,:".contains(&previous);
        match byte {
            b'[' | b'{' => open.push(offset),
            b']' | b'}' => {
                open.pop();
                if open.is_empty() {
                    return Scan::Closed(offset + 1);
                }
            }
            b'"' | b'\'' if at_token => offset = quoted_end(bytes, offset),
            b'#' if previous.is_ascii_whitespace() => {
                let rest = &bytes[offset..];
                offset += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            }
            _ => {}
        }
        previous = bytes.get(offset).copied().unwrap_or(b' ');
        offset += 1;
    }
    Scan::Open(open.first().copied().unwrap_or(start))
}

/// The offset of the quote that ends a quoted scalar.
fn quoted_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let mut offset = start + 1;
    while let Some(&byte) = bytes.get(offset) {
        if byte == b'\\' && quote == b'"' {
            offset += 1;
        } else if byte == quote {
            return offset;
        }
        offset += 1;
    }
    bytes.len()
}
