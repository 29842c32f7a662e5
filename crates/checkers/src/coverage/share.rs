//! Counts of what is covered, and the minimum that is asked for; exact, without floating point.

use std::fmt;

/// How much of something is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Share {
    covered: u64,
    total: u64,
}

impl Share {
    /// `covered` of `total`; what is covered beyond the total is not counted.
    #[must_use]
    pub const fn new(covered: u64, total: u64) -> Self {
        Self {
            covered: if covered < total { covered } else { total },
            total,
        }
    }

    /// How many are covered, at most [`Share::total`].
    #[must_use]
    pub const fn covered(self) -> u64 {
        self.covered
    }

    /// How many there are to cover.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.total
    }

    /// True if there is nothing to cover, which is not the same as everything covered.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        self.total == 0
    }

    /// Hundredths of a percent, 0 to 10,000, rounded down; none if there is nothing to cover.
    #[must_use]
    pub fn hundredths(self) -> Option<u16> {
        if self.is_nothing() {
            return None;
        }
        let share = u128::from(self.covered) * 10_000 / u128::from(self.total);
        u16::try_from(share).ok()
    }

    /// Whether it is at least a minimum, exactly; none if there is nothing to cover.
    #[must_use]
    pub fn reaches(self, minimum: Minimum) -> Option<bool> {
        let needed = u128::from(minimum.0) * u128::from(self.total);
        (!self.is_nothing()).then(|| u128::from(self.covered) * 10_000 >= needed)
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            covered: self.covered.saturating_add(other.covered),
            total: self.total.saturating_add(other.total),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(hundredths) = self.hundredths() else {
            return f.write_str("nothing to cover");
        };
        let Self { covered, total } = self;
        write!(f, "{covered} of {total} ({})", Minimum(hundredths))
    }
}

/// The least share that is enough, in hundredths of a percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minimum(u16);

impl Minimum {
    /// Everything.
    pub const ALL: Self = Self(10_000);

    /// So many percent; more than 100 is 100.
    #[must_use]
    pub const fn percent(percent: u16) -> Self {
        Self::hundredths(percent.saturating_mul(100))
    }

    /// So many hundredths of a percent; more than 10,000 is 10,000.
    #[must_use]
    pub const fn hundredths(hundredths: u16) -> Self {
        Self(if hundredths < 10_000 {
            hundredths
        } else {
            10_000
        })
    }
}

impl Default for Minimum {
    /// 80 %.
    fn default() -> Self {
        Self::percent(80)
    }
}

impl fmt::Display for Minimum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}
