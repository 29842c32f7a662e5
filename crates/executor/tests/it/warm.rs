//! Warm tools: every request is answered rightly or fails by name, and nothing is left.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use claude_flow_executor::{
    AcquireError, Backoff, Connection, Framing, Handler, PoolOptions, RequestError, ServerError,
    Session, SessionId, SystemClock, ToolError, ToolHost, ToolOptions, ToolPool, Tools,
};
use claude_flow_sandbox::{Command, End, Helper, Policy, Sandbox};

use crate::condition::wait_until;
use crate::processes::{alone, count_descriptors, count_with_argument, unique_mark};

const TOOL: &str = env!("CARGO_BIN_EXE_executor-test-tool");

/// How long the tests wait at most for what must happen.
const BOUND: Duration = Duration::from_secs(30);

/// How long they wait for what never happens.
const NEVER: Duration = Duration::from_millis(20);

fn within(duration: Duration) -> Instant {
    Instant::now() + duration
}

pub(crate) fn sandbox() -> Arc<Sandbox> {
    static SANDBOX: OnceLock<Arc<Sandbox>> = OnceLock::new();
    let start = || Arc::new(Sandbox::start(Helper::program(TOOL)).expect("the helper is built"));
    Arc::clone(SANDBOX.get_or_init(start))
}

pub(crate) fn policy() -> Policy {
    Policy::new().read(TOOL)
}

/// A host, a pool of one test tool, and the mark by which its processes are found.
struct Bench {
    // Dropped in this order.
    pool: ToolPool,
    host: ToolHost,
    mark: String,
}

impl Bench {
    fn new(framing: Framing, change: impl FnOnce(&mut ToolOptions)) -> Self {
        Self::with_sandbox(sandbox(), framing, change)
    }

    fn with_sandbox(
        sandbox: Arc<Sandbox>,
        framing: Framing,
        change: impl FnOnce(&mut ToolOptions),
    ) -> Self {
        let mark = unique_mark();
        let mode = match framing {
            Framing::ContentLength => "rpc",
            Framing::Lines => "lines",
        };
        let command = Command::new(TOOL).args([mode, &mark]);
        let mut options = ToolOptions::new("test tool", command, policy(), framing);
        options.backoff = Backoff {
            first: Duration::from_millis(1),
            max: Duration::from_millis(5),
        };
        change(&mut options);
        let host = ToolHost::start(sandbox, Arc::new(SystemClock)).expect("threads can be had");
        let pool = host.tool(options);
        Self { pool, host, mark }
    }

    fn rpc() -> Self {
        Self::new(Framing::ContentLength, |_| {})
    }

    fn lines() -> Self {
        Self::new(Framing::Lines, |_| {})
    }

    fn session(&self) -> Connection<Tools> {
        self.pool.acquire(within(BOUND)).expect("the tool starts")
    }

    fn processes(&self) -> usize {
        count_with_argument(&self.mark)
    }

    /// Ends everything and sees that nothing is left.
    fn end(self) {
        let Self { pool, host, mark } = self;
        drop(host);
        assert_eq!(pool.snapshot().live, 0);
        drop(pool);
        wait_until("no process is left", || count_with_argument(&mark) == 0);
    }
}

fn echo(session: &Session, text: &str) {
    let params = format!("[{text:?}]");
    let reply = session.request("echo", &params, within(BOUND));
    let reply = reply.expect("a healthy tool answers");
    assert_eq!(reply.text, params);
    assert_eq!(reply.level, session.level());
}

/// The name of an error, which is all that the tests compare of it.
fn name(error: &RequestError) -> String {
    let text = format!("{error:?}");
    text.split([' ', '(', '{'])
        .next()
        .unwrap_or_default()
        .into()
}

#[test]
fn process_is_started_once_and_asked_often() {
    let bench = Bench::rpc();
    assert_eq!(bench.processes(), 0, "none is started before it is wanted");
    let first = bench.session().id();
    for round in 0..50 {
        let session = bench.session();
        assert_eq!(session.id(), first);
        echo(&session, &format!("round {round}"));
    }
    let snapshot = bench.pool.snapshot();
    assert_eq!(
        (snapshot.started, snapshot.live, snapshot.answered),
        (1, 1, 50)
    );
    bench.end();
}

