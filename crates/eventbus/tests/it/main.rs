//! Behaviour of the bus through its public interface.
#![expect(
    clippy::disallowed_methods,
    reason = "files and STRESS are read here; the ban is for the pure crates"
)]

mod allocation;
#[cfg(unix)]
mod durable;
mod envelopes;
mod groups;
#[cfg(unix)]
mod journal;
mod lifecycle;
mod make;
mod policies;
#[cfg(unix)]
mod prop_delivery;
mod prop_envelope;
mod prop_policies;
mod prop_router;
mod publishing;
mod receiving;
mod requests;
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod shared;
mod threads;
mod topics;
