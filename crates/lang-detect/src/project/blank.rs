//! Texts with their comments blanked out, so that a word in a comment is no evidence.
//!
//! Good enough for build scripts: a comment's mark within a quoted text stays what it is.

/// A longer text in quotes is none.
const QUOTED_BYTES_MAX: usize = 2_000;

/// Without `// …` and `/* … */`.
///
/// # Complexity
///
/// Linear.
pub(super) fn slashes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '/']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with("/*") {
            let end = rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
            kept.extend(rest[..end].chars().filter(|c| *c == '\n'));
            rest = &rest[end..];
        } else {
            let end = quoted_end(rest);
            kept.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    kept.push_str(rest);
    kept
}

/// Without `# …`.
///
/// # Complexity
///
/// Linear.
pub(super) fn hashes(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'', '#']) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        // `#{…}` is a value within a text of Ruby and Elixir.
        if rest.starts_with('#') && !rest.starts_with("#{") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else {
            let end = if rest.starts_with('#') {
                1
            } else {
                quoted_end(rest)
            };
            kept.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    kept.push_str(rest);
    kept
}

/// Where a text in quotes ends, which begins with its quote; a quote that nothing closes on its
/// line stands alone.
fn quoted_end(text: &str) -> usize {
    let Some(quote @ ('"' | '\'')) = text.chars().next() else {
        return 1;
    };
    // Bounded, so that quotes which nothing closes cost no more than their number.
    let window = &text[1..text.floor_char_boundary(QUOTED_BYTES_MAX)];
    match window.find([quote, '\n']) {
        Some(end) if window[end..].starts_with(quote) => end + 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{hashes, slashes};

    #[test]
    fn comments_go_and_texts_stay() {
        assert_eq!(slashes("a // b\nc /* d\n e */ f"), "a \nc \n f");
        assert_eq!(slashes("\"http://x\" // y"), "\"http://x\" ");
        assert_eq!(hashes("gem 'a#b' # c\nd"), "gem 'a#b' \nd");
        assert_eq!(hashes("it's # x\ny"), "it's \ny");
    }

    #[test]
    fn what_nothing_closes_ends_with_the_text() {
        assert_eq!(slashes("a /* b"), "a ");
        assert_eq!(slashes("/"), "/");
        assert_eq!(hashes("'"), "'");
    }
}
