//! Nothing survives, and nothing waits for ever.

use std::time::Duration;

use claude_flow_sandbox::{Command, End, Helper, Level, RunError, Sandbox, SpawnError, Stream};

use crate::{Folders, LEVELS, sandbox, text};

/// How often a condition is looked at before it counts as not met.
const LOOKS_MAX: u32 = 5_000;

/// The time between two looks.
const LOOK: Duration = Duration::from_millis(1);

fn shell(script: &str) -> Command {
    Command::new("/bin/sh").args(["-c", script])
}

/// Processes of which an argument is this one.
fn processes_with(argument: &str) -> usize {
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

/// A time to sleep that no other process sleeps.
fn unique_seconds() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}{next:03}", std::process::id() + 100_000)
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..LOOKS_MAX {
        if condition() {
            return;
        }
        std::thread::park_timeout(LOOK);
    }
    panic!("{what} did not come true");
}

#[test]
fn child_out_of_time_ends_with_all_its_descendants() {
    let folders = Folders::new();
    for level in LEVELS {
        let seconds = unique_seconds();
        let mut policy = folders.policy(level);
        policy.limits.wall = Duration::from_millis(100);
        let script =
            format!("setsid -f sleep {seconds}; (setsid sleep {seconds} &) ; sleep {seconds}");
        let outcome = sandbox()
            .run(&policy, &shell(&script))
            .expect("the shell runs");
        assert_eq!(outcome.end, End::WallTime, "{level}");
        assert_eq!(processes_with(&seconds), 0, "{level}");
    }
}

#[test]
fn daemon_does_not_survive_the_end_of_its_child() {
    let folders = Folders::new();
    for level in LEVELS {
        let seconds = unique_seconds();
        // The daemon also keeps the output pipes open.
        let script = format!("setsid -f sleep {seconds}; echo done");
        let outcome = sandbox()
            .run(&folders.policy(level), &shell(&script))
            .expect("the shell runs");
        assert_eq!(outcome.end, End::Exited(0), "{level}");
        assert_eq!(text(&outcome.stdout), "done\n");
        assert_eq!(processes_with(&seconds), 0, "{level}");
    }
}

#[test]
fn dropped_child_ends_with_all_its_descendants() {
    let folders = Folders::new();
    for level in LEVELS {
        let seconds = unique_seconds();
        let script = format!("setsid -f sleep {seconds}; sleep {seconds}");
        let child = sandbox()
            .spawn(&folders.policy(level), &shell(&script))
            .expect("the shell runs");
        wait_until("both sleep", || processes_with(&seconds) == 2);
        drop(child);
        wait_until("both are gone", || processes_with(&seconds) == 0);
    }
}

#[test]
fn killed_child_tells_what_it_used() {
    let folders = Folders::new();
    for level in LEVELS {
        let child = sandbox()
            .spawn(&folders.policy(level), &shell("sleep 1000"))
            .expect("the shell runs");
        let killer = child.killer().expect("descriptors are left");
        std::thread::spawn(move || killer.kill());
        let outcome = child.wait().expect("the supervisor reports");
        assert_eq!(outcome.end, End::Killed, "{level}");
        assert!(outcome.usage.memory_bytes_max > 0, "{level}");
    }
}

#[test]
fn signal_of_its_own_is_told_as_such() {
    let folders = Folders::new();
    for level in LEVELS {
        let outcome = sandbox()
            .run(&folders.policy(level), &shell("kill -TERM $$"))
            .expect("the shell runs");
        assert_eq!(outcome.end, End::Signal(15), "{level}");
    }
}

#[test]
fn memory_over_the_limit_is_the_cause_of_the_end() {
    let folders = Folders::new();
    // Eight processes, each below the limit of one: only their sum is over.
    let script = "for i in 1 2 3 4 5 6 7 8; do \
                  (head -c 30000000 /dev/zero | tail -c 30000000 | sleep 1000) & done; wait";
    for level in LEVELS {
        let mut policy = folders.policy(level);
        policy.limits.memory_bytes = 100 << 20;
        policy.limits.sampling = Duration::from_millis(5);
        let outcome = sandbox()
            .run(&policy, &shell(script))
            .expect("the shell runs");
        assert_eq!(outcome.end, End::Memory, "{level}");
        assert!(outcome.usage.memory_bytes_max > 100 << 20, "{level}");
    }
}