#[test]
fn requests_go_side_by_side_and_each_gets_its_own_answer() {
    let bench = Bench::rpc();
    let session = bench.session();
    let answers: Vec<_> = (0..100)
        .map(|number| {
            session
                .start("echo", &number.to_string())
                .expect("it is sent")
        })
        .collect();
    for (number, answer) in answers.into_iter().enumerate().rev() {
        let reply = answer.wait(within(BOUND)).expect("it is answered");
        assert_eq!(reply.text, number.to_string());
    }
    drop(session);
    bench.end();
}

#[test]
fn megabytes_go_both_ways_without_a_standstill() {
    let bench = Bench::rpc();
    let session = bench.session();
    let params = format!("{:?}", "x".repeat(3 << 20));
    let answers: Vec<_> = (0..4)
        .map(|_| session.start("echo", &params).expect("it is sent"))
        .collect();
    for answer in answers {
        assert_eq!(
            answer.wait(within(BOUND)).expect("it is answered").text,
            params
        );
    }
    drop(session);
    bench.end();
}

#[test]
fn late_answer_is_dropped_and_does_not_poison_the_next_request() {
    let bench = Bench::rpc();
    let session = bench.session();
    let error = session
        .request("late", "1", within(NEVER))
        .expect_err("it is held back");
    assert_eq!(name(&error), "TimedOut");
    echo(&session, "after");
    wait_until("the late answer came", || {
        bench.pool.snapshot().late_answers == 1
    });
    assert!(bench.pool.snapshot().started == 1, "the process goes on");
    drop(session);
    bench.end();
}

#[test]
fn answer_to_nothing_is_dropped() {
    let bench = Bench::rpc();
    let session = bench.session();
    let reply = session.request("wrong id", "\"right\"", within(BOUND));
    assert_eq!(reply.expect("it is answered").text, "\"right\"");
    assert_eq!(bench.pool.snapshot().unknown_answers, 1);
    drop(session);
    bench.end();
}

#[test]
fn request_is_cancelled_from_another_thread_or_by_dropping_its_answer() {
    let bench = Bench::rpc();
    let session = bench.session();
    let answer = session.start("silence", "1").expect("it is sent");
    let canceller = answer.canceller();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| answer.wait(within(BOUND)));
        canceller.cancel();
        let error = waiter
            .join()
            .expect("it only waits")
            .expect_err("it was cancelled");
        assert_eq!(name(&error), "Cancelled");
    });
    drop(session.start("silence", "2").expect("it is sent"));
    canceller.cancel();
    assert_eq!(bench.pool.snapshot().cancelled, 2, "once each");
    echo(&session, "after");
    drop(session);
    bench.end();
}

#[test]
fn refusal_is_an_answer() {
    let bench = Bench::rpc();
    let session = bench.session();
    let error = session
        .request("refuse", "[1]", within(BOUND))
        .expect_err("it refuses");
    let expected = ServerError {
        code: -32000,
        message: "refused".into(),
        data: Some("[1]".into()),
    };
    assert_eq!(error, RequestError::Refused(expected));
    echo(&session, "after");
    drop(session);
    bench.end();
}

/// Faults end the process, fail the request by this name, and the next request is answered.
fn check_fault(framing: Framing, request: &str, expected: &str) {
    let bench = Bench::new(framing, |options| options.message_bytes_max = 100_000);
    let session = bench.session();
    let (first, ask) = (
        session.id(),
        |session: &Session, request: &str| match framing {
            Framing::ContentLength => session.request(request, "1", within(BOUND)),
            Framing::Lines => session.line(request, within(BOUND)),
        },
    );
    let error = ask(&session, request).expect_err("the tool fails");
    assert_eq!(name(&error), expected, "{request}: {error}");
    let again = ask(&session, "echo").expect_err("this process is of no more use");
    assert_eq!(name(&again), expected, "{request}: {again}");
    drop(session);
    let session = bench.session();
    assert_ne!(session.id(), first, "{request}");
    assert!(ask(&session, "echo").is_ok(), "{request}");
    drop(session);
    bench.end();
}

