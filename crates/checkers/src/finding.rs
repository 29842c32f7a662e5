//! What a check found.

use std::borrow::Cow;
use std::ops::Range;

/// How a check of one file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The whole text was looked at; no findings means clean.
    Checked {
        /// What was found, in the order of the text.
        findings: Vec<Finding>,
    },
    /// The check was not made.
    NotRun {
        /// Why, as a fragment for people.
        reason: String,
    },
    /// The check broke.
    Failed {
        /// How, as a fragment for people.
        reason: String,
    },
}

impl Outcome {
    pub(crate) fn not_run(reason: impl Into<String>) -> Self {
        Self::NotRun {
            reason: reason.into(),
        }
    }
}

/// One thing that is wrong, or that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A stable name, `<check>/<rule>`, for example `syntax/unclosed-bracket`.
    pub rule: Cow<'static, str>,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, for people: a fragment in lower case without a full stop.
    pub message: String,
    /// Where, as byte offsets into the source; within its length, may be empty.
    pub span: Range<usize>,
    /// Other places that explain it.
    pub related: Vec<Related>,
    /// What to do next, if that is known.
    pub help: Option<String>,
    /// An edit that would mend it, if one is certain.
    pub fix: Option<Fix>,
    /// Where the rule is documented.
    pub docs: Option<Cow<'static, str>>,
}

impl Finding {
    /// An error finding with nothing but its message and place.
    pub fn error(
        rule: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        span: Range<usize>,
    ) -> Self {
        Self {
            rule: rule.into(),
            severity: Severity::Error,
            message: message.into(),
            span,
            related: Vec::new(),
            help: None,
            fix: None,
            docs: None,
        }
    }

    /// The same finding with another severity.
    #[must_use]
    pub fn with_severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same finding with a place that explains it.
    #[must_use]
    pub fn with_related(mut self, message: impl Into<String>, span: Range<usize>) -> Self {
        self.related.push(Related {
            message: message.into(),
            span,
        });
        self
    }

    /// The same finding with advice.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// How bad a [`Finding`] is, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The text is broken.
    Error,
    /// The text is probably not what was meant.
    Warning,
    /// Something that the reader has to know, for example a region that was not understood.
    Info,
}

/// A place that explains a [`Finding`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What is there.
    pub message: String,
    /// Where, as byte offsets into the source.
    pub span: Range<usize>,
}

/// An edit that would mend a [`Finding`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What the edit does.
    pub message: String,
    /// What it replaces, as byte offsets into the source.
    pub span: Range<usize>,
    /// What stands there afterwards.
    pub replacement: String,
}
