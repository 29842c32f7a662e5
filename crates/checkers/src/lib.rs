//! Checks of source text, in process and by outside tools: is it the language that it claims to be, is it sound, and
//! what do the project's own tools say of it?
//! And readers of the evidence that tools leave: [`coverage`] reports and test [`reports`], and what recorded edits
//! and runs tell of test-driven development: [`tdd`].
//! Also which tests are [`affected`] by a change, and how [`runners`] are asked for them.
//!
//! # Guarantees
//!
//! - Pure: source text and tools' output in, findings out; no file, process, clock, network or environment.
//! - Total: any bytes give an [`Outcome`]; a parser that panics gives [`Outcome::Failed`].
//! - Bounded: what is larger or deeper than the limits in [`limits`] is [`Outcome::NotRun`] with the reason.
//!   Time is bounded by the caller: run [`syntax`] on a thread and stop waiting at a deadline.
//! - Honest: [`Outcome::Checked`] without findings means that the whole text was understood.
//!   A region that no parser understood is a finding of severity [`Severity::Info`].
//!
//! # What it does not do
//!
//! It runs no tool, resolves no name, infers no type and follows no include.
//! [`tools`] describes the project's own tools and reads what they print; somebody else runs them.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::{Outcome, Source, syntax};
//! use claude_flow_lang_detect::Language;
//!
//! let source = Source { path: "a.py", language: Language::Python, bytes: b"def f(:\n    pass\n" };
//! let Outcome::Checked { findings } = syntax(&source) else { panic!("python is checked") };
//! assert_eq!(findings.len(), 1);
//! ```
//!
//! # Design
//!
//! For each language one front end decides; `docs/spec.md` lists which, and what a second
//! opinion is asked for.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

pub mod affected;
mod brackets;
pub mod coverage;
mod finding;
mod json;
mod lexical;
pub mod limits;
mod read_error;
pub mod reports;
pub mod runners;
mod source;
mod syntax;
pub mod tdd;
mod text;
pub mod tools;
mod xml;

pub use finding::{Finding, Fix, Outcome, Related, Severity};
pub use source::Source;
pub use syntax::{LANGUAGES, engine, is_checked, syntax};
pub use text::{VERSION as TEXT_VERSION, plain_text, text};
