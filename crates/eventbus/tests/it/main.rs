//! Behaviour of the bus through its public interface.

mod allocation;
mod envelopes;
mod groups;
mod lifecycle;
mod make;
mod policies;
mod prop_envelope;
mod prop_policies;
mod prop_router;
mod publishing;
mod receiving;
mod requests;
mod threads;
mod topics;
