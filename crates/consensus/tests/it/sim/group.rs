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

/// Groups by validators, liars and whether keys are real.
type Made = Vec<((u32, u32, bool), Rc<Group>)>;

/// What one schedule is played with.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) roster: Roster,
    pub(crate) signers: Vec<Arc<dyn Signer>>,
    pub(crate) verifier: Arc<dyn Verifier>,
    /// On a subject each, with the ballots of one validator more than are needed.
    pub(crate) proposals: Vec<(Digest, Arc<Proposal>)>,
}

impl Group {
    /// With keys of ed25519 or with seals; what was made once is given again.
    ///
    /// From here on the thread digests as the group does: with blake3, or at little cost.
    pub(crate) fn of(n: u32, faults: u32, is_real: bool) -> Rc<Self> {
        thread_local! {
            static MADE: RefCell<Made> = const { RefCell::new(Vec::new()) };
        }
        simulated::switch(!is_real);
        let key = (n, faults, is_real);
        MADE.with_borrow_mut(|made| {
            if let Some((_, group)) = made.iter().find(|(other, _)| *other == key) {
                return Rc::clone(group);
            }
            let group = Rc::new(Self::make(n, faults, is_real));
            made.push((key, Rc::clone(&group)));
            group
        })
    }

    fn make(n: u32, faults: u32, is_real: bool) -> Self {
        let real: Vec<Ed25519Signer> = (0..n as u8)
            .map(|id| Ed25519Signer::from_secret(&[id + 1; 32]))
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
            epoch: 1,
            keys,
            faults,
            approval_votes: n - faults,
        });
        let mut group = Self {
            roster: roster.unwrap(),
            signers,
            verifier,
            proposals: Vec::new(),
        };
        group.proposals = (0..PROPOSALS_MAX)
            .map(|number| group.proposal(number))
            .map(|proposal| (proposal.digest(), Arc::new(proposal)))
            .collect();
        group
    }

    fn proposal(&self, number: usize) -> Proposal {
        let subject = Digest::of(Domain::Subject, &(number as u64).to_le_bytes());
        let ballots = (0..=self.roster.committee().f() + 1)
            .map(|id| self.ballot(number, subject, id))
            .collect();
        Proposal { subject, ballots }
    }

    fn ballot(&self, number: usize, subject: Digest, id: u32) -> SignedBallot {
        let ballot = Ballot {
            subject,
            vote: [Vote::Pass, Vote::Partial, Vote::Fail][(number + id as usize) % 3],
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