#[test]
fn one_allocation_far_over_the_limit_fails_at_once() {
    let folders = Folders::new();
    for level in LEVELS {
        let mut policy = folders.policy(level);
        policy.limits.memory_bytes = 64 << 20;
        let script = "head -c 300000000 /dev/zero | tail -c 300000000 >/dev/null; echo $?";
        let outcome = sandbox()
            .run(&policy, &shell(script))
            .expect("the shell runs");
        assert!(
            outcome.end == End::Memory || text(&outcome.stderr).contains("memory"),
            "{level}: {outcome:?}"
        );
    }
}

#[test]
fn cpu_time_over_the_limit_is_the_cause_of_the_end() {
    let folders = Folders::new();
    for level in LEVELS {
        let mut policy = folders.policy(level);
        policy.limits.cpu = Duration::from_secs(1);
        let outcome = sandbox()
            .run(&policy, &shell("while :; do :; done"))
            .expect("the shell runs");
        assert_eq!(outcome.end, End::CpuTime, "{level}");
        // The kernel counts ticks against the limit and time for the usage: on a busy guest they differ.
        assert!(outcome.usage.cpu >= Duration::from_millis(300), "{level}");
    }
}

#[test]
fn killed_supervisor_is_told_and_its_strays_are_ended() {
    let folders = Folders::new();
    let seconds = unique_seconds();
    let script = format!("setsid -f sleep {seconds}; kill -KILL $PPID; sleep {seconds}");
    let result = sandbox().run(&folders.policy(Level::L1), &shell(&script));
    assert!(
        matches!(
            result,
            Err(RunError::Lost | RunError::Spawn(SpawnError::Lost))
        ),
        "{result:?}"
    );
    wait_until("all are gone", || processes_with(&seconds) == 0);
}

#[test]
fn death_of_the_caller_ends_everything() {
    let folders = Folders::new();
    for level in LEVELS {
        let seconds = unique_seconds();
        let mut caller = std::process::Command::new(std::env::current_exe().expect("it runs"))
            .args(["ending::caller_that_waits", "--exact", "--nocapture"])
            .env("CALLER_FOLDER", folders.folder.path())
            .env("CALLER_LEVEL", level.to_string())
            .env("CALLER_SECONDS", &seconds)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("this test binary runs");
        wait_until("both sleep", || processes_with(&seconds) == 2);
        caller.kill().expect("it is ours");
        caller.wait().expect("it is ours");
        wait_until("both are gone", || processes_with(&seconds) == 0);
    }
}

/// What [`death_of_the_caller_ends_everything`] starts and kills; by itself it has nothing to do.
#[test]
fn caller_that_waits() {
    let Some(folder) = std::env::var_os("CALLER_FOLDER") else {
        return;
    };
    let variable = |name| std::env::var(name).expect("the starting test sets it");
    let level = match variable("CALLER_LEVEL").as_str() {
        "L1" => Level::L1,
        "L2" => Level::L2,
        _ => Level::L3,
    };
    let seconds = variable("CALLER_SECONDS");
    let folder = std::path::PathBuf::from(folder);
    let mut policy = claude_flow_sandbox::Policy::for_workspace(
        folder.join("workspace"),
        folder.join("scratch"),
    );
    policy.at_most = level;
    let script = format!("setsid -f sleep {seconds}; sleep {seconds}");
    sandbox()
        .run(&policy, &shell(&script))
        .expect("the starting test kills this process first");
}

#[test]
fn hundred_children_leave_no_descriptor_and_no_process() {
    let folders = Folders::new();
    let helper = Helper::program(env!("CARGO_BIN_EXE_claude-flow-sandbox-helper"));
    let sandbox = Sandbox::start(helper).expect("the helper starts");
    // The parent of the shell is its supervisor, whose parent is the helper.
    let script = shell("cut -d' ' -f4 /proc/$PPID/stat");
    let helper = sandbox
        .run(&folders.policy(Level::L1), &script)
        .expect("the shell runs");
    let helper = text(&helper.stdout).trim().to_owned();
    let count = |process: &str| {
        std::fs::read_dir(format!("/proc/{process}/fd"))
            .expect("/proc is mounted")
            .count()
    };
    let before = [count("self"), count(&helper)];
    for round in 0..100 {
        let level = LEVELS[round % LEVELS.len()];
        let command = match round % 4 {
            0 => shell("exit 1"),
            1 => Command::new("no-such-program"),
            2 => shell("setsid -f sleep 1000"),
            _ => shell("kill -KILL $$").stdout(Stream::Null),
        };
        // Both answers are right here: one of the four programs does not exist.
        let _ = sandbox.run(&folders.policy(level), &command);
    }
    assert_eq!([count("self"), count(&helper)], before);
}
