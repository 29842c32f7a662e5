//! Places as tools tell them, and where they are in the text.

use std::ops::Range;

/// The byte-order mark of UTF-8, which columns in characters do not count.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// From where to where, in the tool's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first character.
    pub start: Point,
    /// Behind the last character; `None` if the tool did not say.
    pub end: Option<Point>,
}

impl Place {
    /// A whole line, from 1.
    #[must_use]
    pub const fn line(line: u64) -> Self {
        Self {
            start: Point::Line(line),
            end: None,
        }
    }

    /// A line and column, from 1.
    #[must_use]
    pub const fn at(line: u64, column: u64, unit: Unit) -> Self {
        Self {
            start: Point::Column { line, column, unit },
            end: None,
        }
    }

    /// A range of bytes, from 0.
    #[must_use]
    pub const fn bytes(range: Range<usize>) -> Self {
        Self {
            start: Point::Offset {
                at: range.start as u64,
                unit: Unit::Byte,
            },
            end: Some(Point::Offset {
                at: range.end as u64,
                unit: Unit::Byte,
            }),
        }
    }

    /// The same place with an end, line and column from 1; an end before the start is left out.
    #[must_use]
    pub const fn to(mut self, line: u64, column: u64, unit: Unit) -> Self {
        if line > 0 && column > 0 {
            self.end = Some(Point::Column { line, column, unit });
        }
        self
    }
}

/// One end of a [`Place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A whole line, from 1.
    Line(u64),
    /// A line and a column, both from 1; column 0 stands for the whole line.
    Column {
        /// The line.
        line: u64,
        /// The column.
        column: u64,
        /// What the column counts.
        unit: Unit,
    },
    /// So many units from the start of the text, from 0.
    Offset {
        /// How many.
        at: u64,
        /// Of what.
        unit: Unit,
    },
}

/// What a column or an offset counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Bytes of UTF-8.
    Byte,
    /// UTF-16 code units, without the byte-order mark.
    Utf16,
    /// Unicode scalar values, without the byte-order mark.
    Scalar,
    /// UTF-16 code units without the byte-order mark, and a tabulator reaches to the next multiple of eight.
    Tabbed,
}

/// How far a tabulator reaches.
const TAB_COLUMNS: u64 = 8;

/// A text in which places are looked up.
#[derive(Debug)]
pub(super) struct Text<'a> {
    bytes: &'a [u8],
    // Offsets of the first byte of each line: never empty, begins with 0, rises strictly.
    starts: Vec<usize>,
}

