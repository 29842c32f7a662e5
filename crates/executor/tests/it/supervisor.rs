//! Agents: spawned, watched, restarted, ended in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use claude_flow_executor::{
    Agent, AgentCause, AgentEnd, AgentError, AgentOptions, AgentState, AgentSupervisor, Backoff,
    Clock, Restart, ShutdownReport, SupervisorOptions, SystemClock, VirtualClock,
};
use claude_flow_sandbox::{Command, End, Helper, Policy, Sandbox};

use crate::condition::wait_until;
use crate::processes::{alone, count_descriptors, count_with_argument, unique_mark};
use crate::warm::sandbox;

/// How long the tests wait at most for what must happen.
const BOUND: Duration = Duration::from_secs(30);

/// Waits for its input to end, as a well-behaved agent does.
const IDLE: &str = "read line; exit 0";

/// Gives signs of life until it is ended.
const BEATING: &str = "while :; do echo alive; sleep 0.01; done";

fn supervisor_with(clock: Arc<dyn Clock>, options: SupervisorOptions) -> AgentSupervisor {
    AgentSupervisor::start(sandbox(), clock, options).expect("a thread can be had")
}

fn supervisor() -> AgentSupervisor {
    supervisor_with(Arc::new(SystemClock), SupervisorOptions::default())
}

fn agent(script: &str) -> AgentOptions {
    let command = Command::new("/bin/sh").args(["-c", script]);
    let mut options = AgentOptions::new("agent", command, Policy::new());
    options.backoff = Backoff {
        first: Duration::from_millis(1),
        max: Duration::from_millis(5),
    };
    options
}

fn end_of(agent: &Agent) -> AgentEnd {
    let end = agent.wait(Instant::now() + BOUND);
    end.expect("the agent ends")
}

fn text(end: &AgentEnd) -> String {
    String::from_utf8_lossy(&end.stdout.head).into_owned()
}

#[test]
fn agent_that_finishes_is_over() {
    let supervisor = supervisor();
    let mut options = agent("echo done");
    options.restart = Restart::OnFailure;
    let finished = supervisor.spawn(options).expect("the shell runs");
    let end = end_of(&finished);
    assert_eq!(
        (end.cause, end.end),
        (AgentCause::Ended, Some(End::Exited(0)))
    );
    assert_eq!(text(&end), "done\n");
    assert_eq!(finished.snapshot().state, AgentState::Over);
    assert_eq!(end_of(&finished), end, "it can be asked again");
    wait_until("its place is free", || supervisor.snapshot().live == 0);
}

#[test]
fn agent_that_crashes_is_restarted_until_it_is_given_up() {
    let supervisor = supervisor();
    let mut options = agent("echo life; exit 3");
    (options.restart, options.restarts_max) = (Restart::OnFailure, 3);
    let crashing = supervisor.spawn(options).expect("the shell runs");
    let end = end_of(&crashing);
    assert_eq!(
        (end.cause, end.end),
        (AgentCause::Ended, Some(End::Exited(3)))
    );
    assert_eq!((end.restarts, text(&end)), (3, "life\n".repeat(4)));
    let snapshot = supervisor.snapshot();
    assert_eq!((snapshot.restarts, snapshot.given_up), (3, 1));
}

#[test]
fn agent_that_is_always_wanted_is_restarted_after_a_success() {
    let supervisor = supervisor();
    let mut options = agent("exit 0");
    (options.restart, options.restarts_max) = (Restart::Always, 2);
    let finishing = supervisor.spawn(options).expect("the shell runs");
    assert_eq!(end_of(&finishing).restarts, 2);
}

#[test]
fn agent_without_signs_of_life_is_ended() {
    let clock = Arc::new(VirtualClock::new());
    let supervisor = supervisor_with(clock.clone(), SupervisorOptions::default());
    let with_heartbeat = |script| {
        let mut options = agent(script);
        options.heartbeat_max = Some(Duration::from_secs(10));
        supervisor.spawn(options).expect("the shell runs")
    };
    let (beating, silent) = (with_heartbeat(BEATING), with_heartbeat(IDLE));
    for _ in 0..3 {
        let signs = beating.snapshot().signs_of_life;
        // What is read after the clock has moved is a sign of life from then.
        wait_until("the heart beats", || {
            beating.snapshot().signs_of_life > signs + 1
        });
        clock.advance(Duration::from_secs(9));
    }
    // The beating agent wakes the thread, which finds the silent one.
    wait_until("silence is noticed", || {
        silent.snapshot().state == AgentState::Over
    });
    let end = silent.wait(clock.now()).expect("it is over");
    assert_eq!(
        (end.cause, end.end),
        (AgentCause::Silent, Some(End::Killed))
    );
    assert_eq!(beating.snapshot().state, AgentState::Running);
    assert_eq!(supervisor.snapshot().silent, 1);
}

