//! Claims, evidence, votes and certificates: what validators saw, agreed on, and anyone can check
//! again.
//!
//! # Guarantees
//!
//! - A vote and its confidence follow from evidence by one rule ([`Opinion::of`]); nobody writes
//!   either by hand, and a ballot that says something else than its evidence counts as absent.
//! - What was skipped never counts as passed: taking a passed check away never raises a vote, a
//!   confidence or a level. Nor does taking a ballot or its evidence away.
//! - A certificate holds everything that its verdict follows from; [`Certificate::verify`] works it
//!   out again from targets, evidence and ballots, and finds every change to any of them.
//! - Pure: no clock, randomness, files, processes or environment, and no hash order; whole numbers
//!   only, so that the same evidence has the same bytes on every machine.
//! - Total and bounded: any bytes may come in; see [`TARGETS_BYTES_MAX`], [`CERTIFICATE_BYTES_MAX`],
//!   [`CHECKS_MAX`], [`TEXT_BYTES_MAX`].
//!
//! # What it does not do
//!
//! It runs no command and agrees on nothing: whoever drives it hands in what was seen, and has the
//! validators of `claude-flow-consensus` agree on the ballots.
//! It cannot tell evidence that was made up from evidence that was seen: a validator that lies
//! consistently is found by running its commands again, which the certificate names.
//!
//! # Example
//!
//! ```
//! use claude_flow_certify::{Evidence, EvidenceDocument, Opinion, Outcome, Targets};
//! use claude_flow_consensus::Vote;
//!
//! let targets = Targets::parse(r#"
//! version = 1
//! project = "example"
//! validators = ["tests"]
//!
//! [[check]]
//! id = "suite"
//! validator = "tests"
//! claim = "every test passes"
//! command = "cargo test"
//!
//! [[check]]
//! id = "coverage"
//! validator = "tests"
//! claim = "more than 80 % of the lines are run by tests"
//! missing = "cargo llvm-cov is not installed"
//! "#)?;
//! let holds = Outcome::Fact { holds: true, cause: "42 tests passed".to_owned() };
//! let evidence = EvidenceDocument {
//!     validator: "tests".to_owned(),
//!     evidence: vec![Evidence::of("suite", holds)],
//!     ..EvidenceDocument::default()
//! };
//! let opinion = Opinion::of(&targets, &evidence)?;
//! // One of two checks could not be made: no PASS, and half as sure.
//! assert_eq!((opinion.vote, opinion.confidence.percent()), (Vote::Partial, 50));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Design
//!
//! [`RULES`] is the whole rule, in words, and part of every certificate.
//! `docs/certificate.md` describes the document.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

mod certificate;
mod conclusion;
mod evidence;
mod opinion;
mod reading;
mod render;
mod targets;

pub use certificate::{
    CERTIFICATE_BYTES_MAX, Certificate, CertificateError, Parts, RawFile, Roster, Subject, Verified,
};
pub use conclusion::{Conclusion, Level, RULES, Seat, Standing, Verdict};
pub use evidence::{Evidence, EvidenceDocument, Machine, Measured, Outcome, Raw};
pub use opinion::{EvidenceError, Finding, Judged, Opinion, Word};
pub use reading::{Ended, read};
pub use render::{html, markdown, shown_value};
pub use targets::{
    Bound, CHECKS_MAX, Check, Reading, TARGETS_BYTES_MAX, TEXT_BYTES_MAX, Target, Targets,
    TargetsError, Unit,
};

#[cfg(doc)]
pub mod docs {
    //! The certificate's form and the decisions.
    #![doc = include_str!("../docs/certificate.md")]
    #![doc = include_str!("../docs/adr/0001-certificate.md")]
    #![doc = include_str!("../docs/adr/0002-commands-without-a-sandbox.md")]
}
