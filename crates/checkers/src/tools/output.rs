//! What a tool printed and how it ended.

use super::limits::{OUTPUT_BYTES_MAX, REASON_CHARS_MAX};

/// What one run of a tool gave.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// How it ended.
    pub ended: Ended,
    /// What it printed.
    pub stdout: &'a [u8],
    /// What it complained about.
    pub stderr: &'a [u8],
    /// True if the runner kept only a part of what was printed.
    pub is_truncated: bool,
}

impl<'a> Output<'a> {
    /// One of the streams.
    #[must_use]
    pub const fn stream(&self, stream: Stream) -> &'a [u8] {
        match stream {
            Stream::Stdout => self.stdout,
            Stream::Stderr => self.stderr,
        }
    }

    /// The text of a stream.
    pub(super) fn text(&self, stream: Stream) -> Result<&'a str, Unread> {
        std::str::from_utf8(self.stream(stream)).map_err(|error| {
            let at = error.valid_up_to();
            Unread::not_understood(format!("its {} is not UTF-8 at byte {at}", stream.name()))
        })
    }

    /// What holds whatever the tool: the output is whole, not too large, and the tool ended by itself.
    pub(super) fn check_whole(&self) -> Result<(), Unread> {
        if let Ended::Signalled(signal) = self.ended {
            let reason = format!("it was ended by signal {signal}{}", self.complaint());
            return Err(Unread::new(Why::Crashed, reason));
        }
        if self.is_truncated {
            return Err(Unread::new(
                Why::Truncated,
                "only a part of its output was kept",
            ));
        }
        let size = self.stdout.len().max(self.stderr.len());
        if size > OUTPUT_BYTES_MAX {
            let reason =
                format!("it printed {size} bytes, more than the {OUTPUT_BYTES_MAX} that are read");
            return Err(Unread::new(Why::TooLarge, reason));
        }
        Ok(())
    }

    /// The first line of the standard error, as the end of a sentence; empty if there is none.
    pub(super) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(self.stderr);
        let line = text.lines().find(|line| !line.trim().is_empty());
        line.map_or_else(String::new, |line| format!(": {}", excerpt(line)))
    }
}

/// How a tool ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with an exit code.
    Exited(i32),
    /// By a signal.
    Signalled(i32),
}

/// One of the two streams of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// The standard output.
    Stdout,
    /// The standard error.
    Stderr,
}

impl Stream {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "standard output",
            Self::Stderr => "standard error",
        }
    }
}

/// Why an output says nothing about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What kind of reason it is.
    pub why: Why,
    /// The reason, as a fragment for people.
    pub reason: String,
}

impl Unread {
    pub(super) fn new(why: Why, reason: impl Into<String>) -> Self {
        Self {
            why,
            reason: reason.into(),
        }
    }

    pub(super) fn not_understood(reason: impl Into<String>) -> Self {
        Self::new(Why::NotUnderstood, reason)
    }
}

/// The kinds of reasons why an output says nothing about the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// The tool's configuration leaves the file out.
    Ignored,
    /// The project does not use the tool: there is no configuration for it.
    NotConfigured,
    /// The tool cannot judge the file as it was asked, for example without the project's compile flags.
    Unable,
    /// The tool does not accept its configuration.
    BadConfiguration,
    /// The configuration names something that is not installed.
    MissingPlugin,
    /// The tool cannot parse the file and does not say where.
    Unparsable,
    /// The tool crashed.
    Crashed,
    /// The output is not what the tool is known to print.
    NotUnderstood,
    /// The output was cut off.
    Truncated,
    /// The output is larger than what is read.
    TooLarge,
    /// The exit code contradicts the output.
    ExitCode,
}

impl Why {
    /// True if the check was not made; otherwise it broke.
    #[must_use]
    pub const fn is_not_run(self) -> bool {
        matches!(self, Self::Ignored | Self::NotConfigured | Self::Unable)
    }
}

/// A line of a tool as a part of a reason: no control characters, not too long.
pub(super) fn excerpt(line: &str) -> String {
    let mut kept: String = line
        .trim()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(REASON_CHARS_MAX)
        .collect();
    if line.trim().chars().nth(REASON_CHARS_MAX).is_some() {
        kept.push('…');
    }
    kept
}
