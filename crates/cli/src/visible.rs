//! Text from outside, made harmless for a terminal and honest for a reader.

use std::borrow::Cow;

/// Stands for a character that must not reach a terminal and has no picture of its own.
const HIDDEN: char = '\u{fffd}';

/// The text with every character that could move the cursor, change the terminal's state, reorder
/// the line or hide from the eye replaced by a visible one; the number of characters stays.
///
/// # Complexity
///
/// Linear; allocates only if something has to be replaced.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| visible_char(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(visible_char).collect())
}

/// [`visible`], and with the middle left out if it is longer than `chars_max`.
pub(crate) fn visible_short(text: &str, chars_max: usize) -> Cow<'_, str> {
    let visible = visible(text);
    let Some((cut, _)) = visible.char_indices().nth(chars_max) else {
        return visible;
    };
    let keep = chars_max.saturating_sub(1) / 2;
    let head_end = char_offset(&visible, keep);
    let tail_chars = chars_max.saturating_sub(1) - keep;
    let rest_chars = visible[cut..].chars().count();
    let tail_start = char_offset(&visible, chars_max + rest_chars - tail_chars);
    Cow::Owned(format!(
        "{}…{}",
        &visible[..head_end],
        &visible[tail_start..]
    ))
}

/// One character of [`visible`].
pub(crate) fn visible_char(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(HIDDEN),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' => HIDDEN,
        c if is_deceptive(c) => HIDDEN,
        c => c,
    }
}

/// Characters that reorder a line, break it, or have no width: text that reads otherwise than it is.
fn is_deceptive(c: char) -> bool {
    matches!(
        c,
        // Bidirectional controls, marks and isolates.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Line and paragraph separators.
        | '\u{2028}' | '\u{2029}'
        // Invisible: soft hyphen, zero-width space, word joiner and operators, byte-order mark.
        | '\u{ad}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}'
        // Interlinear annotations, tags, variation selectors that no font needs.
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

fn char_offset(text: &str, count: usize) -> usize {
    text.char_indices()
        .nth(count)
        .map_or(text.len(), |(offset, _)| offset)
}

#[cfg(test)]
mod tests {
    use super::{visible, visible_short};

    fn check(input: &str, expected: &str) {
        assert_eq!(visible(input), expected);
    }

    #[test]
    fn escape_sequences_lose_their_power() {
        check("\u{1b}[31mred\u{1b}]0;title\u{7}", "␛[31mred␛]0;title␇");
        check("\u{9b}31m\u{7f}", "\u{fffd}31m␡");
        check("a\r\nb\tc", "a␍␊b␉c");
    }

    #[test]
    fn text_that_reads_otherwise_than_it_is_is_shown() {
        check("a\u{202e}b\u{2066}c", "a\u{fffd}b\u{fffd}c");
        check("x\u{200b}y\u{e0041}", "x\u{fffd}y\u{fffd}");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        check("naïve 日本語 👩‍💻", "naïve 日本語 👩‍💻");
    }

    #[test]
    fn long_text_keeps_its_ends() {
        assert_eq!(visible_short("abcdefghij", 10), "abcdefghij");
        assert_eq!(visible_short("abcdefghijk", 7), "abc…ijk");
        assert_eq!(visible_short("日本語日本語", 3), "日…語");
    }
}
