//! What replicas say to each other.

use std::sync::Arc;

use crate::ballot::Proposal;
use crate::digest::{Digest, Domain};
use crate::error::DecodeError;
use crate::handover::Origin;
use crate::quorum::{AgreementQuorum, ValidatorId, VoterSet};
use crate::roster::Roster;
use crate::signature::{Signature, Verifier};
use crate::wire;

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The primary puts a proposal into a slot.
    PrePrepare,
    /// A backup has seen this proposal in this slot, and no other one in this view.
    Prepare,
    /// A replica holds the proof that a quorum has.
    Commit,
    /// A replica has decided everything up to here, with this digest.
    Checkpoint,
    /// A replica leaves for this view, and says nothing in earlier ones any more.
    ViewChange,
    /// The primary of a view shows that a quorum wants it.
    NewView,
    /// A proposal to be ordered, or one that was asked for.
    Request,
    /// The sender lacks the proposal of this digest.
    Fetch,
    /// How far the sender is.
    Status,
    /// A validator's ballot; it travels in proposals.
    Ballot,
}

impl Kind {
    /// Whether saying it binds the sender, so that it must be durable before it is sent and never
    /// contradicted.
    #[must_use]
    pub const fn is_promise(self) -> bool {
        !matches!(self, Self::Request | Self::Fetch | Self::Status)
    }

    /// The number that stands for the kind in signed and sent bytes.
    #[must_use]
    pub const fn tag(self) -> u8 {
        match self {
            Self::PrePrepare => 1,
            Self::Prepare => 2,
            Self::Commit => 3,
            Self::Checkpoint => 4,
            Self::ViewChange => 5,
            Self::NewView => 6,
            Self::Request => 7,
            Self::Fetch => 8,
            Self::Status => 9,
            Self::Ballot => 10,
        }
    }
}

/// What a signature is over: who signs is known from the key, what for from these four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement {
    /// What it does.
    pub kind: Kind,
    /// In which view; 0 where views play no part.
    pub view: u64,
    /// For which slot; from 1.
    pub seq: u64,
    /// About what.
    pub digest: Digest,
}

impl Statement {
    /// The length of a signed statement.
    pub const BYTES: usize = 98;

    /// The bytes that are signed.
    #[must_use]
    pub fn encode(&self, roster: &Digest) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(b"cf/consensus/say");
        bytes[16] = wire::VERSION;
        bytes[17] = self.kind.tag();
        bytes[18..50].copy_from_slice(roster.as_bytes());
        bytes[50..58].copy_from_slice(&self.view.to_le_bytes());
        bytes[58..66].copy_from_slice(&self.seq.to_le_bytes());
        bytes[66..].copy_from_slice(self.digest.as_bytes());
        bytes
    }
}

/// A signed message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message {
    /// Who says to have signed it.
    pub sender: ValidatorId,
    /// What is signed.
    pub statement: Statement,
    /// Over the statement.
    pub signature: Signature,
    /// What the statement's digest is of, where it has to be sent along.
    pub body: Body,
}

/// What comes with a statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Body {
    /// Nothing.
    Empty,
    /// With PRE-PREPARE and REQUEST.
    Proposal(Arc<Proposal>),
    /// With VIEW-CHANGE.
    ViewChange(Arc<ViewChange>),
    /// With NEW-VIEW.
    NewView(Arc<NewView>),
    /// With STATUS.
    Status {
        /// The sender's last stable checkpoint.
        stable: u64,
    },
}

impl Body {
    /// What the statement of a VIEW-CHANGE, NEW-VIEW or STATUS with this body names.
    #[must_use]
    pub fn digest(&self) -> Digest {
        wire::body_digest(self)
    }
}

/// The body of a VIEW-CHANGE: C and P of OSDI '99, §4.4.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ViewChange {
    /// C: proof of the sender's last stable checkpoint.
    pub stable: Certificate,
    /// P: for each slot above that checkpoint the prepared certificate of the latest view, in
    /// ascending order of slots.
    pub prepared: Vec<Certificate>,
}

