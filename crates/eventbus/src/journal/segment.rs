//! A segment of an open journal, and where it can be read from.

use std::sync::{Mutex, PoisonError};

use super::frame::{DATA_START, Header, Seed};
use super::scan::{Behind, Point, Scan, start_of};

/// A file of the journal. Its bytes are mapped while somebody reads or writes them.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    pub(crate) seed: Seed,
    points: Mutex<Points>,
}

#[derive(Debug)]
struct Points {
    /// In the order of their places, numbers and times.
    list: Vec<Point>,
    is_whole: bool,
}

impl Segment {
    /// One whose frames are not known.
    pub(crate) fn new(header: Header) -> Self {
        Self::with(header, vec![start_of(&header)], false)
    }

    /// One whose points are known.
    pub(crate) fn with_points(header: Header, points: Vec<Point>) -> Self {
        Self::with(header, points, true)
    }

    fn with(header: Header, list: Vec<Point>, is_whole: bool) -> Self {
        Self {
            seed: Seed::new(&header.journal, header.segment),
            header,
            points: Mutex::new(Points { list, is_whole }),
        }
    }

    pub(crate) fn name(&self) -> String {
        segment_name(self.header.segment)
    }

    pub(crate) fn add_point(&self, point: Point) {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        points.list.push(point);
    }

    /// The last point for which `is_before` holds, of those in order; the first if it holds for
    /// none. `bytes` are the segment's.
    pub(crate) fn point(&self, bytes: &[u8], is_before: impl Fn(&Point) -> bool) -> Point {
        let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        if !points.is_whole {
            let start = start_of(&self.header);
            let scan = Scan::run(bytes, self.header.segment, self.seed, start, Behind::Kept);
            *points = Points {
                list: scan.points,
                is_whole: true,
            };
        }
        let at = points.list.partition_point(is_before);
        let found = points.list.get(at.saturating_sub(1)).copied();
        found.unwrap_or(Point {
            number: self.header.base,
            time_max: self.header.time_max,
            at: DATA_START,
        })
    }
}

pub(crate) fn segment_name(index: u32) -> String {
    format!("{index:08}.seg")
}

/// The number in a segment's name.
pub(crate) fn segment_index(name: &str) -> Option<u32> {
    let index: u32 = name.strip_suffix(".seg")?.parse().ok()?;
    (segment_name(index) == name).then_some(index)
}
