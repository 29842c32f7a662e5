//! A group in one process, on threads.

use std::sync::Arc;
use std::time::Duration;

use claude_flow_consensus::{
    Ballot, Confidence, Decision, Digest, Ed25519Signer, Ed25519Verifier, Options, Proposal,
    Roster, RosterError, RosterOptions, SignedBallot, Tally, ValidatorId, Vote, tally,
};
use thiserror::Error;

use crate::journal::{Journal, Memory};
use crate::node::{Node, NodeError, NodeHandle, NodeOptions, Outbox, RunError};

/// How long a decision may take, view changes included.
const DECISION_TIMEOUT: Duration = Duration::from_secs(30);

/// The validators of a group with their keys, in one hand.
#[derive(Debug)]
pub struct Group {
    roster: Roster,
    signers: Vec<Ed25519Signer>,
}

impl Group {
    /// A group of `validators`, of which `faults` may lie, with fresh keys; a subject needs
    /// `approval_votes`.
    ///
    /// # Errors
    ///
    /// [`SwarmError::Roster`], and [`SwarmError::Random`] if the system has no random numbers.
    pub fn generate(validators: u32, faults: u32, approval_votes: u32) -> Result<Self, SwarmError> {
        let mut signers = Vec::new();
        for _ in 0..validators {
            let mut secret = [0; 32];
            getrandom::fill(&mut secret).map_err(|_| SwarmError::Random)?;
            signers.push(Ed25519Signer::from_secret(&secret));
        }
        let keys = signers.iter().map(Ed25519Signer::public_key).collect();
        let roster = Roster::new(RosterOptions {
            epoch: 1,
            keys,
            faults,
            approval_votes,
        })?;
        Ok(Self { roster, signers })
    }

    /// Who validates.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }
}

/// What one validator finds about a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opinion {
    /// What it finds.
    pub vote: Vote,
    /// How sure it is.
    pub confidence: Confidence,
    /// What the finding rests on.
    pub evidence: Digest,
}

/// A decision with what its ballots add up to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The certificate and the ballots.
    pub decision: Decision,
    /// The verdict.
    pub tally: Tally,
}

/// Why a swarm cannot be, or does not decide.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SwarmError {
    /// There is no such roster.
    #[error(transparent)]
    Roster(#[from] RosterError),
    /// The system gives no random numbers to make keys of.
    #[error("the system gives no random numbers")]
    Random,
    /// A validator cannot run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A validator refuses.
    #[error("validator {validator}: {source}")]
    Node {
        /// Which.
        validator: ValidatorId,
        /// Why.
        source: NodeError,
    },
}

/// A group in one process, one thread a validator.
///
/// Its journals are in memory: the group ends with the process, and its certificates prove what was
/// decided but nobody is bound by them afterwards.
///
/// # Examples
///
/// ```
/// use claude_flow_consensus::{Confidence, Digest, Domain, Verdict, Vote};
/// use claude_flow_consensus_node::{Group, Opinion, Swarm};
///
/// let swarm = Swarm::in_process(Group::generate(5, 1, 3)?)?;
/// let opinion = Opinion {
///     vote: Vote::Pass,
///     confidence: Confidence::from_percent(90).expect("90 is a percentage"),
///     evidence: Digest::of(Domain::Evidence, b"all tests passed"),
/// };
/// let subject = Digest::of(Domain::Subject, b"release 1.4.0");
/// let decided = swarm.decide(subject, &[Some(opinion); 5])?;
/// assert_eq!(decided.tally.verdict, Verdict::Pass);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Swarm {
    roster: Roster,
    nodes: Vec<Node>,
}

impl Swarm {
    /// Starts a group on threads of this process.
    ///
    /// # Errors
    ///
    /// [`SwarmError`].
    pub fn in_process(group: Group) -> Result<Self, SwarmError> {
        let Group { roster, signers } = group;
        let verifier = Arc::new(Ed25519Verifier::with_tables(roster.keys())?);
        let count = roster.committee().n();
        let handles: Vec<_> = roster
            .validators()
            .map(|me| NodeHandle::new(me, count))
            .collect();
        let mut nodes = Vec::new();
        for (signer, handle) in signers.into_iter().zip(&handles) {
            let me = handle.validator();
            let options = NodeOptions {
                replica: Options::new(roster.clone(), me),
                signer: Arc::new(signer),
                verifier: verifier.clone(),
                journal: Journal::Memory(Memory::default()),
            };
            let outbox = Neighbours {
                me,
                handles: handles.clone(),
            };
            nodes.push(Node::start(options, Box::new(outbox), handle.clone())?);
        }
        Ok(Self { roster, nodes })
    }

    /// Who validates.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// A way to each validator.
    pub fn handles(&self) -> impl Iterator<Item = NodeHandle> {
        self.nodes.iter().map(Node::handle)
    }

    /// Has the validators vote on a subject, by their place in the roster, and agree on the ballots.
    ///
    /// Waits up to 30 s.
    ///
    /// # Errors
    ///
    /// [`SwarmError::Node`].
    pub fn decide(
        &self,
        subject: Digest,
        opinions: &[Option<Opinion>],
    ) -> Result<Decided, SwarmError> {
        let mut ballots = Vec::new();
        for (node, opinion) in self.nodes.iter().zip(opinions) {
            if let Some(opinion) = opinion {
                ballots.push(cast(node, subject, *opinion)?);
            }
        }
        self.agree(Proposal {
            subject,
            ballots,
            next: None,
        })
    }

    /// Has the group agree on ballots that are signed already.
    ///
    /// # Errors
    ///
    /// [`SwarmError::Node`].
    pub fn agree(&self, proposal: Proposal) -> Result<Decided, SwarmError> {
        // The primary of the first view; if it is not the primary any more it hands on.
        let primary = self.roster.primary(0);
        let node = &self.nodes[primary.0 as usize];
        let decision = node
            .handle()
            .submit(Arc::new(proposal), DECISION_TIMEOUT)
            .map_err(|source| SwarmError::Node {
                validator: primary,
                source,
            })?;
        let ballots = decision.proposal.as_ref().map(|it| it.ballots.as_slice());
        let tally = tally(&self.roster, ballots.unwrap_or_default());
        Ok(Decided { decision, tally })
    }
}

fn cast(node: &Node, subject: Digest, opinion: Opinion) -> Result<SignedBallot, SwarmError> {
    let Opinion {
        vote,
        confidence,
        evidence,
    } = opinion;
    let ballot = Ballot {
        subject,
        vote,
        confidence,
        evidence,
    };
    let handle = node.handle();
    handle
        .cast(ballot, DECISION_TIMEOUT)
        .map_err(|source| SwarmError::Node {
            validator: handle.validator(),
            source,
        })
}

/// Sends by putting into the others' inboxes.
struct Neighbours {
    me: ValidatorId,
    handles: Vec<NodeHandle>,
}

impl Outbox for Neighbours {
    fn send(&mut self, to: ValidatorId, bytes: &Arc<[u8]>) {
        if let Some(handle) = self.handles.get(to.0 as usize) {
            // What a full inbox drops is said again.
            let _ = handle.try_packet(self.me, bytes);
        }
    }
}
