//! What the caller asks for, beyond the configuration.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use crate::document::Request;

/// What one run asks for; the names are those of the program's flags.
///
/// What a flag asks for and no check can give yet is told in the reason of the check concerned.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each mirrors one independent flag and is set by name"
)]
pub struct Options {
    /// Labels that are handed through to the document.
    pub request: Request,
    /// What the edit is compared with.
    pub baseline: BaselineSource,
    /// `--minimum-coverage`.
    pub minimum_coverage: Option<Percent>,
    /// `--tests`: the tests that concern the file are run.
    pub tests: bool,
    /// `--block-on-critical`.
    pub block_on_critical: bool,
    /// `--tdd-mode`.
    pub tdd_mode: bool,
    /// `--block-on-tdd-violations`.
    pub block_on_tdd_violations: bool,
    /// `--rust-strict`.
    pub rust_strict: bool,
    /// `--no-format`: the format check is switched off.
    pub no_format: bool,
    /// `--no-tools`: the project's own tools are left out.
    pub no_tools: bool,
    /// `--no-validate`: the text and syntax checks are switched off.
    pub no_validate: bool,
    /// `--no-recommendations`: findings come without `help` and `fix`.
    pub no_recommendations: bool,
    /// `--no-tdd`: the tdd check is switched off.
    pub no_tdd: bool,
}

/// Where the content before the edit comes from; what was wrong there on lines that the edit left
/// alone does not count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BaselineSource {
    /// Nothing to compare with: every finding counts.
    #[default]
    None,
    /// A file that holds the earlier content. Serves exactly one checked file.
    File(PathBuf),
    /// The earlier content itself, as an agent's harness hands it over. Serves exactly one checked file.
    Hook {
        /// What to call it in the document.
        name: String,
        /// The earlier content.
        content: Arc<[u8]>,
    },
    /// The file as it is in a revision of the git repository around it.
    Git {
        /// Anything that names one commit or tree, for example `HEAD`, `main~3`, `v1.0` or a hash.
        revision: String,
    },
}

impl BaselineSource {
    /// The revision that is last committed.
    #[must_use]
    pub fn git_head() -> Self {
        Self::Git {
            revision: "HEAD".to_owned(),
        }
    }

    pub(crate) const fn serves_one_file(&self) -> bool {
        matches!(self, Self::File(_) | Self::Hook { .. })
    }
}

/// A share in percent, from 0 to 100.
///
/// # Examples
///
/// ```
/// use claude_flow_pipeline::Percent;
///
/// let share: Percent = "82.5".parse().expect("within 0 to 100");
/// assert_eq!(share.to_string(), "82.5");
/// assert!("101".parse::<Percent>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Percent(
    // Finite and within 0 to 100.
    f64,
);

impl Percent {
    /// The share of coverage that is asked for if nobody says another one.
    pub(crate) const COVERAGE: Self = Self(80.0);

    /// A share of `value` percent.
    ///
    /// # Errors
    ///
    /// [`PercentError`] if `value` is not within 0 to 100.
    pub fn new(value: f64) -> Result<Self, PercentError> {
        if (0.0..=100.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(PercentError(value.to_string()))
        }
    }

    /// The share in percent.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let number = text.strip_suffix('%').unwrap_or(text);
        number
            .trim()
            .parse()
            .ok()
            .and_then(|value| Self::new(value).ok())
            .ok_or_else(|| PercentError(text.to_owned()))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text or number is no share in percent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no percentage; allowed is a number from 0 to 100")]
pub struct PercentError(String);
