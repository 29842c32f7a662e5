//! The project's own tools: how each is found and asked about a file, and how its answer is read.
//!
//! # Guarantees
//!
//! - Nothing is run here: a [`Tool`] is a value, [`Tool::invocation`] gives the command as a value,
//!   and [`Tool::read`] takes what the command printed.
//! - Total: any bytes give a [`Reading`], never a panic.
//! - Bounded: output above [`limits::OUTPUT_BYTES_MAX`] is not read, and at most
//!   [`limits::DIAGNOSTICS_MAX`] diagnostics are kept; how many were left out is told.
//! - The output decides, not the exit code: "clean" needs an output that was understood, that says
//!   nothing is wrong, and an exit code that agrees.
//!
//! # What it does not do
//!
//! It looks for no file and knows no process; `docs/tools.md` says what a runner has to do.
//!
//! # Example
//!
//! ```
//! use claude_flow_checkers::Outcome;
//! use claude_flow_checkers::tools::{Ended, Output, Request, tool};
//!
//! let shfmt = tool("shfmt").expect("it is in the catalog");
//! let request = Request {
//!     root: "/project",
//!     path: "a.sh",
//!     content: b"if true; then\necho a\nfi\n",
//!     scratch: "/scratch",
//!     config: None,
//!     edition: None,
//! };
//! assert_eq!(shfmt.invocation(&request).arguments, ["--apply-ignore", "--filename=a.sh"]);
//!
//! let output = Output {
//!     ended: Ended::Exited(0),
//!     stdout: b"if true; then\n\techo a\nfi\n",
//!     stderr: b"",
//!     is_truncated: false,
//! };
//! let reading = shfmt.read(&request, &output);
//! let Outcome::Checked { findings } = reading.outcome(shfmt, &request) else { panic!("it was read") };
//! assert_eq!(findings[0].rule, "format/shfmt");
//! ```
//!
//! # Design
//!
//! A tool is one file in `src/tools/catalog`: data, and a reader where no general format fits.
//! `docs/adr/0002-tools-are-values.md` says why.

mod catalog;
mod diagnostic;
mod format;
mod invocation;
mod output;
mod place;
mod reading;
mod settings;
mod tool;
mod warm;

pub mod limits;

pub use catalog::{TOOLS, tool};
pub use diagnostic::{Diagnostic, Edit, Note, Repair};
pub use format::{Format, FormatReader, Pattern};
pub use invocation::{Invocation, Request};
pub use output::{Ended, Output, Stream, Unread, Why};
pub use place::{Place, Point, Unit};
pub use reading::Reading;
pub use settings::Settings;
pub use tool::{
    Ask, Candidate, Check, Config, ConfigFile, Directory, Exits, Files, Home, Native, Program,
    Reader, Scope, Sign, Surroundings, Tool, Words,
};
pub use warm::{Answer, Change, Interpreter, Line, Message, Question, Server, Start, Warm};
