//! Products of a fixed point, as fast as memory allows.

use std::sync::LazyLock;

use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
use curve25519_dalek::traits::Identity as _;
use curve25519_dalek::{EdwardsPoint, Scalar};

/// A scalar has so many digits of eight bits.
const DIGITS: usize = 32;

/// Digits lie between −128 and 128, so that a row holds half of all.
const HALF: usize = 128;

/// Those of the base point, which every key needs.
pub(crate) static BASE: LazyLock<Multiples> =
    LazyLock::new(|| Multiples::of(&ED25519_BASEPOINT_POINT));

/// Row *i* holds the point times 256ⁱ, once to 128 times.
///
/// A row is looked up by the digit itself and not searched in constant time: what is multiplied
/// here is public.
#[derive(Clone)]
pub(crate) struct Multiples(Vec<EdwardsPoint>);

impl Multiples {
    /// 640 KiB, and the time of some sixty checks.
    pub(crate) fn of(point: &EdwardsPoint) -> Self {
        let mut multiples = Vec::with_capacity(DIGITS * HALF);
        let mut unit = *point;
        for _ in 0..DIGITS {
            let mut multiple = EdwardsPoint::identity();
            for _ in 0..HALF {
                multiple += unit;
                multiples.push(multiple);
            }
            unit = multiple + multiple;
        }
        Self(multiples)
    }

    /// The product with a public scalar, added to a sum.
    pub(crate) fn add_product(&self, scalar: &Scalar, mut sum: EdwardsPoint) -> EdwardsPoint {
        // Below 2²⁵³, so that nothing is carried out of the last digit.
        let mut carry = 0;
        let (pairs, _) = scalar.as_bytes().as_chunks::<2>();
        // Two at a time, so that a sum is written where the next one is read, and not copied.
        for (rows, [low, high]) in self.0.chunks_exact(2 * HALF).zip(pairs) {
            let (first, second) = rows.split_at(HALF);
            let middle = add_digit(&sum, first, *low, &mut carry);
            sum = add_digit(&middle, second, *high, &mut carry);
        }
        sum
    }
}

/// Adds the multiple that a byte and what was carried stand for.
fn add_digit(
    sum: &EdwardsPoint,
    row: &[EdwardsPoint],
    byte: u8,
    carry: &mut usize,
) -> EdwardsPoint {
    let digit = usize::from(byte) + *carry;
    *carry = usize::from(digit > HALF);
    match digit {
        0 | 256 => *sum,
        1..=HALF => sum + row[digit - 1],
        _ => sum - row[2 * HALF - digit - 1],
    }
}
