//! Blanks what the rules must not read: comments, strings, and regions for another compiler.

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
}

/// The text with comments and strings replaced by blanks; line ends and length stay.
///
/// # Complexity
///
/// Linear in the content: what a comment or string covers is not looked at again.
pub(crate) fn comments_and_strings(content: &[u8], style: Style) -> Vec<u8> {
    let mut out = content.to_vec();
    if style == Style::default() {
        return out;
    }
    let mut at = 0;
    while at < content.len() {
        if content[at] == b'#' && !style.hash && is_include(&content[at + 1..]) {
            at = find(content, at, b"\n");
            continue;
        }
        let Some(end) = covered(content, at, style) else {
            at += 1;
            continue;
        };
        let end = end.min(content.len());
        for byte in &mut out[at..end] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at = end.max(at + 1);
    }
    out
}

/// What is included is no string to blank: its ending tells the language.
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
    content
        .get(from..)
        .and_then(|rest| {
            rest.windows(needle.len())
                .position(|window| window == needle)
        })
        .map_or(content.len(), |offset| from + offset)
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

/// Blanks what only another compiler sees: C headers guard `extern "C" {` by `#ifdef __cplusplus`.
pub(crate) fn guarded_regions(text: &mut [u8], guards: &[&str]) {
    // The depth of conditionals at which a guarded branch began, if in one.
    let mut guarded_at: Option<usize> = None;
    let mut depth = 0_usize;
    for line in text.split_mut(|&byte| byte == b'\n') {
        let directive = line.trim_ascii();
        if let Some(words) = directive.strip_prefix(b"#") {
            let words = words.trim_ascii();
            if words.starts_with(b"if") {
                depth += 1;
                let is_negated = words.starts_with(b"ifndef") || words.contains(&b'!');
                if guarded_at.is_none() && !is_negated && names_guard(words, guards) {
                    guarded_at = Some(depth);
                }
            } else if words.starts_with(b"endif") {
                if guarded_at == Some(depth) {
                    guarded_at = None;
                }
                depth = depth.saturating_sub(1);
            } else if words.starts_with(b"el") && guarded_at == Some(depth) {
                guarded_at = None;
            } else if guarded_at.is_some() {
                line.fill(b' ');
            }
        } else if guarded_at.is_some() {
            line.fill(b' ');
        }
    }
}

fn names_guard(words: &[u8], guards: &[&str]) -> bool {
    guards.iter().any(|guard| {
        words
            .windows(guard.len())
            .any(|window| window == guard.as_bytes())
    })
}
