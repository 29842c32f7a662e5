//! One long-lived process for each workspace, which answers what `hook` and `post-edit` would find out themselves.
//!
//! # Guarantees
//!
//! - The answer is the one that the program would give without the daemon: the same code makes it, from the
//!   same files. What the daemon cannot answer exactly it refuses by name, and the program does it itself.
//! - Nobody waits for it in vain: it gives a sign of life every [`wire::PULSE`], and the program that hears
//!   nothing for [`wire::SILENCE_MAX`] does the work itself.
//! - One only: it holds a lock for as long as it lives. It keeps none of the files of who started it.
//! - Only the same user: socket, lock and log are in a directory that only that user may enter, and both ends
//!   ask the kernel who the other one is.
//! - Bounded: connections, bytes held for them, frames, time to send a request, the log, what is remembered of
//!   sessions, contents and events.
//! - What a program edited without a hook is checked too, after a moment in which a hook would have come; a
//!   content that was checked is not checked again.
//!
//! # When it ends
//!
//! When nobody has asked for a while, on `SIGTERM` or `SIGINT`, when its workspace is gone, when its program
//! was replaced or a newer one asks, or when `claude-flow.toml` no longer wants it. What is being answered then is answered before.
//!
//! # What it refuses
//!
//! Programs of another build, environments that tools could see a difference in, directories that it does not
//! see as the asker does, relative paths from elsewhere than the workspace's root, and what comes when it is busy.

pub(crate) mod client;
mod events;
mod log;
mod place;
mod seen;
mod server;
mod sessions;
mod wire;

pub(crate) use self::place::Place;
pub(crate) use self::server::{Options, run};
pub(crate) use self::wire::{Question, Reply, Status};
