//! Benchmarks live in the criterion targets beside this file.
