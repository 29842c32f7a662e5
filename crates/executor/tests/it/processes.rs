//! What the tests of processes look at.

use std::sync::atomic::{AtomicU32, Ordering};

/// An argument that no other process has.
pub(crate) fn unique_mark() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("mark-{}-{next}", std::process::id())
}

/// Processes of which an argument is this one.
pub(crate) fn count_with_argument(argument: &str) -> usize {
    let has_argument = |path: std::path::PathBuf| {
        std::fs::read(path.join("cmdline")).is_ok_and(|line| {
            line.split(|&byte| byte == 0)
                .any(|word| word == argument.as_bytes())
        })
    };
    std::fs::read_dir("/proc")
        .expect("/proc is mounted")
        .flatten()
        .filter(|entry| has_argument(entry.path()))
        .count()
}

/// How many descriptors this process has open.
pub(crate) fn count_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd")
        .expect("/proc is mounted")
        .count()
}

/// Runs the body of the test of this name in a process of its own, whose descriptors are its own.
pub(crate) fn alone(test: &str, body: impl FnOnce()) {
    if std::env::var("ALONE").is_ok_and(|name| name == test) {
        return body();
    }
    let status = std::process::Command::new(std::env::current_exe().expect("this test runs"))
        .args([test, "--exact", "--nocapture"])
        .env("ALONE", test)
        .status();
    assert!(status.expect("this test binary runs").success());
}
