//! The end of an epoch: a roster is changed at a checkpoint.
//!
//! A change of roster is a [`Proposal`] like any other, on which the validators vote. Once it is
//! decided and its ballots add up to [`Verdict::Pass`], the epoch has an end: a slot above everything
//! that anyone may be voting on without knowing of the change. The slots up to it are filled, with
//! null requests where nothing waits; the checkpoint of the last one names the next roster; and the
//! replica that has it stable hands over. From then on it helps those who lag, and nothing else.
//!
//! # Why nobody decides anything behind the end
//!
//! Let the change be in slot s, K the slots between checkpoints, L the window, and h the last
//! checkpoint before s, or where the epoch begins. The epoch ends at e, the first checkpoint at or
//! above h + L.
//! An honest validator votes on a slot n > e only with a low watermark of at least n − L > h, which is
//! a checkpoint at or above s. The first such checkpoint that is stable anywhere was signed by a
//! quorum q, of which q − f are honest, have executed s, and have voted on nothing above e before;
//! they never will. All others are n − q + f, fewer than a quorum, since 2q > n + f: nothing above e
//! is ever prepared, whether or not those who lag know of the end.
//!
//! # Source
//!
//! Lamport, Malkhi & Zhou, "Stoppable Paxos", 2008, for instances that end and hand over; the papers
//! on PBFT keep the roster fixed.

use std::sync::Arc;

use super::Replica;
use crate::ballot::Proposal;
use crate::digest::Digest;
use crate::effects::{Action, Effects};
use crate::handover::{Handover, handover_digest};
use crate::plant::Bug;
use crate::roster::Roster;
use crate::tally::{Verdict, tally};

/// The end of the epoch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Ending {
    /// The last slot.
    pub(super) seq: u64,
    /// Who goes on.
    pub(super) next: Arc<Roster>,
}

impl Replica {
    /// A proposal was decided in this slot: if it changes the roster, and is the first that does, the
    /// epoch has an end now.
    pub(super) fn end_epoch(&mut self, seq: u64, proposal: &Proposal) {
        let Some(next) = proposal.next.as_ref() else {
            return;
        };
        let verdict = tally(&self.options.roster, &proposal.ballots).verdict;
        let is_approved = verdict == Verdict::Pass || self.has(Bug::UnapprovedRosterTaken);
        if self.state.ending.is_none() && is_approved {
            let seq = self.end_after(seq);
            let next = Arc::clone(next);
            self.state.ending = Some(Ending { seq, next });
            if !self.has(Bug::VotesPastTheEnd) {
                self.state.slots.cut(seq);
                self.count_in_flight();
            }
        }
    }

    /// Where the epoch ends if its change is decided in this slot.
    fn end_after(&self, seq: u64) -> u64 {
        let interval = self.options.checkpoint_interval;
        if self.has(Bug::EpochEndsAtOnce) {
            return seq.next_multiple_of(interval);
        }
        let before = seq.saturating_sub(1) / interval * interval;
        let before = before.max(self.options.origin.seq);
        let end = before.saturating_add(self.options.window);
        end.checked_next_multiple_of(interval).unwrap_or(u64::MAX)
    }

    /// Whether a slot is not one of this epoch.
    pub(super) fn is_past_end(&self, seq: u64) -> bool {
        let ending = self.state.ending.as_ref();
        ending.is_some_and(|ending| seq > ending.seq) && !self.has(Bug::VotesPastTheEnd)
    }

    /// Whether slots have to be decided for the epoch to end.
    pub(super) fn is_end_awaited(&self) -> bool {
        let ending = self.state.ending.as_ref();
        ending.is_some_and(|ending| self.state.executed < ending.seq)
    }

    /// The primary fills the slots up to the end that nothing waits for.
    pub(super) fn fill_epoch(&mut self, effects: &mut Effects) {
        if self.has(Bug::EndNotFilled) {
            return;
        }
        while self.is_end_awaited() && self.may_propose() {
            let seq = self.state.next_seq;
            if !self.is_in_window(seq) || !self.propose_one(seq, Digest::NULL, effects) {
                return;
            }
        }
    }

    /// What a checkpoint of the last slot executed names.
    pub(super) fn checkpoint_digest(&self) -> Digest {
        let state = &self.state;
        match &state.ending {
            Some(ending)
                if ending.seq == state.executed && !self.has(Bug::LastCheckpointOmitsRoster) =>
            {
                handover_digest(&state.chain, ending.seq, &ending.next.digest())
            }
            _ => state.chain,
        }
    }

    /// Hands over once the end is executed here and stable.
    pub(super) fn hand_over(&mut self, effects: &mut Effects) {
        let state = &mut self.state;
        let Some(ending) = &state.ending else {
            return;
        };
        let low = state.stable.statement.seq;
        if state.has_handed_over || state.executed < ending.seq || low < ending.seq {
            return;
        }
        state.has_handed_over = true;
        // What waits is void: its ballots name this roster.
        state.pending.clear();
        state.payloads.clear();
        state.in_flight.clear();
        state.changes.clear();
        state.new_view = None;
        let handover = Handover {
            certificate: state.stable.clone(),
            chain: state.chain,
            next: Arc::clone(&ending.next),
        };
        self.set_progress_timer(None, effects);
        let actions = &mut effects.sealed.actions;
        actions.push(Action::HandOver(Box::new(handover)));
    }
}
