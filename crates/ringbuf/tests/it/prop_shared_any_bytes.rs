//! Rings in memory that holds any bytes, chosen by proptest.
//!
//! The fuzz target `shared_ring` has the same property with other inputs.

use proptest::prelude::*;

use crate::shared_any_bytes::{Patch, check};

/// Any words of which many are almost right.
fn patch() -> impl Strategy<Value = Patch> {
    let at = prop_oneof![any::<u16>(), 0..160_u16, (0..20_u16).prop_map(|it| it * 64)];
    let word = prop_oneof![
        any::<u64>(),
        0..40_u64,
        (0..600_u64).prop_map(|it| it | 0x5245 << 32),
        Just(0x5041 << 32),
        Just(u64::MAX),
        Just(1),
    ];
    (at, word)
}

proptest! {
    #[test]
    fn any_bytes_are_a_ring_or_an_error(
        kind in any::<u8>(),
        before in prop::collection::vec(patch(), 0..6),
        is_signed in any::<bool>(),
        during in prop::collection::vec(patch(), 1..24),
    ) {
        check(kind, &before, is_signed, &during);
    }
}
