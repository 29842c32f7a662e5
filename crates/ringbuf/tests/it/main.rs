//! Behaviour of the rings as their users see them.
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines and STRESS are read here; the ban is for the pure crates"
)]

mod broadcast;
mod lanes;
mod lossy;
mod mpmc;
mod mpsc;
mod packed;
mod prop_broadcast;
mod prop_mpmc;
mod prop_mpsc;
mod prop_packed;
mod prop_spsc;
mod select;
mod spsc;
mod stress;
mod values;
