//! Lines and columns of byte offsets.

use std::ops::Range;

use crate::document::{Position, Range as ReportedRange};

/// The byte-order mark of UTF-8; editors do not show it, so it has no column.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Finds line and column of a byte offset.
///
/// A line ends with `\n`, `\r\n` or a lone `\r`, and its ending belongs to it.
/// Lines and columns count from 1, columns in Unicode scalar values; bytes that are no UTF-8 count as
/// the replacement characters that [`String::from_utf8_lossy`] puts there, and a byte-order mark at
/// the start counts as none.
///
/// # Examples
///
/// ```
/// use claude_flow_pipeline::LineIndex;
///
/// let index = LineIndex::new("é = 1\r\nx".as_bytes());
/// let place = index.position(8);
/// assert_eq!((place.line, place.column, place.byte), (2, 1, 8));
/// assert_eq!(index.position(2).column, 2);
/// ```
#[derive(Debug)]
pub struct LineIndex<'a> {
    bytes: &'a [u8],
    // Offsets of the first byte of each line: never empty, begins with 0, rises strictly.
    starts: Vec<usize>,
    is_ascii: bool,
}

impl<'a> LineIndex<'a> {
    /// Finds the lines of `bytes`.
    ///
    /// # Complexity
    ///
    /// Linear in the length, one word a line.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            let first_half = bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n');
            if !first_half {
                starts.push(at + 1);
            }
        }
        Self {
            bytes,
            starts,
            is_ascii: bytes.is_ascii(),
        }
    }

    /// The number of lines; an empty text has one, and so has what follows the last line ending.
    #[must_use]
    pub const fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// The position of a byte; an offset behind the end is taken for the end, one within a character for
    /// the character's column.
    ///
    /// # Complexity
    ///
    /// Logarithmic in the number of lines, linear in the length of the line unless the text is ASCII.
    #[must_use]
    pub fn position(&self, byte: usize) -> Position {
        let byte = byte.min(self.bytes.len());
        let line = self.line_of(byte);
        let column = self.columns_before(self.starts[line], byte) + 1;
        Position {
            line: saturate(line + 1),
            column: saturate(column),
            byte: byte as u64,
        }
    }

    /// The positions of a span's ends; a span that is out of bounds or reversed is clamped.
    #[must_use]
    pub fn range(&self, span: Range<usize>) -> ReportedRange {
        let start = self.position(span.start);
        let end = if span.end > span.start {
            self.position(span.end)
        } else {
            start
        };
        ReportedRange { start, end }
    }

    /// The line, from 0, that holds a byte.
    pub(crate) fn line_of(&self, byte: usize) -> usize {
        self.starts.partition_point(|&start| start <= byte) - 1
    }

    /// The lines without their endings, so that a change of the endings alone changes no line.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.starts.iter().enumerate().map(|(line, &start)| {
            let end = self.starts.get(line + 1).copied();
            let mut content = &self.bytes[start..end.unwrap_or(self.bytes.len())];
            if end.is_some() {
                content = content
                    .strip_suffix(b"\r\n")
                    .unwrap_or_else(|| &content[..content.len() - 1]);
            }
            content
        })
    }

    fn columns_before(&self, start: usize, byte: usize) -> usize {
        if self.is_ascii {
            return byte - start;
        }
        let mark = if start == 0 && self.bytes.starts_with(BOM) {
            BOM.len()
        } else {
            0
        };
        let start = (start + mark).min(byte);
        let before = &self.bytes[start..self.character_start(start, byte)];
        before
            .utf8_chunks()
            .map(|chunk| chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty()))
            .sum()
    }

    /// The offset at or before `byte`, not before `floor`, at which the character around `byte` begins.
    fn character_start(&self, floor: usize, byte: usize) -> usize {
        const CHARACTER_BYTES_MAX: usize = 4;
        let is_continuation = |at: usize| {
            self.bytes
                .get(at)
                .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
        };
        if !is_continuation(byte) {
            return byte;
        }
        let lowest = byte.saturating_sub(CHARACTER_BYTES_MAX - 1).max(floor);
        let lead = (lowest..byte).rev().find(|&at| !is_continuation(at));
        let Some(lead) = lead else { return byte };
        let window = &self.bytes[lead..self.bytes.len().min(lead + CHARACTER_BYTES_MAX)];
        let first = window.utf8_chunks().next();
        let first_len = first.map_or(0, |chunk| match chunk.valid().chars().next() {
            Some(character) => character.len_utf8(),
            None => chunk.invalid().len(),
        });
        if lead + first_len > byte { lead } else { byte }
    }
}

fn saturate(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