#[test]
fn process_that_fails_is_replaced_and_its_request_fails_by_name() {
    for request in ["exit", "abort"] {
        check_fault(Framing::ContentLength, request, "Ended");
        check_fault(Framing::Lines, request, "Ended");
    }
    for request in ["short", "huge", "nonsense"] {
        check_fault(Framing::ContentLength, request, "Garbled");
    }
    for request in ["endless", "binary"] {
        check_fault(Framing::Lines, request, "Garbled");
    }
}

#[test]
fn end_of_a_process_is_told_with_its_cause_and_its_last_words() {
    let bench = Bench::rpc();
    let session = bench.session();
    session
        .request("flood", "1", within(BOUND))
        .expect("it floods and answers");
    let error = session
        .request("abort", "1", within(BOUND))
        .expect_err("it aborts");
    let RequestError::Ended {
        end, stderr, level, ..
    } = error
    else {
        panic!("{error:?}");
    };
    assert_eq!((end, level), (Some(End::Signal(6)), session.level()));
    let kept = stderr.head.len() + stderr.tail.len();
    assert_eq!(kept, 16 << 10, "what is kept is bounded");
    assert_eq!(stderr.omitted_bytes + kept as u64, (1 << 20) / 100 * 100);
    drop(session);
    bench.end();
}

#[test]
fn message_that_is_longer_than_said_is_found_out() {
    let bench = Bench::rpc();
    let session = bench.session();
    let error = session
        .request("long", "1", within(NEVER))
        .expect_err("it never ends");
    assert_eq!(name(&error), "TimedOut");
    let error = session
        .request("echo", "1", within(BOUND))
        .expect_err("it is out of step");
    assert_eq!(name(&error), "Garbled");
    drop(session);
    echo(&bench.session(), "after");
    bench.end();
}

#[test]
fn process_that_closes_its_output_is_ended() {
    let bench = Bench::rpc();
    let session = bench.session();
    let error = session
        .request("close", "1", within(BOUND))
        .expect_err("it cannot answer");
    assert_eq!(name(&error), "Ended");
    drop(session);
    echo(&bench.session(), "after");
    bench.end();
}

#[test]
fn line_tool_that_does_not_answer_is_replaced() {
    let bench = Bench::lines();
    let session = bench.session();
    let first = session.id();
    let error = session.line("hang", within(NEVER)).expect_err("it hangs");
    assert_eq!(name(&error), "TimedOut");
    drop(session);
    let session = bench.session();
    assert_ne!(session.id(), first);
    assert_eq!(
        session
            .line("hello", within(BOUND))
            .expect("it answers")
            .text,
        "hello"
    );
    drop(session.start_line("hang").expect("it is sent"));
    let error = session
        .line("hello", within(BOUND))
        .expect_err("it owes an answer");
    assert_eq!(name(&error), "Retired");
    drop(session);
    bench.end();
}

#[test]
fn line_tool_that_answers_twice_is_found_out() {
    let bench = Bench::lines();
    let session = bench.session();
    assert!(session.line("twice", within(BOUND)).is_ok());
    wait_until("the second line came", || {
        bench.pool.snapshot().garbled == 1
    });
    drop(session);
    assert!(bench.session().line("after", within(BOUND)).is_ok());
    bench.end();
}

#[test]
fn malformed_requests_are_not_sent() {
    let (rpc, lines) = (
        Bench::rpc(),
        Bench::new(Framing::Lines, |options| options.message_bytes_max = 9),
    );
    let session = rpc.session();
    let error = session
        .request("echo", "1}", within(BOUND))
        .expect_err("no JSON");
    assert_eq!(name(&error), "Malformed");
    echo(&session, "after");
    let line = lines.session();
    for (text, expected) in [("two\nlines", "Malformed"), ("ten letters", "TooLarge")] {
        let error = line.line(text, within(BOUND)).expect_err("malformed");
        assert_eq!(name(&error), expected);
    }
    assert!(line.line("after", within(BOUND)).is_ok());
    drop((session, line));
    rpc.end();
    lines.end();
}

