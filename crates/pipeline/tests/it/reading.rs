//! What is read and what is refused.

use std::fs;
use std::path::Path;

use claude_flow_pipeline::document::State;
use claude_flow_pipeline::{BaselineSource, Config, Document, Options, Pipeline};

use crate::{assert_valid, state};

fn check(path: &Path, options: &Options) -> Document {
    let document = Pipeline::new(Config::default()).check_paths(&[path], options);
    assert_valid(&document);
    document
}

fn check_refused(path: &Path, expected: &str) {
    let document = check(path, &Options::default());
    let error = document.files[0].error.clone().unwrap_or_default();
    assert!(error.contains(expected), "{error}");
    assert!(error.starts_with(&*path.to_string_lossy()), "{error}");
    assert_eq!(document.exit_status(), 2);
    assert_eq!(document.summary.unreadable, 1);
}

#[test]
fn large_file_is_hashed_and_not_checked() {
    const SIZE_BYTES: usize = 50_000_000;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("large.py");
    let content = vec![b'x'; SIZE_BYTES];
    fs::write(&path, &content).expect("writable");
    let document = check(&path, &Options::default());
    let reported = document.files[0].content.as_ref().expect("it was read");
    assert_eq!(reported.blake3, blake3_hex(&content));
    assert_eq!(reported.size_bytes, 50_000_000);
    for name in ["text", "syntax"] {
        let (state, reason) = state(&document, name);
        assert_eq!(state, State::NotRun);
        assert!(
            reason.contains("50000000") && reason.contains("8388608"),
            "{reason}"
        );
    }
    assert_eq!(document.files[0].language, Some("Python"));
    assert_eq!(document.exit_status(), 0);
}

#[test]
fn limit_is_exact() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("a.txt");
    let config = Config::parse("[limits]\nfile_size_bytes = 4", "c.toml".as_ref()).expect("valid");
    let pipeline = Pipeline::new(config);
    let text = |content: &str| {
        fs::write(&path, content).expect("writable");
        let document = pipeline.check_paths(&[&path], &Options::default());
        let held = pipeline.check_content(&path, content.as_bytes(), &Options::default());
        assert_eq!(held.checks[0].state, document.files[0].checks[0].state);
        state(&document, "text")
    };
    assert_eq!(text("1234").0, State::Clean);
    assert!(text("12345").1.starts_with("5 bytes are more than the 4"));
}

#[test]
fn absent_file_and_directory_are_refused_by_name() {
    let directory = tempfile::tempdir().expect("a directory");
    check_refused(&directory.path().join("none.py"), "no such file");
    check_refused(directory.path(), "a directory; only regular files are read");
}

#[cfg(unix)]
#[test]
fn links_are_followed_unless_they_lead_nowhere() {
    use std::os::unix::fs::symlink;
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::write(at("a.py"), "x = 1\n").expect("writable");
    symlink("a.py", at("good.py")).expect("writable");
    symlink("gone.py", at("broken.py")).expect("writable");
    symlink("loop.py", at("loop.py")).expect("writable");
    assert!(
        check(&at("good.py"), &Options::default()).files[0]
            .error
            .is_none()
    );
    check_refused(
        &at("broken.py"),
        "a symbolic link to gone.py, which does not exist",
    );
    check_refused(&at("loop.py"), "a loop of symbolic links");
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_no_stored_file_is_refused_and_never_waited_for() {
    let directory = tempfile::tempdir().expect("a directory");
    let fifo = directory.path().join("pipe.py");
    let made = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .expect("`mkfifo` is on the PATH; it is part of coreutils");
    assert!(made.success());
    check_refused(&fifo, "a FIFO");
    check_refused("/dev/zero".as_ref(), "a device");
    check_refused(
        "/proc/self/status".as_ref(),
        "more bytes than the file system says",
    );
    let _listener =
        std::os::unix::net::UnixListener::bind(directory.path().join("s")).expect("a socket");
    check_refused(&directory.path().join("s"), "a socket");
}

#[cfg(target_os = "linux")]
#[test]
fn path_that_is_not_utf8_is_checked_and_shown() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join(OsStr::from_bytes(b"\xFF.py"));
    fs::write(&path, "x = 1\n").expect("writable");
    let document = check(&path, &Options::default());
    assert!(document.files[0].path.ends_with("\u{fffd}.py"));
    assert_eq!(document.files[0].language, Some("Python"));
}

#[test]
fn earlier_content_comes_from_a_file_for_one_file_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    fs::write(at("a.py"), "x = 1\n").expect("writable");
    fs::write(at("before"), "x = 0\n").expect("writable");
    let options = |name: &str| Options {
        baseline: BaselineSource::File(at(name)),
        ..Options::default()
    };
    let document = check(&at("a.py"), &options("before"));
    let baseline = document.files[0].baseline.as_ref().expect("there is one");
    assert_eq!(baseline.origin, "file");
    assert_eq!(baseline.blake3, blake3_hex(b"x = 0\n"));

    let document = check(&at("a.py"), &options("none"));
    let error = document.files[0].error.clone().unwrap_or_default();
    assert!(error.contains("the earlier content: ") && error.contains("no such file"));

    let two = [at("a.py"), at("a.py")];
    let document = Pipeline::new(Config::default()).check_paths(&two, &options("before"));
    assert_valid(&document);
    assert_eq!(document.summary.unreadable, 2);
}

#[test]
fn no_files_make_an_empty_document() {
    let none: [&str; 0] = [];
    let document = Pipeline::new(Config::default()).check_paths(&none, &Options::default());
    assert_valid(&document);
    assert_eq!(document.exit_status(), 0);
}

fn blake3_hex(content: &[u8]) -> String {
    blake3::hash(content).to_hex().to_string()
}
