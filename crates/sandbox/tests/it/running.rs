//! What comes back from a child.

use claude_flow_sandbox::{Command, End, Helper, Level, Policy, Sandbox, SpawnError, StartError};

use crate::{Folders, LEVELS, sandbox, text};

fn shell(script: &str) -> Command {
    Command::new("/bin/sh").args(["-c", script])
}

#[test]
fn every_level_runs_a_program_and_says_which_level_held() {
    let folders = Folders::new();
    for level in LEVELS {
        let outcome = sandbox()
            .run(
                &folders.policy(level),
                &shell("echo out; echo err >&2; exit 3"),
            )
            .expect("the shell runs");
        assert_eq!(outcome.end, End::Exited(3), "{level}");
        assert_eq!(outcome.level, level);
        assert_eq!(text(&outcome.stdout), "out\n");
        assert_eq!(text(&outcome.stderr), "err\n");
        assert!(outcome.usage.memory_bytes_max > 0, "{level}");
    }
}

#[test]
fn program_is_found_in_the_path_of_the_policy() {
    let folders = Folders::new();
    folders.write("workspace/bin/unheard-of", "#!/bin/sh\necho found\n");
    let program = folders.workspace().join("bin/unheard-of");
    set_executable(&program);
    for level in LEVELS {
        let policy = folders
            .policy(level)
            .env("PATH", folders.workspace().join("bin"));
        let outcome = sandbox()
            .run(&policy, &Command::new("unheard-of"))
            .expect("it is in PATH");
        assert_eq!(text(&outcome.stdout), "found\n", "{level}");
    }
}

#[test]
fn missing_program_is_named() {
    let folders = Folders::new();
    for level in LEVELS {
        let error = sandbox()
            .spawn(
                &folders.policy(level).env("PATH", "/usr/bin:/bin"),
                &Command::new("no-such-program"),
            )
            .expect_err("it does not exist");
        assert_eq!(
            error.to_string(),
            "failed to run no-such-program: No such file or directory (os error 2)"
        );
    }
}

#[test]
fn program_that_may_not_be_executed_is_named() {
    let folders = Folders::new();
    folders.write("workspace/data", "not a program");
    let program = folders.workspace().join("data");
    for level in LEVELS {
        let error = sandbox()
            .spawn(&folders.policy(level), &Command::new(&program))
            .expect_err("it is not executable");
        assert_eq!(
            error.to_string(),
            format!(
                "failed to run {}: Permission denied (os error 13)",
                program.display()
            )
        );
    }
}

#[test]
fn environment_is_the_policys_alone() {
    let folders = Folders::new();
    for level in LEVELS {
        let mut policy = folders.policy(level);
        policy.environment.clear();
        let policy = policy.env("ONLY", "this");
        let outcome = sandbox()
            .run(&policy, &Command::new("/usr/bin/env"))
            .expect("env runs");
        assert_eq!(text(&outcome.stdout), "ONLY=this\n", "{level}");
    }
}

#[test]
fn child_has_no_descriptors_of_the_caller() {
    let folders = Folders::new();
    for level in LEVELS {
        let outcome = sandbox()
            .run(&folders.policy(level), &shell("ls /proc/self/fd"))
            .expect("ls runs");
        // The fourth is the directory that is listed.
        assert_eq!(text(&outcome.stdout), "0\n1\n2\n3\n", "{level}");
    }
}

#[test]
fn child_has_no_capabilities_and_gets_no_new_privileges() {
    let folders = Folders::new();
    for level in LEVELS {
        let script = "grep -E '^(Cap(Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status";
        let outcome = sandbox()
            .run(&folders.policy(level), &shell(script))
            .expect("grep runs");
        let lines = text(&outcome.stdout);
        assert_eq!(
            lines,
            "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\n\
             CapAmb:\t0000000000000000\nNoNewPrivs:\t1\n",
            "{level}"
        );
    }
}

#[test]
fn input_is_a_pipe_when_asked() {
    use std::io::Write;
    let folders = Folders::new();
    for level in LEVELS {
        let command = Command::new("/bin/cat").stdin(claude_flow_sandbox::Stream::Pipe);
        let mut child = sandbox()
            .spawn(&folders.policy(level), &command)
            .expect("cat runs");
        let mut stdin = child.stdin.take().expect("it was asked for");
        stdin.write_all(b"through").expect("cat reads");
        drop(stdin);
        let outcome = child.wait().expect("cat ends");
        assert_eq!(text(&outcome.stdout), "through", "{level}");
    }
}

#[test]
fn middle_of_a_long_output_is_counted() {
    let folders = Folders::new();
    for level in LEVELS {
        let mut policy = folders.policy(level);
        policy.limits.output_bytes = 2000;
        let outcome = sandbox()
            .run(&policy, &shell("head -c 3000000 /dev/zero; echo end"))
            .expect("head runs");
        assert_eq!(outcome.stdout.head, vec![0; 1000], "{level}");
        assert!(outcome.stdout.tail.ends_with(b"\0end\n"));
        assert_eq!(outcome.stdout.omitted_bytes, 3_000_004 - 2000);
    }
}

