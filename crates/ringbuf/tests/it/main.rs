//! Behaviour of the rings as their users see them.
#![expect(
    clippy::disallowed_methods,
    reason = "deadlines are tested here; the ban is for the pure crates"
)]

mod counted;
mod prop_spsc;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_layout;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_model;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_processes;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_spsc;
mod spsc;
