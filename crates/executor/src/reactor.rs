//! What one thread waits for on behalf of many processes.
#![forbid(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;

/// The token of [`Reactor::wake`].
pub(crate) const WAKE: u64 = u64::MAX;

/// How many events are taken at once.
const EVENTS_MAX: usize = 64;

/// A set of descriptors, level-triggered, which every thread may change and one waits for.
#[derive(Debug)]
pub(crate) struct Reactor {
    epoll: OwnedFd,
    wake: OwnedFd,
}

impl Reactor {
    pub(crate) fn new() -> io::Result<Self> {
        let reactor = Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        };
        reactor.add(&reactor.wake, WAKE, EventFlags::IN)?;
        Ok(reactor)
    }

    /// Begins to watch; errors and hang-ups are watched for in any case.
    pub(crate) fn add(&self, source: impl AsFd, token: u64, flags: EventFlags) -> io::Result<()> {
        Ok(epoll::add(
            &self.epoll,
            source,
            EventData::new_u64(token),
            flags,
        )?)
    }

    pub(crate) fn change(
        &self,
        source: impl AsFd,
        token: u64,
        flags: EventFlags,
    ) -> io::Result<()> {
        Ok(epoll::modify(
            &self.epoll,
            source,
            EventData::new_u64(token),
            flags,
        )?)
    }

    /// Stops watching. A source that is not watched is no error.
    pub(crate) fn remove(&self, source: impl AsFd) {
        let _ = epoll::delete(&self.epoll, source);
    }

    /// Ends the wait, or the next one.
    pub(crate) fn wake(&self) {
        // It fails only when the counter is full, and then the waiter wakes anyway.
        let _ = rustix::io::write(&self.wake, &1_u64.to_ne_bytes());
    }

    /// Waits for events, `None` without end. Returns their tokens, with an end of [`WAKE`] among them.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> io::Result<Vec<(u64, EventFlags)>> {
        let timeout = timeout.map(|timeout| {
            Timespec::try_from(timeout).unwrap_or(Timespec {
                tv_sec: i64::from(i32::MAX),
                tv_nsec: 0,
            })
        });
        let mut events = Vec::<Event>::with_capacity(EVENTS_MAX);
        match epoll::wait(&self.epoll, spare_capacity(&mut events), timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        }
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.data.u64(), event.flags))
            .collect();
        if told.iter().any(|&(token, _)| token == WAKE) {
            let _ = rustix::io::read(&self.wake, &mut [0; 8]);
        }
        Ok(told)
    }
}
