//! Leaves out what the rules must not read: comments, strings, and regions for another compiler.

use std::ops::Range;

use memchr::{memchr, memmem};

/// What begins comments and strings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each mark is there or not, whatever the others"
)]
pub(crate) struct Style {
    slashes: bool,
    stars: bool,
    hash: bool,
    dashes: bool,
    percent: bool,
    semicolon: bool,
    bang: bool,
    parens: bool,
    braces: bool,
    double_quotes: bool,
    single_quotes: bool,
    /// Triple quotes and back quotes, which go over lines.
    back_quotes: bool,
}

impl Style {
    /// The style of a list of marks.
    pub(crate) fn of(marks: &[&str]) -> Self {
        let mut style = Self::default();
        for mark in marks {
            match *mark {
                "//" => style.slashes = true,
                "/*" => style.stars = true,
                "#" => style.hash = true,
                "--" => style.dashes = true,
                "%" => style.percent = true,
                ";" => style.semicolon = true,
                "!" => style.bang = true,
                "(*" => style.parens = true,
                "{" => style.braces = true,
                "\"" => style.double_quotes = true,
                "'" => style.single_quotes = true,
                "`" => style.back_quotes = true,
                _ => {}
            }
        }
        style
    }

    /// Which bytes can begin something that is not copied as it is.
    fn marks(self) -> [bool; 256] {
        let mut marks = [false; 256];
        for (byte, is_mark) in [
            (b'/', self.slashes || self.stars),
            (b'#', self != Self::default()),
            (b'-', self.dashes),
            (b'%', self.percent),
            (b';', self.semicolon),
            (b'!', self.bang),
            (b'(', self.parens),
            (b'{', self.braces),
            (b'"', self.double_quotes),
            (b'\'', self.single_quotes),
            (b'`', self.back_quotes),
            (b'\n', true),
        ] {
            marks[usize::from(byte)] = is_mark;
        }
        marks
    }
}

/// The lines of a content with a blank for every comment and string, and without the lines that a
/// condition on a guard hides: C headers guard `extern "C" {` by `#ifdef __cplusplus`.
///
/// Nothing is done for the lines behind the one that decides.
#[derive(Debug)]
pub(crate) struct Lines<'a> {
    content: &'a [u8],
    /// The beginning of the next line.
    at: usize,
    style: Style,
    marks: [bool; 256],
    guards: &'a [&'a str],
    /// How many conditionals the next line is inside.
    depth: usize,
    /// The depth of conditionals at which a guarded branch began, if in one.
    guarded_at: Option<usize>,
    /// The line, if something in it was left out.
    copy: Vec<u8>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(content: &'a [u8], marks: &[&str], guards: &'a [&'a str]) -> Self {
        let style = Style::of(marks);
        Self {
            content,
            at: 0,
            style,
            marks: style.marks(),
            guards,
            depth: 0,
            guarded_at: None,
            copy: Vec::new(),
        }
    }

    /// The next line without its end.
    ///
    /// # Complexity
    ///
    /// Linear in the bytes that are passed: what a comment or string covers is not looked at again.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        while self.at < self.content.len() {
            let place = self.read();
            let line = place
                .clone()
                .map_or(&self.copy[..], |place| &self.content[place]);
            let is_hidden = !self.guards.is_empty()
                && is_hidden(line, self.guards, &mut self.depth, &mut self.guarded_at);
            if !is_hidden {
                return Some(match place {
                    Some(place) => &self.content[place],
                    None => &self.copy,
                });
            }
        }
        None
    }

    /// Goes to the next line; where this one is in the content, or `None` if it is in the copy.
    fn read(&mut self) -> Option<Range<usize>> {
        let content = self.content;
        let start = self.at;
        self.copy.clear();
        // The line before this place is in the copy, if anything is.
        let mut copied = start;
        let mut at = start;
        loop {
            let rest = &content[at..];
            at += rest
                .iter()
                .position(|&byte| self.marks[usize::from(byte)])
                .unwrap_or(rest.len());
            let is_end = content.get(at).is_none_or(|&byte| byte == b'\n');
            if is_end {
                self.at = at + 1;
                if copied == start {
                    return Some(start..at);
                }
                self.copy.extend_from_slice(&content[copied..at]);
                return None;
            }
            if content[at] == b'#' && !self.style.hash {
                // What is included is no string to leave out: its ending tells the language.
                at = if is_include(&content[at + 1..]) {
                    find(content, at, b"\n")
                } else {
                    at + 1
                };
                continue;
            }
            let Some(end) = covered(content, at, self.style) else {
                at += 1;
                continue;
            };
            let end = end.clamp(at + 1, content.len());
            self.copy.extend_from_slice(&content[copied..at]);
            self.copy.push(b' ');
            if memchr(b'\n', &content[at..end]).is_some() {
                self.at = end;
                return None;
            }
            (copied, at) = (end, end);
        }
    }
}