#[test]
fn level_that_cannot_be_had_is_refused() {
    let folders = Folders::new();
    let mut policy = folders.policy(Level::L3);
    policy.at_most = Level::L1;
    let error = sandbox()
        .spawn(&policy, &shell("true"))
        .expect_err("L3 is required and L1 is allowed");
    assert!(
        matches!(
            error,
            SpawnError::Level {
                required: Level::L3,
                given: Level::L1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn relative_path_is_refused() {
    let policy = Policy::new().read("relative");
    let error = sandbox()
        .spawn(&policy, &shell("true"))
        .expect_err("the path is relative");
    assert_eq!(error.to_string(), "\"relative\" is not an absolute path");
}

#[test]
fn writable_path_that_does_not_exist_is_named() {
    let folders = Folders::new();
    let missing = folders.workspace().join("missing");
    let mut policy = folders.policy(Level::L3);
    policy.write.push(missing.clone());
    let error = sandbox()
        .spawn(&policy, &shell("true"))
        .expect_err("the path does not exist");
    let error = error.to_string();
    assert!(
        error.contains(missing.to_str().expect("a temporary path is UTF-8")),
        "{error}"
    );
}

#[test]
fn program_that_is_no_helper_is_named() {
    let error = Sandbox::start(Helper::program("/bin/true")).expect_err("true is no helper");
    assert!(matches!(error, StartError::NotAHelper { .. }), "{error}");
    let error = Sandbox::start(Helper::program("/no/such")).expect_err("it does not exist");
    assert!(matches!(error, StartError::Helper { .. }), "{error}");
}

#[test]
fn killed_helper_is_started_again() {
    let folders = Folders::new();
    let helper = Helper::program(env!("CARGO_BIN_EXE_claude-flow-sandbox-helper"));
    let sandbox = Sandbox::start(helper).expect("the helper starts");
    let policy = folders.policy(Level::L1);
    let parent = sandbox
        .run(&policy, &shell("cut -d' ' -f4 /proc/$PPID/stat"))
        .expect("the shell runs");
    let helper: i32 = text(&parent.stdout).trim().parse().expect("a process id");
    let helper = rustix::process::Pid::from_raw(helper).expect("not zero");
    rustix::process::kill_process(helper, rustix::process::Signal::KILL).expect("it is ours");
    let outcome = (0..100).find_map(|_| sandbox.run(&policy, &shell("echo again")).ok());
    assert_eq!(
        text(&outcome.expect("a new helper serves").stdout),
        "again\n"
    );
}

#[test]
fn replaced_workspace_is_seen_by_the_next_child() {
    let folders = Folders::new();
    folders.write("workspace/a", "old");
    let show = shell(&format!("cat {}", folders.workspace().join("a").display()));
    for level in LEVELS {
        let policy = folders.policy(level);
        // Three in a row, so that the second and the third begin in what was prepared before.
        for text_of in ["first", "second", "third"] {
            let aside = folders
                .folder
                .path()
                .join(format!("aside-{level}-{text_of}"));
            std::fs::rename(folders.workspace(), aside).expect("the folder is ours");
            folders.write("workspace/a", text_of);
            let outcome = sandbox().run(&policy, &show).expect("cat runs");
            assert_eq!(text(&outcome.stdout), text_of, "{level}");
        }
    }
}

#[test]
fn replaced_file_is_seen_by_the_next_child() {
    let folders = Folders::new();
    let file = folders.folder.path().join("settings");
    let show = shell(&format!("cat {}", file.display()));
    for level in LEVELS {
        let policy = folders.policy(level).read(&file);
        for text_of in ["first", "second", "third"] {
            folders.write("new", text_of);
            std::fs::rename(folders.folder.path().join("new"), &file).expect("it is ours");
            let outcome = sandbox().run(&policy, &show).expect("cat runs");
            assert_eq!(text(&outcome.stdout), text_of, "{level}");
        }
    }
}

#[test]
fn each_child_has_its_own_environment_and_directory() {
    let folders = Folders::new();
    for level in LEVELS {
        for round in 0..3 {
            let policy = folders.policy(level).env("ROUND", round.to_string());
            let command = shell("echo $ROUND $PWD").directory(folders.workspace());
            let outcome = sandbox().run(&policy, &command).expect("the shell runs");
            let expected = format!("{round} {}\n", folders.workspace().display());
            assert_eq!(text(&outcome.stdout), expected, "{level}");
        }
    }
}

#[test]
fn temporary_files_are_gone_with_their_child() {
    let folders = Folders::new();
    for _ in 0..3 {
        let script = "ls /tmp /dev/shm | grep left; : > /tmp/left; : > /dev/shm/left; ls /tmp";
        let outcome = sandbox()
            .run(&folders.policy(Level::L3), &shell(script))
            .expect("the shell runs");
        assert_eq!(text(&outcome.stdout), "left\n");
    }
}

fn set_executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))
        .expect("the file is ours");
}
