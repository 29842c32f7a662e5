//! Tells a source file's programming language from its path and its content, with the evidence that decided.
//!
//! # Guarantees
//!
//! - Pure: no file system, clock, network or environment; the same input gives the same answer on every machine.
//! - Total: any bytes and any path give an answer and never a panic.
//! - Bounded: reads at most [`CONTENT_BYTES_MAX`] bytes of the content.
//! - Allocates at most one short string for the lower-cased file name.
//!
//! # What it does not do
//!
//! It knows the languages that the checkers can check, and says "not known" for every other one.
//! It does not read sibling files, manifests or `.gitattributes`.
//!
//! # Example
//!
//! ```
//! use claude_flow_lang_detect::{Evidence, Language, detect};
//!
//! let detection = detect("src/app.mts", b"export const a = 1;\n").expect("a known extension");
//! assert_eq!(detection.language, Language::TypeScript);
//! assert_eq!(detection.evidence, Evidence::Extension);
//! assert!(detect("notes.txt", b"hello").is_none());
//! ```
//!
//! # Design
//!
//! Evidence is asked in the order in which it is reliable: the file's whole name, then its
//! extension, then the interpreter named on its first line.
//! Content decides only where an extension is shared: `.h` between C and C++, `.ts` between
//! TypeScript, Qt translations and MPEG transport streams.
//!
//! # Features
//!
//! - `project`: the projects of a directory and what they use, in `project`.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

mod detect;
mod header;
mod language;
#[cfg(feature = "project")]
pub mod project;

pub use detect::{CONTENT_BYTES_MAX, Detection, Evidence, detect};
pub use language::Language;
