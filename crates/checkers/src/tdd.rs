//! Test-driven development, told from recorded edits and test runs.
//!
//! # Guarantees
//!
//! - Pure: events in, phase and verdict out; no file, process, clock or environment.
//! - Total and bounded: any events give an answer; at most [`EVENTS_MAX`] of them are looked at, the last ones.
//! - Evidence only: a verdict rests on contents by hash and on results by test, never on a model's opinion.
//!   What the events do not show is [`Verdict::NotEstablished`] with the reason.
//! - Deletions, renames, moves, generated files, documentation, configuration and changes of comments or layout
//!   are never a [`Verdict::Violation`].
//!
//! # What it does not do
//!
//! It runs nothing, and cannot tell a refactoring from a change of behaviour that no test sees: both leave the
//! tests green, and [`Way::Refactored`] says no more than that.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::reports::{Reason, RunState};
//! use claude_flow_checkers::tdd::{Before, Digest, Edit, Event, Kind, Outcome, Phase, Run, Test, Verdict, Way, follow};
//!
//! let (a, b, t) = (Digest([1; 32]), Digest([2; 32]), Digest([3; 32]));
//! let edit = |path: &str, kind, before, after| Event::Edit(Edit {
//!     path: path.to_owned(), from: None, before, after: Some(after), kind, words: None,
//! });
//! let run = |state, outcome, source| Event::Run(Run {
//!     state,
//!     tests: vec![Test { suite: String::new(), name: "test_adds".into(), file: None, outcome }],
//!     suites: Vec::new(),
//!     files: [("a.py".to_owned(), source), ("test_a.py".to_owned(), t)].into(),
//!     is_whole: true,
//!     is_copy: false,
//! });
//! let failed = Outcome::Failed { reason: Reason::Assertion, words: Vec::new() };
//! let events = [
//!     edit("test_a.py", Kind::Test, Before::Absent, t),
//!     run(RunState::Failed, failed, a),
//!     edit("a.py", Kind::Source, Before::Was(a), b),
//!     run(RunState::Passed, Outcome::Passed, b),
//! ];
//! let history = follow(&events);
//! assert_eq!(history.phase(), Phase::Green);
//! assert_eq!(history.verdict(), Verdict::Compliant(Way::TestFirst));
//! ```
//!
//! # Design
//!
//! The events are cut into cycles, each up to the run that finds everything green again; a cycle is judged by
//! the rules in `docs/tdd.md`.
//! Runs are bound to contents by hash, so that a run made later in a copy of the earlier contents counts as if it
//! had been made in time, and a run on other contents does not count at all.

mod cycle;
mod describe;
mod event;
mod judge;
mod mutants;
mod prior;
mod verdict;
mod world;

pub use self::cycle::{Change, Cycle, History, follow};
pub use self::describe::{CONTENT_BYTES_MAX, Contents, WORDS_MAX, describe, kind_of_path};
pub use self::event::{
    Before, Digest, EVENTS_MAX, Edit, Event, Failed, Kind, Outcome, Run, Test, Words,
};
pub use self::mutants::{MUTANTS_MAX, Mutant, mutants};
pub use self::verdict::{Phase, Rule, Verdict, Way, Why};
