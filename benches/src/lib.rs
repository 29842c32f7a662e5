//! What the benchmarks beside this file share: sources of a given length, made of the good fixtures, and whole
//! processes that take turns.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark reads files, the clock and the environment"
)]

mod assemble;
pub mod process;
pub mod turns;

pub use assemble::{FOLDERS, Sample, sample};
