//! How much work the stress tests do.

/// So many rounds, times what the environment variable `STRESS` says (1 without it); few under Miri.
///
/// `cargo xtask test --deep` sets it to 1,000.
pub(crate) fn rounds(usual: u32) -> u32 {
    if cfg!(miri) {
        return usual.min(200);
    }
    let factor = std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    });
    usual.saturating_mul(factor)
}
