//! Byzantine agreement among validators, as values: what a validator says, what it takes to agree,
//! and what may be signed.
//!
//! # Guarantees
//!
//! - Pure: no clock, randomness, threads, sockets, files or environment; the same input gives the
//!   same output on every machine.
//! - Total: any bytes decode to a value or an error, in memory proportional to the bytes, and every
//!   value has one encoding.
//! - Bounded: at most [`VALIDATORS_MAX`] validators, [`PACKET_BYTES_MAX`] bytes a packet.
//!
//! # What it does not do
//!
//! It opens no socket, reads no clock and writes no log.
//!
//! # Design
//!
//! Agreement is not approval: [`AgreementQuorum`] counts voters, [`ApprovalThreshold`] weighs
//! scores, and nothing turns one into the other.
//! What is agreed on is a set of signed ballots, [`Proposal`]; the verdict is their [`tally`].
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

mod ballot;
mod digest;
mod effects;
mod error;
mod guard;
mod message;
mod plant;
mod quorum;
mod replica;
mod roster;
mod signature;
mod tally;
mod verify;
mod wire;

pub use ballot::{Ballot, Confidence, Proposal, Score, SignedBallot, Vote};
pub use digest::{Digest, Domain};
pub use effects::{Action, Delivery, Durable, Effects, Lsn, Record, Sealed, SetTimer, Timer};
pub use error::{DecodeError, OptionsError, Refusal, RosterError};
pub use guard::{Guard, OPEN_BALLOTS_MAX, Promised};
pub use message::{
    Body, Certificate, Decision, FaultProof, Kind, Message, NewView, Packet, SignatureSet,
    Statement, ViewChange, chain,
};
#[cfg(feature = "planted-bugs")]
pub use plant::Bug;
pub use quorum::{
    AgreementQuorum, ApprovalThreshold, Committee, VALIDATORS_MAX, ValidatorId, VoterSet,
    WeakQuorum,
};
pub use replica::{
    Dropped, Input, Options, PENDING_MAX, REPEAT_SLOTS, RESEND_SLOTS_MAX, Replica, SERVE_MAX,
    Status,
};
pub use roster::{Roster, RosterOptions};
pub use signature::{Ed25519Signer, Ed25519Verifier, PublicKey, Signature, Signer, Verifier};
pub use tally::{Level, Tally, Verdict, tally};
pub use verify::{CertificateError, Certified, verify_certificate, verify_decision};
pub use wire::{PACKET_BYTES_MAX, WINDOW_MAX};

#[cfg(doc)]
pub mod docs {
    //! The wire format and the decisions.
    #![doc = include_str!("../docs/spec.md")]
    #![doc = include_str!("../docs/adr/0001-signatures.md")]
}