#[test]
fn tool_that_does_not_read_is_not_sent_more_than_a_bound() {
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.message_bytes_max = 200_000;
    });
    let session = bench.session();
    let hangs = session.start("hang", "1").expect("it is sent");
    let params = format!("{:?}", "x".repeat(100_000));
    let mut sent = Vec::new();
    let error = (0..20).find_map(|_| session.start("echo", &params).map(|it| sent.push(it)).err());
    assert_eq!(name(&error.expect("there is a bound")), "Jammed");
    drop((sent, hangs));
    drop(session);
    bench.end();
}

/// Greets with a request, and keeps what it is told.
#[derive(Debug, Default)]
struct Host {
    told: Mutex<Vec<(SessionId, String, String)>>,
}

impl Handler for Host {
    fn greet(&self, session: &Session, deadline: Instant) -> Result<(), RequestError> {
        session.request("echo", "\"initialize\"", deadline)?;
        session.notify("initialized", "{}")
    }

    fn notified(&self, session: SessionId, method: &str, params: &str) {
        let told = (session, method.to_owned(), params.to_owned());
        self.told.lock().expect("nobody panics here").push(told);
        assert_ne!(params, "\"panic\"", "planted");
    }

    fn asked(&self, _: SessionId, method: &str, params: &str) -> Result<String, ServerError> {
        match method {
            "known" => Ok(format!("{{\"you asked\":{params}}}")),
            "broken" => Ok("not json".into()),
            "panic" => panic!("planted"),
            _ => Err(ServerError {
                code: -1,
                message: "unknown".into(),
                data: None,
            }),
        }
    }
}

#[test]
fn handler_greets_hears_and_answers() {
    let handler = Arc::new(Host::default());
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.handler = handler.clone();
    });
    let session = bench.session();
    for params in ["\"panic\"", "[2]"] {
        session
            .request("notify", params, within(BOUND))
            .expect("it answers");
    }
    let told = handler
        .told
        .lock()
        .expect("the lock is let go before the panic")
        .clone();
    let expected = |params: &str| (session.id(), "told".to_owned(), params.to_owned());
    assert_eq!(told, [expected("\"panic\""), expected("[2]")]);
    for (method, expected) in [
        ("known", r#""result":{"you asked":[1]}"#),
        ("broken", r#""code":-32603"#),
        ("panic", r#""code":-32603"#),
        ("other", r#""message":"unknown""#),
    ] {
        let reply = session.request("ask", &format!("{method:?}"), within(BOUND));
        let reply = reply.expect("it answers").text;
        assert!(reply.contains(expected), "{method}: {reply}");
    }
    assert_eq!(bench.pool.snapshot().handler_panics, 2);
    drop(session);
    bench.end();
}

#[derive(Debug)]
struct Unready;

impl Handler for Unready {
    fn greet(&self, session: &Session, deadline: Instant) -> Result<(), RequestError> {
        session.request("exit", "1", deadline).map(drop)
    }
}

#[test]
fn tool_that_does_not_become_ready_is_left_alone_for_longer_and_longer() {
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.handler = Arc::new(Unready);
        options.backoff = Backoff {
            first: Duration::from_hours(1000),
            max: Duration::from_hours(1000),
        };
    });
    let error = bench
        .pool
        .acquire(within(BOUND))
        .expect_err("it ends in its greeting");
    let AcquireError::Connect(ToolError::Greeting { source, .. }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(name(&source), "Ended");
    let error = bench
        .pool
        .acquire(within(BOUND))
        .expect_err("it is left alone");
    let is_backing_off = matches!(
        error,
        AcquireError::Connect(ToolError::BackingOff { failures: 1, .. })
    );
    assert!(is_backing_off, "{error:?}");
    assert_eq!(bench.pool.snapshot().started, 1);
    bench.end();
}

#[test]
fn missing_program_fails_by_name() {
    let bench = Bench::new(Framing::Lines, |options| {
        options.command = Command::new("/no/such/program");
    });
    let error = bench
        .pool
        .acquire(within(BOUND))
        .expect_err("it does not exist");
    assert!(error.to_string().contains("/no/such/program"), "{error}");
    bench.end();
}

#[test]
fn process_over_its_memory_ceiling_is_replaced_between_requests() {
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.memory_bytes_max = 30 << 20;
    });
    let session = bench.session();
    let first = session.id();
    // The keeping thread may find out first.
    let error = (0..100).find_map(|_| {
        bench.pool.maintain().expect("nothing is to be started");
        session.request("leak", "1", within(BOUND)).err()
    });
    assert_eq!(name(&error.expect("there is a ceiling")), "Retired");
    drop(session);
    let session = bench.session();
    assert_ne!(session.id(), first);
    echo(&session, "after");
    assert_eq!(bench.pool.snapshot().over_memory, 1);
    drop(session);
    bench.end();
}

