//! `claude-flow hook`: the answer to a harness, by the daemon or with the real world around it.

mod machine;

use std::io::{self, IsTerminal, Read, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub(crate) use self::machine::Machine;
use self::machine::WAIT_MAX;
#[cfg(target_os = "linux")]
use crate::daemon::{self, client};
use crate::failure::last_panic;
use crate::hook::{Answer, Harness};
use crate::visible::visible;

/// The largest payload that is understood, in bytes.
const PAYLOAD_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How much more than that is read and thrown away: a harness that finds its pipe closed while it
/// writes takes that for a failure.
const DRAINED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// What the checks get at least, however long the daemon was waited for.
const WORK_MIN: Duration = Duration::from_secs(1);

/// Answers; whatever happens, the exit code is 0.
pub(crate) fn run(harness: Harness, no_daemon: bool) -> ExitCode {
    let mut asking = Asking::new(no_daemon);
    let answer = panic::catch_unwind(AssertUnwindSafe(|| answer(harness, &mut asking)));
    let answer = answer.unwrap_or_else(|_| {
        Answer::only_stderr(format!(
            "this is a bug, and nothing was checked: {}",
            last_panic()
        ))
    });
    // A stream that is closed has no reader who could be told.
    if let Some(line) = answer.stderr {
        let _ = writeln!(io::stderr(), "claude-flow hook: {}", visible(&line));
    }
    if let Some(text) = answer.stdout {
        let mut stdout = io::stdout().lock();
        let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    }
    asking.start_what_is_missing();
    ExitCode::SUCCESS
}

fn answer(harness: Harness, asking: &mut Asking) -> Answer {
    let started = Instant::now();
    let payload = match read_payload() {
        Ok(payload) => payload,
        Err(refusal) => return Answer::only_stderr(refusal),
    };
    if let Some(answer) = asking.ask(harness, &payload, started + WAIT_MAX) {
        return answer;
    }
    let deadline = (started + WAIT_MAX).max(Instant::now() + WORK_MIN);
    harness.respond(&payload, &Machine::once(deadline))
}

/// What the harness sends; the error is for people.
fn read_payload() -> Result<Vec<u8>, String> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(
            "a harness calls this with JSON on standard input; `claude-flow init --harness NAME` \
             installs it, `claude-flow post-edit FILE` is for people"
                .to_owned(),
        );
    }
    let mut stdin = stdin.lock();
    let mut payload = Vec::new();
    let read = (&mut stdin)
        .take(PAYLOAD_BYTES_MAX + 1)
        .read_to_end(&mut payload);
    if let Err(error) = read {
        return Err(format!("standard input cannot be read: {error}"));
    }
    if payload.len() as u64 > PAYLOAD_BYTES_MAX {
        // That the rest cannot be read changes nothing about the answer.
        let _ = io::copy(&mut stdin.take(DRAINED_BYTES_MAX), &mut io::sink());
        return Err(format!(
            "the payload has more than the {PAYLOAD_BYTES_MAX} bytes that are understood; nothing was checked"
        ));
    }
    Ok(payload)
}

/// Whether the daemon is asked, and whether there is one.
#[cfg(target_os = "linux")]
struct Asking {
    is_wanted: bool,
    is_missing: bool,
}

#[cfg(target_os = "linux")]
impl Asking {
    fn new(no_daemon: bool) -> Self {
        Self {
            is_wanted: !no_daemon && !client::is_off(),
            is_missing: false,
        }
    }

    /// What the daemon answers, if it does.
    fn ask(&mut self, harness: Harness, payload: &[u8], deadline: Instant) -> Option<Answer> {
        if !self.is_wanted {
            return None;
        }
        let name = harness.name();
        let question = daemon::Question::Hook {
            harness: &name,
            payload,
            is_from_cursor: machine::is_cursor(),
        };
        match client::ask(question, deadline) {
            Ok(daemon::Reply::Hook { stdout, stderr }) => Some(Answer { stdout, stderr }),
            Ok(_) => None,
            Err(why) => {
                self.is_missing = matches!(why, client::Unanswered::Absent);
                None
            }
        }
    }

    /// The first hook starts the daemon for the next ones.
    fn start_what_is_missing(&self) {
        if self.is_missing {
            client::start_in_background();
        }
    }
}

/// There is no daemon on this system.
#[cfg(not(target_os = "linux"))]
struct Asking;

#[cfg(not(target_os = "linux"))]
impl Asking {
    fn new(_no_daemon: bool) -> Self {
        Self
    }

    fn ask(&mut self, _harness: Harness, _payload: &[u8], _deadline: Instant) -> Option<Answer> {
        None
    }

    fn start_what_is_missing(&self) {}
}
