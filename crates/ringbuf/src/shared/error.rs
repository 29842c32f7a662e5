//! What can be wrong with a ring in shared memory.

use core::fmt;
use std::io;

use crate::CapacityError;
use crate::region::REGION_ALIGN_BYTES;

/// Why no ring was made in a region.
#[derive(Debug)]
#[non_exhaustive]
pub enum CreateError {
    /// No ring has this capacity.
    Capacity(CapacityError),
    /// No memory can be that large.
    TooLarge,
    /// The elements have no size, or more than 4 GiB.
    Element,
    /// What a record is rounded up to is not a power of two from 8 to 4,096, or leaves no room.
    Granularity,
    /// The region is shorter than the ring.
    TooSmall {
        /// The length of the region.
        size_bytes: usize,
        /// The length of the ring.
        needed: usize,
    },
    /// The region begins at an address that is not a multiple of [`REGION_ALIGN_BYTES`].
    Misaligned,
    /// The region holds something already.
    Occupied,
    /// The system does not tell who this process is.
    Process(io::Error),
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(error) => error.fmt(f),
            Self::TooLarge => f.write_str("no memory can hold that many elements of that size"),
            Self::Element => f.write_str("the elements have no size, or one above 4 GiB"),
            Self::Granularity => f.write_str(
                "the granularity of records is not a power of two from 8 to 4096 below half of the capacity",
            ),
            Self::TooSmall { size_bytes, needed } => write!(
                f,
                "the region has {size_bytes} bytes and the ring needs {needed}"
            ),
            Self::Misaligned => misaligned(f),
            Self::Occupied => f.write_str("the region does not begin with zeros: attach to what is there, or clear it"),
            Self::Process(_) => process(f),
        }
    }
}

impl core::error::Error for CreateError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Capacity(error) => Some(error),
            Self::Process(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a region is not one that can be attached to.
#[derive(Debug)]
#[non_exhaustive]
pub enum AttachError {
    /// The region is shorter than what it should hold.
    Truncated {
        /// The length of the region.
        size_bytes: u64,
        /// The length that it should have at least.
        needed: u64,
    },
    /// The region begins at an address that is not a multiple of [`REGION_ALIGN_BYTES`].
    Misaligned,
    /// Nobody has made a ring here, or has not finished it.
    Unfinished,
    /// Something else is here.
    Foreign {
        /// What it begins with.
        found: u64,
    },
    /// A ring of another version of the layout.
    Version {
        /// The ring's.
        found: u32,
        /// The only one that this code knows.
        expected: u32,
    },
    /// The description of the ring is damaged.
    Checksum,
    /// A ring of elements where one of records was expected, or the other way round.
    Kind,
    /// The ring is for other elements.
    Element {
        /// The size of the ring's elements.
        size_bytes: u32,
        /// The alignment of the ring's elements.
        align_bytes: u32,
        /// The size that was expected.
        size_bytes_expected: u32,
        /// The alignment that was expected.
        align_bytes_expected: u32,
    },
    /// The ring's bytes mean something else.
    Schema {
        /// The ring's number.
        found: u64,
        /// The caller's number.
        expected: u64,
    },
    /// No ring has this capacity.
    Capacity(CapacityError),
    /// The length in the description is not that of such a ring.
    Length {
        /// The length in the description.
        found: u64,
    },
    /// The ring was made in another namespace of pids, so nobody can tell whether its ends live.
    Namespace,
    /// The system does not tell who this process is.
    Process(io::Error),
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { size_bytes, needed } => write!(
                f,
                "the region has {size_bytes} bytes and the ring needs {needed}"
            ),
            Self::Misaligned => misaligned(f),
            Self::Unfinished => f.write_str("nobody has made a ring here, or has not finished it"),
            Self::Foreign { found } => {
                write!(f, "this is no ring: the region begins with {found:#018x}")
            }
            Self::Version { found, expected } => write!(
                f,
                "the ring has layout version {found} and this program knows {expected}"
            ),
            Self::Checksum => f.write_str("the description of the ring is damaged"),
            Self::Kind => f.write_str("a ring of elements is not one of records, and the reverse"),
            Self::Element {
                size_bytes,
                align_bytes,
                size_bytes_expected,
                align_bytes_expected,
            } => write!(
                f,
                "the ring's elements have {size_bytes} bytes aligned to {align_bytes}, \
                 expected were {size_bytes_expected} aligned to {align_bytes_expected}"
            ),
            Self::Schema { found, expected } => write!(
                f,
                "the ring's elements have schema {found:#x}, expected was {expected:#x}"
            ),
            Self::Capacity(error) => error.fmt(f),
            Self::Length { found } => write!(
                f,
                "the ring says that it has {found} bytes, and no such ring has"
            ),
            Self::Namespace => f.write_str("the ring was made in another namespace of pids"),
            Self::Process(_) => process(f),
        }
    }
}

