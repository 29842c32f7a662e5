//! The bytes of messages, proposals and certificates; `docs/spec.md` describes them.
//!
//! Every value has exactly one encoding: what decodes encodes to the same bytes.
//! A decoder never allocates more than the bytes in hand can fill.

use std::sync::Arc;

use crate::ballot::{Ballot, Confidence, Proposal, SignedBallot, Vote, vote_tag};
use crate::digest::{Digest, Domain};
use crate::error::DecodeError;
use crate::message::{
    Body, Certificate, Decision, Kind, Message, NewView, Packet, SignatureSet, Statement,
    ViewChange,
};
use crate::quorum::{VALIDATORS_MAX, ValidatorId, VoterSet};
use crate::roster::{Roster, RosterOptions};
use crate::signature::{PublicKey, Signature};

/// The version of everything that is signed or sent.
pub(crate) const VERSION: u8 = 1;

/// The longest packet: a NEW-VIEW of 64 validators with full windows of 128 slots.
pub const PACKET_BYTES_MAX: usize = 32 << 20;

/// The largest window, and with it the most slots that a VIEW-CHANGE can speak of.
pub const WINDOW_MAX: u64 = 128;

const DECISION_TAG: u8 = 32;
const STABLE_TAG: u8 = 33;

/// Statement, sender, signature and no body.
const MESSAGE_BYTES_MIN: usize = 118;
/// View, slot, digest, signers and no signature.
const CERTIFICATE_BYTES_MIN: usize = 56;
const BALLOT_BYTES: usize = 102;

pub(crate) fn encode_packet(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packet_bytes(packet));
    match packet {
        Packet::Signed(message) => write_message(&mut bytes, message),
        Packet::Decision(decision) => {
            bytes.extend_from_slice(&[VERSION, DECISION_TAG]);
            write_certificate(&mut bytes, &decision.certificate);
            if let Some(proposal) = &decision.proposal {
                write_proposal(&mut bytes, proposal);
            }
        }
        Packet::Stable(certificate) => {
            bytes.extend_from_slice(&[VERSION, STABLE_TAG]);
            write_certificate(&mut bytes, certificate);
        }
    }
    bytes
}

/// How long a packet's encoding is.
pub(crate) fn packet_bytes(packet: &Packet) -> usize {
    match packet {
        Packet::Signed(message) => message_bytes(message),
        Packet::Decision(decision) => {
            let proposal = decision.proposal.as_deref().map_or(0, proposal_bytes);
            2 + certificate_bytes(&decision.certificate) + proposal
        }
        Packet::Stable(certificate) => 2 + certificate_bytes(certificate),
    }
}

fn message_bytes(message: &Message) -> usize {
    MESSAGE_BYTES_MIN + body_bytes(&message.body)
}

fn body_bytes(body: &Body) -> usize {
    match body {
        Body::Empty => 0,
        Body::Proposal(proposal) => proposal_bytes(proposal),
        Body::ViewChange(change) => {
            let prepared: usize = change.prepared.iter().map(certificate_bytes).sum();
            certificate_bytes(&change.stable) + 4 + prepared
        }
        Body::NewView(new_view) => {
            let changes = new_view.changes.iter().map(message_bytes);
            8 + changes.map(|len| 4 + len).sum::<usize>() + 96 * new_view.proposals.len()
        }
        Body::Status { .. } => 8,
    }
}

const fn certificate_bytes(certificate: &Certificate) -> usize {
    let signers = certificate.votes.signers().count() as usize;
    CERTIFICATE_BYTES_MIN + Signature::BYTES * signers
}

/// Who says what, before anything is decoded that takes time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header {
    pub(crate) sender: ValidatorId,
    pub(crate) statement: Statement,
}

/// The header of a message; `None` for what is no message.
pub(crate) fn peek_message(bytes: &[u8]) -> Option<Header> {
    let mut reader = Reader(bytes);
    let [VERSION, tag] = reader.array().ok()? else {
        return None;
    };
    reader.header(kind(tag).ok()?).ok()
}

/// The slot that a decision or stable checkpoint is for; `None` for what is neither.
pub(crate) fn peek_certified(bytes: &[u8]) -> Option<(Kind, u64)> {
    let mut reader = Reader(bytes);
    let kind = match reader.array().ok()? {
        [VERSION, DECISION_TAG] => Kind::Commit,
        [VERSION, STABLE_TAG] => Kind::Checkpoint,
        _ => return None,
    };
    reader.u64().ok()?;
    Some((kind, reader.u64().ok()?))
}