#[test]
fn process_over_the_policys_memory_is_ended_by_the_sandbox() {
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.policy.limits.memory_bytes = 60 << 20;
    });
    let session = bench.session();
    let error = (0..100).find_map(|_| session.request("leak", "1", within(BOUND)).err());
    let error = error.expect("there is a limit");
    let is_memory = matches!(
        error,
        // The sampled limit, or the one on its address space.
        RequestError::Ended {
            end: Some(End::Memory | End::Signal(6)),
            ..
        }
    );
    assert!(is_memory, "{error:?}");
    drop(session);
    bench.end();
}

#[test]
fn idle_process_ends_and_the_next_request_starts_another() {
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.pool.idle_max = Duration::ZERO;
    });
    echo(&bench.session(), "before");
    bench.pool.maintain().expect("nothing is to be started");
    wait_until("the idle process ends", || bench.processes() == 0);
    echo(&bench.session(), "after");
    assert_eq!(
        bench.pool.snapshot().ended_by_itself,
        0,
        "that is no failure"
    );
    bench.end();
}

#[test]
fn minimum_is_started_in_advance_and_again_after_a_crash() {
    let bench = Bench::new(Framing::ContentLength, |options| {
        options.pool = PoolOptions {
            minimum: 2,
            maximum: 2,
            ..PoolOptions::default()
        };
    });
    wait_until("the keeping thread starts them", || {
        bench.pool.snapshot().pool.idle == 2
    });
    let session = bench.session();
    assert!(session.request("exit", "1", within(BOUND)).is_err());
    drop(session);
    wait_until("the keeping thread replaces it", || {
        let snapshot = bench.pool.snapshot();
        snapshot.started == 3 && snapshot.pool.idle == 2
    });
    bench.end();
}

#[test]
fn end_of_the_host_fails_what_is_under_way() {
    let bench = Bench::rpc();
    let session = bench.session();
    let answer = session.start("silence", "1").expect("it is sent");
    let Bench { pool, host, mark } = bench;
    thread::scope(|scope| {
        let waiter = scope.spawn(|| answer.wait(within(BOUND)));
        drop(host);
        let error = waiter
            .join()
            .expect("it only waits")
            .expect_err("nobody answers");
        assert_eq!(name(&error), "Ended");
    });
    drop(session);
    let error = pool.acquire(within(BOUND)).expect_err("the host has ended");
    assert!(
        matches!(error, AcquireError::Connect(ToolError::HostEnded { .. })),
        "{error:?}"
    );
    wait_until("no process is left", || count_with_argument(&mark) == 0);
}

