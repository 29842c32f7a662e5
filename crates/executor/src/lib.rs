//! Schedules work on pinned threads, and keeps pools of warm connections and processes.
#![deny(unsafe_op_in_unsafe_fn)]