pub(crate) fn decode_packet(bytes: &[u8]) -> Result<Packet, DecodeError> {
    if bytes.len() > PACKET_BYTES_MAX {
        return Err(DecodeError::Limit);
    }
    let mut reader = Reader(bytes);
    let version = reader.byte()?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    match reader.byte()? {
        DECISION_TAG => {
            let certificate = reader.certificate(Kind::Commit)?;
            let digest = certificate.statement.digest;
            let proposal = if digest == Digest::NULL {
                None
            } else {
                Some(reader.proposal_of(&digest)?)
            };
            reader.end()?;
            Ok(Packet::Decision(Decision {
                certificate,
                proposal,
            }))
        }
        STABLE_TAG => {
            let certificate = reader.certificate(Kind::Checkpoint)?;
            reader.end()?;
            Ok(Packet::Stable(certificate))
        }
        tag => decode_message(tag, reader).map(Packet::Signed),
    }
}

pub(crate) fn decode_message(tag: u8, mut reader: Reader<'_>) -> Result<Message, DecodeError> {
    let kind = kind(tag)?;
    let Header { sender, statement } = reader.header(kind)?;
    let signature = reader.signature()?;
    let body = match kind {
        Kind::Prepare | Kind::Commit | Kind::Checkpoint | Kind::Fetch => Body::Empty,
        // A PRE-PREPARE may come without its proposal, and a null request has none.
        Kind::PrePrepare if reader.0.is_empty() => Body::Empty,
        Kind::PrePrepare | Kind::Request => Body::Proposal(reader.proposal_of(&statement.digest)?),
        Kind::ViewChange | Kind::NewView | Kind::Status => {
            if Digest::of(Domain::Body, reader.0) != statement.digest {
                return Err(DecodeError::Digest);
            }
            match kind {
                Kind::ViewChange => Body::ViewChange(Arc::new(reader.view_change()?)),
                Kind::NewView => Body::NewView(Arc::new(reader.new_view()?)),
                _ => Body::Status {
                    stable: reader.u64()?,
                },
            }
        }
        // Ballots travel inside of proposals.
        Kind::Ballot => return Err(DecodeError::Tag(tag)),
    };
    reader.end()?;
    Ok(Message {
        sender,
        statement,
        signature,
        body,
    })
}

fn kind(tag: u8) -> Result<Kind, DecodeError> {
    const KINDS: [Kind; 9] = [
        Kind::PrePrepare,
        Kind::Prepare,
        Kind::Commit,
        Kind::Checkpoint,
        Kind::ViewChange,
        Kind::NewView,
        Kind::Request,
        Kind::Fetch,
        Kind::Status,
    ];
    let found = KINDS.into_iter().find(|kind| kind.tag() == tag);
    found.ok_or(DecodeError::Tag(tag))
}

pub(crate) fn write_message(bytes: &mut Vec<u8>, message: &Message) {
    let Statement {
        kind,
        view,
        seq,
        digest,
    } = message.statement;
    bytes.extend_from_slice(&[VERSION, kind.tag()]);
    bytes.extend_from_slice(&message.sender.0.to_le_bytes());
    bytes.extend_from_slice(&view.to_le_bytes());
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(&message.signature.0);
    write_body(bytes, &message.body);
}

fn write_body(bytes: &mut Vec<u8>, body: &Body) {
    match body {
        Body::Empty => {}
        Body::Proposal(proposal) => write_proposal(bytes, proposal),
        Body::ViewChange(change) => {
            write_certificate(bytes, &change.stable);
            write_count(bytes, change.prepared.len());
            for prepared in &change.prepared {
                write_certificate(bytes, prepared);
            }
        }
        Body::NewView(new_view) => {
            write_count(bytes, new_view.changes.len());
            for change in &new_view.changes {
                write_count(bytes, message_bytes(change));
                write_message(bytes, change);
            }
            write_count(bytes, new_view.proposals.len());
            for (digest, signature) in &new_view.proposals {
                bytes.extend_from_slice(digest.as_bytes());
                bytes.extend_from_slice(&signature.0);
            }
        }
        Body::Status { stable } => bytes.extend_from_slice(&stable.to_le_bytes()),
    }
}

