//! A pool of connections to anything: handed out one by one, kept in health, never lost.
//!
//! # Who may touch what
//!
//! A connection is in one place at a time, and each open one has exactly one *place*, of which there are
//! at most `maximum`.
//!
//! | a place is | its connection belongs to |
//! |---|---|
//! | idle | the pool, behind its lock |
//! | granted | a waiter that has not yet woken, behind the pool's lock |
//! | held | a `Place` on some thread's stack or in a [`Connection`]; its drop gives the place back |
//!
//! The manager is never called under the lock. A panic anywhere unwinds through a `Place`.
#![forbid(unsafe_code)]

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::Clock;
use crate::sync::system::thread::{self, Thread};
use crate::sync::system::{AtomicU64, Ordering};

/// Makes connections and knows whether they work.
pub trait Manager: Send + Sync + 'static {
    /// What is pooled.
    type Connection: Send + 'static;
    /// Why it could not be had.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Makes a connection; gives up at the deadline.
    ///
    /// # Errors
    ///
    /// When there is none.
    fn connect(&self, deadline: Instant) -> Result<Self::Connection, Self::Error>;

    /// Finds out whether an idle connection still works.
    ///
    /// # Errors
    ///
    /// When it does not; it is dropped.
    fn check(&self, connection: &mut Self::Connection) -> Result<(), Self::Error>;

    /// Makes a returned connection fit for its next user.
    ///
    /// # Errors
    ///
    /// When it cannot be; it is dropped.
    fn recycle(&self, connection: &mut Self::Connection) -> Result<(), Self::Error>;
}

/// How many connections there are, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// So many are kept open by [`Pool::maintain`].
    pub minimum: usize,
    /// There are never more.
    pub maximum: usize,
    /// Beyond the minimum, one that is idle for longer is closed.
    pub idle_max: Duration,
    /// One that is older is closed when nobody uses it.
    pub lifetime_max: Duration,
    /// One that was idle for so long is checked before it is handed out, and by [`Pool::maintain`].
    pub check_after: Duration,
    /// So many may wait at once.
    pub waiting_max: usize,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            minimum: 0,
            maximum: 4,
            idle_max: Duration::from_mins(10),
            lifetime_max: Duration::from_hours(24),
            check_after: Duration::from_secs(30),
            waiting_max: 1024,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AcquireError<E> {
    /// None came back in time.
    #[error("all {maximum} connections stayed in use until the deadline")]
    TimedOut {
        /// How many there may be.
        maximum: usize,
    },
    /// Too many wait already.
    #[error("{waiting} wait for a connection already")]
    Full {
        /// How many.
        waiting: usize,
    },
    /// A new one was needed and could not be made.
    #[error("failed to connect: {0}")]
    Connect(#[source] E),
    /// The pool was closed.
    #[error("the pool is closed")]
    Closed,
}

/// A pool; clones are the same pool.
///
/// Whoever asks first is served first. Of several idle connections the one that was used last is handed
/// out, so that the others can come to their idle limit.
/// It has no thread: [`Pool::maintain`] is called by whoever keeps the time.
///
/// # Examples
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use std::time::{Duration, Instant};
/// use claude_flow_executor::{Clock, Manager, Pool, PoolOptions, SystemClock};
///
/// struct Buffers;
///
/// impl Manager for Buffers {
///     type Connection = Vec<u8>;
///     type Error = Infallible;
///
///     fn connect(&self, _deadline: Instant) -> Result<Vec<u8>, Infallible> {
///         Ok(Vec::new())
///     }
///     fn check(&self, _: &mut Vec<u8>) -> Result<(), Infallible> {
///         Ok(())
///     }
///     fn recycle(&self, buffer: &mut Vec<u8>) -> Result<(), Infallible> {
///         buffer.clear();
///         Ok(())
///     }
/// }
///
/// let clock = Arc::new(SystemClock);
/// let pool = Pool::new(Buffers, PoolOptions::default(), clock.clone());
/// let mut buffer = pool.acquire(clock.after(Duration::from_secs(1)))?;
/// buffer.extend(b"used");
/// drop(buffer);
/// assert_eq!(pool.snapshot().idle, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool<M: Manager>(Arc<Inner<M>>);

impl<M: Manager> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<M: Manager> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.snapshot()).finish()
    }
}

struct Inner<M: Manager> {
    manager: M,
    options: PoolOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State<M::Connection>>,
    counts: Counts,
}

