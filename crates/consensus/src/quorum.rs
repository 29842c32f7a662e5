//! How many validators it takes: to agree, and to approve.
//!
//! Agreement asks whether two quorums can contradict each other; approval asks whether enough
//! validators were content.
//! The two numbers look alike and mean different things, so they are two types without a way from
//! one to the other.

use std::fmt;

use crate::ballot::Score;
use crate::error::RosterError;

/// The largest roster: a set of voters is one 64-bit word.
pub const VALIDATORS_MAX: u32 = 64;

/// The place of a validator in the roster, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValidatorId(pub u32);

impl fmt::Display for ValidatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A set of validators of one roster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct VoterSet(u64);

impl VoterSet {
    /// Nobody.
    pub const EMPTY: Self = Self(0);

    /// The set as it goes over the wire: bit *i* for validator *i*.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Bit *i* is validator *i*.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Adds a validator; says whether it was missing. An id from [`VALIDATORS_MAX`] on is not added.
    pub const fn insert(&mut self, voter: ValidatorId) -> bool {
        if voter.0 >= VALIDATORS_MAX || self.contains(voter) {
            return false;
        }
        self.0 |= 1 << voter.0;
        true
    }

    /// Whether a validator is in the set.
    #[must_use]
    pub const fn contains(self, voter: ValidatorId) -> bool {
        voter.0 < VALIDATORS_MAX && self.0 & (1 << voter.0) != 0
    }

    /// How many validators are in the set.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether every member is one of the first `n` validators.
    #[must_use]
    pub const fn is_within(self, n: u32) -> bool {
        n >= VALIDATORS_MAX || self.0 >> n == 0
    }

    /// The members in ascending order.
    pub fn iter(self) -> impl Iterator<Item = ValidatorId> {
        let mut bits = self.0;
        std::iter::from_fn(move || {
            let voter = (bits != 0).then(|| ValidatorId(bits.trailing_zeros()))?;
            bits &= bits - 1;
            Some(voter)
        })
    }
}

impl FromIterator<ValidatorId> for VoterSet {
    fn from_iter<I: IntoIterator<Item = ValidatorId>>(voters: I) -> Self {
        let mut set = Self::EMPTY;
        for voter in voters {
            set.insert(voter);
        }
        set
    }
}

/// How many of `n` validators may lie: `n ≥ 3f + 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Committee {
    // Invariant: 1 ≤ n ≤ VALIDATORS_MAX and n ≥ 3f + 1.
    n: u32,
    f: u32,
}

impl Committee {
    /// A committee of `n` validators of which at most `f` lie.
    ///
    /// `f` is the caller's: a committee of 21 may well be asked to stand only 3 liars, and then
    /// stands more absent ones.
    ///
    /// # Errors
    ///
    /// [`RosterError::Size`] unless `1 ≤ n ≤ 64`, [`RosterError::TooManyFaults`] unless `n ≥ 3f + 1`.
    pub const fn new(n: u32, f: u32) -> Result<Self, RosterError> {
        if n == 0 || n > VALIDATORS_MAX {
            return Err(RosterError::Size { n });
        }
        // n ≤ 64 leaves no room for an overflow of 3f + 1 where f < n.
        if f >= n || n < 3 * f + 1 {
            return Err(RosterError::TooManyFaults { n, f });
        }
        Ok(Self { n, f })
    }

    /// How many validators there are.
    #[must_use]
    pub const fn n(self) -> u32 {
        self.n
    }

    /// How many of them may lie.
    #[must_use]
    pub const fn f(self) -> u32 {
        self.f
    }

    /// The agreement quorum, `⌈(n + f + 1) / 2⌉`.
    ///
    /// # Source
    ///
    /// Castro & Liskov, OSDI '99, use `2f + 1` of `n = 3f + 1`.
    /// For other `n` that is not enough: at `n = 5`, `f = 1` two sets of 3 may share only the liar.
    /// Two sets of `q` share at least `2q − n` validators, and `2q − n ≥ f + 1` makes one honest.
    #[must_use]
    pub const fn agreement(self) -> AgreementQuorum {
        AgreementQuorum {
            votes: (self.n + self.f + 2) / 2,
        }
    }

