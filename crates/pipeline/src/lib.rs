//! One edit in, one truthful verdict out.
#![forbid(unsafe_code)]

pub mod document;