/// What a tool is asked for in the fault run, and what may come of it in a process that was well before.
const FAULTS: &[(&str, u32, &[&str])] = &[
    ("echo", 600, &["Ok"]),
    ("notify", 60, &["Ok"]),
    ("wrong id", 30, &["Ok"]),
    ("flood", 20, &["Ok"]),
    ("leak", 60, &["Ok"]),
    ("refuse", 30, &["Refused"]),
    ("hang", 30, &["TimedOut"]),
    ("silence", 20, &["TimedOut"]),
    ("late", 30, &["TimedOut"]),
    ("long", 15, &["TimedOut"]),
    ("exit", 20, &["Ended"]),
    ("abort", 20, &["Ended"]),
    ("answer and exit", 15, &["Ok"]),
    ("short", 20, &["Garbled"]),
    ("huge", 15, &["Garbled"]),
    ("nonsense", 15, &["Garbled"]),
];

/// After these, a process may be sick without anybody knowing yet.
const SICKENING: &[&str] = &["long", "hang", "answer and exit"];

/// Splits a random number into a fault.
fn fault(random: u64) -> (&'static str, &'static [&'static str]) {
    let all: u32 = FAULTS.iter().map(|(_, weight, _)| weight).sum();
    let mut at = u32::try_from(random % u64::from(all)).expect("the sum is small");
    for &(method, weight, expected) in FAULTS {
        if at < weight {
            return (method, expected);
        }
        at -= weight;
    }
    unreachable!("the weights sum up to `all`")
}

fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Makes one request and says what came of it. `sick` knows which processes may be sick.
fn ask_at_random(pool: &ToolPool, sick: &Mutex<BTreeSet<SessionId>>, number: u64) {
    let (method, expected) = fault(mix(number));
    let session = match pool.acquire(within(BOUND)) {
        Ok(session) => session,
        // Back-off and the other threads may take longer only if something is wrong.
        Err(error) => panic!("request {number}: {error}"),
    };
    let params = format!("{{\"number\":{number}}}");
    let patience = if expected == ["TimedOut"] {
        NEVER
    } else {
        BOUND
    };
    let was_sick = sick.lock().expect("nobody panics").contains(&session.id());
    let result = session.request(method, &params, within(patience));
    let told = match &result {
        Ok(reply) => {
            assert_eq!(
                reply.text, params,
                "request {number} got another one's answer"
            );
            "Ok".to_owned()
        }
        Err(error) => name(error),
    };
    // A process over its ceiling may say so at any time; a sick one may fail in any way but a wrong answer.
    let is_right = expected.contains(&told.as_str()) || told == "Retired" || was_sick;
    assert!(is_right, "request {number}, {method}: {result:?}");
    if SICKENING.contains(&method) {
        sick.lock().expect("nobody panics").insert(session.id());
    }
    if method == "hang" {
        session.discard();
    }
}

/// `STRESS=34` makes it more than 10,000 requests.
#[test]
fn every_request_to_a_faulty_tool_is_answered_rightly_or_fails_by_name() {
    alone(
        "warm::every_request_to_a_faulty_tool_is_answered_rightly_or_fails_by_name",
        || {
            const THREADS: u64 = 4;
            let requests = 300 * u64::from(crate::stress());
            let before = count_descriptors();
            let sandbox = Sandbox::start(Helper::program(TOOL)).expect("the helper is built");
            let bench = Bench::with_sandbox(Arc::new(sandbox), Framing::ContentLength, |options| {
                options.pool.maximum = 3;
                options.memory_bytes_max = 40 << 20;
            });
            let sick = Mutex::new(BTreeSet::new());
            let next = AtomicU32::new(0);
            thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        loop {
                            let number = u64::from(next.fetch_add(1, Ordering::Relaxed));
                            if number >= requests {
                                break;
                            }
                            ask_at_random(&bench.pool, &sick, number);
                        }
                    });
                }
            });
            let snapshot = bench.pool.snapshot();
            assert!(snapshot.answered > requests / 2, "{snapshot:?}");
            assert!(snapshot.requests <= requests);
            eprintln!("{snapshot:?}");
            bench.end();
            wait_until("no descriptor is left", || count_descriptors() == before);
        },
    );
}
