//! The whole text as a formatter would write it, as the least edits that lead there.

use std::ops::Range;

use imara_diff::sources::byte_lines;
use imara_diff::{Algorithm, Diff, InternedInput};

use crate::Severity;
use crate::tools::diagnostic::{Diagnostic, Edit, Repair};
use crate::tools::output::{Unread, Why};
use crate::tools::place::Place;

/// What would change.
///
/// # Errors
///
/// [`Unread`] if nothing was printed although there is a content, or something that is not UTF-8.
pub(in crate::tools) fn formatted(before: &[u8], after: &[u8]) -> Result<Vec<Diagnostic>, Unread> {
    if before == after {
        return Ok(Vec::new());
    }
    if after.is_empty() && !before.trim_ascii().is_empty() {
        return Err(Unread::new(
            Why::Ignored,
            "it printed no text for the file, so it does not format it",
        ));
    }
    let after = std::str::from_utf8(after)
        .map_err(|_| Unread::not_understood("the text that it printed is not UTF-8"))?;
    Ok(changes(before, after)
        .into_iter()
        .map(|change| change.diagnostic(before))
        .collect())
}

/// A part of the text and what would stand there.
pub(super) struct Change {
    pub(super) span: Range<usize>,
    pub(super) text: String,
}

impl Change {
    pub(super) fn diagnostic(self, before: &[u8]) -> Diagnostic {
        let first = memchr::memchr_iter(b'\n', &before[..self.span.start]).count() + 1;
        let lines = memchr::memchr_iter(b'\n', &before[self.span.clone()]).count();
        let message = if lines == 0 {
            format!("line {first} would be formatted differently")
        } else {
            format!(
                "lines {first} to {} would be formatted differently",
                first + lines
            )
        };
        let place = Place::bytes(self.span);
        let mut diagnostic = Diagnostic::new(Severity::Warning, message)
            .in_file("-")
            .at(place);
        diagnostic.repair = Some(Repair {
            message: "format it".to_owned(),
            is_safe: true,
            edits: vec![Edit {
                place,
                text: self.text,
            }],
        });
        diagnostic
    }
}

/// The changed parts, each as small as whole characters allow, in the order of the text.
fn changes(before: &[u8], after: &str) -> Vec<Change> {
    let input = InternedInput::new(byte_lines(before), byte_lines(after.as_bytes()));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let old = starts(&input, &input.before);
    let new = starts(&input, &input.after);
    diff.hunks()
        .map(|hunk| {
            let span = old[hunk.before.start as usize]..old[hunk.before.end as usize];
            let text = &after[new[hunk.after.start as usize]..new[hunk.after.end as usize]];
            trimmed(before, span, text)
        })
        .collect()
}

/// The byte offset of each line, and the length behind the last one.
fn starts(input: &InternedInput<&[u8]>, lines: &[imara_diff::Token]) -> Vec<usize> {
    let mut at = 0;
    let mut starts = vec![0];
    for line in lines {
        at += input.interner[*line].len();
        starts.push(at);
    }
    starts
}

/// A change without what is the same at its two ends.
pub(super) fn trimmed(before: &[u8], span: Range<usize>, text: &str) -> Change {
    let old = &before[span.clone()];
    let same = old
        .iter()
        .zip(text.as_bytes())
        .take_while(|(a, b)| a == b)
        .count();
    let prefix = text.floor_char_boundary(same);
    let (old, text) = (&old[prefix..], &text[prefix..]);
    let pairs = old.iter().rev().zip(text.as_bytes().iter().rev());
    let same = pairs.take_while(|(a, b)| a == b).count();
    let cut = text.ceil_char_boundary(text.len() - same);
    let suffix = text.len() - cut;
    Change {
        span: span.start + prefix..span.end - suffix,
        text: text[..cut].to_owned(),
    }
}
