//! Byzantine agreement among validators as a pure state machine, with certificates that anyone can
//! verify.
//!
//! # Guarantees
//!
//! - Agreement: with at most `f` of `n ≥ 3f + 1` validators lying, no two honest ones decide
//!   differently on a slot; slots come in order, without gaps, each once.
//! - Progress: once messages arrive in time and a quorum is up, what was submitted is decided.
//! - Pure: no clock, randomness, threads, sockets, files or environment, and no hash order; the same
//!   inputs give the same effects on every machine. State can be cloned, compared and hashed.
//! - Total: any bytes may come in. They decode to one meaning or none, in memory proportional to
//!   them, and what is not good is counted and dropped.
//! - Bounded: at most [`VALIDATORS_MAX`] validators, [`WINDOW_MAX`] slots in work, [`PENDING_MAX`]
//!   proposals that wait, [`PACKET_BYTES_MAX`] bytes a packet.
//! - Nothing is said before it is durable: actions are [`Sealed`] until the log says so, and a
//!   [`Guard`] alone signs, never two promises for one place, also after a restart.
//!
//! # What it does not do
//!
//! It opens no socket, keeps no time and writes no log: whoever drives it does, as the crate
//! `claude-flow-consensus-node`.
//! A roster changes at the end of its epoch only, [`Handover`]; what was not decided by then is void,
//! because its ballots name the old roster.
//! A replica whose log has lost what was synced counts as a liar until it has caught up: told of it
//! by [`Record::Forgotten`] it observes and promises nothing until a later stable checkpoint.
//! Every message is signed; there is no mode with message authentication codes between replicas.
//! Votes are verified one by one as they come, up to the quorum; the ballots of a proposal and the
//! signatures of a certificate together.
//! A decision still allocates: records, certificates, what waits and what is delivered.
//! A subject must name what is voted on once and for all: after it is decided the guard forgets its
//! ballot.
//!
//! # Example
//!
//! Four validators on one thread; the log is a vector.
//!
//! ```
//! use std::collections::VecDeque;
//! use std::sync::Arc;
//! use claude_flow_consensus::*;
//!
//! let signers: Vec<_> = (1..=4).map(|byte| Ed25519Signer::from_secret(&[byte; 32])).collect();
//! let keys: Vec<_> = signers.iter().map(Ed25519Signer::public_key).collect();
//! let verifier = Arc::new(Ed25519Verifier::new(&keys)?);
//! let roster = Roster::new(RosterOptions { epoch: 1, keys, faults: 1, approval_votes: 3 })?;
//!
//! // Three of them vote.
//! let subject = Digest::of(Domain::Subject, b"release 1.4.0");
//! let ballots = signers.iter().zip(0..).take(3).map(|(signer, id)| {
//!     let ballot = Ballot {
//!         subject,
//!         vote: Vote::Pass,
//!         confidence: Confidence::from_percent(90).expect("90 is a percentage"),
//!         evidence: Digest::of(Domain::Evidence, b"all tests passed"),
//!     };
//!     let signature = signer.sign(&ballot.statement().encode(&roster.digest()));
//!     SignedBallot { validator: ValidatorId(id), ballot, signature }
//! });
//! let proposal = Arc::new(Proposal { subject, ballots: ballots.collect(), next: None });
//!
//! let mut replicas = Vec::new();
//! for (signer, id) in signers.into_iter().zip(0..) {
//!     let options = Options::new(roster.clone(), ValidatorId(id));
//!     let (replica, _timers) = Replica::new(options, Arc::new(signer), verifier.clone())?;
//!     replicas.push(replica);
//! }
//!
//! let mut log = vec![Vec::new(); 4];
//! let mut network = VecDeque::new();
//! let mut decided = Vec::new();
//! let mut perform = |me: usize, effects: Effects, network: &mut VecDeque<(usize, Parsed)>| {
//!     log[me].extend(effects.records);
//!     let durable = Durable::up_to(Lsn(log[me].len() as u64)); // after a sync
//!     for action in effects.sealed.open(durable).expect("everything is durable") {
//!         match action {
//!             Action::Broadcast(packet) => {
//!                 network.extend((0..4).filter(|to| *to != me).map(|to| (to, packet.clone())));
//!             }
//!             Action::Send(to, packet) => network.push_back((to.0 as usize, packet)),
//!             Action::Deliver(delivery) => decided.push(delivery.decision),
//!             _ => {}
//!         }
//!     }
//! };
//! let effects = replicas[2].step(Input::Submit(proposal));
//! perform(2, effects, &mut network);
//! while let Some((to, packet)) = network.pop_front() {
//!     // Over a wire: `packet.packet().encode()`, and `Input::Packet` at the other end.
//!     let effects = replicas[to].step(Input::Parsed(&packet));
//!     perform(to, effects, &mut network);
//! }
//!
//! assert_eq!(decided.len(), 4);
//! let certificate = decided[0].certificate.encode(&roster.digest());
//! let proposal = decided[0].proposal.as_ref().expect("no null request").encode();
//! let (_, tally) = verify_decision(&roster, &*verifier, &certificate, &proposal)?;
//! assert_eq!((tally.verdict, tally.level), (Verdict::Pass, Level::Gold));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! Agreement is not approval: [`AgreementQuorum`] counts voters, [`ApprovalThreshold`] weighs
//! scores, and nothing turns one into the other.
//! What is agreed on is a set of signed ballots, [`Proposal`]; the verdict is their [`tally`], which
//! anyone can add up again.
//! The protocol is PBFT with signatures; [`Replica`] lists where it departs from the papers and why.
//! It is tested in `tests/it/sim`, where one seed draws a group and all its faults, and everything
//! that must hold is checked after every step from outside; the decisions are in `docs/adr`.
//!
//! # Features
//!
//! - `planted-bugs`: for tests only, lets a replica be built with a known bug.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

mod ballot;
mod digest;
mod effects;
mod error;
mod guard;
mod handover;
mod message;
mod multiples;
mod plant;
mod quorum;
mod record;
mod replica;
mod roster;
mod signature;
mod tally;
mod verify;
mod wire;

pub use ballot::{Ballot, Confidence, Proposal, Score, SignedBallot, Vote};
#[cfg(feature = "planted-bugs")]
pub use digest::simulated;
pub use digest::{Digest, Domain};
pub use effects::{Action, Delivery, Durable, Effects, Lsn, Record, Sealed, SetTimer, Timer};
pub use error::{DecodeError, OptionsError, Refusal, RosterError};
pub use guard::{Guard, OPEN_BALLOTS_MAX, Promised};
pub use handover::{Handover, Origin};
pub use message::{
    Body, Certificate, Decision, FaultProof, Kind, Message, NewView, Packet, Parsed, SignatureSet,
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
pub use signature::{Ed25519Signer, Ed25519Verifier, PublicKey, Said, Signature, Signer, Verifier};
pub use tally::{Level, Tally, Verdict, tally};
pub use verify::{
    CertificateError, Certified, verify_certificate, verify_decision, verify_handover,
};
pub use wire::{PACKET_BYTES_MAX, WINDOW_MAX};

#[cfg(doc)]
pub mod docs {
    //! The wire format, the simulator and the decisions.
    #![doc = include_str!("../docs/spec.md")]
    #![doc = include_str!("../docs/simulator.md")]
    #![doc = include_str!("../docs/adr/0001-signatures.md")]
    #![doc = include_str!("../docs/adr/0002-sealed-effects.md")]
    #![doc = include_str!("../docs/adr/0003-tables.md")]
    #![doc = include_str!("../docs/adr/0004-epochs.md")]
}
