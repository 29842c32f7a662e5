//! What can be wrong with a roster, with bytes, and with a promise.

use thiserror::Error;

use crate::message::Statement;
use crate::quorum::ValidatorId;

/// Why a roster or a threshold cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RosterError {
    /// No validators, or too many.
    #[error("a roster has 1 to 64 validators, not {n}")]
    Size {
        /// How many there are.
        n: u32,
    },
    /// More liars than any protocol stands.
    #[error("{n} validators stand fewer than {f} liars: n must be at least 3f + 1")]
    TooManyFaults {
        /// How many validators there are.
        n: u32,
        /// How many liars were asked for.
        f: u32,
    },
    /// A threshold at which the liars decide.
    #[error(
        "an approval threshold of {votes} lets the liars decide: it must be above {above} and at most {most}"
    )]
    Threshold {
        /// The threshold.
        votes: u32,
        /// It must be more than this.
        above: u32,
        /// It must not be more than this.
        most: u32,
    },
    /// Two validators with one key are one validator with two votes.
    #[error("validators {first} and {second} have the same key")]
    SameKey {
        /// The earlier one.
        first: ValidatorId,
        /// The later one.
        second: ValidatorId,
    },
    /// The bytes are no ed25519 key.
    #[error("the key of validator {validator} is not an ed25519 public key")]
    Key {
        /// Whose key.
        validator: ValidatorId,
    },
}

/// Why a replica cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The replica's place is not in the roster.
    #[error("validator {validator} is not in the roster")]
    NotInRoster {
        /// The place.
        validator: ValidatorId,
    },
    /// Checkpoints must come more than once in a window, or the pipeline stands still.
    #[error("a window of {window} with a checkpoint every {interval} cannot move")]
    Window {
        /// Slots between the watermarks.
        window: u64,
        /// Slots between checkpoints.
        interval: u64,
    },
    /// A time-out of no length.
    #[error("a time-out is 0")]
    Timeout,
    /// The log holds what no replica of this roster writes.
    #[error("record {index} of the log is not this replica's")]
    Log {
        /// From 0.
        index: usize,
    },
}

/// Why bytes are not a message, a proposal or a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Bytes are missing.
    #[error("the bytes end early")]
    Short,
    /// Bytes are left over.
    #[error("bytes are left over")]
    Long,
    /// More bytes, or more of something, than is ever sent.
    #[error("a limit is exceeded")]
    Limit,
    /// Written by another version.
    #[error("the version {0} is not known")]
    Version(u8),
    /// A number that stands for nothing.
    #[error("the tag {0} is not known")]
    Tag(u8),
    /// There is one way to write it, and this is another.
    #[error("the encoding is not the canonical one")]
    NotCanonical,
    /// No validators could be of such a roster.
    #[error("the roster cannot be")]
    Roster,
    /// The statement does not name its body's digest.
    #[error("the digest is not that of the body")]
    Digest,
}

/// Why the guard does not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Something else was promised in this place.
    #[error("{wanted:?} contradicts the promise {given:?}")]
    Contradiction {
        /// What was to be signed.
        wanted: Statement,
        /// What was signed before.
        given: Statement,
    },
    /// A VIEW-CHANGE gave up this view.
    #[error("view {view} was given up for view {floor}")]
    OldView {
        /// The view.
        view: u64,
        /// The view of the last VIEW-CHANGE.
        floor: u64,
    },
    /// A stable checkpoint covers this place, and what was promised there is forgotten.
    #[error("slot {seq} is below the stable checkpoint {floor}")]
    Settled {
        /// The slot.
        seq: u64,
        /// The checkpoint.
        floor: u64,
    },
    /// What was promised up to here is lost.
    #[error("what was promised up to view {view} and slot {seq} is forgotten")]
    Forgotten {
        /// The latest view in which something may have been promised.
        view: u64,
        /// The latest slot for which something may have been promised.
        seq: u64,
    },
    /// As many subjects are open as the guard remembers.
    #[error("too many ballots are open")]
    TooManyBallots,
}
