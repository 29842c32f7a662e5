//! The verdict on a subject, added up from the ballots in whole numbers.

use crate::ballot::{Score, SignedBallot, Vote};
use crate::quorum::VoterSet;
use crate::roster::Roster;

/// What the ballots on a subject add up to.
///
/// A pure function of roster and ballots, over the whole roster: who is absent adds nothing, so
/// that leaving a ballot out never raises a verdict.
///
/// # Examples
///
/// The ballots PARTIAL 85 %, PASS 95 %, PASS 92 %, PASS 98 %, PARTIAL 78 % of five validators with a
/// threshold of 3 give 3.5 of 5, [`Verdict::Partial`], [`Level::Silver`]; `tests/it/tally.rs` says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tally {
    /// PASS 1, PARTIAL ¼, FAIL and absent 0.
    pub score: Score,
    /// The score with each ballot lowered to its confidence, in quarters of a percent of a vote.
    /// Beside the verdict, never part of it: what a validator says about itself moves nobody else.
    pub confident_score: u32,
    /// Who voted.
    pub voters: VoterSet,
    /// Who voted PASS.
    pub passes: VoterSet,
    /// What follows.
    pub verdict: Verdict,
    /// How good it is.
    pub level: Level,
}

/// What follows from the ballots, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Fewer ballots than an agreement quorum has voters: nothing follows.
    NoQuorum,
    /// Less than the threshold.
    Fail,
    /// The threshold is reached, full approval is not.
    Partial,
    /// A score of at least `n − f`, the most that no liar can withhold.
    Pass,
}

/// How good an approval is, from worst to best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Not approved.
    None,
    /// [`Verdict::Partial`], and the threshold is reached only with the help of PARTIAL ballots.
    Bronze,
    /// [`Verdict::Partial`], and the PASS ballots alone reach the threshold.
    Silver,
    /// [`Verdict::Pass`].
    Gold,
}

/// Adds ballots up.
///
/// The ballots are taken as genuine. Of several ballots of one validator the first counts, and
/// none of a stranger does.
///
/// # Complexity
///
/// Linear in the ballots; allocates nothing.
#[must_use]
pub fn tally(roster: &Roster, ballots: &[SignedBallot]) -> Tally {
    let (mut voters, mut passes) = (VoterSet::EMPTY, VoterSet::EMPTY);
    let (mut quarters, mut confident_score) = (0, 0);
    for signed in ballots {
        if !roster.contains(signed.validator) || !voters.insert(signed.validator) {
            continue;
        }
        let worth = signed.ballot.vote.quarters();
        quarters += worth;
        confident_score += worth * u32::from(signed.ballot.confidence.percent());
        if signed.ballot.vote == Vote::Pass {
            passes.insert(signed.validator);
        }
    }
    let score = Score::from_quarters(quarters);
    let pass_score = Score::from_quarters(passes.count() * Score::QUARTERS_PER_VOTE);
    let committee = roster.committee();
    let full_score = (committee.n() - committee.f()) * Score::QUARTERS_PER_VOTE;
    let (verdict, level) = if !roster.agreement().is_reached(voters) {
        (Verdict::NoQuorum, Level::None)
    } else if quarters >= full_score {
        (Verdict::Pass, Level::Gold)
    } else if roster.approval().is_reached(pass_score) {
        (Verdict::Partial, Level::Silver)
    } else if roster.approval().is_reached(score) {
        (Verdict::Partial, Level::Bronze)
    } else {
        (Verdict::Fail, Level::None)
    };
    Tally {
        score,
        confident_score,
        voters,
        passes,
        verdict,
        level,
    }
}
