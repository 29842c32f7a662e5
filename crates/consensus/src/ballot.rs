//! What one validator says about a subject, and what the ballots add up to.

use std::sync::Arc;

use crate::digest::{Digest, Domain};
use crate::message::{Kind, Statement};
use crate::quorum::ValidatorId;
use crate::roster::Roster;
use crate::signature::{Signature, Verifier};

/// What a validator finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Vote {
    /// Not good; worth nothing.
    Fail,
    /// Good in part; worth a quarter of a vote.
    Partial,
    /// Good; worth a vote.
    Pass,
}

impl Vote {
    /// What the vote is worth, in quarters.
    #[must_use]
    pub const fn quarters(self) -> u32 {
        match self {
            Self::Fail => 0,
            Self::Partial => 1,
            Self::Pass => Score::QUARTERS_PER_VOTE,
        }
    }
}

/// How sure a validator says it is, 0 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Confidence(u8);

impl Confidence {
    /// A confidence in percent; `None` above 100.
    #[must_use]
    pub const fn from_percent(percent: u8) -> Option<Self> {
        if percent > 100 {
            return None;
        }
        Some(Self(percent))
    }

    /// 0 to 100.
    #[must_use]
    pub const fn percent(self) -> u8 {
        self.0
    }
}

/// A sum of votes, in quarters of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Score(u32);

impl Score {
    /// A vote has four quarters.
    pub const QUARTERS_PER_VOTE: u32 = 4;

    /// A score of so many quarters.
    #[must_use]
    pub const fn from_quarters(quarters: u32) -> Self {
        Self(quarters)
    }

    /// 14 quarters are 3.5 votes.
    #[must_use]
    pub const fn quarters(self) -> u32 {
        self.0
    }
}

/// One validator's ballot on one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ballot {
    /// What is voted on.
    pub subject: Digest,
    /// What the validator finds.
    pub vote: Vote,
    /// How sure it is.
    pub confidence: Confidence,
    /// What the finding rests on.
    pub evidence: Digest,
}

impl Ballot {
    /// What the validator signs.
    #[must_use]
    pub fn statement(&self) -> Statement {
        let mut bytes = [0; 66];
        bytes[..32].copy_from_slice(self.subject.as_bytes());
        bytes[32] = vote_tag(self.vote);
        bytes[33] = self.confidence.percent();
        bytes[34..].copy_from_slice(self.evidence.as_bytes());
        Statement {
            kind: Kind::Ballot,
            view: 0,
            seq: 0,
            digest: Digest::of(Domain::Ballot, &bytes),
        }
    }
}

/// How a vote is written.
pub(crate) const fn vote_tag(vote: Vote) -> u8 {
    match vote {
        Vote::Fail => 0,
        Vote::Partial => 1,
        Vote::Pass => 2,
    }
}

/// A ballot with the validator's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignedBallot {
    /// Whose ballot.
    pub validator: ValidatorId,
    /// What it says.
    pub ballot: Ballot,
    /// Over the ballot's statement.
    pub signature: Signature,
}

/// The ballots on one subject: what the validators agree on.
///
/// Agreement is on the ballots and not on a verdict, which anyone can add up from them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Proposal {
    /// What was voted on.
    pub subject: Digest,
    /// In ascending order of validators, at most one each, all on the subject.
    pub ballots: Vec<SignedBallot>,
    /// The roster of the next epoch, if that is what was voted on: its digest is the subject then.
    pub next: Option<Arc<Roster>>,
}

impl Proposal {
    /// Whether a replica may vote for this proposal: the ballots are genuine, in order, on the
    /// subject, and at least one of them is an honest validator's (`f + 1` of them); a roster is
    /// the one that was voted on and can follow this one.
    ///
    /// # Complexity
    ///
    /// One signature check a ballot.
    #[must_use]
    pub fn is_valid(&self, roster: &Roster, verifier: &dyn Verifier) -> bool {
        let voters: crate::quorum::VoterSet =
            self.ballots.iter().map(|signed| signed.validator).collect();
        let is_next =
            |next: &Arc<Roster>| next.digest() == self.subject && next.can_follow(roster, verifier);
        roster.weak().is_reached(voters)
            && self.next.as_ref().is_none_or(is_next)
            && self
                .ballots
                .is_sorted_by(|one, next| one.validator < next.validator)
            && self.ballots.iter().all(|signed| {
                roster.contains(signed.validator) && signed.ballot.subject == self.subject
            })
            && verifier.are_signed(&mut self.ballots.iter().map(|signed| {
                let said = signed.ballot.statement().encode(&roster.digest());
                (signed.validator, said, signed.signature)
            }))
    }
}
