//! Which findings count as having been there before.

use claude_flow_checkers::Finding;

use super::{Known, is_blank};
use crate::LineIndex;

/// A finding of one rule for each line that holds `BAD`.
fn find(text: &str) -> Vec<Finding> {
    text.match_indices("BAD")
        .map(|(at, word)| Finding::error("text/bad", "bad", at..at + word.len()))
        .collect()
}

fn check(before: &str, after: &str, expected: &[bool]) {
    let (old, new) = (find(before), find(after));
    let (old_index, new_index) = (
        LineIndex::new(before.as_bytes()),
        LineIndex::new(after.as_bytes()),
    );
    let mut known = Known::new(&old_index, &new_index, &old);
    let found: Vec<_> = new.iter().map(|finding| known.take(finding)).collect();
    assert_eq!(found, expected, "{before:?} -> {after:?}");
}

#[test]
fn finding_on_a_line_that_only_moved_was_there() {
    check("a\nBAD\nb", "x\ny\na\nBAD\nb", &[true]);
    check("a\r\nBAD\r\nb", "a\nBAD\nb", &[true]);
}

#[test]
fn finding_on_a_touched_line_counts() {
    check("a\nBAD\nb", "a\n BAD\nb", &[false]);
    check("a\nb", "a\nBAD\nb", &[false]);
    check("BAD", "BAD\nBAD", &[true, false]);
}

#[test]
fn one_earlier_finding_stands_for_one() {
    check("BAD BAD\nz", "BAD BAD\ny", &[true, true]);
    let text = LineIndex::new(b"BAD BAD");
    let twice = find("BAD BAD");
    let mut known = Known::new(&text, &text, &twice[..1]);
    assert!(known.take(&twice[0]));
    assert!(!known.take(&twice[1]));
}

#[test]
fn finding_on_an_untouched_line_that_was_sound_counts() {
    let text = LineIndex::new(b"if (a {\n}\n");
    let mut known = Known::new(&text, &text, []);
    assert!(!known.take(&Finding::error("syntax/x", "x", 0..1)));
}

#[test]
fn finding_with_another_message_or_cause_counts() {
    let text = LineIndex::new(b"a\nb\nc");
    let earlier = [Finding::error("syntax/x", "x", 4..5).with_related("opened here", 0..1)];
    let take = |finding: Finding| Known::new(&text, &text, &earlier).take(&finding);
    assert!(take(earlier[0].clone()));
    assert!(!take(Finding::error("syntax/x", "y", 4..5)));
    assert!(!take(Finding::error("syntax/y", "x", 4..5)));
    assert!(!take(Finding::error("syntax/x", "x", 4..5)));
    assert!(!take(
        Finding::error("syntax/x", "x", 4..5).with_related("opened here", 2..3)
    ));
}

#[test]
fn mark_and_white_space_alone_are_blank() {
    for blank in [&b""[..], b" \r\n\t", b"\xEF\xBB\xBF\n"] {
        assert!(is_blank(blank), "{blank:?}");
    }
    assert!(!is_blank(b"\xEF\xBB\xBFx"));
}