struct State<C> {
    /// Idle, granted and held ones, and those being made. At most `maximum`.
    open: usize,
    /// Ordered by `idle_since`, the longest first. Empty while anybody waits.
    idle: VecDeque<Entry<C>>,
    /// In the order in which they came.
    waiters: VecDeque<Waiter>,
    /// What was given to waiters that have not yet woken, by ticket.
    granted: BTreeMap<u64, Option<Entry<C>>>,
    next_ticket: u64,
    is_closed: bool,
}

struct Waiter {
    ticket: u64,
    thread: Thread,
}

struct Entry<C> {
    connection: C,
    connected_at: Instant,
    idle_since: Instant,
    checked_at: Instant,
}

#[derive(Debug, Default)]
struct Counts {
    open: AtomicU64,
    idle: AtomicU64,
    waiting: AtomicU64,
    acquired: AtomicU64,
    connected: AtomicU64,
    connect_failed: AtomicU64,
    discarded: AtomicU64,
    timed_out: AtomicU64,
    rejected: AtomicU64,
}

/// How full a [`Pool`] is and what it did until now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolSnapshot {
    /// Connections that are open or being made.
    pub open: u64,
    /// Of these, those that nobody uses.
    pub idle: u64,
    /// Threads that wait for one.
    pub waiting: u64,
    /// How often one was handed out.
    pub acquired: u64,
    /// How often one was made.
    pub connected: u64,
    /// How often that failed or panicked.
    pub connect_failed: u64,
    /// How many were closed, for whatever reason.
    pub discarded: u64,
    /// How often the deadline came first.
    pub timed_out: u64,
    /// How often too many waited already.
    pub rejected: u64,
}

impl<M: Manager> Pool<M> {
    /// An empty pool.
    ///
    /// # Panics
    ///
    /// If the maximum is zero or below the minimum.
    #[must_use]
    pub fn new(manager: M, options: PoolOptions, clock: Arc<dyn Clock>) -> Self {
        assert!(
            options.maximum > 0 && options.minimum <= options.maximum,
            "a pool holds from {} up to {} connections",
            options.minimum,
            options.maximum
        );
        Self(Arc::new(Inner {
            manager,
            options,
            clock,
            state: Mutex::new(State {
                open: 0,
                idle: VecDeque::new(),
                waiters: VecDeque::new(),
                granted: BTreeMap::new(),
                next_ticket: 0,
                is_closed: false,
            }),
            counts: Counts::default(),
        }))
    }

    /// What makes the connections.
    #[must_use]
    pub fn manager(&self) -> &M {
        &self.0.manager
    }

    /// Takes a connection out of the pool: an idle one, a new one, or the next that comes back.
    ///
    /// # Errors
    ///
    /// [`AcquireError`]. The pool is as it was before.
    pub fn acquire(&self, deadline: Instant) -> Result<Connection<M>, AcquireError<M::Error>> {
        let mut place = self.0.place(deadline)?;
        if !place.is_fit() {
            place.discard();
            place.connect(deadline).map_err(AcquireError::Connect)?;
        }
        self.0.counts.acquired.fetch_add(1, Ordering::Relaxed);
        Ok(Connection { place: Some(place) })
    }

    /// Closes what is idle for too long, too old or does not answer, and connects up to the minimum.
    ///
    /// # Errors
    ///
    /// What the manager says when it cannot connect; the next call tries again.
    pub fn maintain(&self, connect_deadline: Instant) -> Result<(), M::Error> {
        let now = self.0.clock.now();
        drop(self.0.take_expired(now));
        // Each is looked at once: one that is given back counts as checked now.
        while let Some(mut place) = self.0.take_unchecked(now) {
            if place.is_fit() {
                place.give_back_unused();
            }
        }
        while let Some(mut place) = self.0.reserve_below_minimum() {
            place.connect(connect_deadline)?;
            place.give_back_unused();
        }
        Ok(())
    }

    /// Ends the pool: idle connections are closed, waiters are told, and what is in use is closed when it
    /// comes back.
    pub fn close(&self) {
        let idle = self.0.locked(|state| {
            state.is_closed = true;
            for waiter in &state.waiters {
                waiter.thread.unpark();
            }
            state.open -= state.idle.len();
            std::mem::take(&mut state.idle)
        });
        self.0.count_discarded(idle.len());
    }

    /// How full it is and what it did until now, read without locks.
    #[must_use]
    pub fn snapshot(&self) -> PoolSnapshot {
        let counts = &self.0.counts;
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        PoolSnapshot {
            open: read(&counts.open),
            idle: read(&counts.idle),
            waiting: read(&counts.waiting),
            acquired: read(&counts.acquired),
            connected: read(&counts.connected),
            connect_failed: read(&counts.connect_failed),
            discarded: read(&counts.discarded),
            timed_out: read(&counts.timed_out),
            rejected: read(&counts.rejected),
        }
    }
}

