//! Behaviour of the agreement.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod certificate;
mod exhaustive;
mod guard;
mod handover;
mod make;
mod prop_signature;
mod prop_step;
mod prop_tally;
mod prop_wire;
mod quorum;
mod record;
mod replica;
mod sim;
mod tally;
mod wire;
