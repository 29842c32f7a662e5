//! What a person is told when the job could not be done.

use std::fmt;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use anstream::{AutoStream, ColorChoice};
use anstyle::AnsiColor;

use crate::visible::visible;

/// The job could not be done.
pub(crate) const EXIT_FAILED: u8 = 2;

/// Where to tell of a bug.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// Where the last panic was and what it said.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// A way of using the program that its arguments allow one by one and not together.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Runs the program; a panic ends it with a message for people and [`EXIT_FAILED`].
pub(crate) fn catch_panics(run: impl FnOnce() -> ExitCode) -> ExitCode {
    remember_panics();
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let mut stderr = std::io::stderr().lock();
        // Nothing is left to tell it to if standard error is closed.
        let _ = writeln!(
            stderr,
            "error: claude-flow {} has a bug, and the job was not done: {}\n\
             Please tell {REPOSITORY}/issues what you ran and this message.",
            env!("CARGO_PKG_VERSION"),
            last_panic(),
        );
        ExitCode::from(EXIT_FAILED)
    })
}

/// Keeps panics from writing to standard error: most are caught and told in the result.
fn remember_panics() {
    panic::set_hook(Box::new(|info| {
        let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(visible(&info.to_string()).into_owned());
    }));
}

/// What the last panic said.
pub(crate) fn last_panic() -> String {
    let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    last.clone().unwrap_or_else(|| "a panic".to_owned())
}

/// Tells an error with its causes.
///
/// A reader that closed the pipe has seen what it wanted: that is no failure.
pub(crate) fn report(error: &anyhow::Error, color: ColorChoice) -> ExitCode {
    if is_closed_pipe(error) {
        return ExitCode::SUCCESS;
    }
    let style = AnsiColor::Red.on_default().bold();
    let text = format!("{error:#}");
    let mut stderr = AutoStream::new(std::io::stderr().lock(), color);
    // Nothing is left to tell it to if standard error is closed.
    let _ = writeln!(stderr, "{style}error{style:#}: {}", visible(&text));
    if error.is::<Usage>() {
        let _ = writeln!(stderr, "\nFor more, try `claude-flow --help`.");
    }
    ExitCode::from(EXIT_FAILED)
}

/// Prints help or the version, or tells what is wrong with the arguments.
pub(crate) fn report_arguments(told: &clap::Error) -> ExitCode {
    if !told.use_stderr() {
        // A reader that closed the pipe has seen what it wanted.
        let _ = told.print();
        return ExitCode::SUCCESS;
    }
    // Without style, because the arguments are repeated in it and could hold escape sequences.
    let text = told.render().to_string();
    let mut stderr = std::io::stderr().lock();
    for line in text.lines() {
        // Nothing is left to tell it to if standard error is closed.
        let _ = writeln!(stderr, "{}", visible(line));
    }
    ExitCode::from(EXIT_FAILED)
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref());
    causes.any(|cause: &std::io::Error| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
