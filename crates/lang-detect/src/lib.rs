//! Tells a source file's programming language from its path and its content, with the evidence that decided.
//!
//! # Guarantees
//!
//! - Pure: no file system, clock, network or environment; the same input gives the same answer on every machine.
//! - Total: any bytes and any path give an answer and never a panic.
//! - Bounded: reads at most [`CONTENT_BYTES_MAX`] bytes of the content and the last few lines, at most 4,096 siblings, and takes time linear in both.
//! - Integers only, the classifier included.
//!
//! # What it does not do
//!
//! It says "not sure" where nothing decides; it does not parse.
//! It reads no sibling files: their names are given to it, and so are the texts of `.gitattributes` and `compile_commands.json`.
//!
//! # Examples
//!
//! ```
//! use claude_flow_lang_detect::{Evidence, Input, Language, detect, examine};
//!
//! let detection = detect("src/app.mts", b"export const a = 1;\n").expect("a known extension");
//! assert_eq!(detection.language, Language::TypeScript);
//! assert_eq!(detection.evidence, Evidence::Extension);
//!
//! let lock = examine(&Input::new("Cargo.lock", b"version = 4\n"));
//! assert_eq!(lock.language, Some(Language::Toml));
//! assert!(lock.flags.is_lock_file());
//! assert!(detect("notes.unknown", b"hello").is_none());
//! ```
//!
//! # Design
//!
//! Evidence is asked in the order in which it is reliable, and the first that decides is told:
//! `.gitattributes`, a modeline, the file's whole name, its first line, its extension, and where
//! several languages share the extension the first bytes, rules over the content, what the project
//! compiles, the files around, for headers the names of the folders, and last a small classifier.
//!
//! The rules are data, one file for each family of extensions in `data/heuristics`; they see the
//! content without comments, strings and what an `#ifdef __cplusplus` guards, because words in
//! those mislead.
//! The names and facts of languages are github-linguist's, in `data/languages.tsv`.
//! `cargo xtask languages` makes both into static tables, so that nothing is built when a program
//! starts.
//!
//! # Features
//!
//! - `project`: the projects of a directory and what they use, in `project`.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods)]

mod attributes;
mod candidates;
pub mod classifier;
mod compile_commands;
mod detect;
mod flags;
mod folders;
mod glob;
mod header;
mod heuristics;
mod language;
mod modeline;
mod path;
#[cfg(feature = "project")]
pub mod project;
mod shebang;
mod siblings;
pub mod test_files;

pub use attributes::{Assigned, Attributes};
pub use candidates::{CANDIDATES_MAX, Candidates};
pub use compile_commands::CompileCommands;
pub use detect::{
    Answer, CONTENT_BYTES_MAX, Confidence, Detection, Evidence, Input, detect, examine,
};
pub use flags::Flags;
pub use header::is_binary;
pub use language::{Kind, Language};
pub use siblings::Sibling;

#[cfg(doc)]
pub mod docs {
    //! How well it does, how that is known, and the decisions.
    #![doc = include_str!("../docs/files.md")]
    #![doc = include_str!("../docs/projects.md")]
    #![doc = include_str!("../docs/adr/0001-projects.md")]
    #![doc = include_str!("../docs/adr/0002-classifier.md")]
}
