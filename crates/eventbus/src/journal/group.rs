//! Making records durable: callers share one sync.

use std::io;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use super::Inner;
use super::error::{SyncError, during};
use crate::sync::Ordering;

/// Who syncs.
#[derive(Debug, Default)]
pub(crate) struct Group {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Somebody is at it. What was appended meanwhile waits for the next.
    is_led: bool,
    is_poisoned: bool,
    /// All segments before this one are durable.
    segment: u32,
    count: u64,
}

impl Group {
    pub(crate) fn count(&self) -> u64 {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .count
    }
}

impl Inner {
    /// Waits until all records before a number are durable; syncs itself if nobody else does.
    pub(crate) fn sync_to(&self, number: u64) -> Result<(), SyncError> {
        let lock = || self.group.state.lock();
        let mut state = lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // SYNC: pairs with the Release store in lead().
            if self.store.durable.load(Ordering::Acquire) >= number {
                return Ok(());
            }
            if state.is_poisoned {
                return Err(SyncError::Poisoned);
            }
            if state.is_led {
                let woken = self.group.ended.wait(state);
                state = woken.unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.is_led = true;
            let from = state.segment;
            drop(state);
            let outcome = self.lead(from);
            if outcome.is_err() {
                self.writer().poison();
            }
            state = lock().unwrap_or_else(PoisonError::into_inner);
            state.is_led = false;
            self.group.ended.notify_all();
            match outcome {
                Ok(segment) => {
                    state.segment = segment;
                    state.count += 1;
                }
                Err(error) => {
                    state.is_poisoned = true;
                    return Err(error);
                }
            }
        }
    }

    /// Syncs all that was appended by now. Gives the last segment, which is not over.
    fn lead(&self, from: u32) -> Result<u32, SyncError> {
        let (next, last, tail) = {
            let mut writer = self.writer();
            // It says what the sync before this one has achieved.
            writer.mark(&self.store);
            let map = Arc::clone(writer.tail.map());
            (writer.next, Arc::clone(&writer.segment), map)
        };
        for segment in self.store.segments_from(from) {
            if segment.header.segment < last.header.segment {
                let name = segment.name();
                let synced = self.store.disk.map(&name).and_then(|map| map.sync());
                match synced {
                    // Removed meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    synced => synced.map_err(during("syncing", &name))?,
                }
            }
        }
        if self.store.is_directory_dirty.swap(false, Ordering::AcqRel) {
            let synced = self.store.disk.sync_directory();
            synced.map_err(during("syncing the directory of", &last.name()))?;
        }
        tail.sync().map_err(during("syncing", &last.name()))?;
        // SYNC: pairs with the Acquire loads in sync_to(), Writer::write_mark() and Reader.
        self.store.durable.store(next, Ordering::Release);
        Ok(last.header.segment)
    }
}
