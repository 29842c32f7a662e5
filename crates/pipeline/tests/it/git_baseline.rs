//! Earlier contents out of git repositories, hostile ones included.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use claude_flow_pipeline::{BaselineSource, Config, Document, Options, Pipeline};
use tempfile::TempDir;

use crate::assert_valid;

/// A repository made by the git program, in a directory of its own.
struct Repository {
    directory: TempDir,
}

impl Repository {
    /// With `a.py` committed as `x = 0`.
    fn new() -> Self {
        let repository = Self::empty();
        repository.write("a.py", "x = 0\n");
        repository.commit();
        repository
    }

    fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let repository = Self { directory };
        repository.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repository
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("it has a directory")).expect("writable");
        fs::write(path, content).expect("writable");
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message=x"]);
    }

    fn git(&self, arguments: &[&str]) {
        git(self.directory.path(), arguments);
    }
}

fn git(directory: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(directory)
        .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("`git` is on the PATH; `apt-get install git` brings it");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
}

fn run(path: &Path, revision: &str) -> Document {
    let options = Options {
        baseline: BaselineSource::Git {
            revision: revision.to_owned(),
        },
        ..Options::default()
    };
    let document = Pipeline::new(Config::default()).check_paths(&[path], &options);
    assert_valid(&document);
    document
}

fn check(path: &Path, revision: &str, expected: &str) {
    let document = run(path, revision);
    let file = &document.files[0];
    assert_eq!(file.error, None);
    let baseline = file.baseline.as_ref().expect("one was asked for");
    assert_eq!(baseline.origin, "git");
    let expected = blake3::hash(expected.as_bytes()).to_hex().to_string();
    assert_eq!(baseline.blake3, expected, "{}", baseline.name);
}

fn check_error(path: &Path, revision: &str, expected: &str) {
    let document = run(path, revision);
    let error = document.files[0].error.clone().unwrap_or_default();
    assert!(error.contains(expected), "{error:?}");
    assert_eq!(document.exit_status(), 2);
}

#[test]
fn content_is_that_of_the_revision() {
    let repository = Repository::new();
    let file = repository.path("a.py");
    repository.write("a.py", "x = 1\n");
    repository.write("deep/er/b.py", "y = 0\n");
    check(&file, "HEAD", "x = 0\n");
    repository.commit();
    repository.git(&["tag", "--annotate", "--message=x", "v1"]);
    repository.git(&["gc", "--quiet"]);
    repository.write("a.py", "x = 2\n");
    check(&file, "HEAD", "x = 1\n");
    check(&file, "HEAD~1", "x = 0\n");
    check(&file, "main", "x = 1\n");
    check(&file, "v1", "x = 1\n");
    check(&repository.path("deep/er/../er/b.py"), "HEAD", "y = 0\n");
}

#[test]
fn new_file_has_an_empty_baseline_and_says_so() {
    let repository = Repository::new();
    repository.write("new.py", "z\n");
    check(&repository.path("new.py"), "HEAD", "");
    let document = run(&repository.path("new.py"), "HEAD");
    let baseline = document.files[0].baseline.as_ref().expect("there is one");
    assert_eq!(baseline.name, "HEAD, where the file does not exist");

    let unborn = Repository::empty();
    unborn.write("a.py", "x\n");
    check(&unborn.path("a.py"), "HEAD", "");
}

#[test]
fn what_cannot_be_found_is_told() {
    let repository = Repository::new();
    let file = repository.path("a.py");
    check_error(&file, "no-such", "`no-such` is no revision of");
    check_error(&file, "", "is no revision of");
    check_error(&file, "HEAD:a.py", "is no revision of");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let alone = elsewhere.path().join("a.py");
    fs::write(&alone, "x\n").expect("writable");
    check_error(&alone, "HEAD", "no git repository is around it");
    fs::write(elsewhere.path().join(".git"), "gitdir: /nowhere\n").expect("writable");
    check_error(&alone, "HEAD", "cannot be read");
    check_error(&repository.path(".git/config"), "HEAD", "no files");
    let bare = tempfile::tempdir().expect("a directory");
    git(bare.path(), &["init", "--quiet", "--bare", "."]);
    check_error(&bare.path().join("config"), "HEAD", "bare repository");
}

