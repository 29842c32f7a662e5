//! The facade leads where it says.

mod reexports;
