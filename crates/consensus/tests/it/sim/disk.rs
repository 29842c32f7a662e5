//! A disk that fails as disks do, and the log on it as a driver keeps it.

use claude_flow_consensus::Record;

use super::rng::Rng;

/// Records in one file of the log; a new file is there after a crash only if its directory was synced.
const SEGMENT_RECORDS: usize = 12;

/// A mistake in how the log is kept, which must be found like one in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The directory of a new file is not synced.
    DirectoryNotSynced,
    /// A sync that failed passes for one that did not.
    SyncErrorIgnored,
    /// A record that the disk has no room for is left out.
    FullDiskIgnored,
    /// A record that does not check is left out, whatever comes after it.
    DamageIgnored,
}

/// What became of something that was asked of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    Done,
    /// The driver must stop.
    Failed,
}

/// What a driver finds when it opens the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// All that was synced, and perhaps more.
    Whole,
    /// Something that was synced is gone: the log ends before it, and says so.
    Damaged,
}

#[derive(Default)]
pub(crate) struct Disk {
    log: Vec<Record>,
    /// Invariant: no more than there are records.
    synced: usize,
    /// How many records are in files that the directory is known to hold.
    named: usize,
    /// The latest view and slot of all that was synced; a driver keeps it apart from the log.
    reach: (u64, u64),
    /// A synced record whose bits have changed.
    rotten: Option<usize>,
    pub(crate) is_full: bool,
    pub(crate) fails_next_sync: bool,
}

impl Disk {
    /// The log as its driver knows it.
    pub(crate) fn log(&self) -> &[Record] {
        &self.log
    }

    /// How many records survive a crash, as far as the driver knows.
    pub(crate) const fn synced(&self) -> usize {
        self.synced
    }

    pub(crate) const fn is_synced(&self) -> bool {
        self.synced == self.log.len()
    }

    pub(crate) fn append(&mut self, records: &mut Vec<Record>, flaw: Option<Flaw>) -> Write {
        if self.is_full && !records.is_empty() {
            if flaw == Some(Flaw::FullDiskIgnored) {
                return Write::Done;
            }
            return Write::Failed;
        }
        self.log.append(records);
        Write::Done
    }

    pub(crate) fn sync(&mut self, flaw: Option<Flaw>) -> Write {
        let has_failed = std::mem::take(&mut self.fails_next_sync);
        if has_failed && flaw == Some(Flaw::SyncErrorIgnored) {
            // The pages count as clean from now on, and are not on the disk.
            self.rotten = Some(self.synced);
        } else if has_failed {
            return Write::Failed;
        }
        self.mark();
        if flaw != Some(Flaw::DirectoryNotSynced) {
            self.named = self.synced;
        }
        Write::Done
    }

    /// All of the log is synced.
    fn mark(&mut self) {
        for (view, seq) in self.log[self.synced..].iter().map(Record::reach) {
            self.reach = (self.reach.0.max(view), self.reach.1.max(seq));
        }
        self.synced = self.log.len();
    }

    /// A synced record changes under us.
    pub(crate) fn rot(&mut self, rng: &mut Rng) {
        if self.synced > 0 {
            self.rotten = Some(rng.below(self.synced as u64) as usize);
        }
    }

    /// Power fails: what is synced stays, and of what was being written any part, the last record
    /// of it torn, which the driver sees and cuts.
    pub(crate) fn crash(&mut self, rng: &mut Rng) {
        let written = self.log.len() - self.synced;
        let kept = self.synced + rng.below(written as u64 + 1) as usize;
        self.log.truncate(kept);
        if self.named < self.synced {
            // The file that was begun last is not in the directory.
            let begun = self.synced / SEGMENT_RECORDS * SEGMENT_RECORDS;
            if begun >= self.named && begun > 0 {
                self.log.truncate(begun);
            }
        }
        self.synced = self.synced.min(self.log.len());
        self.mark();
    }

    /// The driver reads the log after a crash.
    pub(crate) fn open(&mut self, flaw: Option<Flaw>) -> Found {
        let found = match self.rotten.take() {
            Some(index) if index < self.log.len() => {
                self.log.truncate(index);
                if flaw.is_some() {
                    Found::Whole
                } else {
                    let (view, seq) = self.reach;
                    self.log.push(Record::Forgotten { view, seq });
                    Found::Damaged
                }
            }
            _ => Found::Whole,
        };
        // What was read is written anew, and the directory synced.
        self.synced = self.log.len();
        self.named = self.synced;
        found
    }
}
