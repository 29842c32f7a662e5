//! Measures what a hundred idle agents cost: the time to spawn one, and the memory and CPU time of
//! everything but the agents themselves.
//!
//! `cargo run --release -p claude-flow-executor --example agents -- [AGENTS [SECONDS]]`
#![expect(
    clippy::disallowed_methods,
    reason = "it measures time and reads /proc; the ban is for the pure crates"
)]

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    claude_flow_sandbox::become_helper_if_asked();
    measure::run()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("agents are for Linux");
}

#[cfg(target_os = "linux")]
mod measure {
    use std::error::Error;
    use std::fs;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use claude_flow_executor::{AgentOptions, AgentSupervisor, SupervisorOptions, SystemClock};
    use claude_flow_sandbox::{Command, Helper, Policy, Sandbox};

    /// What processes use: memory in KiB, CPU time in nanoseconds.
    #[derive(Debug, Clone, Copy, Default)]
    struct Cost {
        processes: u64,
        proportional_kib: u64,
        private_kib: u64,
        cpu_ns: u64,
    }

    impl Cost {
        fn add(&mut self, pid: &str) {
            let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
            let rollup = rollup.unwrap_or_default();
            let field = |name: &str| {
                let line = rollup.lines().find(|line| line.starts_with(name));
                let value =
                    line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse().ok());
                value.unwrap_or(0_u64)
            };
            self.processes += 1;
            self.proportional_kib += field("Pss:");
            self.private_kib += field("Private_Dirty:") + field("Private_Clean:");
            // Clock ticks are too coarse for what an idle process uses.
            let threads = fs::read_dir(format!("/proc/{pid}/task"))
                .into_iter()
                .flatten();
            self.cpu_ns += threads
                .flatten()
                .filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok())
                .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
                .sum::<u64>();
        }
    }

    fn children_of(pid: &str) -> Vec<String> {
        let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
            return Vec::new();
        };
        threads
            .flatten()
            .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
            .flat_map(|list| {
                let pids = list.split_ascii_whitespace().map(str::to_owned);
                pids.collect::<Vec<_>>()
            })
            .collect()
    }

    /// This process; the sandbox's helper and supervisors; the agents.
    fn costs() -> [Cost; 3] {
        let mut costs = [Cost::default(); 3];
        costs[0].add("self");
        for helper in children_of("self") {
            costs[1].add(&helper);
            for supervisor in children_of(&helper) {
                costs[1].add(&supervisor);
                for agent in children_of(&supervisor) {
                    costs[2].add(&agent);
                }
            }
        }
        costs
    }

    fn argument(at: usize, default: u32) -> Result<u32, Box<dyn Error>> {
        Ok(std::env::args()
            .nth(at)
            .map_or(Ok(default), |text| text.parse())?)
    }

    pub(super) fn run() -> Result<(), Box<dyn Error>> {
        let (agents, seconds) = (argument(1, 100)?, argument(2, 20)?);
        let sandbox = Arc::new(Sandbox::start(Helper::this_program())?);
        println!("level {}", sandbox.available().level);
        let options = SupervisorOptions {
            agents_max: agents as usize,
            ..SupervisorOptions::default()
        };
        let supervisor = AgentSupervisor::start(sandbox, Arc::new(SystemClock), options)?;
        let before = costs();
        let mut spawns = Vec::new();
        for number in 0..agents {
            let command = Command::new("/bin/sleep").arg("100000");
            let options = AgentOptions::new(format!("agent {number}"), command, Policy::new());
            let began = Instant::now();
            // Dropping the handle leaves the agent to its supervisor.
            drop(supervisor.spawn(options)?);
            spawns.push(began.elapsed());
        }
        spawns.sort_unstable();
        let quantile = |of_hundred: usize| spawns[(spawns.len() - 1) * of_hundred / 100];
        println!(
            "spawn p50 {:?} p95 {:?} max {:?}",
            quantile(50),
            quantile(95),
            quantile(100)
        );
        let began = costs();
        std::thread::sleep(Duration::from_secs(seconds.into()));
        let ended = costs();
        for (index, name) in ["this process", "sandbox", "agents"].iter().enumerate() {
            let cpu_ns = ended[index].cpu_ns.saturating_sub(began[index].cpu_ns);
            // Hundredths of a per cent of one core.
            let share = cpu_ns / 100_000 / u64::from(seconds.max(1));
            println!(
                "{name}: {} processes, {} KiB proportional ({} before), {} KiB private ({} before), \
                 {}.{:02} % of a core",
                ended[index].processes,
                ended[index].proportional_kib,
                before[index].proportional_kib,
                ended[index].private_kib,
                before[index].private_kib,
                share / 100,
                share % 100,
            );
        }
        let began = Instant::now();
        let report = supervisor.shutdown(Duration::from_secs(5));
        println!("{report:?} in {:?}", began.elapsed());
        Ok(())
    }
}
