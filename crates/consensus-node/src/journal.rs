//! What a node keeps: a log on a disk, or the latest decisions in memory.

use std::collections::{BTreeMap, VecDeque};

use claude_flow_consensus::{Decision, Digest, Durable, Lsn, Record};

use crate::log::{Log, LogError};

/// How many decisions are kept without a log, for validators that lag and for who asks again.
pub const MEMORY_DECISIONS_MAX: usize = 4096;

/// Where a node's records go.
#[derive(Debug)]
pub enum Journal {
    /// To a disk; a node comes back from it.
    Log(Box<Log>),
    /// Nowhere: all of the group lives and dies with the process. The latest
    /// [`MEMORY_DECISIONS_MAX`] decisions are kept.
    Memory(Memory),
}

/// The latest decisions.
#[derive(Debug, Default)]
pub struct Memory {
    lsn: u64,
    /// The slot before the first that is kept.
    before: u64,
    decisions: VecDeque<Decision>,
    slots: BTreeMap<Digest, u64>,
}

impl Journal {
    /// Makes records durable, as far as the journal does.
    pub(crate) fn commit(&mut self, records: &[Record]) -> Result<(), LogError> {
        match self {
            Self::Log(log) => log.commit(records),
            Self::Memory(memory) => {
                memory.commit(records);
                Ok(())
            }
        }
    }

    /// How far the journal is durable, for a replica that counts from `base` records.
    pub(crate) const fn durable(&self, base: u64) -> Durable {
        let lsn = self.lsn();
        Durable::up_to(Lsn(lsn.saturating_sub(base)))
    }

    pub(crate) const fn lsn(&self) -> u64 {
        match self {
            Self::Log(log) => log.lsn(),
            Self::Memory(memory) => memory.lsn,
        }
    }

    pub(crate) fn slot_of(&self, proposal: &Digest) -> Option<u64> {
        match self {
            Self::Log(log) => log.slot_of(proposal),
            Self::Memory(memory) => memory.slots.get(proposal).copied(),
        }
    }

    pub(crate) fn decision(&mut self, slot: u64) -> Result<Option<Decision>, LogError> {
        match self {
            Self::Log(log) => log.decision(slot),
            Self::Memory(memory) => Ok(memory.decision(slot)),
        }
    }
}

impl Memory {
    fn commit(&mut self, records: &[Record]) {
        self.lsn += records.len() as u64;
        for record in records {
            let Record::Decided(decision) = record else {
                continue;
            };
            let statement = &decision.certificate.statement;
            if self.decisions.is_empty() {
                self.before = statement.seq.saturating_sub(1);
            }
            self.slots.entry(statement.digest).or_insert(statement.seq);
            self.decisions.push_back(decision.clone());
            if self.decisions.len() > MEMORY_DECISIONS_MAX
                && let Some(old) = self.decisions.pop_front()
            {
                self.before += 1;
                let digest = old.certificate.statement.digest;
                if self.slots.get(&digest) == Some(&self.before) {
                    self.slots.remove(&digest);
                }
            }
        }
    }

    fn decision(&self, slot: u64) -> Option<Decision> {
        let index = slot.checked_sub(self.before + 1)?;
        self.decisions.get(usize::try_from(index).ok()?).cloned()
    }
}
