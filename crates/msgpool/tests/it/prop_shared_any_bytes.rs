//! A pool in memory that holds any bytes, chosen by proptest.
//!
//! The fuzz target `shared_pool` has the same property with other inputs.

use proptest::prelude::*;

use crate::shared_any_bytes::{Patch, check};

/// Any words of which many are almost right.
fn patch() -> impl Strategy<Value = Patch> {
    let at = prop_oneof![any::<u16>(), 0..160_u16, (0..40_u16).prop_map(|it| it * 64)];
    let word = prop_oneof![
        any::<u64>(),
        0..8_u64,
        (0..4_u64).prop_map(|it| it << 32 | 1),
        Just(u64::MAX),
        Just(0x8040_8040_8040_8040),
    ];
    (at, word)
}

proptest! {
    #[test]
    fn any_bytes_are_a_pool_or_an_error(
        before in prop::collection::vec(patch(), 0..6),
        is_signed in any::<bool>(),
        during in prop::collection::vec(patch(), 1..24),
        handles in prop::collection::vec(
            (0..9_u32, 0..3_u32, any::<u32>(), any::<u32>()).prop_map(|it| [it.0, it.1, it.2, it.3]),
            0..4,
        ),
    ) {
        check(&before, is_signed, &during, &handles);
    }
}
