//! A seeded generator for jitter. It is not for secrets.
#![forbid(unsafe_code)]

use std::time::Duration;

use crate::sync::system::{AtomicU64, Ordering};

/// The odd constant of `SplitMix64`, by which its counter goes on.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// `SplitMix64`, shared without locks: each draw takes one value of the counter.
///
/// # Source
///
/// Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014, figure 16.
#[derive(Debug)]
pub(crate) struct Random(AtomicU64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    pub(crate) fn next(&self) -> u64 {
        // Draws need no order among each other: each gets another value of the counter.
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform from nothing up to `most`, both included.
    pub(crate) fn up_to(&self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let scaled = (u128::from(self.next()) * (u128::from(nanos) + 1)) >> 64;
        Duration::from_nanos(u64::try_from(scaled).unwrap_or(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_those_of_the_published_generator() {
        // The first outputs for the seed 1234567, as the reference program prints them.
        let random = Random::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn durations_reach_both_ends_and_go_no_further() {
        let random = Random::new(1);
        let most = Duration::from_nanos(3);
        let mut seen = [0_u32; 4];
        for _ in 0..1000 {
            let index = usize::try_from(random.up_to(most).as_nanos()).expect("at most 3");
            seen[index] += 1;
        }
        assert!(seen.iter().all(|&count| count > 150), "{seen:?}");
        assert_eq!(random.up_to(Duration::ZERO), Duration::ZERO);
    }
}
