//! The line map against a naive model.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::LineMap;
use crate::LineIndex;

fn map(before: &str, after: &str) -> Vec<Option<usize>> {
    let before = LineIndex::new(before.as_bytes());
    let after = LineIndex::new(after.as_bytes());
    let map = LineMap::new(&before, &after);
    (0..after.line_count())
        .map(|line| map.before(line))
        .collect()
}

#[test]
fn inserted_and_changed_lines_are_touched() {
    assert_eq!(map("a\nb\nc", "a\nc"), [Some(0), Some(2)]);
    assert_eq!(
        map("a\nb\nc", "a\nx\nb\nc"),
        [Some(0), None, Some(1), Some(2)]
    );
    assert_eq!(map("a\nb\nc", "a\nB\nc"), [Some(0), None, Some(2)]);
    assert_eq!(map("", ""), [Some(0)]);
    assert_eq!(map("a", ""), [None]);
}

#[test]
fn line_endings_alone_touch_nothing() {
    let same = [Some(0), Some(1), Some(2)];
    assert_eq!(map("a\r\nb\r\n", "a\nb\n"), same);
    assert_eq!(map("a\rb\r", "a\nb\n"), same);
    assert_eq!(map("a\nb", "a\nb\n"), [Some(0), Some(1), None]);
}

#[test]
fn line_that_is_beyond_the_text_is_touched() {
    let index = LineIndex::new(b"a");
    assert_eq!(LineMap::new(&index, &index).before(7), None);
}

proptest! {
    /// Where no line occurs twice and none is moved, the right map is the one by content.
    #[test]
    fn map_of_distinct_lines_is_the_one_by_content(
        count in 1_usize..60,
        edits in prop::collection::vec((0_usize..60, 0_usize..5, 0_usize..5), 0..5),
    ) {
        let before: Vec<String> = (0..count).map(|line| format!("old {line}")).collect();
        let mut after = before.clone();
        for (number, &(at, removed, added)) in edits.iter().enumerate() {
            let start = at.min(after.len());
            let end = (start + removed).min(after.len());
            after.splice(start..end, (0..added).map(|line| format!("new {number} {line}")));
        }
        let places: BTreeMap<&String, usize> = before.iter().zip(0..).collect();
        let expected: Vec<_> = after.iter().map(|line| places.get(line).copied()).collect();
        prop_assume!(!after.is_empty());
        prop_assert_eq!(map(&before.join("\n"), &after.join("\n")), expected);
    }

    /// Whatever the texts, a line is mapped to one of the same content, and the order is kept.
    #[test]
    fn map_never_joins_different_lines(before in "[ab\r\n]{0,40}", after in "[ab\r\n]{0,40}") {
        let (old, new) = (LineIndex::new(before.as_bytes()), LineIndex::new(after.as_bytes()));
        let old: Vec<_> = old.contents().collect();
        let mut last = None;
        for (line, place) in new.contents().zip(map(&before, &after)) {
            let Some(place) = place else { continue };
            prop_assert_eq!(line, old[place]);
            prop_assert!(last < Some(place));
            last = Some(place);
        }
    }
}
