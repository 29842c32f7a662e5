//! The built program on real files.
#![expect(
    clippy::disallowed_methods,
    reason = "tests of the program write the files that it reads; the ban is for the pure crates"
)]

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
mod bus;
#[cfg(unix)]
mod certify;
#[cfg(unix)]
mod consensus;
#[cfg(target_os = "linux")]
mod daemon;
mod detect;
mod doctor;
mod hook;
mod init;
mod post_edit;
mod program;
mod tdd;
mod test;
mod tools;
mod trust;
mod usage;
mod watch;
