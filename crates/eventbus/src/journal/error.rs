//! What can go wrong, by name.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::Offset;

/// The system refused.
#[derive(Debug, Error)]
#[error("{doing} {name}: {source}")]
pub struct IoError {
    /// What was being done.
    pub doing: &'static str,
    /// To which file of the journal.
    pub name: String,
    /// What the system answered.
    pub source: io::Error,
}

/// For `map_err`.
pub(crate) fn during(doing: &'static str, name: &str) -> impl FnOnce(io::Error) -> IoError {
    let name = name.to_owned();
    move |source| IoError {
        doing,
        name,
        source,
    }
}

/// Why a journal cannot be opened. Nothing was changed, but for [`OpenError::Io`] and
/// [`OpenError::DiskFull`], after which a part of a torn tail may have been cut already.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// An option is out of its range.
    #[error("option {name} is out of its range: {must}")]
    Options {
        /// Which.
        name: &'static str,
        /// The range.
        must: &'static str,
    },
    /// Another journal has the directory, of this process or another.
    #[error("{} is in use by another journal", directory.display())]
    InUse {
        /// Which.
        directory: PathBuf,
    },
    /// A segment belongs to another journal.
    #[error("{name} belongs to another journal than the segments before it")]
    Foreign {
        /// Which file.
        name: String,
    },
    /// No segment has an intact header: whose they are is not known.
    #[error("no segment has an intact header, {name} neither")]
    Unreadable {
        /// One of them.
        name: String,
    },
    /// Two segments claim the same records.
    #[error("{name} begins with record {base}, where {expected} or more is due")]
    Disorder {
        /// Which file.
        name: String,
        /// Its first record.
        base: Offset,
        /// Where the one before ends at the least.
        expected: Offset,
    },
    /// There is no room for the first segment.
    #[error("the disk is full: {0}")]
    DiskFull(#[source] IoError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Why a record was not appended. The journal is as it was before.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The record is longer than the options allow.
    #[error("the record has {bytes} bytes and may have {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: u32,
    },
    /// The disk has no room for another segment. The next append tries again.
    #[error("the disk is full: {0}")]
    DiskFull(#[source] IoError),
    /// The journal has its full length, and a cursor has not passed the oldest records. The next
    /// append tries again.
    #[error("the journal is full: another segment would exceed {bytes_max} bytes")]
    Full {
        /// The limit.
        bytes_max: u64,
    },
    /// A sync failed before: what is on the disk is not known, and trying again would prove nothing.
    #[error("a sync failed before, and nothing is taken any more; open the journal again")]
    Poisoned,
    /// The system refused to make a segment. The next append tries again.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Why records are not known to be durable.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SyncError {
    /// A sync failed before.
    #[error("a sync failed before, and nothing is taken any more; open the journal again")]
    Poisoned,
    /// This sync failed. The journal takes nothing any more.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Records that were there once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment, by number.
    pub segment: u32,
    /// Where in the file.
    pub position: u64,
    /// The first record that is lost.
    pub from: Offset,
    /// The first behind it that is not.
    pub to: Offset,
    /// What happened to them.
    pub kind: DamageKind,
}

/// What happened to records that are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DamageKind {
    /// The bytes are not what was written.
    Broken,
    /// The file is gone, or its header is broken.
    Missing,
    /// The file is shorter or longer than its header says.
    Length,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            segment,
            position,
            from,
            to,
            kind,
        } = self;
        let what = match kind {
            DamageKind::Broken => "the bytes are not what was written",
            DamageKind::Missing => "the file is gone or has no intact header",
            DamageKind::Length => "the file has another length than its header says",
        };
        write!(
            f,
            "records {from} to {to} are lost at byte {position} of segment {segment}: {what}"
        )
    }
}

/// Why the next record is not there. The reader stands behind what is lost and goes on from there.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Records are lost.
    #[error("{0}")]
    Damaged(Damage),
    /// Retention took records before they were read.
    #[error("records {from} to {to} were removed before they were read")]
    Removed {
        /// The first.
        from: Offset,
        /// The first that is there.
        to: Offset,
    },
    /// There is no such record yet.
    #[error("record {asked} is not there: the journal ends before {end}")]
    Ahead {
        /// What was asked for.
        asked: Offset,
        /// The next record to be written.
        end: Offset,
    },
    /// The system refused. The reader stands where it stood.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Why a cursor cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CursorError {
    /// Names have 1 to 64 characters: ASCII letters, digits, `-` and `_`.
    #[error("{name:?} is no name for a cursor: 1 to 64 of A-Z, a-z, 0-9, '-' and '_'")]
    Name {
        /// What was given.
        name: String,
    },
    /// There are as many as there may be.
    #[error("the journal has {count} cursors already")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// Somebody has the cursor open.
    #[error("cursor {name} is in use")]
    InUse {
        /// Which.
        name: String,
    },
    /// It belongs to another journal.
    #[error("cursor {name} belongs to another journal")]
    Foreign {
        /// Which.
        name: String,
    },
    /// Neither place of its file is intact.
    #[error("cursor {name} is damaged: how far its consumer came is not known")]
    Damaged {
        /// Which.
        name: String,
    },
    /// It stands behind the journal's end: the records before it were lost.
    #[error("cursor {name} stands at {position}, and the journal ends at {end}")]
    Ahead {
        /// Which.
        name: String,
        /// Where it stands.
        position: Offset,
        /// The next record to be written.
        end: Offset,
    },
    /// A cursor does not go back.
    #[error("the cursor stands at {position} and does not go back to {asked}")]
    Back {
        /// Where it stands.
        position: Offset,
        /// What was asked for.
        asked: Offset,
    },
    /// The result is too long.
    #[error("the result has {bytes} bytes and may have {bytes_max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The system refused; the cursor stands where it stood, or where it was to stand.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Why [`Journal::tend`](super::Journal::tend) did not do all.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TendError {
    /// A sync failed.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// A segment was not made or removed.
    #[error(transparent)]
    Segment(#[from] AppendError),
}
