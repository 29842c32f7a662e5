//! Several agents at once: each hears of what it wrote last, and nothing is left of it all.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::json;

use super::process::{Daemon, with_daemon};
use crate::program::Project;

const AGENTS: usize = 4;

/// How often each agent edits, as fast as it is answered.
const EDITS: usize = 25;

/// The same for a minute with `STRESS`, at this pace.
const EDITS_STRESS: usize = 1_500;
const PACE: Duration = Duration::from_millis(40);

/// Edits of which the growth of memory is not counted.
const WARM_UP: usize = 10;

#[test]
fn the_newest_content_is_answered_and_nothing_is_left() {
    let is_long = std::env::var_os("STRESS").is_some();
    let edits = if is_long { EDITS_STRESS } else { EDITS };
    let project = Project::new();
    project.write("claude-flow.toml", "");
    let daemon = Daemon::start(&project);
    run(&project, 0..edits / WARM_UP, is_long);
    let before = resident_bytes(&daemon.status());
    run(&project, 0..edits, is_long);
    let status = daemon.status();
    let after = resident_bytes(&status);
    let all = AGENTS * (edits + edits / WARM_UP);
    println!("{all} edits: {before} bytes resident after the warm-up, {after} at the end");
    assert!(
        status.contains(&format!("answered {all}, refused 0,")),
        "{status}"
    );
    with_daemon(&project, &["daemon", "stop"], b"").expect_code(0);
    assert_eq!(daemon.wait().code, Some(0));
    assert_eq!(processes_in(&project), Vec::<String>::new());
}

/// All agents edit their files.
fn run(project: &Project, edits: std::ops::Range<usize>, is_paced: bool) {
    std::thread::scope(|scope| {
        for agent in 0..AGENTS {
            let edits = edits.clone();
            scope.spawn(move || {
                for number in edits {
                    let started = Instant::now();
                    edit(project, agent, number);
                    let left = PACE.saturating_sub(started.elapsed());
                    if is_paced && !left.is_zero() {
                        std::thread::park_timeout(left);
                    }
                }
            });
        }
    });
}

/// One edit; every third is good, the others are broken in a line of their own.
fn edit(project: &Project, agent: usize, number: usize) {
    let name = format!("agent{agent}.json");
    let line = number % 90 + 2;
    let is_good = number.is_multiple_of(3);
    let lines = (2..100).map(|it| {
        if it == line && !is_good {
            "x,\n"
        } else {
            "0,\n"
        }
    });
    project.write(&name, format!("[\n{}0]\n", lines.collect::<String>()));
    let payload = json!({
        "session_id": format!("agent{agent}"), "cwd": project.path(""),
        "hook_event_name": "PostToolUse", "tool_name": "Write",
        "tool_input": {"file_path": project.path(&name)},
    });
    let payload = payload.to_string();
    let ended = with_daemon(project, &["hook", "claude-code"], payload.as_bytes());
    let told = &ended.stdout;
    if is_good {
        assert_eq!(told, "", "edit {number}");
    } else {
        let place = format!("\\n{line}:1 error[");
        assert!(told.contains(&place), "{place}: {told}");
    }
}

fn resident_bytes(status: &str) -> u64 {
    let (_, rest) = status.split_once("resident ").expect("it is told");
    let number = rest.split(' ').next().expect("a number");
    number.parse().expect("a number")
}

/// What runs in a directory of the project.
fn processes_in(project: &Project) -> Vec<String> {
    let root = fs::canonicalize(project.path("")).expect("it is there");
    let entries = fs::read_dir("/proc").expect("it is mounted").flatten();
    let processes = entries.filter(|entry| {
        let directory = fs::read_link(entry.path().join("cwd"));
        directory.is_ok_and(|directory| directory.starts_with(&root))
    });
    processes
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}
