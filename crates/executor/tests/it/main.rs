//! Behaviour of the executor through its public interface.
#![expect(
    clippy::disallowed_methods,
    reason = "tests read STRESS, clocks and files; the ban is for the pure crates"
)]

mod breaker;
mod coalesce;
mod condition;
mod connections;
mod hedge;
#[cfg(target_os = "linux")]
mod processes;
mod retry;
#[cfg(target_os = "linux")]
mod supervisor;
mod timeout;
#[cfg(target_os = "linux")]
mod warm;

/// How many times more than in the default suite: what the environment variable `STRESS` says.
fn stress() -> u32 {
    std::env::var("STRESS").map_or(1, |text| {
        text.parse().expect("STRESS is a whole number of times")
    })
}
