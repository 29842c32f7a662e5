//! From opinions to a verdict and a level, by one rule.

use claude_flow_consensus::{self as consensus, SignedBallot, Tally, tally};
use serde::{Deserialize, Serialize};

use crate::opinion::{Finding, Judged, Word};

/// The rule in words; it is part of every certificate.
pub const RULES: &str = "\
A fact passes if it holds; a value passes if its median is within its bound. \
A check that could not run is SKIPPED and never counts as passed.
A validator votes FAIL if a check that is marked critical failed, or none or fewer than half of its \
checks passed; PASS if all passed; PARTIAL otherwise.
Its confidence is the mean over its checks, rounded down: 0 for one that was skipped, 100 for one that \
ran and whose finding would be the same if its value were better or worse by its spread (by a factor of \
two for a single run), 50 for one that ran and whose finding would not.
A ballot counts if its evidence is there, is about the same subject, and vote and confidence follow from \
it; any other counts as absent.
PASS is worth a vote, PARTIAL a quarter, FAIL and absent nothing. With n validators of which f may lie, \
fewer than the smallest whole number above (n + f) / 2 of counted ballots are NO QUORUM; a score of n - f \
votes is PASS, the threshold of approval PARTIAL, less FAIL.
PLATINUM: every validator votes PASS, every harder target is met, and the run was a full one. \
GOLD: PASS. SILVER: PARTIAL, and the PASS ballots alone reach the threshold. BRONZE: PARTIAL. \
A counted FAIL and an absent ballot allow PARTIAL and BRONZE at most.";

/// What follows from the ballots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conclusion {
    /// What follows.
    pub verdict: Verdict,
    /// How good it is.
    pub level: Level,
    /// The votes' worth, in quarters of a vote.
    pub score_quarters: u32,
    /// One for each validator, in the order of the roster.
    pub seats: Vec<Seat>,
}

/// What follows from the ballots, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Too few ballots count.
    #[serde(rename = "NO QUORUM")]
    NoQuorum,
    /// Less than the threshold.
    #[serde(rename = "FAIL")]
    Fail,
    /// The threshold is reached.
    #[serde(rename = "PARTIAL")]
    Partial,
    /// Full approval.
    #[serde(rename = "PASS")]
    Pass,
}

impl Verdict {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoQuorum => "NO QUORUM",
            Self::Fail => "FAIL",
            Self::Partial => "PARTIAL",
            Self::Pass => "PASS",
        }
    }
}

/// How good an approval is, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// Not approved.
    #[serde(rename = "none")]
    None,
    /// Approved with the help of PARTIAL ballots, or against a FAIL, or without somebody.
    #[serde(rename = "BRONZE")]
    Bronze,
    /// The PASS ballots alone reach the threshold.
    #[serde(rename = "SILVER")]
    Silver,
    /// All but as many as may lie vote PASS.
    #[serde(rename = "GOLD")]
    Gold,
    /// Everyone votes PASS in a full run, and every harder target is met.
    #[serde(rename = "PLATINUM")]
    Platinum,
}

impl Level {
    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Bronze => "BRONZE",
            Self::Silver => "SILVER",
            Self::Gold => "GOLD",
            Self::Platinum => "PLATINUM",
        }
    }
}

/// One validator in a conclusion.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seat {
    /// Who.
    pub validator: String,
    /// What it voted; none without a ballot.
    pub vote: Option<Word>,
    /// How sure it said it is, in percent.
    pub confidence_percent: Option<u8>,
    /// Whether that counts.
    pub standing: Standing,
    /// Its checks, as its evidence has them; empty if nothing follows from it.
    pub judged: Vec<Judged>,
}

/// Whether a ballot counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Standing {
    /// It does.
    Counted,
    /// There is none.
    Absent,
    /// There is one that counts as absent.
    Discounted {
        /// Why.
        reason: String,
    },
}

/// Draws the conclusion from seats and the ballots of those that are counted.
pub(crate) fn conclude(
    roster: &consensus::Roster,
    seats: Vec<Seat>,
    counted: &[SignedBallot],
    is_full: bool,
) -> Conclusion {
    let tally = tally(roster, counted);
    let verdict = match tally.verdict {
        consensus::Verdict::NoQuorum => Verdict::NoQuorum,
        consensus::Verdict::Fail => Verdict::Fail,
        consensus::Verdict::Partial => Verdict::Partial,
        consensus::Verdict::Pass => Verdict::Pass,
    };
    let is_clouded = seats
        .iter()
        .any(|seat| seat.standing != Standing::Counted || seat.vote == Some(Word::Fail));
    let level = level(&tally, &seats, is_full);
    let (verdict, level) = if is_clouded {
        (verdict.min(Verdict::Partial), level.min(Level::Bronze))
    } else {
        (verdict, level)
    };
    Conclusion {
        verdict,
        level,
        score_quarters: tally.score.quarters(),
        seats,
    }
}

fn level(tally: &Tally, seats: &[Seat], is_full: bool) -> Level {
    let level = match tally.level {
        consensus::Level::None => Level::None,
        consensus::Level::Bronze => Level::Bronze,
        consensus::Level::Silver => Level::Silver,
        consensus::Level::Gold => Level::Gold,
    };
    let mut judged = seats.iter().flat_map(|seat| &seat.judged);
    let is_best = judged.all(|it| it.finding == Finding::Pass && it.is_ours_met != Some(false));
    if level == Level::Gold && is_full && is_best {
        return Level::Platinum;
    }
    level
}
