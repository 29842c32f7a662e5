//! What a validator saw.

use claude_flow_consensus::{Digest, Domain};
use serde::{Deserialize, Serialize};

use crate::targets::Unit;

/// The form of the document that is written here.
pub(crate) const VERSION: u32 = 1;

/// Everything that one validator saw: what its ballot rests on.
///
/// Its bytes are [`encode`](Self::encode)'s, and their digest is in the ballot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceDocument {
    /// The form of the document: 1.
    pub version: u32,
    /// The digest of what is voted on, in hexadecimal digits.
    pub subject: String,
    /// Whose evidence.
    pub validator: String,
    /// Where it was seen.
    pub machine: Machine,
    /// One for each check that was tried, in the order of the targets.
    pub evidence: Vec<Evidence>,
}

impl Default for EvidenceDocument {
    /// Of nobody, on nothing.
    fn default() -> Self {
        Self {
            version: VERSION,
            subject: String::new(),
            validator: String::new(),
            machine: Machine::default(),
            evidence: Vec::new(),
        }
    }
}

impl EvidenceDocument {
    /// The document's bytes: JSON without blanks, fields in the order of the types.
    ///
    /// # Panics
    ///
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and whole numbers can be written")
    }

    /// What goes into the ballot.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Domain::Evidence, &self.encode())
    }
}

/// The machine on which something was seen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// The operating system and architecture.
    pub system: String,
    /// The processor's name.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: u32,
}

/// What was seen of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Which check.
    pub check: String,
    /// What came out.
    pub outcome: Outcome,
    /// What the command exited with; none if it was not run or was killed.
    pub exit_code: Option<i32>,
    /// What the command printed; none if it was not run.
    pub raw: Option<Raw>,
    /// The system's load over one minute before and after, in hundredths; none where it is not told.
    pub load: Option<[u32; 2]>,
    /// When, in seconds since 1970.
    pub made_unix_s: u64,
    /// Whether it was made by an earlier run, from the same tree by the same command.
    pub is_reused: bool,
}

impl Evidence {
    /// An outcome with nothing known about how it came about.
    #[must_use]
    pub fn of(check: &str, outcome: Outcome) -> Self {
        Self {
            check: check.to_owned(),
            outcome,
            exit_code: None,
            raw: None,
            load: None,
            made_unix_s: 0,
            is_reused: false,
        }
    }
}

/// A kept output: the file `<check>.log` in the validator's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raw {
    /// Its length.
    pub size_bytes: u64,
    /// Its blake3 digest in hexadecimal digits.
    pub blake3: String,
}

impl Raw {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size_bytes: bytes.len() as u64,
            blake3: blake3::hash(bytes).to_hex().to_string(),
        }
    }
}

/// What came out of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Outcome {
    /// Something holds, or does not.
    Fact {
        /// Whether it does.
        holds: bool,
        /// What shows it, for people.
        cause: String,
    },
    /// Something was measured.
    Value(Measured),
    /// It could not be checked.
    Skipped {
        /// Why not.
        reason: String,
    },
}

/// A value and how good it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The median, in the unit.
    pub value: u64,
    /// What the value counts.
    pub unit: Unit,
    /// How far apart the runs were, in percent of the median; none with one run.
    pub spread_percent: Option<u32>,
    /// How many samples are behind it.
    pub samples: u64,
    /// What was measured, where the target says `*`.
    pub figure: String,
}
