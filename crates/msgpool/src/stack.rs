//! The lock-free shared list: a stack of indices whose links live beside what is listed.
//!
//! ```text
//!  63        32 31         0
//! +------------+------------+      top: 0 empty, u32::MAX closed, else index + 1
//! |    tag     |    top     |      tag: counts every change
//! +------------+------------+
//! ```
//!
//! # ABA
//!
//! A pop reads the top's link before it swaps the head. If the top was popped and pushed again
//! meanwhile, the link may be another one, and the tag differs, so the swap fails. The tag is
//! 32 bits wide: a pop would have to sleep through exactly a multiple of 2³² changes of one
//! head, at 10⁸ changes a second at least 40 seconds, between two of its instructions.
//!
//! # Source
//!
//! R. K. Treiber, *Systems Programming: Coping with Parallelism*, 1986; the tag as in
//! IBM System/370 Principles of Operation, appendix A. Deviation: the closed state.

use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// The head of a stack of indices below `u32::MAX - 1`; all zeros is an empty stack.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Stack {
    head: AtomicU64,
    /// How many elements there are; beside the head, whose line has to be fetched anyway.
    count: AtomicU32,
}

/// The stack takes nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closed;

const EMPTY: u32 = 0;
const CLOSED: u32 = u32::MAX;

fn split(head: u64) -> (u32, u32) {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    let top = head as u32;
    (top, (head >> 32) as u32)
}

fn join(top: u32, tag: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(top)
}

impl Stack {
    /// Puts a chain of `count` elements on the stack that begins at `first`.
    ///
    /// `link_last` stores a link into the chain's last element; it may be called repeatedly.
    ///
    /// # Errors
    ///
    /// [`Closed`]; the stack is unchanged.
    pub(crate) fn push(
        &self,
        first: u32,
        count: u32,
        link_last: impl Fn(u32),
    ) -> Result<(), Closed> {
        debug_assert!(first < u32::MAX - 1);
        // Before they are there, so that the count never falls below zero.
        self.count.fetch_add(count, Ordering::Relaxed);
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            let (top, tag) = split(head);
            if top == CLOSED {
                // SYNC: pairs with the Release in close().
                fence(Ordering::Acquire);
                self.count.fetch_sub(count, Ordering::Relaxed);
                return Err(Closed);
            }
            link_last(top);
            // SYNC: pairs with the Acquire in pop() and close(); the swaps between continue the
            // release sequence.
            match self.head.compare_exchange_weak(
                head,
                join(first + 1, tag.wrapping_add(1)),
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(now) => head = now,
            }
        }
    }

    /// Takes the top off. `link_of` loads the link of an element; what it returns for an element
    /// that is no longer on the stack does not matter.
    pub(crate) fn pop(&self, link_of: impl Fn(u32) -> u32) -> Option<u32> {
        // SYNC: pairs with the Release in push().
        let mut head = self.head.load(Ordering::Acquire);
        loop {
            let (top, tag) = split(head);
            if top == EMPTY || top == CLOSED {
                return None;
            }
            match self.head.compare_exchange_weak(
                head,
                join(link_of(top - 1), tag.wrapping_add(1)),
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    self.count.fetch_sub(1, Ordering::Relaxed);
                    return Some(top - 1);
                }
                Err(now) => head = now,
            }
        }
    }

    /// Whether a pop would find something.
    pub(crate) fn is_empty(&self) -> bool {
        let (top, _) = split(self.head.load(Ordering::Relaxed));
        top == EMPTY || top == CLOSED
    }

    /// How many elements there are, at about this moment: not too few, and too many by those
    /// that come or go.
    pub(crate) fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }

    /// Takes everything off and lets nothing on any more; returns how many there were.
    pub(crate) fn close(&self, link_of: impl Fn(u32) -> u32) -> u32 {
        // SYNC: pairs with the Release and with the fence in push().
        let (mut top, _) = split(self.head.swap(join(CLOSED, 0), Ordering::AcqRel));
        let mut count = 0;
        while top != EMPTY && top != CLOSED {
            count += 1;
            top = link_of(top - 1);
        }
        count
    }
}
