//! Says within milliseconds, and truthfully, what an edit broke.
//!
//! This crate re-exports the crates that do the work, one module each, and holds no code of its own.
//! The program of the same name is built from the crate `claude-flow-cli`.
//!
//! # Example
//!
//! ```
//! # #[cfg(feature = "pipeline")] {
//! use claude_flow::prelude::*;
//!
//! let pipeline = Pipeline::new(Config::default());
//! let document = pipeline.check_paths(&["Cargo.toml"], &Options::default());
//! assert_eq!(document.exit_status(), 0);
//! for check in &document.files[0].checks {
//!     // What was not checked says so; it never looks clean.
//!     assert_eq!(check.state == State::NotRun, check.engine.is_none());
//! }
//! # }
//! ```
//!
//! # Features
//!
//! All are additive and on by default through `full`; none changes what another does.
//!
//! - `certify`: the module `certify`, claims, evidence, votes and certificates.
//! - `checkers`: the module `checkers`, in-process checks of source text.
//! - `consensus`: the module `consensus`, Byzantine agreement as a pure state machine.
//! - `consensus-node`: the module `consensus_node`, validators at work: log, threads, sockets.
//! - `eventbus`: the module `eventbus`, topics, subscriptions, delivery and a journal.
//! - `executor`: the module `executor`, pinned workers, pools and warm tool processes.
//! - `lang-detect`: the module `lang_detect`, a file's language from path and content.
//! - `msgpool`: the module `msgpool`, reusable message buffers.
//! - `pipeline`: the module `pipeline`, one edit in, one verdict out.
//! - `ringbuf`: the module `ringbuf`, bounded lock-free rings.
//! - `sandbox`: the module `sandbox`, one child process under limits; on Linux.
//! - `full`: all of them.
#![forbid(unsafe_code)]

#[cfg(feature = "certify")]
#[doc(inline)]
pub use claude_flow_certify as certify;
#[cfg(feature = "checkers")]
#[doc(inline)]
pub use claude_flow_checkers as checkers;
#[cfg(feature = "consensus")]
#[doc(inline)]
pub use claude_flow_consensus as consensus;
#[cfg(feature = "consensus-node")]
#[doc(inline)]
pub use claude_flow_consensus_node as consensus_node;
#[cfg(feature = "eventbus")]
#[doc(inline)]
pub use claude_flow_eventbus as eventbus;
#[cfg(feature = "executor")]
#[doc(inline)]
pub use claude_flow_executor as executor;
#[cfg(feature = "lang-detect")]
#[doc(inline)]
pub use claude_flow_lang_detect as lang_detect;
#[cfg(feature = "msgpool")]
#[doc(inline)]
pub use claude_flow_msgpool as msgpool;
#[cfg(feature = "pipeline")]
#[doc(inline)]
pub use claude_flow_pipeline as pipeline;
#[cfg(feature = "ringbuf")]
#[doc(inline)]
pub use claude_flow_ringbuf as ringbuf;
#[cfg(all(feature = "sandbox", target_os = "linux"))]
#[doc(inline)]
pub use claude_flow_sandbox as sandbox;

/// The names that most callers need.
pub mod prelude {
    #[cfg(feature = "lang-detect")]
    pub use claude_flow_lang_detect::Language;
    #[cfg(feature = "pipeline")]
    pub use claude_flow_pipeline::document::{Document, FileReport, Severity, State};
    #[cfg(feature = "pipeline")]
    pub use claude_flow_pipeline::{BaselineSource, Config, ConfigError, Options, Pipeline};
}