/// What a statement with this body names.
pub(crate) fn body_digest(body: &Body) -> Digest {
    let mut bytes = Vec::with_capacity(body_bytes(body));
    write_body(&mut bytes, body);
    Digest::of(Domain::Body, &bytes)
}

pub(crate) fn write_certificate(bytes: &mut Vec<u8>, certificate: &Certificate) {
    let Statement {
        view, seq, digest, ..
    } = certificate.statement;
    bytes.extend_from_slice(&view.to_le_bytes());
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(digest.as_bytes());
    bytes.extend_from_slice(&certificate.votes.signers().bits().to_le_bytes());
    for (_, signature) in certificate.votes.iter() {
        bytes.extend_from_slice(&signature.0);
    }
}

/// # Panics
///
/// For a count from 2³² on, which no body of ours reaches.
fn write_count(bytes: &mut Vec<u8>, count: usize) {
    let count = u32::try_from(count).expect("no body holds 2^32 of anything");
    bytes.extend_from_slice(&count.to_le_bytes());
}

pub(crate) fn encode_proposal(proposal: &Proposal) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(proposal_bytes(proposal));
    write_proposal(&mut bytes, proposal);
    bytes
}

fn proposal_bytes(proposal: &Proposal) -> usize {
    let next = proposal.next.as_ref().map_or(0, |next| next.encoded_len());
    36 + BALLOT_BYTES * proposal.ballots.len() + next
}

fn write_proposal(bytes: &mut Vec<u8>, proposal: &Proposal) {
    bytes.extend_from_slice(proposal.subject.as_bytes());
    write_count(bytes, proposal.ballots.len());
    for signed in &proposal.ballots {
        bytes.extend_from_slice(&signed.validator.0.to_le_bytes());
        bytes.push(vote_tag(signed.ballot.vote));
        bytes.push(signed.ballot.confidence.percent());
        bytes.extend_from_slice(signed.ballot.evidence.as_bytes());
        bytes.extend_from_slice(&signed.signature.0);
    }
    if let Some(next) = &proposal.next {
        bytes.extend_from_slice(&next.encode());
    }
}

impl Proposal {
    /// The bytes of the proposal.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        encode_proposal(self)
    }

    /// What replicas call the proposal.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(Domain::Proposal, &encode_proposal(self))
    }

    /// Reads any bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for bytes that [`Proposal::encode`] does not write. Signatures are not
    /// looked at.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let proposal = reader.proposal()?;
        reader.end()?;
        Ok(proposal)
    }
}

impl Certificate {
    /// A self-contained certificate of a decision: version, roster, statement, signers, signatures.
    #[must_use]
    pub fn encode(&self, roster: &Digest) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(34 + CERTIFICATE_BYTES_MIN);
        bytes.extend_from_slice(&[VERSION, self.statement.kind.tag()]);
        bytes.extend_from_slice(roster.as_bytes());
        write_certificate(&mut bytes, self);
        bytes
    }
}

