//! Behaviour of the bus through its public interface.
#![expect(
    clippy::disallowed_methods,
    reason = "files and STRESS are read here; the ban is for the pure crates"
)]

#[cfg(unix)]
mod durable;
#[cfg(unix)]
mod journal;
#[cfg(unix)]
mod prop_delivery;
