//! Who validates, how many of them may lie, and how much approval a subject needs.

use crate::digest::{Digest, Domain};
use crate::error::RosterError;
use crate::quorum::{AgreementQuorum, ApprovalThreshold, Committee, ValidatorId, WeakQuorum};
use crate::signature::{PublicKey, Verifier};

/// The validators of one epoch.
///
/// Its digest is part of everything that they sign, so that a signature given under one roster
/// means nothing under another.
///
/// # Examples
///
/// ```
/// use claude_flow_consensus::{PublicKey, Roster, RosterOptions};
///
/// let roster = Roster::new(RosterOptions {
///     epoch: 1,
///     keys: (0..5).map(|byte| PublicKey([byte; 32])).collect(),
///     faults: 1,
///     approval_votes: 3,
/// })?;
/// assert_eq!(roster.agreement().votes(), 4);
/// assert_eq!(roster.approval().votes(), 3);
/// # Ok::<(), claude_flow_consensus::RosterError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Roster {
    epoch: u64,
    // Invariant: as many as the committee's n, all different.
    keys: Vec<PublicKey>,
    committee: Committee,
    approval: ApprovalThreshold,
    digest: Digest,
}

/// What a roster is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterOptions {
    /// Rosters of one group are numbered.
    pub epoch: u64,
    /// The validators' keys; the place in this list is the validator's id.
    pub keys: Vec<PublicKey>,
    /// How many validators may lie.
    pub faults: u32,
    /// How much approval a subject needs, in whole votes.
    pub approval_votes: u32,
}

impl Roster {
    /// Checks and digests a roster.
    ///
    /// # Errors
    ///
    /// Those of [`Committee::new`] and [`Committee::approval`], and [`RosterError::SameKey`].
    pub fn new(options: RosterOptions) -> Result<Self, RosterError> {
        let RosterOptions {
            epoch,
            keys,
            faults,
            approval_votes,
        } = options;
        let n = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let committee = Committee::new(n, faults)?;
        let approval = committee.approval(approval_votes)?;
        for (second, key) in keys.iter().enumerate() {
            if let Some(first) = keys[..second].iter().position(|other| other == key) {
                let [first, second] = [first, second].map(validator);
                return Err(RosterError::SameKey { first, second });
            }
        }
        let mut roster = Self {
            epoch,
            keys,
            committee,
            approval,
            digest: Digest::NULL,
        };
        roster.digest = Digest::of(Domain::Roster, &roster.encode());
        Ok(roster)
    }

    /// The bytes of the roster.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        bytes.extend(self.epoch.to_le_bytes());
        for number in [
            self.committee.n(),
            self.committee.f(),
            self.approval.votes(),
        ] {
            bytes.extend(number.to_le_bytes());
        }
        for key in &self.keys {
            bytes.extend(key.0);
        }
        bytes
    }

    pub(crate) const fn encoded_len(&self) -> usize {
        20 + PublicKey::BYTES * self.keys.len()
    }

    /// Whether this roster can follow another one: it has the next number, and its keys are keys.
    ///
    /// # Complexity
    ///
    /// Decodes each key.
    #[must_use]
    pub fn can_follow(&self, before: &Self, verifier: &dyn Verifier) -> bool {
        before.epoch.checked_add(1) == Some(self.epoch) && verifier.are_keys(&self.keys)
    }

    /// The number of this roster among those of its group.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The validators' keys, by id.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// How many validators there are and how many may lie.
    #[must_use]
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// What it takes to agree.
    #[must_use]
    pub const fn agreement(&self) -> AgreementQuorum {
        self.committee.agreement()
    }

    /// What it takes for one honest validator to be among them.
    #[must_use]
    pub const fn weak(&self) -> WeakQuorum {
        self.committee.weak()
    }

    /// What it takes to approve.
    #[must_use]
    pub const fn approval(&self) -> ApprovalThreshold {
        self.approval
    }

    /// What everything signed under this roster names.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether there is such a validator.
    #[must_use]
    pub const fn contains(&self, validator: ValidatorId) -> bool {
        validator.0 < self.committee.n()
    }

    /// Who proposes in a view: view mod n (OSDI '99, §4).
    #[must_use]
    pub fn primary(&self, view: u64) -> ValidatorId {
        let place = view % u64::from(self.committee.n());
        ValidatorId(u32::try_from(place).unwrap_or_default())
    }

    /// Everyone.
    pub fn validators(&self) -> impl Iterator<Item = ValidatorId> + use<> {
        (0..self.committee.n()).map(ValidatorId)
    }
}

fn validator(index: usize) -> ValidatorId {
    ValidatorId(u32::try_from(index).unwrap_or(u32::MAX))
}
