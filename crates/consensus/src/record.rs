//! The bytes of what a log keeps; `docs/spec.md` describes them.

use crate::digest::Digest;
use crate::effects::Record;
use crate::error::DecodeError;
use crate::message::{Body, Decision, Kind, Message, NewView, Statement};
use crate::wire::{
    Reader, VERSION, decode_message, encode_proposal, write_certificate, write_message,
};

const PROMISE_TAG: u8 = 1;
const BALLOT_TAG: u8 = 2;
const PROPOSED_TAG: u8 = 3;
const PREPARED_TAG: u8 = 4;
const VIEW_CHANGE_TAG: u8 = 5;
const NEW_VIEW_TAG: u8 = 6;
const STABLE_TAG: u8 = 7;
const DECIDED_TAG: u8 = 8;
const FORGOTTEN_TAG: u8 = 9;

/// Every kind of statement.
const KINDS: [Kind; 10] = [
    Kind::PrePrepare,
    Kind::Prepare,
    Kind::Commit,
    Kind::Checkpoint,
    Kind::ViewChange,
    Kind::NewView,
    Kind::Request,
    Kind::Fetch,
    Kind::Status,
    Kind::Ballot,
];

impl Record {
    /// Appends the record's bytes.
    ///
    /// # Complexity
    ///
    /// Linear in the record.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        let mut begin = |tag| bytes.extend([VERSION, tag]);
        match self {
            Self::Promise(statement) => {
                begin(PROMISE_TAG);
                write_statement(bytes, statement);
            }
            Self::Ballot(subject, statement) => {
                begin(BALLOT_TAG);
                bytes.extend(subject.as_bytes());
                write_statement(bytes, statement);
            }
            Self::Proposed(statement, signature, proposal) => {
                begin(PROPOSED_TAG);
                write_statement(bytes, statement);
                bytes.extend(signature.0);
                if let Some(proposal) = proposal {
                    bytes.extend(encode_proposal(proposal));
                }
            }
            Self::Prepared(certificate) => {
                begin(PREPARED_TAG);
                write_certificate(bytes, certificate);
            }
            Self::ViewChange(message) => {
                begin(VIEW_CHANGE_TAG);
                write_message(bytes, message);
            }
            Self::NewView(message) => {
                begin(NEW_VIEW_TAG);
                write_message(bytes, message);
            }
            Self::Stable(certificate) => {
                begin(STABLE_TAG);
                write_certificate(bytes, certificate);
            }
            Self::Decided(decision) => {
                begin(DECIDED_TAG);
                write_certificate(bytes, &decision.certificate);
                if let Some(proposal) = &decision.proposal {
                    bytes.extend(encode_proposal(proposal));
                }
            }
            Self::Forgotten { view, seq } => {
                begin(FORGOTTEN_TAG);
                bytes.extend(view.to_le_bytes());
                bytes.extend(seq.to_le_bytes());
            }
        }
    }

    /// Reads what [`encode`](Self::encode) writes.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] for all other bytes. Signatures are not looked at.
    ///
    /// # Complexity
    ///
    /// Linear in the bytes; allocates in proportion to them.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader(bytes);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(DecodeError::Version(version));
        }
        let tag = reader.byte()?;
        let record = match tag {
            PROMISE_TAG => Self::Promise(statement(&mut reader)?),
            BALLOT_TAG => Self::Ballot(reader.digest()?, statement(&mut reader)?),
            PROPOSED_TAG => {
                let statement = statement(&mut reader)?;
                let signature = reader.signature()?;
                let proposal = if reader.0.is_empty() {
                    None
                } else {
                    Some(reader.proposal_of(&statement.digest)?)
                };
                Self::Proposed(statement, signature, proposal)
            }
            PREPARED_TAG => Self::Prepared(reader.certificate(Kind::Prepare)?),
            VIEW_CHANGE_TAG => {
                return message(reader, Kind::ViewChange).map(Self::ViewChange);
            }
            NEW_VIEW_TAG => return message(reader, Kind::NewView).map(Self::NewView),
            STABLE_TAG => Self::Stable(reader.certificate(Kind::Checkpoint)?),
            DECIDED_TAG => {
                let certificate = reader.certificate(Kind::Commit)?;
                let digest = certificate.statement.digest;
                let proposal = if digest == Digest::NULL {
                    None
                } else {
                    Some(reader.proposal_of(&digest)?)
                };
                Self::Decided(Decision {
                    certificate,
                    proposal,
                })
            }
            FORGOTTEN_TAG => Self::Forgotten {
                view: reader.u64()?,
                seq: reader.u64()?,
            },
            tag => return Err(DecodeError::Tag(tag)),
        };
        reader.end()?;
        Ok(record)
    }

    /// The latest view and the latest slot of which the record may promise something.
    ///
    /// A log that keeps the maximum of these where it is not lost together with the records can say
    /// [`Record::Forgotten`] when they are.
    #[must_use]
    pub fn reach(&self) -> (u64, u64) {
        let of = |statement: &Statement| (statement.view, statement.seq);
        match self {
            Self::Promise(statement) | Self::Proposed(statement, ..) => of(statement),
            Self::Prepared(certificate) | Self::Stable(certificate) => of(&certificate.statement),
            Self::Decided(decision) => of(&decision.certificate.statement),
            Self::ViewChange(message) => of(&message.statement),
            Self::NewView(message) => {
                let slot = match &message.body {
                    Body::NewView(body) => last_proposed(body),
                    _ => 0,
                };
                (message.statement.view, slot)
            }
            Self::Ballot(..) => (0, 0),
            Self::Forgotten { view, seq } => (*view, *seq),
        }
    }
}

/// max-s of a NEW-VIEW: the last slot for which it holds a PRE-PREPARE.
fn last_proposed(body: &NewView) -> u64 {
    let stable = body.changes.iter().map(|change| change.statement.seq).max();
    let count = body.proposals.len() as u64;
    stable.unwrap_or_default().saturating_add(count)
}

fn write_statement(bytes: &mut Vec<u8>, statement: &Statement) {
    bytes.push(statement.kind.tag());
    bytes.extend(statement.view.to_le_bytes());
    bytes.extend(statement.seq.to_le_bytes());
    bytes.extend(statement.digest.as_bytes());
}

fn statement(reader: &mut Reader<'_>) -> Result<Statement, DecodeError> {
    let tag = reader.byte()?;
    let kind = KINDS.into_iter().find(|kind| kind.tag() == tag);
    Ok(Statement {
        kind: kind.ok_or(DecodeError::Tag(tag))?,
        view: reader.u64()?,
        seq: reader.u64()?,
        digest: reader.digest()?,
    })
}

/// A message of one kind; it takes all that is left.
fn message(mut reader: Reader<'_>, kind: Kind) -> Result<Message, DecodeError> {
    let version = reader.byte()?;
    if version != VERSION {
        return Err(DecodeError::Version(version));
    }
    let tag = reader.byte()?;
    if tag != kind.tag() {
        return Err(DecodeError::Tag(tag));
    }
    decode_message(tag, reader)
}
