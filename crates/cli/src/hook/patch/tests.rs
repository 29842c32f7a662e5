//! Which files a patch names, and what they held before it.

use super::super::edit::Edit;
use super::changes;

/// What each file of a patch held before, if it holds `now`.
#[track_caller]
fn check(patch: &str, now: &str, expected: &[(&str, Option<&str>)]) {
    let found: Vec<_> = changes(patch)
        .into_iter()
        .map(|(path, changes)| {
            let shown = path.to_string_lossy().into_owned();
            let before = Edit { path, changes }.before(&|| Some(now.as_bytes().to_vec()));
            let before = before.map(|bytes| String::from_utf8(bytes).expect("text"));
            (shown, before)
        })
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .map(|(path, before)| ((*path).to_owned(), before.map(str::to_owned)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn files_are_added_changed_moved_and_deleted() {
    check(
        "*** Begin Patch\n*** Add File: new.py\n+a = 1\n*** Update File: old.py\n*** Move to: moved.py\n\
         @@ def f():\n x\n-a\n+b\n y\n*** Delete File: gone.py\n*** End Patch\n",
        "0\nx\nb\ny\n1\n",
        &[("new.py", Some("")), ("moved.py", Some("0\nx\na\ny\n1\n"))],
    );
}

#[test]
fn several_hunks_are_undone_in_their_order() {
    check(
        "*** Begin Patch\n*** Update File: a\n@@\n-one\n+two\n@@\n+added\n z\n*** End of File\n*** End Patch",
        "two\nm\nadded\nz\n",
        &[("a", Some("one\nm\nz\n"))],
    );
    check(
        "*** Begin Patch\n*** Update File: a\n-one\n+two\n*** End Patch",
        "two\n",
        &[("a", Some("one\n"))],
    );
}

#[test]
fn added_lines_take_their_line_break_along() {
    let patch = "*** Begin Patch\n*** Update File: a\n@@\n+added\n*** End Patch";
    check(patch, "x\nadded\ny\n", &[("a", Some("x\ny\n"))]);
}

#[test]
fn what_is_in_no_or_in_several_places_is_not_undone() {
    let patch = "*** Begin Patch\n*** Update File: a\n@@\n-one\n+two\n*** End Patch";
    for now in ["two\ntwo\n", "changed since\n", "twofold\n", ""] {
        check(patch, now, &[("a", None)]);
    }
    let deletion = "*** Begin Patch\n*** Update File: a\n@@\n-one\n*** End Patch";
    check(deletion, "x\n", &[("a", None)]);
}

#[test]
fn nonsense_names_no_file() {
    for patch in [
        "",
        "*** Begin Patch",
        "*** Begin Patch\n+x\n*** Move to: y\n",
        "@@\n-a\n+b",
    ] {
        check(patch, "x", &[]);
    }
    let many = format!(
        "*** Begin Patch\n*** Update File: a\n{}",
        "@@\n-a\n+b\n".repeat(5_000)
    );
    check(&many, &"b\n".repeat(5_000), &[("a", None)]);
}