    /// So many that one of them is honest, `f + 1`.
    #[must_use]
    pub const fn weak(self) -> WeakQuorum {
        WeakQuorum { votes: self.f + 1 }
    }

    /// How many validators may be silent while the others still decide, `n − q`.
    #[must_use]
    pub const fn crash_slack(self) -> u32 {
        self.n - self.agreement().votes
    }

    /// A threshold of approval.
    ///
    /// # Errors
    ///
    /// [`RosterError::Threshold`] unless `f < votes ≤ n − f`: below, the liars alone approve; above,
    /// the liars alone forbid.
    pub const fn approval(self, votes: u32) -> Result<ApprovalThreshold, RosterError> {
        if votes <= self.f || votes > self.n - self.f {
            return Err(RosterError::Threshold {
                votes,
                above: self.f,
                most: self.n - self.f,
            });
        }
        Ok(ApprovalThreshold { votes })
    }
}

/// How many validators must say the same for it to be agreed.
///
/// Two such quorums share an honest validator, and the honest ones alone can form one.
/// It counts voters, never scores:
///
/// ```compile_fail
/// use claude_flow_consensus::{Committee, Score};
///
/// let committee = Committee::new(5, 1)?;
/// committee.agreement().is_reached(Score::from_quarters(16));
/// # Ok::<(), claude_flow_consensus::RosterError>(())
/// ```
///
/// ```
/// use claude_flow_consensus::{Committee, ValidatorId, VoterSet};
///
/// let committee = Committee::new(5, 1)?;
/// let three: VoterSet = (0..3).map(ValidatorId).collect();
/// let four: VoterSet = (0..4).map(ValidatorId).collect();
/// assert!(!committee.agreement().is_reached(three));
/// assert!(committee.agreement().is_reached(four));
/// # Ok::<(), claude_flow_consensus::RosterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AgreementQuorum {
    votes: u32,
}

impl AgreementQuorum {
    /// How many voters it takes.
    #[must_use]
    pub const fn votes(self) -> u32 {
        self.votes
    }

    /// Whether these voters are a quorum.
    #[must_use]
    pub const fn is_reached(self, voters: VoterSet) -> bool {
        voters.count() >= self.votes
    }

    /// A quorum of any size, for the mistake that must be found.
    #[cfg(feature = "planted-bugs")]
    pub(crate) const fn of_votes(votes: u32) -> Self {
        Self { votes }
    }
}

/// How many validators must say something for one honest validator to have said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WeakQuorum {
    votes: u32,
}

impl WeakQuorum {
    /// How many voters it takes.
    #[must_use]
    pub const fn votes(self) -> u32 {
        self.votes
    }

    /// Whether these voters are enough.
    #[must_use]
    pub const fn is_reached(self, voters: VoterSet) -> bool {
        voters.count() >= self.votes
    }
}

/// How much approval a subject needs, in whole votes.
///
/// It weighs scores, never counts voters:
///
/// ```compile_fail
/// use claude_flow_consensus::{Committee, VoterSet};
///
/// let committee = Committee::new(5, 1)?;
/// committee.approval(3)?.is_reached(VoterSet::EMPTY);
/// # Ok::<(), claude_flow_consensus::RosterError>(())
/// ```
///
/// ```
/// use claude_flow_consensus::{Committee, Score};
///
/// let committee = Committee::new(5, 1)?;
/// assert!(committee.approval(3)?.is_reached(Score::from_quarters(12)));
/// assert!(!committee.approval(3)?.is_reached(Score::from_quarters(11)));
/// # Ok::<(), claude_flow_consensus::RosterError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApprovalThreshold {
    votes: u32,
}

impl ApprovalThreshold {
    /// The threshold in whole votes.
    #[must_use]
    pub const fn votes(self) -> u32 {
        self.votes
    }

    /// Whether a score is enough.
    #[must_use]
    pub const fn is_reached(self, score: Score) -> bool {
        score.quarters() >= self.votes * Score::QUARTERS_PER_VOTE
    }
}
