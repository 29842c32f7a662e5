//! A unified diff that turns the content into what the tool would write.

use std::sync::LazyLock;

use regex::Regex;

use super::formatted::{Change, trimmed};
use super::lines::compiled;
use crate::tools::diagnostic::Diagnostic;
use crate::tools::invocation::Request;
use crate::tools::output::{Unread, excerpt};

static HUNK: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"^@@ -([0-9]+)(?:,([0-9]+))? \+([0-9]+)(?:,([0-9]+))? @@"));

/// Reads the diff of one file; an empty one means that nothing would change.
pub(super) fn read(report: &str, request: &Request<'_>) -> Result<Vec<Diagnostic>, Unread> {
    let before = request.content;
    let lines: Vec<&[u8]> = before.split_inclusive(|byte| *byte == b'\n').collect();
    let mut starts = vec![0];
    starts.extend(lines.iter().scan(0, |at, line| {
        *at += line.len();
        Some(*at)
    }));
    let mut reader = Hunks {
        rest: report.split_inclusive('\n').peekable(),
    };
    let mut diagnostics = Vec::new();
    let mut files = 0_usize;
    while let Some(line) = reader.rest.next() {
        if let Some(captures) = HUNK.captures(line) {
            if files > 1 {
                return Err(Unread::not_understood(
                    "its diff is about more than one file",
                ));
            }
            let number = |index: usize, otherwise: usize| match captures.get(index) {
                Some(found) => found.as_str().parse().unwrap_or(usize::MAX),
                None => otherwise,
            };
            let counts = (number(2, 1), number(4, 1));
            // A hunk without old lines stands behind the line that it names.
            let first = number(1, 1).saturating_sub(usize::from(counts.0 > 0));
            let hunk = reader.hunk(first, counts, &lines)?;
            let parts = hunk.into_iter().map(|part| {
                trimmed(
                    before,
                    starts[part.old.start]..starts[part.old.end],
                    &part.text,
                )
            });
            diagnostics.extend(parts.map(|change: Change| change.diagnostic(before)));
        } else if line.starts_with("+++ ") {
            files += 1;
        } else if !is_heading(line) {
            return Err(Unread::not_understood(format!(
                "its output is no diff: {}",
                excerpt(line)
            )));
        }
    }
    if diagnostics.is_empty() && !report.trim().is_empty() {
        return Err(Unread::not_understood("its diff holds no hunk"));
    }
    Ok(diagnostics)
}

fn is_heading(line: &str) -> bool {
    let starts = [
        "--- ",
        "diff ",
        "index ",
        "Index: ",
        "====",
        "\\ No newline",
    ];
    line.trim().is_empty() || starts.iter().any(|start| line.starts_with(start))
}

/// Old lines, from 0, and what would stand there.
struct Part {
    old: std::ops::Range<usize>,
    text: String,
}

struct Hunks<'a, I: Iterator<Item = &'a str>> {
    rest: std::iter::Peekable<I>,
}

impl<'a, I: Iterator<Item = &'a str>> Hunks<'a, I> {
    /// The changed parts of one hunk, each checked against the content.
    fn hunk(
        &mut self,
        first: usize,
        (mut old, mut new): (usize, usize),
        lines: &[&[u8]],
    ) -> Result<Vec<Part>, Unread> {
        let mut parts: Vec<Part> = Vec::new();
        let mut at = first;
        let mut is_open = false;
        while old > 0 || new > 0 {
            let Some(line) = self.rest.next() else {
                return Err(Unread::not_understood("its diff ends within a hunk"));
            };
            let (kind, text) = line.split_at(line.ceil_char_boundary(1));
            let text = self.without_added_newline(text);
            if kind != "+" {
                let matches = lines.get(at).is_some_and(|old| same_line(old, text));
                if !matches || old == 0 || !matches!(kind, "-" | " " | "\n") {
                    return Err(Unread::not_understood(
                        "its diff is not one of this content",
                    ));
                }
                old -= 1;
            }
            if kind == "+" || kind == " " || kind == "\n" {
                new = new.checked_sub(1).ok_or_else(|| {
                    Unread::not_understood("a hunk of its diff has more lines than it says")
                })?;
            }
            if kind == " " || kind == "\n" {
                is_open = false;
                at += 1;
                continue;
            }
            if !is_open {
                parts.push(Part {
                    old: at..at,
                    text: String::new(),
                });
                is_open = true;
            }
            let part = parts
                .last_mut()
                .expect("one was pushed when the part was opened");
            if kind == "-" {
                at += 1;
                part.old.end = at;
            } else {
                part.text.push_str(text);
            }
        }
        Ok(parts)
    }

    /// A line's text without the newline that only the diff has.
    fn without_added_newline(&mut self, text: &'a str) -> &'a str {
        let has_none = self
            .rest
            .next_if(|next| next.starts_with("\\ No newline"))
            .is_some();
        if has_none {
            text.strip_suffix('\n').unwrap_or(text)
        } else {
            text
        }
    }
}

/// Tools may print a line's carriage return or leave it out.
fn same_line(old: &[u8], told: &str) -> bool {
    fn bare(line: &[u8]) -> &[u8] {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }
    bare(old) == bare(told.as_bytes())
}
