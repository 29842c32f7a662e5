//! What can be wrong with a bus between processes.

use std::io;
use std::path::PathBuf;

use crate::EnvelopeError;

/// Why a process has no place at a bus.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttachError {
    /// The system refuses; a full disk among the reasons.
    #[error("{doing} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// There is no bus there, and none was to be made.
    #[error("there is no bus in {}", .path.display())]
    Absent {
        /// Where.
        path: PathBuf,
    },
    /// It belongs to another user, or others may use it, or it is no plain file or directory.
    #[error("{} {why}", .path.display())]
    NotOurs {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The bus was made by another version of this program.
    #[error("{} has version {found} of the layout, and this program knows {expected}", .path.display())]
    Version {
        /// Which file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The only one that this code knows.
        expected: u32,
    },
    /// The file is something else, or damaged.
    #[error("{} is no file of a bus: {why}", .path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another process keeps the directory locked.
    #[error("{} is locked by another process for longer than any change takes", .path.display())]
    Busy {
        /// Which directory.
        path: PathBuf,
    },
    /// Every place belongs to a process that lives.
    #[error("all {count} places for {what} are taken")]
    Crowded {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
    },
    /// A process that lives has the subscription.
    #[error("process {pid} receives as {name:?}")]
    Taken {
        /// The subscription's name.
        name: String,
        /// Who has it.
        pid: u32,
    },
    /// The subscription exists, for another pattern.
    #[error("the subscription {name:?} is for {found}; remove it first")]
    Pattern {
        /// The subscription's name.
        name: String,
        /// What it is for.
        found: String,
    },
    /// An option is out of its range.
    #[error("the option {name} is out of its range: {must}")]
    Option {
        /// Which.
        name: &'static str,
        /// What it must be.
        must: &'static str,
    },
    /// `/proc` does not tell who this process is.
    #[error("/proc does not tell who this process is: {0}")]
    Process(#[source] io::Error),
}

impl AttachError {
    /// Whether the disk, or the quota, is full: it can be tried again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(self, Self::Io { source, .. } if full.contains(&source.kind()))
    }
}

/// Why a message was not published: no subscriber has got it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A subscription that must not lose anything has no place, and made none in its time.
    #[error("the subscription {subscription:?} is full with {capacity} messages of this publisher")]
    Refused {
        /// Its name, or its pattern if it has none.
        subscription: String,
        /// How many fit.
        capacity: usize,
    },
    /// Every slot of the smallest class that is large enough is with a subscriber.
    #[error("all {slots} slots of {class_bytes} bytes of this publisher's pool are in use")]
    Exhausted {
        /// The size of the class's slots.
        class_bytes: usize,
        /// How many there are.
        slots: usize,
    },
    /// No slot is so large.
    #[error("{bytes} bytes are more than the {bytes_max} that a slot has")]
    TooLarge {
        /// The message with its envelope.
        bytes: usize,
        /// The largest slot.
        bytes_max: usize,
    },
    /// The key, the headers or the payload are beyond their limits.
    #[error("the key, the headers or the payload are longer than an envelope can say")]
    Limits,
    /// The way to a subscription that must not lose anything cannot be made.
    #[error("no way to the subscription {subscription:?}: {source}")]
    Lane {
        /// Its name, or its pattern if it has none.
        subscription: String,
        /// Why.
        source: AttachError,
    },
}

/// Why a subscriber receives nothing more, from one publisher or at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecvError {
    /// The subscription was removed.
    #[error("the subscription was removed")]
    Removed,
    /// What a publisher sent cannot be: it is left out from now on, the others go on.
    #[error("publisher {publisher} has damaged its memory: {why}")]
    Damaged {
        /// The number of its place.
        publisher: u32,
        /// What is wrong.
        why: &'static str,
    },
    /// The directory, or a file of a publisher, cannot be read.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// A message that was to be put aside could not be: it stays the first in its lane.
    #[error("the dead letter was not written: {0}")]
    DeadLetter(String),
    /// The bytes in front of a payload are no envelope.
    #[error("the message has no envelope: {0}")]
    Envelope(#[from] EnvelopeError),
}
