//! One slot of the log between the watermarks.

use crate::digest::Digest;
use crate::message::Certificate;
use crate::quorum::{ValidatorId, VoterSet};
use crate::signature::Signature;

/// What a replica knows about one slot.
///
/// | field | of which view | forgotten |
/// |---|---|---|
/// | `proposed`, `prepares`, `commits` | the current one | on entering a view |
/// | `prepared` | the latest in which it was prepared here | at a stable checkpoint |
/// | `is_decided` | any | at a stable checkpoint |
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Slot {
    /// The digest in the primary's PRE-PREPARE, and its signature.
    pub(crate) proposed: Option<(Digest, Signature)>,
    pub(crate) prepares: Votes,
    pub(crate) commits: Votes,
    pub(crate) prepared: Option<Certificate>,
    pub(crate) is_decided: bool,
}

/// At most one vote of each validator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Votes {
    // Invariant: in ascending order of voters, so that the order of arrival leaves no trace.
    votes: Vec<(ValidatorId, Digest, Signature)>,
}

impl Votes {
    pub(crate) fn of(&self, voter: ValidatorId) -> Option<(Digest, Signature)> {
        let found = self.votes.iter().find(|(from, ..)| *from == voter);
        found.map(|(_, digest, signature)| (*digest, *signature))
    }

    /// The caller has seen that there is no vote of this validator yet.
    pub(crate) fn add(&mut self, voter: ValidatorId, digest: Digest, signature: Signature) {
        let place = self.votes.partition_point(|(from, ..)| *from <= voter);
        self.votes.insert(place, (voter, digest, signature));
    }

    /// Who voted for a digest.
    pub(crate) fn voters(&self, digest: &Digest) -> VoterSet {
        self.signatures(digest).map(|(voter, _)| voter).collect()
    }

    /// Everyone who voted, whatever for.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ValidatorId, Signature)> {
        self.votes
            .iter()
            .map(|(voter, _, signature)| (*voter, *signature))
    }

    pub(crate) fn signatures(
        &self,
        digest: &Digest,
    ) -> impl Iterator<Item = (ValidatorId, Signature)> {
        self.votes
            .iter()
            .filter(move |(_, other, _)| other == digest)
            .map(|(voter, _, signature)| (*voter, *signature))
    }

    /// How many entries there are for a digest.
    pub(crate) fn count(&self, digest: &Digest) -> usize {
        self.signatures(digest).count()
    }
}

impl Slot {
    /// Forgets what belongs to the view that is left.
    pub(crate) fn leave_view(&mut self) {
        self.proposed = None;
        self.prepares = Votes::default();
        self.commits = Votes::default();
    }
}
