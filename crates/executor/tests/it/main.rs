//! Behaviour of the executor through its public interface.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read STRESS, clocks and files; the ban is for the pure crates"
)]

mod breaker;
mod connections;
mod hedge;
mod retry;
mod timeout;

/// How many times more than in the default suite: what the environment variable `STRESS` says.
fn stress() -> u32 {
    std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    })
}
