//! Behaviour of the executor through its public interface.
