//! Behaviour of the rings as their users see them.
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines are tested here; the ban is for the pure crates"
)]

mod counted;
mod lanes;
mod prop_spsc;
mod select;
mod spsc;
