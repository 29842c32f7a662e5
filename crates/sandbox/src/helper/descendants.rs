//! Finds, measures and ends processes without a pid namespace, by the kernel's list of children.

use std::fs;
use std::time::{Duration, Instant};

use crate::{Measured, sys};

/// The most processes that are looked at in one walk.
const PROCESSES_MAX: usize = 1 << 16;

/// How long to wait between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// Every process below one, parents first. Empty where the kernel has no list of children.
fn find(process: &str) -> Vec<u32> {
    let mut found = children_of(process);
    let mut next = 0;
    while next < found.len() && found.len() < PROCESSES_MAX {
        let pid = found[next];
        found.extend(children_of(&pid.to_string()));
        next += 1;
    }
    found
}

fn children_of(process: &str) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|list| {
            list.split_ascii_whitespace()
                .filter_map(|pid| pid.parse().ok())
                .collect::<Vec<u32>>()
        })
        .collect()
}

/// Kills every process below this one: first all are stopped, so that none escapes by forking.
pub(crate) fn kill() {
    let mut stopped = 0;
    loop {
        let all = find("self");
        for &pid in &all {
            sys::signal_process(pid, libc::SIGSTOP);
        }
        // A walk that finds no more than the last one saw everybody stand still.
        if all.len() <= stopped || all.len() >= PROCESSES_MAX {
            for &pid in &all {
                sys::signal_process(pid, libc::SIGKILL);
            }
            return;
        }
        stopped = all.len();
    }
}

/// Ends every child of this process that is not in `kept`, with all below it.
pub(crate) fn end_all_but(kept: &[u32], wait: Duration) {
    let until = Instant::now() + wait;
    loop {
        let strays: Vec<u32> = children_of("self")
            .into_iter()
            .filter(|pid| !kept.contains(pid))
            .collect();
        if strays.is_empty() || Instant::now() >= until {
            return;
        }
        for pid in strays {
            // Its children become ours when it ends, and are found in the next round.
            sys::signal_process(pid, libc::SIGKILL);
        }
        wait_a_little();
        while let Ok(Some(_)) = sys::reap() {}
    }
}

/// The resident memory of all processes below this one that is not backed by files, in bytes.
pub(crate) fn memory() -> u64 {
    find("self").into_iter().map(memory_of).sum()
}

/// What all processes below a supervisor use.
pub(crate) fn measure(supervisor: u32) -> Measured {
    let found = find(&supervisor.to_string());
    let [_, ended] = cpu_of(supervisor);
    Measured {
        processes: found.len(),
        cpu: found.iter().copied().flat_map(cpu_of).sum::<Duration>() + ended,
        memory_bytes: found.into_iter().map(memory_of).sum(),
    }
}

/// The CPU time of a process, and of its children that it waited for.
fn cpu_of(pid: u32) -> [Duration; 2] {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The program's name is in brackets and may hold anything; behind it the third field begins.
    let (_, fields) = text.rsplit_once(") ").unwrap_or_default();
    let mut ticks = fields
        .split_ascii_whitespace()
        .skip(11)
        .map(|field| field.parse::<u64>().unwrap_or(0));
    let mut next_two = || ticks.next().unwrap_or(0) + ticks.next().unwrap_or(0);
    let per_second = rustix::param::clock_ticks_per_second();
    [next_two(), next_two()].map(|ticks| Duration::from_millis(ticks * 1000 / per_second))
}

/// The same for every process that this one can see, for the first process of a pid namespace.
pub(crate) fn memory_of_all_but_this() -> u64 {
    let Ok(entries) = fs::read_dir("/proc") else {
        return 0;
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|&pid: &u32| pid != std::process::id())
        .map(memory_of)
        .sum()
}

fn memory_of(pid: u32) -> u64 {
    let Ok(text) = fs::read_to_string(format!("/proc/{pid}/statm")) else {
        return 0;
    };
    // Size, resident, and of these shared or file-backed, in pages.
    let mut fields = text
        .split_ascii_whitespace()
        .map(|field| field.parse::<u64>().unwrap_or(0));
    let resident = fields.nth(1).unwrap_or(0);
    let shared = fields.next().unwrap_or(0);
    resident.saturating_sub(shared) * rustix::param::page_size() as u64
}

pub(crate) fn wait_a_little() {
    std::thread::sleep(PAUSE);
}
