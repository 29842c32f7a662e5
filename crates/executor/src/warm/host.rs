//! The two threads behind all warm tools.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use claude_flow_sandbox::{End, Sandbox};

use super::process::{Part, Process};
use super::tool::{Kept, SessionId, Tool, ToolOptions, ToolPool};
use crate::Clock;
use crate::reactor::{Reactor, WAKE};
use crate::sync::system::thread::{self, JoinHandle};
use crate::sync::system::{AtomicBool, AtomicU64, Ordering};

/// How often memory is measured and idle processes are looked at.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// How much is read from a stream at once, so that one tool does not hold up the others.
const READ_BYTES: usize = 64 << 10;

/// Runs warm tools. When it is dropped, every process ends and every request under way fails.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use std::time::Duration;
/// use claude_flow_executor::{Clock, Framing, SystemClock, ToolHost, ToolOptions};
/// use claude_flow_sandbox::{Command, Helper, Policy, Sandbox};
///
/// let sandbox = Arc::new(Sandbox::start(Helper::this_program())?);
/// let clock = Arc::new(SystemClock);
/// let host = ToolHost::start(sandbox, clock.clone())?;
/// let policy = Policy::for_workspace("/home/me/project", "/tmp/scratch");
/// let command = Command::new("ruff").arg("server");
/// let ruff = host.tool(ToolOptions::new("ruff", command, policy, Framing::ContentLength));
///
/// let deadline = clock.after(Duration::from_secs(5));
/// let session = ruff.acquire(deadline)?;
/// let reply = session.request("initialize", r#"{"capabilities":{}}"#, deadline)?;
/// println!("{} at {}", reply.text, reply.level);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ToolHost {
    shared: Arc<Shared>,
    poller: Option<JoinHandle<()>>,
    keeper: Option<JoinHandle<()>>,
}

/// What threads, pools and processes share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) sandbox: Arc<Sandbox>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reactor: Reactor,
    next_id: AtomicU64,
    is_closed: AtomicBool,
    processes: Mutex<BTreeMap<SessionId, Arc<Process>>>,
    pools: Mutex<Vec<Weak<Kept>>>,
}

impl ToolHost {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// When the system has no thread or descriptor left.
    pub fn start(sandbox: Arc<Sandbox>, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            sandbox,
            clock,
            reactor: Reactor::new()?,
            next_id: AtomicU64::new(0),
            is_closed: AtomicBool::new(false),
            processes: Mutex::new(BTreeMap::new()),
            pools: Mutex::new(Vec::new()),
        });
        let mut host = Self {
            shared: Arc::clone(&shared),
            poller: None,
            keeper: None,
        };
        let poller = Arc::clone(&shared);
        host.poller = Some(
            thread::Builder::new()
                .name("tools-poll".into())
                .spawn(move || poller.poll())?,
        );
        host.keeper = Some(
            thread::Builder::new()
                .name("tools-keep".into())
                .spawn(move || shared.keep_pools())?,
        );
        Ok(host)
    }

    /// A pool of processes of one tool. None is started before the first is asked for, or the minimum
    /// wants it.
    #[must_use]
    pub fn tool(&self, options: ToolOptions) -> ToolPool {
        // Pools of one host draw different delays, and the same ones in every run.
        let seed = self.shared.next_id().0;
        ToolPool::new(&self.shared, Tool::new(options, seed))
    }
}

impl Drop for ToolHost {
    fn drop(&mut self) {
        // SYNC: the lock orders this before every later `enter`.
        {
            let _processes = self.shared.processes();
            self.shared.is_closed.store(true, Ordering::Release);
        }
        self.shared.reactor.wake();
        // Whoever waits for an answer goes on, the keeping thread too.
        let processes = std::mem::take(&mut *self.shared.processes());
        for process in processes.into_values() {
            process.abandon(Some(End::Killed));
        }
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            // A panic there has been told by the panic hook.
            let _ = keeper.join();
        }
        if let Some(poller) = self.poller.take() {
            let _ = poller.join();
        }
    }
}

impl Shared {
    pub(super) fn next_id(&self) -> SessionId {
        SessionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    fn processes(&self) -> MutexGuard<'_, BTreeMap<SessionId, Arc<Process>>> {
        self.processes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a process in, unless the host has ended.
    pub(super) fn enter(&self, process: &Arc<Process>) -> bool {
        let mut processes = self.processes();
        let is_open = !self.is_closed();
        if is_open {
            processes.insert(process.id, Arc::clone(process));
        }
        is_open
    }

    /// Lets a process go. Returns whether it was there.
    pub(super) fn leave(&self, id: SessionId) -> bool {
        self.processes().remove(&id).is_some()
    }

    pub(super) fn processes_of(&self, tool: &Arc<Tool>) -> Vec<Arc<Process>> {
        let processes = self.processes();
        let of_tool = processes
            .values()
            .filter(|process| Arc::ptr_eq(&process.tool, tool));
        of_tool.cloned().collect()
    }

    pub(super) fn keep(&self, pool: &Arc<Kept>) {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        pools.retain(|pool| pool.strong_count() > 0);
        pools.push(Arc::downgrade(pool));
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// The polling thread.
    fn poll(&self) {
        let mut buffer = vec![0; READ_BYTES];
        while !self.is_closed() {
            let events = self
                .reactor
                .wait(None)
                .expect("waiting for a descriptor of our own fails only by our own fault");
            for (token, flags) in events {
                if token == WAKE {
                    continue;
                }
                let (id, part) = Part::of(token);
                // One that ended in this round has left.
                let process = self.processes().get(&id).cloned();
                if let Some(process) = process {
                    process.serve(part, flags, &mut buffer);
                }
            }
        }
    }

    /// The keeping thread.
    fn keep_pools(&self) {
        while !self.is_closed() {
            self.clock.park_until(self.clock.after(KEEP_EVERY));
            let pools: Vec<Arc<Kept>> = {
                let pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
                pools.iter().filter_map(Weak::upgrade).collect()
            };
            let processes: Vec<_> = self.processes().values().cloned().collect();
            for process in processes {
                process.look_at_silence();
            }
            // Memory first: starting what the minimum wants may take a while.
            for pool in &pools {
                pool.look_at_memory();
            }
            for pool in &pools {
                // A failed start is counted, and tried again when its back-off is over.
                let _ = pool.maintain();
            }
        }
    }
}