fn is_include(after_hash: &[u8]) -> bool {
    let word = after_hash.trim_ascii_start();
    word.starts_with(b"include") || word.starts_with(b"import")
}

/// The end of the comment or string that begins at a place, if one does.
fn covered(content: &[u8], at: usize, style: Style) -> Option<usize> {
    let next = content.get(at + 1).copied();
    let to_line_end = || Some(find(content, at, b"\n"));
    match content[at] {
        b'/' if style.slashes && next == Some(b'/') => to_line_end(),
        b'/' if style.stars && next == Some(b'*') => Some(find(content, at + 2, b"*/") + 2),
        b'#' if style.hash => to_line_end(),
        b'-' if style.dashes && next == Some(b'-') => to_line_end(),
        b'%' if style.percent => to_line_end(),
        b';' if style.semicolon => to_line_end(),
        b'!' if style.bang => to_line_end(),
        b'(' if style.parens && next == Some(b'*') => Some(find(content, at + 2, b"*)") + 2),
        b'{' if style.braces => Some(find(content, at + 1, b"}") + 1),
        quote @ b'"' if style.double_quotes => Some(literal_end(content, at, quote)),
        quote @ b'\'' if style.single_quotes => Some(literal_end(content, at, quote)),
        b'`' if style.back_quotes => Some(find(content, at + 1, b"`") + 1),
        _ => None,
    }
}

fn find(content: &[u8], from: usize, needle: &[u8]) -> usize {
    let rest = content.get(from..).unwrap_or_default();
    let offset = match needle {
        [byte] => memchr(*byte, rest),
        _ => memmem::find(rest, needle),
    };
    offset.map_or(content.len(), |offset| from + offset)
}

/// A literal ends with its quote or with the line.
fn literal_end(content: &[u8], start: usize, quote: u8) -> usize {
    let mut at = start + 1;
    while at < content.len() {
        match content[at] {
            b'\\' => at += 1,
            b'\n' => return at,
            byte if byte == quote => return at + 1,
            _ => {}
        }
        at += 1;
    }
    content.len()
}

/// Whether only another compiler sees a line; keeps count of the conditionals.
fn is_hidden(
    line: &[u8],
    guards: &[&str],
    depth: &mut usize,
    guarded_at: &mut Option<usize>,
) -> bool {
    let Some(words) = line.trim_ascii().strip_prefix(b"#") else {
        return guarded_at.is_some();
    };
    let words = words.trim_ascii();
    if words.starts_with(b"if") {
        *depth += 1;
        let is_negated = words.starts_with(b"ifndef") || words.contains(&b'!');
        if guarded_at.is_none() && !is_negated && names_guard(words, guards) {
            *guarded_at = Some(*depth);
        }
        return false;
    }
    if words.starts_with(b"endif") {
        if *guarded_at == Some(*depth) {
            *guarded_at = None;
        }
        *depth = depth.saturating_sub(1);
        return false;
    }
    if words.starts_with(b"el") && *guarded_at == Some(*depth) {
        *guarded_at = None;
        return false;
    }
    guarded_at.is_some()
}

fn names_guard(words: &[u8], guards: &[&str]) -> bool {
    guards
        .iter()
        .any(|guard| memmem::find(words, guard.as_bytes()).is_some())
}