/// The bytes that are not yet read.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(DecodeError::Short)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn digest(&mut self) -> Result<Digest, DecodeError> {
        self.array().map(Digest::from_bytes)
    }

    pub(crate) fn signature(&mut self) -> Result<Signature, DecodeError> {
        self.array().map(Signature)
    }

    fn validator(&mut self) -> Result<ValidatorId, DecodeError> {
        let id = self.u32()?;
        if id >= VALIDATORS_MAX {
            return Err(DecodeError::Limit);
        }
        Ok(ValidatorId(id))
    }

    fn header(&mut self, kind: Kind) -> Result<Header, DecodeError> {
        Ok(Header {
            sender: self.validator()?,
            statement: Statement {
                kind,
                view: self.u64()?,
                seq: self.u64()?,
                digest: self.digest()?,
            },
        })
    }

    /// A count of things that take at least `bytes_min` bytes each.
    fn count(&mut self, bytes_min: usize, most: u64) -> Result<usize, DecodeError> {
        let count = self.u32()?;
        if u64::from(count) > most {
            return Err(DecodeError::Limit);
        }
        let count = count as usize;
        if self.0.len() / bytes_min < count {
            return Err(DecodeError::Short);
        }
        Ok(count)
    }

    pub(crate) fn end(&self) -> Result<(), DecodeError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Long)
        }
    }

    pub(crate) fn certificate(&mut self, kind: Kind) -> Result<Certificate, DecodeError> {
        let statement = Statement {
            kind,
            view: self.u64()?,
            seq: self.u64()?,
            digest: self.digest()?,
        };
        let signers = VoterSet::from_bits(self.u64()?);
        let signatures = self.take(Signature::BYTES * signers.count() as usize)?;
        let (signatures, _) = signatures.as_chunks();
        let signatures = signatures.iter().map(|bytes| Signature(*bytes)).collect();
        Ok(Certificate {
            statement,
            votes: SignatureSet::of_signers(signers, signatures),
        })
    }

    /// It takes all that is left.
    fn proposal(&mut self) -> Result<Proposal, DecodeError> {
        let subject = self.digest()?;
        let count = self.count(BALLOT_BYTES, u64::from(VALIDATORS_MAX))?;
        let mut ballots: Vec<SignedBallot> = Vec::with_capacity(count);
        for _ in 0..count {
            let validator = self.validator()?;
            if ballots
                .last()
                .is_some_and(|last| last.validator >= validator)
            {
                return Err(DecodeError::NotCanonical);
            }
            let vote = match self.byte()? {
                0 => Vote::Fail,
                1 => Vote::Partial,
                2 => Vote::Pass,
                tag => return Err(DecodeError::Tag(tag)),
            };
            let confidence = Confidence::from_percent(self.byte()?).ok_or(DecodeError::Limit)?;
            let ballot = Ballot {
                subject,
                vote,
                confidence,
                evidence: self.digest()?,
            };
            ballots.push(SignedBallot {
                validator,
                ballot,
                signature: self.signature()?,
            });
        }
        let next = if self.0.is_empty() {
            None
        } else {
            Some(Arc::new(self.roster()?))
        };
        Ok(Proposal {
            subject,
            ballots,
            next,
        })
    }

    pub(crate) fn roster(&mut self) -> Result<Roster, DecodeError> {
        let epoch = self.u64()?;
        let count = self.u32()?;
        if count > VALIDATORS_MAX {
            return Err(DecodeError::Limit);
        }
        let (faults, approval_votes) = (self.u32()?, self.u32()?);
        let keys = self.take(PublicKey::BYTES * count as usize)?;
        let keys = keys.as_chunks().0.iter().map(|key| PublicKey(*key));
        let roster = Roster::new(RosterOptions {
            epoch,
            keys: keys.collect(),
            faults,
            approval_votes,
        });
        roster.map_err(|_| DecodeError::Roster)
    }

    /// A proposal that a statement names; it takes all that is left.
    pub(crate) fn proposal_of(&mut self, digest: &Digest) -> Result<Arc<Proposal>, DecodeError> {
        if Digest::of(Domain::Proposal, self.0) != *digest {
            return Err(DecodeError::Digest);
        }
        self.proposal().map(Arc::new)
    }

    fn view_change(&mut self) -> Result<ViewChange, DecodeError> {
        let stable = self.certificate(Kind::Checkpoint)?;
        let count = self.count(CERTIFICATE_BYTES_MIN, WINDOW_MAX)?;
        let mut prepared: Vec<Certificate> = Vec::with_capacity(count);
        for _ in 0..count {
            let next = self.certificate(Kind::Prepare)?;
            let last = prepared.last().map(|last| last.statement.seq);
            if last.is_some_and(|last| last >= next.statement.seq) {
                return Err(DecodeError::NotCanonical);
            }
            prepared.push(next);
        }
        Ok(ViewChange { stable, prepared })
    }

    fn new_view(&mut self) -> Result<NewView, DecodeError> {
        let count = self.count(MESSAGE_BYTES_MIN + 4, u64::from(VALIDATORS_MAX))?;
        let mut changes: Vec<Message> = Vec::with_capacity(count);
        for _ in 0..count {
            let len = self.u32()? as usize;
            let mut inner = Reader(self.take(len)?);
            let (version, tag) = (inner.byte()?, inner.byte()?);
            if version != VERSION {
                return Err(DecodeError::Version(version));
            }
            if tag != Kind::ViewChange.tag() {
                return Err(DecodeError::Tag(tag));
            }
            let change = decode_message(tag, inner)?;
            if changes
                .last()
                .is_some_and(|last| last.sender >= change.sender)
            {
                return Err(DecodeError::NotCanonical);
            }
            changes.push(change);
        }
        let count = self.count(96, WINDOW_MAX)?;
        let mut proposals = Vec::with_capacity(count);
        for _ in 0..count {
            proposals.push((self.digest()?, self.signature()?));
        }
        Ok(NewView { changes, proposals })
    }
}
