//! Words and quoted texts, wherever they stand: comments and strings are not told apart from code.

/// The longest quoted text that is looked at, in bytes.
const QUOTED_BYTES_MAX: usize = 300;

/// A text in quotes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quoted<'a> {
    /// Where its opening quote is.
    pub(super) at: usize,
    /// What is inside.
    pub(super) text: &'a str,
}

/// What stands between any two neighbouring quotes of one kind on one line.
///
/// A quote more or less, as an apostrophe in a comment, so hides nothing: what is outside of quotes is given too.
pub(super) fn quoted(text: &str) -> impl Iterator<Item = Quoted<'_>> {
    ['"', '\'', '`'].into_iter().flat_map(move |quote| {
        let mut last: Option<usize> = None;
        memchr::memchr2_iter(quote as u8, b'\n', text.as_bytes()).filter_map(move |at| {
            if text.as_bytes()[at] == b'\n' {
                last = None;
                return None;
            }
            let open = last.replace(at)?;
            let inside = &text[open + 1..at];
            (!inside.is_empty() && inside.len() <= QUOTED_BYTES_MAX).then_some(Quoted {
                at: open,
                text: inside,
            })
        })
    })
}

/// Where a word stands by itself.
pub(super) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    memchr::memmem::find_iter(text.as_bytes(), word).filter(move |at| {
        let before = text[..*at].chars().next_back();
        let after = text[*at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Whether a character is part of a word.
pub(super) fn is_part(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// What comes first that is neither space nor a comment of the kind `/* */`.
pub(super) fn after_space(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some((_, after)) = rest.strip_prefix("/*").and_then(|it| it.split_once("*/")) {
        rest = after.trim_start();
    }
    rest
}

/// The word before a place, and whether a bracket stands between them.
pub(super) fn word_before(text: &str, at: usize) -> (&str, bool) {
    let head = text[..at].trim_end();
    let open = head.strip_suffix('(');
    let head = open.unwrap_or(head).trim_end();
    let start = head.rfind(|c| !is_part(c)).map_or(0, |at| {
        at + head[at..].chars().next().map_or(1, char::len_utf8)
    });
    (&head[start..], open.is_some())
}

/// Names with dots in them, as `a.b.c`.
pub(super) fn dotted(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !(is_part(c) || c == '.'));
    parts.filter(|part| part.len() > 2 && part.contains('.') && part.len() <= QUOTED_BYTES_MAX)
}