impl core::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Capacity(error) => Some(error),
            Self::Process(error) => Some(error),
            _ => None,
        }
    }
}

fn misaligned(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "the region is not aligned to {REGION_ALIGN_BYTES} bytes")
}

fn process(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("/proc does not tell who this process is")
}

/// Why an end of a ring was not given out.
#[derive(Debug)]
#[non_exhaustive]
pub enum SeatError {
    /// A living process has this end.
    Taken {
        /// Which one; it may be this one.
        pid: u32,
    },
    /// The positions in the ring make no sense.
    Corrupt(Corrupt),
    /// The system does not tell who this process is.
    Process(io::Error),
}

impl fmt::Display for SeatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Taken { pid } => write!(f, "process {pid} has this end of the ring"),
            Self::Corrupt(corrupt) => corrupt.fmt(f),
            Self::Process(_) => process(f),
        }
    }
}

impl core::error::Error for SeatError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Corrupt(corrupt) => Some(corrupt),
            Self::Process(error) => Some(error),
            Self::Taken { .. } => None,
        }
    }
}

/// The other process, or a third one, wrote what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Corrupt {
    /// More lies between the two positions than the ring holds.
    Positions {
        /// The consumer's position.
        head: u64,
        /// The producer's position.
        tail: u64,
    },
    /// A record reaches beyond what was published.
    Record {
        /// Where it begins.
        position: u64,
        /// The word that it begins with.
        header: u64,
    },
}

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Positions { head, tail } => {
                write!(
                    f,
                    "the ring is corrupt: no ring reaches from {head} to {tail}"
                )
            }
            Self::Record { position, header } => write!(
                f,
                "the ring is corrupt: there is no record {header:#018x} at {position}"
            ),
        }
    }
}

impl core::error::Error for Corrupt {}

/// Why nothing was pushed; the ring is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// There is no place, or there was none up to the deadline.
    Full,
    /// There is no place and the consumer left.
    Left,
    /// There is no place and the consumer's process ended without leaving.
    Dead {
        /// The process that it was.
        pid: u32,
    },
    /// The record is longer than any that the ring takes.
    TooLong {
        /// The longest.
        len_max: usize,
    },
    /// The other process wrote what cannot be.
    Corrupt(Corrupt),
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the ring is full"),
            Self::Left => f.write_str("the ring is full and its consumer left"),
            Self::Dead { pid } => {
                write!(
                    f,
                    "the ring is full and its consumer, process {pid}, is dead"
                )
            }
            Self::TooLong { len_max } => {
                write!(f, "the ring takes records of up to {len_max} bytes")
            }
            Self::Corrupt(corrupt) => corrupt.fmt(f),
        }
    }
}

impl core::error::Error for PushError {}

impl From<Corrupt> for PushError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

/// Why there is nothing to pop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PopError {
    /// Nothing is there, or nothing came up to the deadline.
    Empty,
    /// Nothing is there and the producer left.
    Left,
    /// Nothing is there and the producer's process ended without leaving.
    Dead {
        /// The process that it was.
        pid: u32,
    },
    /// The other process wrote what cannot be.
    Corrupt(Corrupt),
    /// So many were overwritten before a reader without a seat came to them; the next call goes
    /// on behind them. Only [`broadcast::Watcher`](super::broadcast::Watcher) says this.
    Missed {
        /// How many, exactly.
        count: u64,
    },
}

impl fmt::Display for PopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the ring is empty"),
            Self::Left => f.write_str("the ring is empty and its producer left"),
            Self::Dead { pid } => write!(
                f,
                "the ring is empty and its producer, process {pid}, is dead"
            ),
            Self::Corrupt(corrupt) => corrupt.fmt(f),
            Self::Missed { count } => write!(f, "{count} were overwritten before they were read"),
        }
    }
}

impl core::error::Error for PopError {}

impl From<Corrupt> for PopError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}
