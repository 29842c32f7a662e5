//! One slot of the log between the watermarks.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::digest::Digest;
use crate::message::Certificate;
use crate::quorum::{ValidatorId, VoterSet};
use crate::signature::Signature;

/// What a replica knows about one slot.
///
/// | field | of which view | forgotten |
/// |---|---|---|
/// | `proposed`, `prepares`, `commits` | the current one | on entering a view |
/// | `prepared` | the latest in which it was prepared here | at a stable checkpoint |
/// | `is_decided` | any | at a stable checkpoint |
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Slot {
    /// The digest in the primary's PRE-PREPARE, and its signature.
    pub(crate) proposed: Option<(Digest, Signature)>,
    pub(crate) prepares: Votes,
    pub(crate) commits: Votes,
    pub(crate) prepared: Option<Certificate>,
    pub(crate) is_decided: bool,
}

/// The slots above the low watermark.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Slots {
    low: u64,
    /// From `low + 1` on. Invariant: the last one is there.
    row: VecDeque<Option<Slot>>,
    /// How many are there.
    count: usize,
    spare: Spare,
}

/// The empty lists of slots that are forgotten, for those to come.
///
/// It is no part of what a replica knows: all are equal, and a clone has none.
#[derive(Debug, Default)]
struct Spare(Vec<[Votes; 2]>);

impl Clone for Spare {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Spare {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Spare {}

impl Hash for Spare {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Spare {
    /// The caller makes and forgets no more slots than there are in a window.
    fn keep(&mut self, slot: Slot) {
        let mut lists = [slot.prepares, slot.commits];
        for list in &mut lists {
            list.votes.clear();
        }
        self.0.push(lists);
    }

    fn slot(&mut self) -> Slot {
        let [prepares, commits] = self.0.pop().unwrap_or_default();
        Slot {
            prepares,
            commits,
            ..Slot::default()
        }
    }
}

impl Slots {
    pub(crate) fn above(low: u64) -> Self {
        Self {
            low,
            ..Self::default()
        }
    }

    fn index(&self, seq: u64) -> Option<usize> {
        usize::try_from(seq.checked_sub(self.low)?.checked_sub(1)?).ok()
    }

    pub(crate) fn get(&self, seq: u64) -> Option<&Slot> {
        self.row.get(self.index(seq)?)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, seq: u64) -> Option<&mut Slot> {
        let index = self.index(seq)?;
        self.row.get_mut(index)?.as_mut()
    }

    /// A slot that is made if it is not there.
    ///
    /// # Panics
    ///
    /// At or below the low watermark.
    pub(crate) fn at(&mut self, seq: u64) -> &mut Slot {
        let index = self.index(seq);
        let index = index.expect("the caller has seen that the slot is between the watermarks");
        if index >= self.row.len() {
            self.row.resize(index + 1, None);
        }
        let slot = &mut self.row[index];
        self.count += usize::from(slot.is_none());
        slot.get_or_insert_with(|| self.spare.slot())
    }

    /// Forgets the slots up to the low watermark.
    pub(crate) fn settle(&mut self, low: u64) {
        let gone = low.saturating_sub(self.low);
        let gone = usize::try_from(gone).map_or(self.row.len(), |it| it.min(self.row.len()));
        for slot in self.row.drain(..gone).flatten() {
            self.count -= 1;
            self.spare.keep(slot);
        }
        self.low = low;
    }

    /// Forgets the slots above one.
    pub(crate) fn cut(&mut self, last: u64) {
        let kept = usize::try_from(last.saturating_sub(self.low)).unwrap_or(usize::MAX);
        if kept < self.row.len() {
            self.count -= self.row.drain(kept..).flatten().count();
        }
        while self.row.back().is_some_and(Option::is_none) {
            self.row.pop_back();
        }
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Slot)> {
        self.after(self.low)
    }

    /// Those after one, in order.
    pub(crate) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, &Slot)> {
        let passed = usize::try_from(seq.saturating_sub(self.low)).unwrap_or(usize::MAX);
        let all = (self.low + 1..).zip(&self.row);
        all.skip(passed)
            .filter_map(|(seq, slot)| Some((seq, slot.as_ref()?)))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.row.iter_mut().flatten()
    }
}

/// At most one vote of each validator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(crate) struct Votes {
    // Invariant: in ascending order of voters, so that the order of arrival leaves no trace.
    votes: Vec<(ValidatorId, Digest, Signature)>,
}

impl Votes {
    pub(crate) fn of(&self, voter: ValidatorId) -> Option<(Digest, Signature)> {
        let found = self.votes.iter().find(|(from, ..)| *from == voter);
        found.map(|(_, digest, signature)| (*digest, *signature))
    }

    /// The caller has seen that there is no vote of this validator yet.
    pub(crate) fn add(&mut self, voter: ValidatorId, digest: Digest, signature: Signature) {
        let place = self.votes.partition_point(|(from, ..)| *from <= voter);
        self.votes.insert(place, (voter, digest, signature));
    }

    /// Who voted for a digest.
    pub(crate) fn voters(&self, digest: &Digest) -> VoterSet {
        self.signatures(digest).map(|(voter, _)| voter).collect()
    }

    /// Everyone who voted, whatever for.
    pub(crate) fn all(&self) -> impl Iterator<Item = (ValidatorId, Signature)> + Clone {
        self.votes
            .iter()
            .map(|(voter, _, signature)| (*voter, *signature))
    }

    pub(crate) fn signatures(
        &self,
        digest: &Digest,
    ) -> impl Iterator<Item = (ValidatorId, Signature)> + Clone {
        self.votes
            .iter()
            .filter(move |(_, other, _)| other == digest)
            .map(|(voter, _, signature)| (*voter, *signature))
    }

    /// How many entries there are for a digest.
    pub(crate) fn count(&self, digest: &Digest) -> usize {
        self.signatures(digest).count()
    }
}

impl Slot {
    /// Forgets what belongs to the view that is left.
    pub(crate) fn leave_view(&mut self) {
        self.proposed = None;
        self.prepares.votes.clear();
        self.commits.votes.clear();
    }
}
