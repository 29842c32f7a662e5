//! Behaviour of the bus through its public interface.
