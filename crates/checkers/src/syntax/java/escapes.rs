//! Unicode escapes, which Java translates before anything else.

use std::borrow::Cow;

/// A text with its unicode escapes translated.
pub(super) struct Translated<'a> {
    pub(super) text: Cow<'a, str>,
    /// For each place behind an escape: its offset in `text`, and in the source.
    jumps: Vec<(usize, usize)>,
    /// True if `text` ends before a malformed escape.
    pub(super) is_cut: bool,
}

impl Translated<'_> {
    /// The offset in the source of an offset in the text.
    pub(super) fn source_offset(&self, offset: usize) -> usize {
        let behind = self.jumps.partition_point(|&(place, _)| place <= offset);
        match behind.checked_sub(1).and_then(|last| self.jumps.get(last)) {
            Some(&(place, source)) => source + (offset - place),
            None => offset,
        }
    }
}

/// Translates the unicode escapes of a text up to the first malformed one.
pub(super) fn translate(source: &str) -> Translated<'_> {
    let mut out = Translated {
        text: Cow::Borrowed(source),
        jumps: Vec::new(),
        is_cut: false,
    };
    if memchr::memmem::find(source.as_bytes(), b"\\u").is_none() {
        return out;
    }
    let mut text = String::with_capacity(source.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(len) = memchr::memchr(b'\\', &source.as_bytes()[at..]) {
        let backslash = at + len;
        match source.as_bytes().get(backslash + 1) {
            Some(b'u') => {}
            // A backslash that is escaped begins no escape of its own.
            Some(b'\\') => {
                at = backslash + 2;
                continue;
            }
            _ => {
                at = backslash + 1;
                continue;
            }
        }
        text.push_str(&source[copied..backslash]);
        let Some((unit, end)) = code_unit(source, backslash) else {
            out.is_cut = true;
            out.text = Cow::Owned(text);
            return out;
        };
        let (c, end) = character(source, unit, end);
        text.push(c);
        out.jumps.push((text.len(), end));
        copied = end;
        at = end;
        // An escaped backslash escapes a backslash that follows it.
        if c == '\\' && source.as_bytes().get(end) == Some(&b'\\') {
            let is_escape = source.as_bytes().get(end + 1) == Some(&b'u');
            at = if is_escape { end } else { end + 1 };
        }
    }
    text.push_str(&source[copied..]);
    out.text = Cow::Owned(text);
    out
}

/// The UTF-16 code unit of the escape at a backslash, and where the escape ends.
fn code_unit(source: &str, backslash: usize) -> Option<(u32, usize)> {
    let rest = source.get(backslash + 1..)?;
    let digits = rest.trim_start_matches('u');
    if digits.len() == rest.len() {
        return None;
    }
    let four = digits.get(..4)?;
    let valid = four.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unit = u32::from_str_radix(four, 16).ok().filter(|_| valid)?;
    Some((unit, source.len() - digits.len() + 4))
}

/// The character of a code unit, joined with the low surrogate that may follow it.
fn character(source: &str, unit: u32, end: usize) -> (char, usize) {
    if let Some(c) = char::from_u32(unit) {
        return (c, end);
    }
    let low = source
        .as_bytes()
        .get(end)
        .filter(|&&byte| byte == b'\\')
        .and_then(|_| code_unit(source, end));
    let pair = low.and_then(|(low, low_end)| {
        let both = [u16::try_from(unit).ok()?, u16::try_from(low).ok()?];
        let c = char::decode_utf16(both).next()?.ok()?;
        Some((c, low_end))
    });
    pair.unwrap_or((char::REPLACEMENT_CHARACTER, end))
}
