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
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod prop_shared_any_bytes;
mod prop_spsc;
mod select;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_any_bytes;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_layout;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_many;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_model;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_processes;
#[cfg(all(feature = "shared", target_os = "linux", target_pointer_width = "64"))]
mod shared_spsc;
mod spsc;
mod stress;
mod values;
mod wake_ups;
