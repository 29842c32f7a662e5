//! What an output says, and what that means for one file.

use super::diagnostic::Diagnostic;
use super::format;
use super::invocation::Request;
use super::limits::DIAGNOSTICS_MAX;
use super::output::{Ended, Output, Stream, Unread, Why, excerpt};
use super::place::Text;
use super::tool::{Reader, Tool};
use crate::{Finding, Outcome, Severity, limits};

/// What the output of one run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// The whole output was understood; no diagnostics means clean.
    Understood {
        /// What the tool said, in its order, about the file and about others.
        diagnostics: Vec<Diagnostic>,
        /// How many more there were.
        left_out: usize,
    },
    /// The output says nothing about the file.
    Unread(Unread),
}

impl Tool {
    /// Reads what a run of this tool gave.
    ///
    /// # Complexity
    ///
    /// About linear in the size of the output; a formatter's is compared line by line with the content.
    #[must_use]
    pub fn read(&self, request: &Request<'_>, output: &Output<'_>) -> Reading {
        match self.diagnostics(request, output) {
            Ok(diagnostics) => Reading::understood(diagnostics, request),
            Err(unread) => Reading::Unread(unread),
        }
    }

    fn diagnostics(
        &self,
        request: &Request<'_>,
        output: &Output<'_>,
    ) -> Result<Vec<Diagnostic>, Unread> {
        output.check_whole()?;
        let other = match self.report {
            Stream::Stdout => Stream::Stderr,
            Stream::Stderr => Stream::Stdout,
        };
        if let Some(unread) = self.sign(output.stream(other)) {
            return Err(unread);
        }
        let read = match &self.reader {
            Reader::Own(read) => read(request, output),
            Reader::Format(reading) => reading.read(output.text(self.report)?, request),
            Reader::Formatter(mistake) => self.formatted(*mistake, request, output),
        };
        let read = read.and_then(|diagnostics| {
            // A formatter that prints the new text exits alike whether it differs or not.
            if !matches!(self.reader, Reader::Formatter(_)) {
                self.check_exit(diagnostics.is_empty(), output)?;
            }
            Ok(diagnostics)
        });
        let read = read.and_then(|diagnostics| {
            // Where nothing is reported, the standard output of such a tool is empty as well.
            let is_talking =
                self.report == Stream::Stderr && !output.stdout.trim_ascii().is_empty();
            if is_talking && diagnostics.is_empty() {
                let text = String::from_utf8_lossy(output.stdout);
                return Err(Unread::not_understood(format!(
                    "it says {}",
                    excerpt(&text)
                )));
            }
            Ok(diagnostics)
        });
        read.map_err(|unread| {
            let is_vague = matches!(unread.why, Why::NotUnderstood | Why::ExitCode);
            let sign = self.sign(output.stream(self.report));
            sign.filter(|_| is_vague).unwrap_or(unread)
        })
    }

    /// The whole new text, compared with the content.
    fn formatted(
        &self,
        mistake: fn(&Output<'_>) -> Option<Diagnostic>,
        request: &Request<'_>,
        output: &Output<'_>,
    ) -> Result<Vec<Diagnostic>, Unread> {
        let Ended::Exited(code) = output.ended else {
            return Err(Unread::new(Why::Crashed, "it was ended by a signal"));
        };
        if self.exits.clean.contains(&code) {
            return format::formatted(request.content, output.stdout);
        }
        let mut mistake = mistake(output).ok_or_else(|| {
            let reason = format!("it ended with exit code {code}{}", output.complaint());
            Unread::new(Why::ExitCode, reason)
        })?;
        mistake.path = Some(request.path.to_owned());
        Ok(vec![mistake.of_rule("syntax")])
    }

    fn check_exit(&self, is_clean: bool, output: &Output<'_>) -> Result<(), Unread> {
        let (codes, said) = if is_clean {
            (&self.exits.clean, "reported nothing")
        } else {
            (&self.exits.findings, "reported findings")
        };
        match output.ended {
            Ended::Exited(code) if !codes.contains(&code) => {
                let reason = format!(
                    "it {said} and ended with exit code {code}{}",
                    output.complaint()
                );
                Err(Unread::new(Why::ExitCode, reason))
            }
            _ => Ok(()),
        }
    }

    /// The first of the signs that a line holds.
    fn sign(&self, stream: &[u8]) -> Option<Unread> {
        if self.signs.is_empty() {
            return None;
        }
        let text = String::from_utf8_lossy(stream);
        self.signs.iter().find_map(|sign| {
            let line = text.lines().find(|line| line.contains(sign.text))?;
            Some(Unread::new(sign.why, excerpt(line)))
        })
    }
}

impl Reading {
    /// Everything was looked at and nothing was found.
    #[must_use]
    pub const fn clean() -> Self {
        Self::Understood {
            diagnostics: Vec::new(),
            left_out: 0,
        }
    }

