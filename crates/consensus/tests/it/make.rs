//! Rosters, keys and values for the tests.

use std::sync::Arc;

use claude_flow_consensus::{
    Ballot, Body, Certificate, Confidence, Decision, Digest, Domain, Ed25519Signer, Kind, Message,
    NewView, Packet, Proposal, PublicKey, Roster, RosterOptions, SignatureSet, SignedBallot,
    Signer, Statement, ValidatorId, ViewChange, Vote,
};

/// Validators with ed25519 keys made from their numbers.
pub(crate) struct Group {
    pub(crate) roster: Roster,
    pub(crate) signers: Vec<Ed25519Signer>,
}

impl Group {
    pub(crate) fn new(n: u8, faults: u32, approval_votes: u32) -> Self {
        let signers: Vec<_> = (1..=n)
            .map(|byte| Ed25519Signer::from_secret(&[byte; 32]))
            .collect();
        let keys = signers.iter().map(Ed25519Signer::public_key).collect();
        let roster = Roster::new(RosterOptions {
            epoch: 1,
            keys,
            faults,
            approval_votes,
        });
        Self {
            roster: roster.unwrap(),
            signers,
        }
    }

    pub(crate) fn message(&self, sender: u32, statement: Statement, body: Body) -> Message {
        let signature =
            self.signers[sender as usize].sign(&statement.encode(&self.roster.digest()));
        Message {
            sender: ValidatorId(sender),
            statement,
            signature,
            body,
        }
    }

    /// A certificate by the first `count` validators, of which the primary of its view proposed.
    pub(crate) fn certificate(&self, statement: Statement, count: u32) -> Certificate {
        let votes = (0..count).map(|signer| {
            let mut said = statement;
            let is_primary = self.roster.primary(statement.view) == ValidatorId(signer);
            if statement.kind == Kind::Prepare && is_primary {
                said.kind = Kind::PrePrepare;
            }
            let message = self.message(signer, said, Body::Empty);
            (message.sender, message.signature)
        });
        Certificate {
            statement,
            votes: SignatureSet::new(votes.collect::<Vec<_>>()),
        }
    }

    pub(crate) fn ballots(&self, votes: &[(Vote, u8)]) -> Vec<SignedBallot> {
        let cast = |(validator, (vote, percent)): (u32, &(Vote, u8))| {
            let ballot = Ballot {
                subject: subject(),
                vote: *vote,
                confidence: Confidence::from_percent(*percent).unwrap(),
                evidence: Digest::of(Domain::Evidence, &[*percent]),
            };
            let message = self.message(validator, ballot.statement(), Body::Empty);
            SignedBallot {
                validator: message.sender,
                ballot,
                signature: message.signature,
            }
        };
        (0..).zip(votes).map(cast).collect()
    }

    /// A proposal with the first validator's ballot; another for each number.
    pub(crate) fn proposal(&self, number: u64) -> Proposal {
        let subject = Digest::of(Domain::Subject, &number.to_le_bytes());
        let ballot = Ballot {
            subject,
            vote: Vote::Pass,
            confidence: Confidence::from_percent(90).unwrap(),
            evidence: subject,
        };
        let message = self.message(0, ballot.statement(), Body::Empty);
        let signed = SignedBallot {
            validator: message.sender,
            ballot,
            signature: message.signature,
        };
        let ballots = vec![signed];
        Proposal {
            subject,
            ballots,
            next: None,
        }
    }

    /// On the next roster, all of them for it.
    pub(crate) fn change(&self, next: &Roster) -> Proposal {
        let ballot = Ballot {
            subject: next.digest(),
            vote: Vote::Pass,
            confidence: Confidence::from_percent(90).unwrap(),
            evidence: subject(),
        };
        let ballots = self.roster.validators().map(|validator| SignedBallot {
            validator,
            ballot,
            signature: self
                .message(validator.0, ballot.statement(), Body::Empty)
                .signature,
        });
        Proposal {
            subject: next.digest(),
            ballots: ballots.collect(),
            next: Some(Arc::new(next.clone())),
        }
    }

