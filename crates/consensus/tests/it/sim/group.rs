//! Keys, rosters and proposals; the same for all schedules with as many validators.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use claude_flow_consensus::{
    Ballot, Confidence, Digest, Domain, Ed25519Signer, Ed25519Verifier, Proposal, PublicKey,
    Roster, RosterOptions, SignedBallot, Signer, ValidatorId, Verifier, Vote, simulated,
};

use super::seals::{Seal, Seals};

/// How many proposals a schedule submits at most.
pub(crate) const PROPOSALS_MAX: usize = 64;

/// The proposal that changes the roster, in groups that have one.
pub(crate) const CHANGE: usize = PROPOSALS_MAX - 1;

/// What a group is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Make {
    pub(crate) n: u32,
    pub(crate) faults: u32,
    /// Whether keys are of ed25519, and not seals.
    pub(crate) is_real: bool,
    pub(crate) change: Option<Members>,
}

/// The validators of a second epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Members {
    pub(crate) n: u32,
    /// The first machine among them.
    pub(crate) first: u32,
    /// Whether those of the first epoch approve.
    pub(crate) is_approved: bool,
}

impl Members {
    pub(crate) const fn faults(self) -> u32 {
        (self.n - 1) / 3
    }
}

/// What one schedule is played with.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) roster: Roster,
    pub(crate) signers: Vec<Arc<dyn Signer>>,
    pub(crate) verifier: Arc<dyn Verifier>,
    /// On a subject each, with the ballots of one validator more than are needed.
    pub(crate) proposals: Vec<(Digest, Arc<Proposal>)>,
    /// The machine of validator 0; the others follow.
    pub(crate) first: u32,
    /// The group of the second epoch.
    pub(crate) next: Option<Rc<Self>>,
}

impl Group {
    /// What was made once is given again.
    ///
    /// From here on the thread digests as the group does: with blake3, or at little cost.
    pub(crate) fn of(make: Make) -> Rc<Self> {
        thread_local! {
            static MADE: RefCell<Vec<(Make, Rc<Group>)>> = const { RefCell::new(Vec::new()) };
        }
        simulated::switch(!make.is_real);
        let known = MADE.with_borrow(|made| {
            let found = made.iter().find(|(other, _)| *other == make);
            found.map(|(_, group)| Rc::clone(group))
        });
        known.unwrap_or_else(|| {
            let group = Rc::new(Self::make(make));
            MADE.with_borrow_mut(|made| made.push((make, Rc::clone(&group))));
            group
        })
    }

    /// Without a second epoch, and with seals.
    pub(crate) fn alone(n: u32, faults: u32) -> Rc<Self> {
        Self::of(Make {
            n,
            faults,
            is_real: false,
            change: None,
        })
    }

    fn make(make: Make) -> Self {
        let mut group = Self::of_epoch(1, make.n, make.faults, 0, make.is_real);
        if let Some(members) = make.change {
            let Members { n, first, .. } = members;
            let next = Self::of_epoch(2, n, members.faults(), first, make.is_real);
            let change = group.change(&next.roster, members.is_approved);
            group.proposals[CHANGE] = (change.digest(), Arc::new(change));
            group.next = Some(Rc::new(next));
        }
        group
    }

    fn of_epoch(epoch: u64, n: u32, faults: u32, first: u32, is_real: bool) -> Self {
        let real: Vec<Ed25519Signer> = (first as u8..(first + n) as u8)
            .map(|machine| Ed25519Signer::from_secret(&[machine + 1; 32]))
            .collect();
        let keys: Vec<PublicKey> = real.iter().map(Ed25519Signer::public_key).collect();
        let verifier: Arc<dyn Verifier> = if is_real {
            Arc::new(Ed25519Verifier::new(&keys).unwrap())
        } else {
            Arc::new(Seals { n })
        };
        let signers: Vec<Arc<dyn Signer>> = real
            .into_iter()
            .zip(0..)
            .map(|(signer, id)| -> Arc<dyn Signer> {
                if is_real {
                    Arc::new(signer)
                } else {
                    Arc::new(Seal { id })
                }
            })
            .collect();
        let roster = Roster::new(RosterOptions {
            epoch,
            keys,
            faults,
            approval_votes: n - faults,
        });
        let mut group = Self {
            roster: roster.unwrap(),
            signers,
            verifier,
            proposals: Vec::new(),
            first,
            next: None,
        };
        group.proposals = (0..PROPOSALS_MAX)
            .map(|number| group.proposal(number))
            .map(|proposal| (proposal.digest(), Arc::new(proposal)))
            .collect();
        group
    }

    /// All vote for the next roster, or all but for one too many.
    fn change(&self, next: &Roster, is_approved: bool) -> Proposal {
        let (n, f) = (self.roster.committee().n(), self.roster.committee().f());
        let subject = next.digest();
        let vote = |id| {
            if is_approved || id > f {
                Vote::Pass
            } else {
                Vote::Fail
            }
        };
        Proposal {
            subject,
            ballots: (0..n)
                .map(|id| self.ballot(subject, vote(id), id))
                .collect(),
            next: Some(Arc::new(next.clone())),
        }
    }

    fn proposal(&self, number: usize) -> Proposal {
        let subject = Digest::of(Domain::Subject, &(number as u64).to_le_bytes());
        let ballots = (0..=self.roster.committee().f() + 1)
            .map(|id| {
                let vote = [Vote::Pass, Vote::Partial, Vote::Fail][(number + id as usize) % 3];
                self.ballot(subject, vote, id)
            })
            .collect();
        Proposal {
            subject,
            ballots,
            next: None,
        }
    }

    fn ballot(&self, subject: Digest, vote: Vote, id: u32) -> SignedBallot {
        let ballot = Ballot {
            subject,
            vote,
            confidence: Confidence::from_percent(80).unwrap(),
            evidence: subject,
        };
        let said = ballot.statement().encode(&self.roster.digest());
        SignedBallot {
            validator: ValidatorId(id),
            ballot,
            signature: self.signers[id as usize].sign(&said),
        }
    }
}