    /// A whole answer, with its paths relative to the root and within the limits.
    pub(super) fn understood(mut diagnostics: Vec<Diagnostic>, request: &Request<'_>) -> Self {
        for diagnostic in &mut diagnostics {
            let paths = diagnostic.notes.iter_mut().map(|note| &mut note.path);
            for path in paths.chain([&mut diagnostic.path]).flatten() {
                *path = normal_path(path, request);
            }
        }
        let left_out = diagnostics.len().saturating_sub(DIAGNOSTICS_MAX);
        diagnostics.truncate(DIAGNOSTICS_MAX);
        Self::Understood {
            diagnostics,
            left_out,
        }
    }

    /// What the reading means for the file that was asked about.
    ///
    /// Diagnostics about other files are left aside.
    /// A reading is [`Outcome::Failed`] if it names a place that the content does not have, since then another
    /// content was looked at, or if its only error is about no file at all.
    #[must_use]
    pub fn outcome(&self, tool: &Tool, request: &Request<'_>) -> Outcome {
        let diagnostics = match self {
            Self::Understood { diagnostics, .. } => diagnostics,
            Self::Unread(unread) if unread.why.is_not_run() => {
                return Outcome::not_run(unread.reason.clone());
            }
            Self::Unread(unread) => {
                return Outcome::Failed {
                    reason: unread.reason.clone(),
                };
            }
        };
        let text = Text::new(request.content);
        let mut findings: Vec<Finding> = Vec::new();
        for diagnostic in diagnostics {
            if diagnostic.path.as_deref() != Some(request.path) {
                continue;
            }
            let Some(finding) = diagnostic.finding(tool, &text, request.content) else {
                return elsewhere(tool, diagnostic, &text);
            };
            findings.push(finding);
        }
        let pathless = diagnostics
            .iter()
            .find(|it| it.path.is_none() && it.severity == Severity::Error);
        if let Some(broken) = pathless.filter(|_| findings.is_empty()) {
            return Outcome::Failed {
                reason: excerpt(&broken.message),
            };
        }
        findings.sort_by_key(|finding| finding.span.start);
        findings.truncate(limits::FINDINGS_MAX);
        Outcome::Checked { findings }
    }
}

fn elsewhere(tool: &Tool, diagnostic: &Diagnostic, text: &Text<'_>) -> Outcome {
    let reason = format!(
        "{} names {:?}, which a text of {} lines does not have: it looked at another content",
        tool.name,
        diagnostic.place,
        text.line_count()
    );
    Outcome::Failed { reason }
}

/// A path as tools print it, relative to the root if it is below.
fn normal_path(path: &str, request: &Request<'_>) -> String {
    const STDIN: &[&str] = &[
        "-",
        "<stdin>",
        "stdin",
        "/dev/stdin",
        "<standard input>",
        "<text>",
    ];
    if STDIN.contains(&path) {
        return request.path.to_owned();
    }
    let decoded = path.strip_prefix("file://").map(|uri| {
        percent_encoding::percent_decode_str(uri)
            .decode_utf8_lossy()
            .into_owned()
    });
    let path = decoded.as_deref().unwrap_or(path);
    let root = request.root.trim_end_matches('/');
    let below = path
        .strip_prefix(root)
        .and_then(|rest| rest.strip_prefix('/'));
    let mut relative = below.unwrap_or(path);
    while let Some(rest) = relative.strip_prefix("./") {
        relative = rest.trim_start_matches('/');
    }
    relative.to_owned()
}