    /// The votes of the report from which this project grew.
    pub(crate) fn golden_proposal(&self) -> Proposal {
        use Vote::{Partial, Pass};
        Proposal {
            subject: subject(),
            ballots: self.ballots(&[
                (Partial, 85),
                (Pass, 95),
                (Pass, 92),
                (Pass, 98),
                (Partial, 78),
            ]),
            next: None,
        }
    }

    /// One packet of each kind, with the name of its file.
    pub(crate) fn packets(&self) -> Vec<(&'static str, Packet)> {
        let proposal = Arc::new(self.golden_proposal());
        let say = |kind, view, seq, digest| Statement {
            kind,
            view,
            seq,
            digest,
        };
        let about = proposal.digest();
        let with_body = |sender, kind, view, seq, body: Body| {
            let statement = say(kind, view, seq, body.digest());
            self.message(sender, statement, body)
        };
        let change = |sender| {
            let body = Body::ViewChange(Arc::new(ViewChange {
                stable: Certificate::genesis(),
                prepared: vec![self.certificate(say(Kind::Prepare, 0, 1, about), 4)],
            }));
            with_body(sender, Kind::ViewChange, 1, 0, body)
        };
        let proposed = self.message(1, say(Kind::PrePrepare, 1, 1, about), Body::Empty);
        let new_view = Body::NewView(Arc::new(NewView {
            changes: (0..4).map(change).collect(),
            proposals: vec![(about, proposed.signature)],
        }));
        let chained = Digest::of(Domain::Chain, b"example");
        let vote = |kind| self.message(1, say(kind, 0, 1, about), Body::Empty);
        let with_proposal = |kind, seq| {
            let body = Body::Proposal(Arc::clone(&proposal));
            self.message(0, say(kind, 0, seq, about), body)
        };
        let signed = [
            ("pre_prepare", with_proposal(Kind::PrePrepare, 1)),
            (
                "null_pre_prepare",
                self.message(0, say(Kind::PrePrepare, 0, 2, Digest::NULL), Body::Empty),
            ),
            ("prepare", vote(Kind::Prepare)),
            ("commit", vote(Kind::Commit)),
            (
                "checkpoint",
                self.message(2, say(Kind::Checkpoint, 0, 64, chained), Body::Empty),
            ),
            ("view_change", change(3)),
            ("new_view", with_body(1, Kind::NewView, 1, 0, new_view)),
            ("request", with_proposal(Kind::Request, 0)),
            ("roster_request", {
                let change = self.change(&roster(2, keys(2, 7)));
                let said = say(Kind::Request, 0, 0, change.digest());
                self.message(3, said, Body::Proposal(Arc::new(change)))
            }),
            ("fetch", vote(Kind::Fetch)),
            (
                "status",
                with_body(4, Kind::Status, 1, 9, Body::Status { stable: 8 }),
            ),
        ];
        let decision = Packet::Decision(Decision {
            certificate: self.certificate(say(Kind::Commit, 0, 1, about), 4),
            proposal: Some(Arc::clone(&proposal)),
        });
        let stable = Packet::Stable(self.certificate(say(Kind::Checkpoint, 0, 64, chained), 4));
        let signed = signed.map(|(name, message)| (name, Packet::Signed(message)));
        let certified = [("decision", decision), ("stable", stable)];
        signed.into_iter().chain(certified).collect()
    }
}

pub(crate) fn subject() -> Digest {
    Digest::of(Domain::Subject, b"post-edit pipeline 1.4.0")
}

/// With as many liars as it stands.
pub(crate) fn roster(epoch: u64, keys: Vec<PublicKey>) -> Roster {
    let n = u32::try_from(keys.len()).unwrap();
    let faults = (n - 1) / 3;
    Roster::new(RosterOptions {
        epoch,
        keys,
        faults,
        approval_votes: faults + 1,
    })
    .unwrap()
}

/// Of secrets of 32 equal bytes.
pub(crate) fn keys(first: u8, count: u8) -> Vec<PublicKey> {
    (first..first + count)
        .map(|byte| Ed25519Signer::from_secret(&[byte; 32]).public_key())
        .collect()
}
