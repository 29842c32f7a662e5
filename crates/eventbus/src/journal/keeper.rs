//! A thread that does what a journal needs from time to time.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Journal, SyncPolicy, TendError, Time};
use crate::sync::thread::{self, JoinHandle};

/// How often a journal is looked after whose policy does not say.
const INTERVAL: Duration = Duration::from_millis(20);

/// Calls [`Journal::tend`] by the system's clock, in a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Keeper {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<Option<TendError>>>,
}

impl Keeper {
    /// Begins.
    ///
    /// # Errors
    ///
    /// The system has no thread.
    pub fn start(journal: Journal) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || keep(&journal, &stopped))?;
        Ok(Self {
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Ends; says what went wrong last, if it has not gone well since.
    ///
    /// # Errors
    ///
    /// As [`Journal::tend`].
    pub fn stop(mut self) -> Result<(), TendError> {
        self.end().map_or(Ok(()), Err)
    }

    fn end(&mut self) -> Option<TendError> {
        self.stop.take();
        let thread = self.thread.take()?;
        thread
            .join()
            .expect("the keeper has nothing to panic about")
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // What went wrong concerns appends too, which say so themselves.
        let _ = self.end();
    }
}

fn keep(journal: &Journal, stopped: &Receiver<()>) -> Option<TendError> {
    let interval = match journal.policy() {
        SyncPolicy::Every(interval) => interval.clamp(Duration::from_micros(100), INTERVAL),
        SyncPolicy::None | SyncPolicy::Batch => INTERVAL,
    };
    loop {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let error = journal
            .tend(Time::since_epoch(since.unwrap_or_default()))
            .err();
        match stopped.recv_timeout(interval) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return error,
        }
    }
}