/// The body of a NEW-VIEW: V and O of OSDI '99, §4.4.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NewView {
    /// V: VIEW-CHANGE messages for this view from a quorum, in ascending order of senders.
    pub changes: Vec<Message>,
    /// O: the PRE-PREPAREs of the slots from the one after the latest stable checkpoint in V on,
    /// without a gap: digest and the new primary's signature.
    pub proposals: Vec<(Digest, Signature)>,
}

/// Signatures of several validators.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct SignatureSet {
    // Invariant: as many signatures as signers, in ascending order of signers.
    signers: VoterSet,
    // Shared, because a certificate goes into the log, to the application and into the state.
    signatures: Arc<[Signature]>,
}

impl SignatureSet {
    /// Takes signatures in any order; of several by one signer it keeps the first.
    ///
    /// # Complexity
    ///
    /// The iterator is gone through once for each signer; allocates once.
    pub fn new<I>(votes: I) -> Self
    where
        I: IntoIterator<Item = (ValidatorId, Signature), IntoIter: Clone>,
    {
        let votes = votes.into_iter();
        let signers: VoterSet = votes.clone().map(|(signer, _)| signer).collect();
        let signature = |signer| votes.clone().find(|(other, _)| *other == signer);
        let signatures = signers.iter().filter_map(signature);
        // Counted first, so that the signatures are put straight into their place.
        let mut signatures = signatures.map(|(_, signature)| signature);
        let none = Signature([0; Signature::BYTES]);
        let signatures = (0..signers.count()).map(|_| signatures.next().unwrap_or(none));
        Self {
            signers,
            signatures: signatures.collect(),
        }
    }

    /// As many signatures as signers, in the order of signers.
    pub(crate) fn of_signers(signers: VoterSet, signatures: Arc<[Signature]>) -> Self {
        debug_assert_eq!(signers.count() as usize, signatures.len());
        Self {
            signers,
            signatures,
        }
    }

    /// Who signed.
    #[must_use]
    pub const fn signers(&self) -> VoterSet {
        self.signers
    }

    /// In ascending order of signers.
    pub fn iter(&self) -> impl Iterator<Item = (ValidatorId, &Signature)> {
        self.signers.iter().zip(self.signatures.iter())
    }
}

/// Proof that a quorum said the same.
///
/// - kind [`Kind::Commit`]: a decision.
/// - kind [`Kind::Checkpoint`]: a stable checkpoint.
/// - kind [`Kind::Prepare`]: a prepared proposal; the primary's signature is over its PRE-PREPARE.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Certificate {
    /// What they said.
    pub statement: Statement,
    /// Who said it.
    pub votes: SignatureSet,
}

impl Certificate {
    /// The checkpoint that the first epoch begins with and nobody signs.
    #[must_use]
    pub fn genesis() -> Self {
        Self::of_origin(Origin::genesis())
    }

    /// The checkpoint that an epoch begins with and nobody of it signs.
    #[must_use]
    pub(crate) fn of_origin(origin: Origin) -> Self {
        Self {
            statement: Statement {
                kind: Kind::Checkpoint,
                view: 0,
                seq: origin.seq,
                digest: origin.chain,
            },
            votes: SignatureSet::default(),
        }
    }

