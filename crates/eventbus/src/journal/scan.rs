//! Reading the frames of one segment from its first to its last.

use super::frame::{self, DATA_START, Found, MARK_BYTES, Seed};
use super::{Damage, DamageKind, Offset};

/// A place in a segment from which it can be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    /// The number of the next record.
    pub(crate) number: u64,
    /// The greatest time of any record before it.
    pub(crate) time_max: u64,
    /// Where the next frame is.
    pub(crate) at: usize,
}

/// What a segment holds.
#[derive(Debug)]
pub(crate) struct Scan {
    /// Where it can be read from; the first is at [`DATA_START`], the others are the marks.
    pub(crate) points: Vec<Point>,
    /// Behind the last frame.
    pub(crate) end: Point,
    pub(crate) is_sealed: bool,
    /// Records behind the last frame are lost.
    pub(crate) is_cut_short: bool,
    /// All records before this one were durable when the last mark was written.
    pub(crate) durable: u64,
    /// Whether the marks behind the first hole were asked.
    is_all_asked: bool,
    /// What is lost between the frames.
    pub(crate) damages: Vec<Damage>,
}

/// What tells a loss from a torn end.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Behind {
    /// What lies behind a hole was promised to nobody, unless a mark or this number says that
    /// the hole was durable once.
    Torn { durable: u64 },
    /// What lies behind a hole is kept, and the hole is a loss.
    Kept,
}

impl Scan {
    /// Reads all frames; `start` is the first.
    pub(crate) fn run(
        bytes: &[u8],
        segment: u32,
        seed: Seed,
        start: Point,
        behind: Behind,
    ) -> Self {
        let mut scan = Self {
            points: vec![start],
            end: start,
            is_sealed: false,
            is_cut_short: false,
            durable: 0,
            is_all_asked: false,
            damages: Vec::new(),
        };
        while !scan.is_sealed {
            let Point { at, number, .. } = scan.end;
            match frame::read(bytes, at, seed, number) {
                Found::Record(place) => {
                    scan.end.number += 1;
                    scan.end.time_max = scan.end.time_max.max(place.time);
                    scan.end.at = place.next;
                }
                Found::Mark(mark) | Found::Seal(mark) if mark.number >= number => {
                    scan.is_sealed = matches!(frame::read(bytes, at, seed, number), Found::Seal(_));
                    scan.take_mark(mark, segment);
                }
                _ => {
                    if !scan.step_over(bytes, segment, seed, behind) {
                        break;
                    }
                }
            }
        }
        scan
    }

    fn take_mark(&mut self, mark: frame::Mark, segment: u32) {
        // Frames in a row whose numbers are not: only if somebody composed them.
        self.lose(segment, mark.number);
        self.durable = self.durable.max(mark.durable);
        self.end.time_max = self.end.time_max.max(mark.time_max);
        self.points.push(self.end);
        self.end.at += MARK_BYTES;
    }

    fn lose(&mut self, segment: u32, to: u64) {
        if to > self.end.number {
            self.damages.push(Damage {
                segment,
                position: self.end.at as u64,
                from: Offset(self.end.number),
                to: Offset(to),
                kind: DamageKind::Broken,
            });
            self.end.number = to;
        }
    }

    /// Goes on behind what is not a frame, if that is a loss; otherwise the segment ends here.
    fn step_over(&mut self, bytes: &[u8], segment: u32, seed: Seed, behind: Behind) -> bool {
        let Point { at, number, .. } = self.end;
        let next = frame::resume(bytes, at, seed, number);
        if let Behind::Torn { durable } = behind {
            if !self.is_all_asked {
                self.is_all_asked = true;
                let marks = frame::marks(bytes, at, seed).map(|(_, mark)| mark.durable);
                self.durable = marks.fold(self.durable, u64::max);
            }
            let durable = self.durable.max(durable);
            if number >= durable {
                return false;
            }
            if next.is_none() {
                self.lose(segment, durable);
                self.is_cut_short = true;
                return false;
            }
        }
        let Some((at, number)) = next else {
            return false;
        };
        self.lose(segment, number);
        self.end.at = at;
        true
    }
}

/// The first place of frames in a segment.
pub(crate) const fn start_of(header: &frame::Header) -> Point {
    Point {
        number: header.base,
        time_max: header.time_max,
        at: DATA_START,
    }
}