#[test]
fn worktrees_and_submodules_have_their_own_content() {
    let repository = Repository::new();
    let others = tempfile::tempdir().expect("a directory");
    let worktree = others.path().join("tree");
    let name = worktree.to_str().expect("UTF-8");
    repository.git(&["worktree", "add", "--quiet", "-b", "side", name]);
    fs::write(worktree.join("a.py"), "x = 5\n").expect("writable");
    git(&worktree, &["add", "."]);
    git(&worktree, &["commit", "--quiet", "--message=x"]);
    check(&worktree.join("a.py"), "HEAD", "x = 5\n");
    check(&repository.path("a.py"), "HEAD", "x = 0\n");

    let outer = Repository::empty();
    let inner = repository.directory.path().to_str().expect("UTF-8");
    outer.git(&["submodule", "--quiet", "add", inner, "sub"]);
    outer.commit();
    outer.write("sub/a.py", "x = 7\n");
    check(&outer.path("sub/a.py"), "HEAD", "x = 0\n");
}

#[cfg(unix)]
#[test]
fn links_lead_to_the_repository_of_the_file() {
    let repository = Repository::new();
    let elsewhere = tempfile::tempdir().expect("a directory");
    let link = elsewhere.path().join("link.py");
    std::os::unix::fs::symlink(repository.path("a.py"), &link).expect("writable");
    check(&link, "HEAD", "x = 0\n");
    let directory = elsewhere.path().join("directory");
    std::os::unix::fs::symlink(repository.directory.path(), &directory).expect("writable");
    check(&directory.join("a.py"), "HEAD", "x = 0\n");
}

/// A fault here hands every repository that is checked the right to run programs.
#[cfg(unix)]
#[test]
fn nothing_that_a_hostile_configuration_names_is_run() {
    use std::os::unix::fs::PermissionsExt;
    let repository = Repository::empty();
    repository.write(".gitattributes", "* filter=evil diff=evil text=auto\n");
    repository.write("a.py", "x = 0\r\n");
    repository.commit();
    let marker = repository.path("marker");
    let program = repository.path("evil.sh");
    let script = format!("#!/bin/sh\necho ran >> '{}'\ncat\n", marker.display());
    fs::write(&program, script).expect("writable");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our own file");
    let evil = program.to_str().expect("UTF-8");
    for key in [
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.askPass",
        "core.alternateRefsCommand",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.external",
        "diff.evil.command",
        "diff.evil.textconv",
        "credential.helper",
        "gpg.program",
        "uploadpack.packObjectsHook",
    ] {
        repository.git(&["config", key, evil]);
    }
    let hooks = repository.path("hooks");
    fs::create_dir(&hooks).expect("writable");
    for hook in [
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "fsmonitor-watchman",
    ] {
        fs::copy(&program, hooks.join(hook)).expect("writable");
    }
    repository.git(&["config", "core.hooksPath", hooks.to_str().expect("UTF-8")]);
    let _ = fs::remove_file(&marker);
    repository.write("a.py", "x = 1\n");

    check(&repository.path("a.py"), "HEAD", "x = 0\n");
    check_error(&repository.path("a.py"), "no-such", "is no revision of");
    assert!(!marker.exists(), "a program was run");

    // The trap works: the git program falls into it.
    let _ = Command::new("git")
        .current_dir(repository.directory.path())
        .args(["status", "--porcelain"])
        .output();
    assert!(
        marker.exists(),
        "git runs the programs, or this test shows nothing"
    );
}

#[cfg(unix)]
#[test]
fn repository_that_never_answers_is_given_up() {
    let repository = Repository::new();
    let config = repository.path(".git/config");
    fs::remove_file(&config).expect("removable");
    let made = Command::new("mkfifo").arg(&config).status();
    assert!(
        made.expect("`mkfifo` is on the PATH; it is part of coreutils")
            .success()
    );
    let limits = Config::parse("[limits]\ntime_ms = 20", "c.toml".as_ref());
    let options = Options {
        baseline: BaselineSource::git_head(),
        ..Options::default()
    };
    let document =
        Pipeline::new(limits.expect("valid")).check_paths(&[repository.path("a.py")], &options);
    assert_valid(&document);
    let error = document.files[0].error.clone().unwrap_or_default();
    assert!(error.contains("not read after 20 ms"), "{error}");
}

#[test]
fn large_earlier_content_is_refused() {
    let repository = Repository::empty();
    repository.write("a.py", &"x".repeat(5_000));
    repository.commit();
    repository.write("a.py", "x\n");
    let config = Config::parse("[limits]\nfile_size_bytes = 1000", "c.toml".as_ref());
    let options = Options {
        baseline: BaselineSource::git_head(),
        ..Options::default()
    };
    let document =
        Pipeline::new(config.expect("valid")).check_paths(&[repository.path("a.py")], &options);
    let error = document.files[0].error.clone().unwrap_or_default();
    assert!(error.contains("5000 bytes in HEAD"), "{error}");
}
