//! The reply to one call.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use clap::{Parser, ValueEnum};

use claude_flow::eventbus::Subscriber;

use super::State;
use super::author::{Said, Watched};
use super::session;
use super::slots::Slot;
use crate::args::{Args, Command};
use crate::commands::{hook, post_edit};
use crate::daemon::events::Author;
use crate::daemon::wire::{self, Call, Question, Refusal, Reply, Status};
use crate::hook::Harness;

/// What a call comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    Once(Reply),
    Events(Vec<String>),
    Follow(Subscriber, Slot),
}

/// The reply; whatever goes wrong here, the program does the work itself.
pub(super) fn to(state: &State, body: &[u8]) -> Outcome {
    let replied = catch_unwind(AssertUnwindSafe(|| answer(state, body)));
    let replied = replied.unwrap_or_else(|_| Err(Refusal::Unable(crate::failure::last_panic())));
    replied.unwrap_or_else(|refusal| Outcome::Once(Reply::Refused(refusal)))
}

fn answer(state: &State, body: &[u8]) -> Result<Outcome, Refusal> {
    let unread = |error: postcard::Error| Refusal::Unable(format!("not understood: {error}"));
    let call: Call<'_> = postcard::from_bytes(body).map_err(unread)?;
    match call.question {
        Question::Status => Ok(Outcome::Once(Reply::Status(status(state)))),
        Question::Events { is_followed: false } => Ok(Outcome::Events(state.events.recent())),
        Question::Events { is_followed: true } => {
            let follower = state.events.followers.take().ok_or(Refusal::Busy)?;
            let events = state.events.follow();
            let events = events.map_err(|error| Refusal::Unable(format!("{error:#}")))?;
            Ok(Outcome::Follow(events, follower))
        }
        Question::Hook { .. } | Question::PostEdit { .. } => work(state, call).map(Outcome::Once),
    }
}

/// What the program would do itself.
fn work(state: &State, call: Call<'_>) -> Result<Reply, Refusal> {
    if state.is_ending.load(Ordering::Relaxed) {
        return Err(Refusal::Ending);
    }
    if call.program != state.program {
        if call.program.version > state.program.version || state.is_replaced() {
            state.end("a newer program asked");
        }
        return Err(Refusal::OtherProgram);
    }
    if call.environment != state.environment {
        return Err(Refusal::OtherEnvironment);
    }
    let directory = Path::new(OsStr::from_bytes(call.directory));
    if wire::identity(directory).ok() != Some(call.directory_identity) {
        return Err(Refusal::OtherDirectory);
    }
    let config = state
        .hooks
        .config(&state.place.root().join("claude-flow.toml"));
    if config.is_ok_and(|config| !config.daemon()) {
        state.end("claude-flow.toml does not want it");
        return Err(Refusal::Ending);
    }
    let asked = Asked {
        state,
        directory,
        is_at_root: directory == state.place.root(),
    };
    match call.question {
        Question::Hook {
            harness,
            payload,
            is_from_cursor,
        } => asked.hook(harness, payload, is_from_cursor),
        Question::PostEdit {
            arguments,
            stdin,
            width,
        } => asked.post_edit(arguments, stdin, width),
        Question::Status | Question::Events { .. } => {
            Err(Refusal::Unable("that is no work".to_owned()))
        }
    }
}

/// A call that is answered, and from where.
struct Asked<'a> {
    state: &'a State,
    directory: &'a Path,
    /// Whether relative paths mean here what they mean there.
    is_at_root: bool,
}

impl Asked<'_> {
    fn hook(&self, harness: &str, payload: &[u8], is_from_cursor: bool) -> Result<Reply, Refusal> {
        let harness = Harness::from_str(harness, false).map_err(Refusal::Unable)?;
        let machine = hook::Machine::kept(Arc::clone(&self.state.hooks), is_from_cursor);
        let said = Said::of(payload);
        let named = harness.name();
        let watched = Watched {
            machine: &machine,
            state: self.state,
            author: said.author("hook", Some(&named)),
            directory: self.directory,
        };
        let is_of_session = harness == Harness::ClaudeCode && !is_from_cursor;
        let answer = match said.event() {
            "Stop" if is_of_session => session::stop(self.state, &said, &watched),
            "SessionStart" if is_of_session => session::start(self.state),
            _ => harness.respond(payload, &watched),
        };
        if machine.has_seen_relative_path() && !self.is_at_root {
            return Err(Refusal::Relative);
        }
        Ok(Reply::Hook {
            stdout: answer.stdout,
            stderr: answer.stderr,
        })
    }

    fn post_edit(
        &self,
        arguments: Vec<&[u8]>,
        stdin: Option<&[u8]>,
        width: u32,
    ) -> Result<Reply, Refusal> {
        let arguments = arguments.into_iter().map(OsStr::from_bytes);
        let args = Args::try_parse_from(arguments);
        let Ok(Command::PostEdit(args)) = args.map(|args| args.command) else {
            return Err(Refusal::Unable("other arguments are understood".to_owned()));
        };
        if !self.is_at_root && args.has_relative_paths() {
            return Err(Refusal::Relative);
        }
        let asker = post_edit::Asker {
            directory: self.directory,
            width: usize::try_from(width).unwrap_or(usize::MAX),
        };
        // What went wrong is told by the program itself, which finds it again.
        let told = post_edit::tell(&self.state.edits, *args, stdin, &asker);
        let told = told.map_err(|error| Refusal::Unable(format!("{error:#}")))?;
        let author = Author {
            source: "post-edit",
            ..Author::default()
        };
        for file in &told.document.files {
            self.state
                .events
                .checked(author, &self.directory.join(&file.path), file);
        }
        Ok(Reply::PostEdit {
            text: told.text,
            code: told.code,
        })
    }
}

fn status(state: &State) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        root: state.place.root().to_string_lossy().into_owned(),
        uptime_s: state.started.elapsed().as_secs(),
        answered: state.answered.load(Ordering::Relaxed),
        refused: state.refused.load(Ordering::Relaxed),
        connections: u32::try_from(state.slots.taken()).unwrap_or(u32::MAX),
        resident_bytes: resident_bytes().unwrap_or(0),
    }
}

/// As the kernel tells it, in pages.
fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