    /// Whether a quorum signed it.
    ///
    /// # Complexity
    ///
    /// One signature check a signer.
    #[must_use]
    pub fn is_valid(
        &self,
        roster: &Roster,
        verifier: &dyn Verifier,
        quorum: AgreementQuorum,
    ) -> bool {
        let Statement {
            kind, view, seq, ..
        } = self.statement;
        if kind == Kind::Checkpoint && seq == 0 {
            return *self == Self::genesis();
        }
        let primary = roster.primary(view);
        let is_prepared = kind == Kind::Prepare;
        if seq == 0
            || !self.votes.signers.is_within(roster.committee().n())
            || !quorum.is_reached(self.votes.signers)
            || is_prepared && !self.votes.signers.contains(primary)
        {
            return false;
        }
        let said = self.statement.encode(&roster.digest());
        let proposed = Statement {
            kind: Kind::PrePrepare,
            ..self.statement
        };
        verifier.are_signed(&mut self.votes.iter().map(|(signer, signature)| {
            if is_prepared && signer == primary {
                (signer, proposed.encode(&roster.digest()), *signature)
            } else {
                (signer, said, *signature)
            }
        }))
    }
}

/// A slot that is decided, with the proof.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Decision {
    /// Of kind [`Kind::Commit`].
    pub certificate: Certificate,
    /// What was decided; `None` for a null request.
    pub proposal: Option<Arc<Proposal>>,
}

/// Anything that one replica sends to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Packet {
    /// Believed because of its sender's signature.
    Signed(Message),
    /// Believed because of its certificate, whoever sends it.
    Decision(Decision),
    /// A stable checkpoint, believed because of its certificate, whoever sends it.
    Stable(Certificate),
}

impl Packet {
    /// The bytes to send.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode_packet(self)
    }

    /// How many bytes [`encode`](Self::encode) gives.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        wire::packet_bytes(self)
    }

    /// Reads any bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for bytes that no correct replica writes. Signatures are not looked at.
    ///
    /// # Complexity
    ///
    /// Linear in the bytes; allocates in proportion to them.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        wire::decode_packet(bytes)
    }
}

/// A packet whose digests are those of its bodies, because it was read from bytes or made by a
/// replica.
///
/// Several replicas in one process can be given it instead of the bytes, which are then encoded,
/// decoded and digested at most once. Signatures are not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parsed(Packet);

impl Parsed {
    /// Reads any bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Packet::decode`].
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        Packet::decode(bytes).map(Self)
    }

    /// What a replica says.
    pub(crate) const fn made(packet: Packet) -> Self {
        Self(packet)
    }

    /// What was read.
    #[must_use]
    pub const fn packet(&self) -> &Packet {
        &self.0
    }
}

/// Two signed statements of one validator of which an honest one makes at most one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FaultProof {
    /// Who contradicts itself.
    pub accused: ValidatorId,
    /// What it said first, as the accuser saw it.
    pub first: (Statement, Signature),
    /// What it said then.
    pub second: (Statement, Signature),
}

impl FaultProof {
    /// Whether the proof holds: both signed, both promises, one place, two different digests.
    #[must_use]
    pub fn is_valid(&self, roster: &Roster, verifier: &dyn Verifier) -> bool {
        let [one, two] = [self.first.0, self.second.0];
        let is_one_place = (one.kind, one.view, one.seq) == (two.kind, two.view, two.seq);
        let is_vote = matches!(
            one.kind,
            Kind::PrePrepare | Kind::Prepare | Kind::Commit | Kind::Checkpoint
        );
        is_vote
            && is_one_place
            && one.digest != two.digest
            && [&self.first, &self.second]
                .iter()
                .all(|(statement, signature)| {
                    verifier.is_signed(self.accused, &statement.encode(&roster.digest()), signature)
                })
    }
}

/// The digest of having decided nothing.
pub(crate) fn chain_genesis() -> Digest {
    Digest::of(Domain::Chain, &[])
}

/// The digest of everything decided up to a slot.
#[must_use]
pub fn chain(before: &Digest, seq: u64, decided: &Digest) -> Digest {
    let mut bytes = [0; 72];
    bytes[..32].copy_from_slice(before.as_bytes());
    bytes[32..40].copy_from_slice(&seq.to_le_bytes());
    bytes[40..].copy_from_slice(decided.as_bytes());
    Digest::of(Domain::Chain, &bytes)
}
