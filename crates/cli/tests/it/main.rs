//! The built program on real files.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of the program write the files that it reads; the ban is for the pure crates"
)]

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod bus;
#[cfg(unix)]
mod consensus;
mod detect;
mod doctor;
mod hook;
mod init;
mod post_edit;
mod program;
mod tools;
mod trust;
mod usage;
