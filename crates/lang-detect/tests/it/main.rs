//! Behaviour of the language detection, evidence by evidence.
#![expect(
    clippy::disallowed_methods,
    reason = "the crate reads no file, its tests read the fixtures"
)]

mod attributes;
mod compile_commands;
mod evidence;
mod flags;
mod languages;
#[cfg(feature = "project")]
mod projects;
mod prop_any_bytes;
mod sample;
mod test_files;
