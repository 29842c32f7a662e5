//! What can be wrong with a pool in shared memory.

use core::fmt;
use std::io;

use super::Message;

/// Why no pool was made in a region.
#[derive(Debug)]
#[non_exhaustive]
pub enum CreateError {
    /// There are no classes, or more than [`CLASSES_MAX`](crate::CLASSES_MAX).
    ClassCount(usize),
    /// A class's size is not a multiple of 64 from 64 to
    /// [`PAYLOAD_BYTES_MAX`](super::PAYLOAD_BYTES_MAX), or not above the class before it.
    ClassBytes(usize),
    /// A class has no slots, or all together have more than [`SLOTS_MAX`](super::SLOTS_MAX).
    SlotCount(usize),
    /// There are no places for processes, or more than [`PROCESSES_MAX`](super::PROCESSES_MAX).
    Processes(usize),
    /// No memory can be that large.
    TooLarge,
    /// The region is shorter than the pool.
    TooSmall {
        /// The length of the region.
        size_bytes: usize,
        /// The length of the pool.
        needed: usize,
    },
    /// The region begins at an address that is not a multiple of 128.
    Misaligned,
    /// The region holds something already.
    Occupied,
    /// The system does not tell who this process is.
    Process(io::Error),
}

impl fmt::Display for CreateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClassCount(count) => {
                write!(
                    f,
                    "{count} classes are not from 1 to {}",
                    crate::CLASSES_MAX
                )
            }
            Self::ClassBytes(bytes) => write!(
                f,
                "the class of {bytes} bytes is not a multiple of 64 from 64 to {} above the class \
                 before it",
                super::PAYLOAD_BYTES_MAX
            ),
            Self::SlotCount(count) => {
                write!(f, "{count} slots are not from 1 to {}", super::SLOTS_MAX)
            }
            Self::Processes(count) => {
                write!(
                    f,
                    "{count} processes are not from 1 to {}",
                    super::PROCESSES_MAX
                )
            }
            Self::TooLarge => f.write_str("no memory can hold that many slots of that size"),
            Self::TooSmall { size_bytes, needed } => write!(
                f,
                "the region has {size_bytes} bytes and the pool needs {needed}"
            ),
            Self::Misaligned => f.write_str("the region is not aligned to 128 bytes"),
            Self::Occupied => f.write_str(
                "the region does not begin with zeros: attach to what is there, or clear it",
            ),
            Self::Process(_) => f.write_str("/proc does not tell who this process is"),
        }
    }
}

impl core::error::Error for CreateError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Process(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a process has no place in a pool.
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
    /// The region begins at an address that is not a multiple of 128.
    Misaligned,
    /// Nobody has made a pool here, or has not finished it.
    Unfinished,
    /// Something else is here.
    Foreign {
        /// What it begins with.
        found: u64,
    },
    /// A pool of another version of the layout.
    Version {
        /// The pool's.
        found: u32,
        /// The only one that this code knows.
        expected: u32,
    },
    /// The description of the pool is damaged.
    Checksum,
    /// The pool's messages mean something else.
    Schema {
        /// The pool's number.
        found: u64,
        /// The caller's number.
        expected: u64,
    },
    /// No pool has these classes or so many processes.
    Shape,
    /// The length in the description is not that of such a pool.
    Length {
        /// The length in the description.
        found: u64,
    },
    /// The pool was made in another namespace of pids, so nobody can tell whether its processes
    /// live.
    Namespace,
    /// Every place belongs to a process that lives.
    Crowded {
        /// How many there are.
        processes: usize,
    },
    /// The system does not tell who this process is.
    Process(io::Error),
}

impl fmt::Display for AttachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { size_bytes, needed } => write!(
                f,
                "the region has {size_bytes} bytes and the pool needs {needed}"
            ),
            Self::Misaligned => f.write_str("the region is not aligned to 128 bytes"),
            Self::Unfinished => f.write_str("nobody has made a pool here, or has not finished it"),
            Self::Foreign { found } => {
                write!(f, "this is no pool: the region begins with {found:#018x}")
            }
            Self::Version { found, expected } => write!(
                f,
                "the pool has layout version {found} and this program knows {expected}"
            ),
            Self::Checksum => f.write_str("the description of the pool is damaged"),
            Self::Schema { found, expected } => write!(
                f,
                "the pool's messages have schema {found:#x}, expected was {expected:#x}"
            ),
            Self::Shape => f.write_str("no pool has the classes that the description names"),
            Self::Length { found } => write!(
                f,
                "the pool says that it has {found} bytes, and no such pool has"
            ),
            Self::Namespace => f.write_str("the pool was made in another namespace of pids"),
            Self::Crowded { processes } => write!(
                f,
                "all {processes} places of the pool belong to processes that live"
            ),
            Self::Process(_) => f.write_str("/proc does not tell who this process is"),
        }
    }
}

impl core::error::Error for AttachError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Process(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a handle is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimError {
    /// It comes from another pool.
    Foreign,
    /// There is no such slot, or no such sender.
    OutOfRange,
    /// The message was given back, or its reference was claimed or reclaimed, since the handle
    /// was made; or nobody ever made it.
    Stale,
    /// This process has as many handles of the message as it can count: 2³² less two.
    Crowded,
    /// The slot says that it holds more bytes than it can.
    Corrupt {
        /// What it says.
        len: u64,
    },
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("the handle comes from another pool"),
            Self::OutOfRange => f.write_str("the pool has no such slot or sender"),
            Self::Stale => f.write_str("the message behind the handle is gone or was claimed"),
            Self::Crowded => f.write_str("this process has too many handles of the message"),
            Self::Corrupt { len } => write!(
                f,
                "the pool is corrupt: no slot holds a message of length {len:#x}"
            ),
        }
    }
}

impl core::error::Error for ClaimError {}

/// Why a message was not put in flight: this process has 511 references to it in flight already.
///
/// The message comes back.
#[derive(Debug)]
pub struct InFlightError(pub Message);

impl fmt::Display for InFlightError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("511 references to the message are in flight already")
    }
}

impl core::error::Error for InFlightError {}
