//! Lines and columns against a naive model.

use claude_flow_pipeline::LineIndex;
use proptest::prelude::*;

/// Each character's start and length, a replaced sequence counting as one.
fn characters(bytes: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        let lengths = chunk.valid().chars().map(char::len_utf8);
        let invalid = Some(chunk.invalid().len()).filter(|&len| len > 0);
        for len in lengths.chain(invalid) {
            found.push((at, len));
            at += len;
        }
    }
    found
}

/// Walks from the beginning for every question.
fn naive(bytes: &[u8], offset: usize) -> (u32, u32) {
    let (mut line, mut column) = (1, 1);
    for (start, len) in characters(bytes) {
        if start + len > offset {
            break;
        }
        let ends_line = match bytes[start] {
            b'\n' => true,
            b'\r' => bytes.get(start + 1) != Some(&b'\n'),
            _ => false,
        };
        let is_mark = start == 0 && bytes.starts_with(b"\xEF\xBB\xBF");
        if ends_line {
            (line, column) = (line + 1, 1);
        } else if !is_mark {
            column += 1;
        }
    }
    (line, column)
}

fn check(bytes: &[u8]) -> Result<(), TestCaseError> {
    let index = LineIndex::new(bytes);
    for offset in 0..=bytes.len() {
        let found = index.position(offset);
        let expected = naive(bytes, offset);
        prop_assert_eq!(
            (found.line, found.column),
            expected,
            "{:?} at {}",
            bytes,
            offset
        );
        prop_assert_eq!(found.byte, offset as u64);
    }
    prop_assert_eq!(index.position(usize::MAX), index.position(bytes.len()));
    let last = index.position(bytes.len()).line;
    prop_assert_eq!(index.line_count(), last as usize);
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_have_the_places_of_the_model(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        check(&bytes)?;
    }

    #[test]
    fn text_with_all_line_endings_has_the_places_of_the_model(text in "[\u{feff}aé漢😀\r\n]{0,30}") {
        check(text.as_bytes())?;
    }

    #[test]
    fn pieces_of_characters_have_the_places_of_the_model(
        bytes in prop::collection::vec(
            prop::sample::select(&b"a\r\n\xEF\xBB\xBF\xC3\xA9\xF0\x9F\x98\x80\xED\xA0\xFF"[..]),
            0..40,
        )
    ) {
        check(&bytes)?;
    }
}