#[test]
fn agent_that_is_stopped_may_do_its_last_things_and_is_not_restarted() {
    let supervisor = supervisor();
    let mut options =
        agent("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    options.restart = Restart::Always;
    let polite = supervisor.spawn(options).expect("the shell runs");
    wait_until("it is ready", || polite.snapshot().signs_of_life == 1);
    polite.stop(BOUND);
    let end = end_of(&polite);
    assert_eq!(
        (end.cause, end.end),
        (AgentCause::Stopped, Some(End::Exited(0)))
    );
    assert_eq!(text(&end), "ready\nbye\n");
    assert_eq!(end.restarts, 0);
}

#[test]
fn agent_that_does_not_want_to_end_is_killed_after_its_time_of_grace() {
    let supervisor = supervisor();
    let stubborn = agent("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    let stubborn = supervisor.spawn(stubborn).expect("the shell runs");
    wait_until("it is ready", || stubborn.snapshot().signs_of_life == 1);
    stubborn.stop(Duration::from_millis(1));
    let end = end_of(&stubborn);
    assert_eq!(
        (end.cause, end.end),
        (AgentCause::Killed, Some(End::Killed))
    );
    assert_eq!(supervisor.snapshot().killed, 1);
}

#[test]
fn agent_that_waits_for_its_restart_is_stopped_at_once() {
    let supervisor = supervisor();
    let mut options = agent("exit 1");
    options.restart = Restart::Always;
    options.backoff = Backoff {
        first: Duration::from_hours(1000),
        max: Duration::from_hours(1000),
    };
    let waiting = supervisor.spawn(options).expect("the shell runs");
    wait_until("it waits", || {
        waiting.snapshot().state == AgentState::Waiting
    });
    waiting.stop(BOUND);
    assert_eq!(end_of(&waiting).cause, AgentCause::Stopped);
}

#[test]
fn cpu_time_and_memory_of_each_agent_are_accounted_for() {
    let options = SupervisorOptions {
        measure_every: Duration::from_millis(10),
        ..SupervisorOptions::default()
    };
    let supervisor = supervisor_with(Arc::new(SystemClock), options);
    let busy =
        agent("(while :; do :; done) & head -c 20000000 /dev/zero | tail -c 20000000 | sleep 1000");
    let busy = supervisor.spawn(busy).expect("the shell runs");
    let idle = supervisor.spawn(agent(IDLE)).expect("the shell runs");
    wait_until("the busy one is seen", || {
        let snapshot = busy.snapshot();
        snapshot.cpu > Duration::from_millis(50)
            && snapshot.memory_bytes > 15_000_000
            && snapshot.processes >= 3
    });
    let snapshot = idle.snapshot();
    assert!(snapshot.memory_bytes < 5_000_000, "{snapshot:?}");
    assert!(snapshot.cpu < busy.snapshot().cpu);
    let before = busy.snapshot().cpu;
    busy.stop(Duration::ZERO);
    end_of(&busy);
    let snapshot = busy.snapshot();
    assert!(snapshot.cpu >= before, "what ended is still accounted for");
    assert_eq!((snapshot.memory_bytes, snapshot.processes), (0, 0));
}

#[test]
fn agent_that_cannot_be_started_leaves_no_trace() {
    let supervisor = supervisor();
    let options = AgentOptions::new("agent", Command::new("/no/such"), Policy::new());
    let error = supervisor.spawn(options).expect_err("it does not exist");
    assert!(error.to_string().contains("/no/such"), "{error}");
    assert_eq!(supervisor.snapshot().live, 0);
}

#[test]
fn end_of_the_supervisor_ends_its_agents() {
    let supervisor = supervisor();
    let mark = unique_mark();
    let mut options = agent(IDLE);
    options.command = options.command.arg(&mark);
    let idle = supervisor.spawn(options).expect("the shell runs");
    wait_until("the shell is there", || count_with_argument(&mark) == 1);
    drop(supervisor);
    let end = idle.wait(Instant::now()).expect("it is over");
    assert_eq!(end.cause, AgentCause::Killed);
    wait_until("no process is left", || count_with_argument(&mark) == 0);
    idle.stop(BOUND);
}

#[test]
fn shutdown_sees_every_end_while_the_thread_is_busy() {
    // The thread never rests, so it looks at every state between two agents that are asked to end.
    let options = SupervisorOptions {
        measure_every: Duration::ZERO,
        ..SupervisorOptions::default()
    };
    let supervisor = supervisor_with(Arc::new(SystemClock), options);
    for _ in 0..20 {
        supervisor.spawn(agent(IDLE)).expect("the shell runs");
    }
    let report = supervisor.shutdown(BOUND);
    let expected = ShutdownReport {
        stopped: 20,
        killed: 0,
    };
    assert_eq!(report, expected);
}

fn count_threads() -> usize {
    std::fs::read_dir("/proc/self/task")
        .expect("/proc is mounted")
        .count()
}

#[test]
fn hundred_agents_need_one_thread_and_leave_nothing() {
    alone(
        "supervisor::hundred_agents_need_one_thread_and_leave_nothing",
        || {
            const AGENTS: usize = 100;
            let tool = env!("CARGO_BIN_EXE_executor-test-tool");
            let before = (count_descriptors(), count_threads());
            let sandbox = Sandbox::start(Helper::program(tool)).expect("the helper is built");
            let clock = Arc::new(SystemClock);
            let options = SupervisorOptions::default();
            let supervisor = AgentSupervisor::start(Arc::new(sandbox), clock, options)
                .expect("a thread can be had");
            let mark = unique_mark();
            let spawn = || {
                let mut options = agent(IDLE);
                options.command = options.command.arg(&mark);
                supervisor.spawn(options)
            };
            let agents: Vec<Agent> = (0..AGENTS)
                .map(|_| spawn().expect("the shell runs"))
                .collect();
            let refused = spawn().expect_err("there are as many as may be");
            assert!(
                matches!(refused, AgentError::Limit { limit: AGENTS }),
                "{refused}"
            );
            assert_eq!(count_with_argument(&mark), AGENTS);
            assert_eq!(count_threads(), before.1 + 1);
            let report = supervisor.shutdown(BOUND);
            assert_eq!(
                report,
                ShutdownReport {
                    stopped: AGENTS,
                    killed: 0
                }
            );
            for agent in &agents {
                assert_eq!(agent.snapshot().state, AgentState::Over);
            }
            wait_until("no process is left", || count_with_argument(&mark) == 0);
            wait_until("nothing is left", || {
                (count_descriptors(), count_threads()) == before
            });
        },
    );
}
