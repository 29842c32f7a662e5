//! What validators tell the process that coordinates them: one line of JSON each.

use claude_flow::certify::Finding;
use serde::{Deserialize, Serialize};

/// What a validator tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// Its consensus node is up.
    Up,
    /// It begins a check.
    Begun {
        /// Which.
        check: String,
    },
    /// It has ended a check.
    Ended {
        /// Which.
        check: String,
        /// What follows.
        finding: Finding,
        /// What was seen.
        cause: String,
        /// Whether an earlier run had seen it.
        is_reused: bool,
        /// How long it took.
        seconds: f64,
    },
    /// It has voted.
    Voted {
        /// The signed ballot's fields.
        ballot: BallotLine,
    },
}

/// A signed ballot as text; digests and signature in hexadecimal digits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct BallotLine {
    /// PASS, PARTIAL or FAIL.
    pub(super) vote: String,
    /// In percent.
    pub(super) confidence: u8,
    /// The digest of the evidence document.
    pub(super) evidence: String,
    /// Over the ballot.
    pub(super) signature: String,
}
