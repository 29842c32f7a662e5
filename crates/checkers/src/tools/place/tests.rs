use super::*;

fn check(text: &str, place: Place, expected: Option<&str>) {
    let bytes = text.as_bytes();
    let span = Text::new(bytes).span(&place);
    let found = span.map(|span| std::str::from_utf8(&bytes[span]).expect("whole characters"));
    assert_eq!(found, expected, "{place:?} of {text:?}");
}

/// Catches a unit that is taken for another one.
#[test]
fn each_unit_counts_what_it_says() {
    let text = "ab\n\té😀 x y\n";
    let from = |column, unit| Place::at(2, column, unit);
    check(text, from(9, Unit::Byte).to(2, 10, Unit::Byte), Some("x"));
    check(text, from(6, Unit::Utf16).to(2, 7, Unit::Utf16), Some("x"));
    check(
        text,
        from(5, Unit::Scalar).to(2, 6, Unit::Scalar),
        Some("x"),
    );
    check(
        text,
        from(13, Unit::Tabbed).to(2, 14, Unit::Tabbed),
        Some("x"),
    );
}

/// Catches columns that are moved by a mark that no editor shows.
#[test]
fn the_byte_order_mark_has_no_column() {
    let text = "\u{feff}a b\n";
    check(
        text,
        Place::at(1, 3, Unit::Utf16).to(1, 4, Unit::Utf16),
        Some("b"),
    );
    check(
        text,
        Place::at(1, 6, Unit::Byte).to(1, 7, Unit::Byte),
        Some("b"),
    );
}

/// Catches a diagnostic of another content that is taken for one of this text.
#[test]
fn a_line_that_is_not_there_is_no_place() {
    check("a\n", Place::at(2, 1, Unit::Scalar), Some(""));
    check("a\n", Place::at(4, 1, Unit::Scalar), None);
    check("a\n", Place::line(3), None);
    check("a\n", Place::bytes(1..9), None);
}

/// Catches a whole-line finding that swallows indentation or the line ending.
#[test]
fn a_whole_line_is_its_content() {
    check("a\r\n  b c\r\n", Place::line(2), Some("b c"));
    check("a\r  b\r", Place::line(2), Some("b"));
    check("ab\n", Place::at(1, 99, Unit::Scalar), Some(""));
}
