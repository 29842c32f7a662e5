//! Runs one child process under limits, and leaves nothing of it alive.
//!
//! # Guarantees
//!
//! - The level that held is written into every result: nothing is promised that the machine did not give.
//! - A child is never started by forking the caller: a small helper does it, so a caller of 1 GiB pays no more than one of 1 MiB.
//! - When the child ends, is killed, runs out of time, or the caller dies, its descendants end too, those that called `setsid` included.
//! - Everything is bounded: time, memory, processes, file size, open files, and the output that is kept.
//! - What the policy does not name is not there: the child starts with an empty environment and sees only the paths that it may read.
//!
//! # What it does not do
//!
//! It knows nothing of what the child is for, uses no process twice and restarts none; what it keeps prepared has not run anything.
//! Memory that processes share (`memfd`, `/dev/shm`, shared mappings) does not count against [`Limits::memory_bytes`].
//! It does not defend against a flaw in the kernel, and it does not hide the machine's load, clock or CPU.
//! [`docs::escapes`] lists what each level lets through.
//!
//! # Levels
//!
//! | level | what holds |
//! |---|---|
//! | [`Level::L3`] | user, pid, mount, ipc, uts and network namespaces, and all of L2 |
//! | [`Level::L2`] | Landlock and seccomp, and all of L1 |
//! | [`Level::L1`] | resource limits, a process group and a subreaper, a clean environment |
//!
//! # Example
//!
//! ```no_run
//! use claude_flow_sandbox::{Command, Helper, Policy, Sandbox};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     // This program runs itself again as the helper.
//!     claude_flow_sandbox::become_helper_if_asked();
//!
//!     let sandbox = Sandbox::start(Helper::this_program())?;
//!     let policy = Policy::for_workspace("/home/me/project", "/tmp/scratch");
//!     let outcome = sandbox.run(&policy, &Command::new("/usr/bin/python3").args(["-c", "print(1)"]))?;
//!     assert_eq!(outcome.stdout.head, b"1\n");
//!     println!("{:?} at {:?}", outcome.end, outcome.level);
//!     Ok(())
//! }
//! ```
//!
//! # Design
//!
//! The helper is one small process of a single thread (the *zygote*).
//! For every child it forks a *supervisor*, which becomes the first process of the child's namespaces
//! or, below L3, its subreaper; the supervisor applies the policy, starts the child, enforces its
//! limits and ends whatever is left.
//! Caller and supervisor share a socket: when the caller's end closes, for whatever reason, the supervisor ends everything.
//! Nothing depends on `PR_SET_PDEATHSIG` of the caller's threads, which follows the thread and not the process.
#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    reason = "this crate starts processes, builds their root and measures their time; the ban is for the pure crates"
)]

mod capture;
mod child;
mod command;
mod error;
mod helper;
mod level;
mod policy;
mod probe;
mod sandbox;
mod sys;
mod wire;

#[cfg(doc)]
pub mod docs {
    //! What each level lets through.
    #[doc = include_str!("../docs/escapes.md")]
    pub mod escapes {}
}

pub use capture::{Capture, Captured};
pub use child::{Child, End, Killer, Measured, Outcome, Usage};
pub use command::{Command, Stream};
pub use error::{RunError, SpawnError, StartError};
pub use helper::become_helper_if_asked;
pub use level::{Available, Level, Missing};
pub use policy::{ENVIRONMENT, Limits, Network, Policy};
pub use sandbox::{Helper, Sandbox};
pub use sys::close_on_exec_above_streams;
