//! From evidence to a vote and a confidence, by one rule.

use std::collections::BTreeMap;

use claude_flow_consensus::{Confidence, Vote};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::evidence::{EvidenceDocument, Measured, Outcome, VERSION};
use crate::render::{shown_bound, shown_value};
use crate::targets::{Check, TEXT_BYTES_MAX, Target, Targets};

/// What follows from a validator's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// How it votes.
    pub vote: Vote,
    /// How sure it is.
    pub confidence: Confidence,
    /// One for each of its checks, in the order of the targets.
    pub judged: Vec<Judged>,
}

/// One check with what its evidence says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// Which check.
    pub check: String,
    /// What follows.
    pub finding: Finding,
    /// Whether it would also follow if the value were better or worse by its spread.
    pub is_sure: bool,
    /// Whether the harder target is met; none if there is none or nothing was measured.
    pub is_ours_met: Option<bool>,
    /// What was seen, for people.
    pub cause: String,
}

/// What follows for one check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Finding {
    /// The claim holds.
    Pass,
    /// It does not.
    Fail,
    /// Nobody looked.
    Skipped,
}

impl Finding {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Skipped => "SKIPPED",
        }
    }
}

/// A vote as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Word {
    /// Good.
    Pass,
    /// Good in part.
    Partial,
    /// Not good.
    Fail,
}

impl Word {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Partial => "PARTIAL",
            Self::Fail => "FAIL",
        }
    }
}

impl From<Vote> for Word {
    fn from(vote: Vote) -> Self {
        match vote {
            Vote::Pass => Self::Pass,
            Vote::Partial => Self::Partial,
            Vote::Fail => Self::Fail,
        }
    }
}

/// Why nothing follows from a document.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Of another version.
    #[error("its evidence is of version {0}, which is not known here")]
    Version(u32),
    /// No such validator.
    #[error("its evidence is of {0:?}, who does not vote")]
    Stranger(String),
    /// A check that is not the validator's.
    #[error("its evidence is on {0:?}, which is not its check")]
    Foreign(String),
    /// A check comes twice.
    #[error("its evidence on {0} is there twice")]
    Twice(String),
    /// A text is too long to be shown.
    #[error("its evidence on {0} has a text longer than {TEXT_BYTES_MAX} bytes")]
    TooLong(String),
}

impl Opinion {
    /// Votes by the rule of [`RULES`](crate::RULES).
    ///
    /// A check of the validator without evidence is skipped.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`] if the document is not one of a validator of these targets.
    ///
    /// # Complexity
    ///
    /// Linear in the checks, times the logarithm of the document's.
    pub fn of(targets: &Targets, document: &EvidenceDocument) -> Result<Self, EvidenceError> {
        if document.version != VERSION {
            return Err(EvidenceError::Version(document.version));
        }
        let validator = &document.validator;
        if !targets.validators.contains(validator) {
            return Err(EvidenceError::Stranger(validator.clone()));
        }
        let mut outcomes = BTreeMap::new();
        for evidence in &document.evidence {
            let (id, outcome) = (&evidence.check, &evidence.outcome);
            if !targets.of(validator).any(|check| check.id == *id) {
                return Err(EvidenceError::Foreign(id.clone()));
            }
            if outcome.text().len() > TEXT_BYTES_MAX {
                return Err(EvidenceError::TooLong(id.clone()));
            }
            if outcomes.insert(id.as_str(), outcome).is_some() {
                return Err(EvidenceError::Twice(id.clone()));
            }
        }
        let judged = targets
            .of(validator)
            .map(|check| judge(check, outcomes.get(check.id.as_str()).copied()))
            .collect();
        Ok(Self::from_judged(targets, judged))
    }

    fn from_judged(targets: &Targets, judged: Vec<Judged>) -> Self {
        let count = |finding| judged.iter().filter(|it| it.finding == finding).count();
        let (passed, failed) = (count(Finding::Pass), count(Finding::Fail));
        let is_critical = |id: &str| {
            let check = targets.checks.iter().find(|check| check.id == id);
            check.is_some_and(|check| check.critical)
        };
        let mut failures = judged.iter().filter(|it| it.finding == Finding::Fail);
        let vote = if passed == 0
            || 2 * passed < judged.len()
            || failures.any(|it| is_critical(&it.check))
        {
            Vote::Fail
        } else if passed == judged.len() {
            Vote::Pass
        } else {
            Vote::Partial
        };
        let ran = judged.iter().filter(|it| it.finding != Finding::Skipped);
        let halves = passed + failed + ran.filter(|it| it.is_sure).count();
        let percent = (50 * halves).checked_div(judged.len()).unwrap_or_default();
        let percent = u8::try_from(percent).unwrap_or(100);
        Self {
            vote,
            confidence: Confidence::from_percent(percent.min(100)).expect("at most 100"),
            judged,
        }
    }
}

impl Outcome {
    /// The text that it brings along.
    fn text(&self) -> &str {
        match self {
            Self::Fact { cause, .. } => cause,
            Self::Value(measured) => &measured.figure,
            Self::Skipped { reason } => reason,
        }
    }
}

fn judge(check: &Check, outcome: Option<&Outcome>) -> Judged {
    let judged = |finding, cause: &str| Judged {
        check: check.id.clone(),
        finding,
        is_sure: finding != Finding::Skipped,
        is_ours_met: None,
        cause: cause.to_owned(),
    };
    match (outcome, &check.target) {
        (None, _) => judged(Finding::Skipped, "no evidence was handed in"),
        (Some(Outcome::Skipped { reason }), _) => judged(Finding::Skipped, reason),
        (
            Some(Outcome::Fact {
                holds: false,
                cause,
            }),
            _,
        ) => judged(Finding::Fail, cause),
        (Some(Outcome::Fact { holds: true, cause }), None) => judged(Finding::Pass, cause),
        (Some(Outcome::Fact { .. }), Some(_)) => {
            judged(Finding::Fail, "a value is wanted, and none was measured")
        }
        (Some(Outcome::Value(_)), None) => {
            judged(Finding::Fail, "a fact is wanted, and a value was measured")
        }
        (Some(Outcome::Value(value)), Some(target)) => judge_value(check, target, value),
    }
}

fn judge_value(check: &Check, target: &Target, measured: &Measured) -> Judged {
    let Measured {
        value,
        unit,
        spread_percent,
        samples,
        figure,
    } = measured;
    let bound = target.bound;
    let is_met = bound.is_met(*value) && *unit == target.unit && *samples > 0;
    // Of one run nothing is known: it may be half or twice as much.
    let (least, most) = match spread_percent {
        Some(percent) => {
            let width = u128::from(*value) * u128::from(*percent) / 100;
            let width = u64::try_from(width).unwrap_or(u64::MAX);
            (value.saturating_sub(width), value.saturating_add(width))
        }
        None => (value / 2, value.saturating_mul(2)),
    };
    let spread = spread_percent.map_or_else(
        || "one run".to_owned(),
        |percent| format!("spread {percent} %"),
    );
    let mut cause = format!(
        "{} ({figure}; {spread}, {samples} samples), wanted {}",
        shown_value(*value, *unit),
        shown_bound(bound, target.unit)
    );
    if *unit != target.unit {
        cause.push_str(", in another unit");
    }
    Judged {
        check: check.id.clone(),
        finding: if is_met { Finding::Pass } else { Finding::Fail },
        is_sure: bound.is_met(least) == bound.is_met(most),
        is_ours_met: target
            .ours
            .map(|ours| is_met && bound.at(ours).is_met(*value)),
        cause,
    }
}
