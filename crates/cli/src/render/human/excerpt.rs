//! The few lines of a source that explain a finding, made harmless and cut to a bounded size.

use std::ops::Range;

use claude_flow::pipeline::document::{self, ReportedFinding};

use crate::visible::visible_char;

/// Places farther from the finding than this, in lines, are told in words.
const LINES_AROUND_MAX: u32 = 30;

/// How much of a line is kept before the place that it is shown for, in bytes.
const BYTES_BEFORE_MAX: usize = 160;

/// How much of a line is kept from the place on that it is shown for, in bytes.
const BYTES_AFTER_MAX: usize = 240;

/// The end of a place in a line that was cut before it.
const CUT: char = '…';

/// Lines of a source and where the finding's places are in them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The lines, without a newline at the end.
    pub(super) text: String,
    /// The number of the first line, from 1.
    pub(super) line_start: usize,
    /// The finding's own place, as byte offsets into `text`; within one line.
    pub(super) primary: Range<usize>,
    /// The related places, in the finding's order; `None` if one is not in the excerpt.
    pub(super) related: Vec<Option<Range<usize>>>,
    /// What the fix replaces, if that is within one line of the excerpt.
    pub(super) fix: Option<Range<usize>>,
}

impl Excerpt {
    /// The excerpt for a finding; `None` if its place is not in the source.
    ///
    /// # Complexity
    ///
    /// Linear in the lines between the finding and its related places, which are bounded in number;
    /// the excerpt's size is bounded whatever the source is.
    pub(super) fn of(source: &[u8], finding: &ReportedFinding) -> Option<Self> {
        let primary = Place::of(source, finding.range)?;
        let is_near = |place: &Place| place.line.abs_diff(primary.line) <= LINES_AROUND_MAX;
        let related: Vec<Option<Place>> = finding
            .related
            .iter()
            .map(|related| Place::of(source, related.range).filter(is_near))
            .collect();
        let fix = finding.fix.as_ref();
        let fix = fix
            .and_then(|fix| Place::of(source, fix.range))
            .filter(|place| is_near(place) && !place.is_longer);
        let places = || std::iter::once(&primary).chain(related.iter().flatten());
        let first = places().min_by_key(|place| place.bytes.start)?;
        let line_last = places().map(|place| place.line).max()?;

        let mut lines = Lines {
            source,
            begin: line_begin(source, first.bytes.start),
            text: String::new(),
            marks: Vec::new(),
        };
        for line in first.line..=line_last {
            if lines.begin > source.len() {
                break;
            }
            let shown_for = if line == primary.line {
                Some(&primary)
            } else {
                places().find(|place| place.line == line)
            };
            lines.push(shown_for.map(|place| place.bytes.start));
        }
        Some(Self {
            line_start: usize::try_from(first.line).ok()?,
            primary: lines.find(&primary.bytes)?,
            related: related
                .iter()
                .map(|place| lines.find(&place.as_ref()?.bytes))
                .collect(),
            fix: fix.and_then(|place| lines.find(&place.bytes)),
            text: lines.text,
        })
    }
}

/// A place in the source, cut to its first line.
struct Place {
    line: u32,
    bytes: Range<usize>,
    is_longer: bool,
}

impl Place {
    fn of(source: &[u8], range: document::Range) -> Option<Self> {
        let start = usize::try_from(range.start.byte).ok()?;
        let end = usize::try_from(range.end.byte).ok()?;
        let rest = source.get(start..end)?;
        let first_line = rest.iter().position(|&byte| is_line_end(byte));
        let end_first = start + first_line.unwrap_or(rest.len());
        Some(Self {
            line: range.start.line,
            bytes: start..end_first,
            is_longer: end_first < end,
        })
    }
}

/// The excerpt's text while it grows.
struct Lines<'a> {
    source: &'a [u8],
    /// Where the next line begins in the source.
    begin: usize,
    text: String,
    /// For each character and each cut: its offset in the source and in the text, both ascending.
    marks: Vec<(usize, usize)>,
}

impl Lines<'_> {
    /// Appends the next line, which exists, cut around the place that it is shown for.
    fn push(&mut self, shown_for: Option<usize>) {
        if !self.text.is_empty() || !self.marks.is_empty() {
            self.text.push('\n');
        }
        let (shown_end, next) = line_end(self.source, self.begin);
        let anchor = shown_for.unwrap_or(self.begin).clamp(self.begin, shown_end);
        let start = self.char_start(self.begin.max(anchor.saturating_sub(BYTES_BEFORE_MAX)));
        let end = self.char_start(shown_end.min(anchor.saturating_add(BYTES_AFTER_MAX)));
        if start > self.begin {
            self.text.push(CUT);
        }
        self.push_bytes(start, end);
        self.marks.push((end, self.text.len()));
        if end < shown_end {
            self.text.push(CUT);
        } else if shown_end + 2 == next {
            // A place between the two bytes of a line break is at the end of the line.
            self.marks.push((shown_end + 1, self.text.len()));
        }
        self.begin = next;
    }

    fn push_bytes(&mut self, start: usize, end: usize) {
        let mut offset = start;
        for chunk in self.source[start..end.max(start)].utf8_chunks() {
            for c in chunk.valid().chars() {
                self.marks.push((offset, self.text.len()));
                // The renderer expands tabs; every other control character gets a picture.
                self.text.push(if c == '\t' { c } else { visible_char(c) });
                offset += c.len_utf8();
            }
            if !chunk.invalid().is_empty() {
                self.marks.push((offset, self.text.len()));
                self.text.push(char::REPLACEMENT_CHARACTER);
                offset += chunk.invalid().len();
            }
        }
    }

    /// The place in the text; its end is cut where its line was cut.
    fn find(&self, bytes: &Range<usize>) -> Option<Range<usize>> {
        let start = self.text_offset(bytes.start)?;
        let rest = &self.text[start..];
        let line_end = start + rest.find('\n').unwrap_or(rest.len());
        let end = self.text_offset(bytes.end).unwrap_or(line_end);
        Some(start..end.clamp(start, line_end))
    }

    fn text_offset(&self, source_offset: usize) -> Option<usize> {
        let index = self
            .marks
            .binary_search_by_key(&source_offset, |mark| mark.0)
            .ok()?;
        Some(self.marks[index].1)
    }

    /// The start of the character that the byte belongs to.
    fn char_start(&self, offset: usize) -> usize {
        let is_inside = |&back: &usize| {
            let byte = self.source.get(offset - back);
            byte.is_none_or(|byte| byte & 0b1100_0000 != 0b1000_0000)
        };
        let back = (0..=offset.min(3)).find(is_inside).unwrap_or(0);
        offset - back
    }
}

/// Where the line of a place begins.
fn line_begin(source: &[u8], offset: usize) -> usize {
    let mut before = &source[..offset];
    if before.ends_with(b"\r") && source[offset..].starts_with(b"\n") {
        before = &before[..offset - 1];
    }
    before
        .iter()
        .rposition(|&byte| is_line_end(byte))
        .map_or(0, |line_end| line_end + 1)
}

/// Where the line that begins at a place ends, and where the next one begins; after the last one
/// that is behind the source.
fn line_end(source: &[u8], begin: usize) -> (usize, usize) {
    let rest = &source[begin..];
    let Some(len) = rest.iter().position(|&byte| is_line_end(byte)) else {
        return (source.len(), source.len() + 1);
    };
    let is_pair = rest[len..].starts_with(b"\r\n");
    (begin + len, begin + len + 1 + usize::from(is_pair))
}

/// Lines end as the document counts them: with LF, CR LF or a lone CR.
fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