impl<M: Manager> Inner<M> {
    /// Looks at the state or changes it, and publishes its figures.
    fn locked<R>(&self, change: impl FnOnce(&mut State<M::Connection>) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut state);
        debug_assert!(state.open <= self.options.maximum);
        debug_assert!(state.waiters.is_empty() || state.idle.is_empty());
        for (count, len) in [
            (&self.counts.open, state.open),
            (&self.counts.idle, state.idle.len()),
            (&self.counts.waiting, state.waiters.len()),
        ] {
            count.store(len as u64, Ordering::Relaxed);
        }
        result
    }

    /// A place, with an idle connection in it or empty.
    fn place(self: &Arc<Self>, deadline: Instant) -> Result<Place<M>, AcquireError<M::Error>> {
        let ticket = self.locked(|state| {
            if state.is_closed {
                return Err(AcquireError::Closed);
            }
            if state.waiters.is_empty() {
                if let Some(entry) = state.idle.pop_back() {
                    return Ok(Err(Some(entry)));
                }
                if state.open < self.options.maximum {
                    state.open += 1;
                    return Ok(Err(None));
                }
            }
            let waiting = state.waiters.len();
            if waiting >= self.options.waiting_max {
                self.counts.rejected.fetch_add(1, Ordering::Relaxed);
                return Err(AcquireError::Full { waiting });
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            state.waiters.push_back(Waiter {
                ticket,
                thread: thread::current(),
            });
            Ok(Ok(ticket))
        })?;
        let entry = match ticket {
            Err(entry) => entry,
            Ok(ticket) => self.wait(ticket, deadline)?,
        };
        Ok(self.place_of(entry))
    }

    /// Waits for what is granted to a ticket.
    fn wait(
        &self,
        ticket: u64,
        deadline: Instant,
    ) -> Result<Option<Entry<M::Connection>>, AcquireError<M::Error>> {
        loop {
            let answer = self.locked(|state| {
                if let Some(entry) = state.granted.remove(&ticket) {
                    return Some(Ok(entry));
                }
                let error = if state.is_closed {
                    AcquireError::Closed
                } else if self.clock.now() >= deadline {
                    self.counts.timed_out.fetch_add(1, Ordering::Relaxed);
                    AcquireError::TimedOut {
                        maximum: self.options.maximum,
                    }
                } else {
                    return None;
                };
                state.waiters.retain(|waiter| waiter.ticket != ticket);
                Some(Err(error))
            });
            match answer {
                Some(answer) => return answer,
                None => self.clock.park_until(deadline),
            }
        }
    }

    /// Passes a place on: to the first who waits, or back to the pool.
    fn hand_on(&self, entry: Option<Entry<M::Connection>>) {
        let rest = self.locked(|state| {
            if state.is_closed {
                state.open -= 1;
                return entry;
            }
            match (state.waiters.pop_front(), entry) {
                (Some(waiter), entry) => {
                    state.granted.insert(waiter.ticket, entry);
                    waiter.thread.unpark();
                }
                (None, None) => state.open -= 1,
                (None, Some(entry)) => {
                    let at = state
                        .idle
                        .partition_point(|other| other.idle_since <= entry.idle_since);
                    state.idle.insert(at, entry);
                }
            }
            None
        });
        self.count_discarded(rest.iter().len());
        // Dropped here, outside of the lock.
        drop(rest);
    }

    fn take_expired(self: &Arc<Self>, now: Instant) -> Vec<Place<M>> {
        let options = &self.options;
        let expired = self.locked(|state| {
            let mut spared = options
                .minimum
                .saturating_sub(state.open - state.idle.len());
            let mut expired = Vec::new();
            // The last used are spared first.
            for at in (0..state.idle.len()).rev() {
                let entry = &state.idle[at];
                let is_old = now.duration_since(entry.connected_at) >= options.lifetime_max;
                let is_idle = now.duration_since(entry.idle_since) >= options.idle_max;
                if !is_old && spared > 0 {
                    spared -= 1;
                } else if is_old || is_idle {
                    expired.extend(state.idle.remove(at));
                }
            }
            expired
        });
        let place = |entry| self.place_of(Some(entry));
        expired.into_iter().map(place).collect()
    }

    fn take_unchecked(self: &Arc<Self>, now: Instant) -> Option<Place<M>> {
        let entry = self.locked(|state| {
            let at = state.idle.iter().position(|entry| {
                let unchecked_for = now.saturating_duration_since(entry.checked_at);
                // What was checked a moment ago is not due, whatever the option says.
                unchecked_for >= self.options.check_after && entry.checked_at < now
            })?;
            state.idle.remove(at)
        })?;
        Some(self.place_of(Some(entry)))
    }

    fn reserve_below_minimum(self: &Arc<Self>) -> Option<Place<M>> {
        self.locked(|state| {
            let is_wanted = !state.is_closed && state.open < self.options.minimum;
            is_wanted.then(|| state.open += 1)
        })?;
        Some(self.place_of(None))
    }

    /// A place that is counted in `open` already.
    fn place_of(self: &Arc<Self>, entry: Option<Entry<M::Connection>>) -> Place<M> {
        Place {
            inner: Arc::clone(self),
            entry,
            is_given_back: false,
        }
    }

    fn count_discarded(&self, count: usize) {
        self.counts
            .discarded
            .fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// One of the pool's places, counted in `open`. Dropped, it closes its connection and passes the place on.
struct Place<M: Manager> {
    inner: Arc<Inner<M>>,
    entry: Option<Entry<M::Connection>>,
    is_given_back: bool,
}

impl<M: Manager> Place<M> {
    /// Whether it holds a connection that is young enough and works.
    fn is_fit(&mut self) -> bool {
        let Self { inner, entry, .. } = self;
        let Some(entry) = entry else { return false };
        let now = inner.clock.now();
        if now.duration_since(entry.connected_at) >= inner.options.lifetime_max {
            return false;
        }
        if now.duration_since(entry.checked_at) < inner.options.check_after {
            return true;
        }
        entry.checked_at = now;
        inner.manager.check(&mut entry.connection).is_ok()
    }

    fn connect(&mut self, deadline: Instant) -> Result<(), M::Error> {
        let inner = &self.inner;
        // Undone below; a panic leaves it.
        inner.counts.connect_failed.fetch_add(1, Ordering::Relaxed);
        let connection = inner.manager.connect(deadline)?;
        inner.counts.connect_failed.fetch_sub(1, Ordering::Relaxed);
        inner.counts.connected.fetch_add(1, Ordering::Relaxed);
        let now = inner.clock.now();
        self.entry = Some(Entry {
            connection,
            connected_at: now,
            idle_since: now,
            checked_at: now,
        });
        Ok(())
    }

    /// Closes the connection and keeps the place.
    fn discard(&mut self) {
        let entry = self.entry.take();
        self.inner.count_discarded(entry.iter().len());
    }

    /// Puts the connection back as it came.
    fn give_back_unused(mut self) {
        self.is_given_back = true;
        let entry = self.entry.take();
        self.inner.hand_on(entry);
    }

    /// Puts the connection back after its use.
    fn give_back(mut self) {
        let Self { inner, entry, .. } = &mut self;
        let Some(used) = entry else { return };
        let now = inner.clock.now();
        let is_young = now.duration_since(used.connected_at) < inner.options.lifetime_max;
        if is_young && inner.manager.recycle(&mut used.connection).is_ok() {
            used.idle_since = now;
            used.checked_at = now;
            self.give_back_unused();
        }
    }
}

impl<M: Manager> Drop for Place<M> {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.discard();
            self.inner.hand_on(None);
        }
    }
}

/// A connection taken out of a [`Pool`], to which it returns when this is dropped.
///
/// If its holder panics, its state is not known: it is closed, and a waiter may make a new one.
pub struct Connection<M: Manager> {
    /// There until the drop, with a connection in it.
    place: Option<Place<M>>,
}

impl<M: Manager> Connection<M> {
    /// Closes the connection instead of returning it.
    pub fn discard(mut self) {
        self.place = None;
    }

    fn entry(&self) -> &Entry<M::Connection> {
        let entry = self.place.as_ref().and_then(|place| place.entry.as_ref());
        entry.expect("a connection holds its place until it is dropped")
    }
}

impl<M: Manager> Deref for Connection<M> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        &self.entry().connection
    }
}

impl<M: Manager> DerefMut for Connection<M> {
    fn deref_mut(&mut self) -> &mut M::Connection {
        let entry = self.place.as_mut().and_then(|place| place.entry.as_mut());
        &mut entry
            .expect("a connection holds its place until it is dropped")
            .connection
    }
}

impl<M: Manager> fmt::Debug for Connection<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<M: Manager> Drop for Connection<M> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take()
            && !thread::panicking()
        {
            place.give_back();
        }
    }
}
