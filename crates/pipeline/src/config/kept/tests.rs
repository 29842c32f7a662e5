use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

use super::Kept;

fn write(directory: &Path, text: &str) {
    // A file takes the place of the one before at once, as editors do it.
    let new = directory.join("new");
    fs::write(&new, text).expect("a file can be written");
    fs::rename(new, directory.join("claude-flow.toml")).expect("it can be renamed");
}

/// What holds for a directory, and whether the file was refused.
fn time_ms(kept: &Kept, directory: &Path) -> Result<(u64, bool), String> {
    match &*kept.find(directory) {
        Ok(config) => Ok((config.time_ms(), config.refused().is_some())),
        Err(error) => Err(error.clone()),
    }
}

#[test]
fn a_change_is_seen_at_once() {
    let directory = TempDir::new().expect("a directory");
    let kept = Kept::default();
    for value in 1..200 {
        write(directory.path(), &format!("[limits]\ntime_ms = {value}\n"));
        assert_eq!(time_ms(&kept, directory.path()), Ok((value, false)));
    }
    fs::remove_file(directory.path().join("claude-flow.toml")).expect("it is there");
    assert_eq!(time_ms(&kept, directory.path()), Ok((5_000, false)));
}

#[test]
fn a_broken_one_is_refused_and_the_one_before_stays() {
    let directory = TempDir::new().expect("a directory");
    let kept = Kept::default();
    write(directory.path(), "[limits]\ntime_ms = 7\n");
    assert_eq!(time_ms(&kept, directory.path()), Ok((7, false)));
    write(directory.path(), "[limits]\ntime_ms = 0\n");
    for _ in 0..3 {
        assert_eq!(time_ms(&kept, directory.path()), Ok((7, true)));
    }
    write(directory.path(), "[limits\n");
    assert_eq!(time_ms(&kept, directory.path()), Ok((7, true)));
    write(directory.path(), "[limits]\ntime_ms = 9\n");
    assert_eq!(time_ms(&kept, directory.path()), Ok((9, false)));
}

#[test]
fn without_one_before_a_broken_one_is_an_error() {
    let directory = TempDir::new().expect("a directory");
    let kept = Kept::default();
    write(directory.path(), "[limits]\ntime_ms = 0\n");
    let error = time_ms(&kept, directory.path()).expect_err("it is refused");
    assert!(error.contains("claude-flow.toml:2:11"), "{error}");
}

#[test]
fn readers_see_one_state_or_the_other() {
    let directory = TempDir::new().expect("a directory");
    let kept = Kept::default();
    let text = |value: u64| format!("[limits]\ntime_ms = {value}\ntool_time_ms = {value}\n");
    write(directory.path(), &text(1));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let resolved = kept.find(directory.path());
                    let config = resolved.as_ref().as_ref().expect("all are good");
                    assert_eq!(config.time_ms(), config.tool_time_ms());
                }
            });
        }
        for value in 2..300 {
            write(directory.path(), &text(value));
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