impl<'a> Text<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut starts = vec![0];
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n') {
                starts.push(at + 1);
            }
        }
        Self { bytes, starts }
    }

    /// The bytes of a place, or `None` if the text has no such line or offset.
    ///
    /// A column behind the end of its line is taken for the end: tools point there for what is missing.
    pub(super) fn span(&self, place: &Place) -> Option<Range<usize>> {
        let start = self.start(place.start)?;
        let end = match place.end {
            Some(end) => self.end(end)?,
            None => match place.start {
                Point::Line(line)
                | Point::Column {
                    line, column: 0, ..
                } => self.line_content(line)?.end,
                _ => start,
            },
        };
        Some(start..end.max(start))
    }

    /// The number of lines; what follows the last line ending counts.
    pub(super) const fn line_count(&self) -> usize {
        self.starts.len()
    }

    /// The bytes of a line, from 1, without its ending.
    pub(super) fn line_content(&self, line: u64) -> Option<Range<usize>> {
        let index = usize::try_from(line).ok()?.checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self.starts.get(index + 1).copied();
        let end = end.map_or(self.bytes.len(), |next| {
            let content = &self.bytes[start..next];
            let ending = if content.ends_with(b"\r\n") { 2 } else { 1 };
            next - ending
        });
        Some(start..end)
    }

    fn start(&self, point: Point) -> Option<usize> {
        match point {
            Point::Line(line)
            | Point::Column {
                line, column: 0, ..
            } => {
                let content = self.line_content(line)?;
                let line = &self.bytes[content.clone()];
                let indent = line.len() - line.trim_ascii_start().len();
                Some(content.start + indent)
            }
            _ => self.end(point),
        }
    }

    fn end(&self, point: Point) -> Option<usize> {
        match point {
            Point::Line(line)
            | Point::Column {
                line, column: 0, ..
            } => Some(self.line_content(line)?.end),
            Point::Column { line, column, unit } => self.column(line, column, unit),
            Point::Offset { at, unit } => self.offset(at, unit),
        }
    }

    fn column(&self, line: u64, column: u64, unit: Unit) -> Option<usize> {
        // Some tools place the end of a file on the line behind the last one.
        if line == self.line_count() as u64 + 1 {
            return Some(self.bytes.len());
        }
        let content = self.line_content(line)?;
        let text = &self.bytes[content.clone()];
        let mark = self.mark_len(content.start, unit);
        let (within, _) = advance(&text[mark.min(text.len())..], column - 1, unit);
        Some(content.start + mark.min(text.len()) + within)
    }

    fn offset(&self, at: u64, unit: Unit) -> Option<usize> {
        let mark = self.mark_len(0, unit);
        let (bytes, rest) = advance(&self.bytes[mark..], at, unit);
        (rest == 0).then_some(mark + bytes)
    }

    /// The length of the byte-order mark, if it stands at `start` and the unit does not count it.
    fn mark_len(&self, start: usize, unit: Unit) -> usize {
        let is_counted = unit == Unit::Byte;
        if start == 0 && !is_counted && self.bytes.starts_with(BOM) {
            BOM.len()
        } else {
            0
        }
    }
}

/// How many bytes `units` units of a text are, and how many units are left behind its end; a unit
/// that ends within a character is taken for the character's start.
fn advance(text: &[u8], units: u64, unit: Unit) -> (usize, u64) {
    if unit == Unit::Byte {
        let wanted = usize::try_from(units).unwrap_or(usize::MAX);
        let taken = wanted.min(text.len());
        return (character_start(text, taken), units - taken as u64);
    }
    let mut counted = 0_u64;
    let mut at = 0;
    for (width, size) in characters(text) {
        let width = match (unit, width) {
            (Unit::Tabbed, Width::Tab) => TAB_COLUMNS - counted % TAB_COLUMNS,
            (Unit::Utf16 | Unit::Tabbed, Width::Astral) => 2,
            _ => 1,
        };
        if counted + width > units {
            return (at, 0);
        }
        counted += width;
        at += size;
    }
    (at, units - counted)
}

/// What matters of a character's width.
enum Width {
    Tab,
    Astral,
    Other,
}

/// Each character's width and size in bytes; bytes that are no UTF-8 count as the U+FFFD that would replace them.
fn characters(text: &[u8]) -> impl Iterator<Item = (Width, usize)> + '_ {
    text.utf8_chunks().flat_map(|chunk| {
        let invalid = chunk.invalid().len();
        let valid = chunk.valid().chars().map(|character| {
            let width = match character {
                '\t' => Width::Tab,
                _ if character.len_utf16() == 2 => Width::Astral,
                _ => Width::Other,
            };
            (width, character.len_utf8())
        });
        valid.chain((invalid > 0).then_some((Width::Other, invalid)))
    })
}

/// The start of the character around a byte.
fn character_start(text: &[u8], at: usize) -> usize {
    const CHARACTER_BYTES_MAX: usize = 4;
    let is_continuation = |at: usize| text.get(at).is_some_and(|byte| byte & 0xC0 == 0x80);
    let lowest = at.saturating_sub(CHARACTER_BYTES_MAX - 1);
    (lowest..=at)
        .rev()
        .find(|&at| !is_continuation(at))
        .unwrap_or(at)
}

#[cfg(test)]
mod tests;
