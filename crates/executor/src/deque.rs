//! A work stealing deque: its owner pushes and pops at one end, thieves steal at the other.
//!
//! - Bounded: a full deque gives the element back. So its array is never replaced, and a thief that
//!   is late reads a place of this array and nothing that was freed.
//! - Stealing is lock-free, pushing and popping are wait-free.
//! - The owner gets what it pushed last, a thief what was pushed first.
//!
//! Elements are pointers, whose places are atomic: a thief reads a place before it knows whether
//! the element is its own, so the read must not be a race.
//!
//! # Who touches what
//!
//! | field | owner | thieves |
//! |---|---|---|
//! | `bottom` | stores | load |
//! | `top` | load; exchange for the last element | exchange: a theft |
//! | `places[i]` | stores, while `i` is not in `top..bottom` | load |
//!
//! ```text
//!      top ─────────────────────── bottom
//!   ... │ oldest │  …   │ newest │ free …
//!         ▲ thieves        ▲ owner
//! ```
//!
//! # Source
//!
//! Chase, Lev, "Dynamic circular work-stealing deque", 2005; orderings of Lê, Pop, Cohen, Zappa
//! Nardelli, "Correct and efficient work-stealing for weak memory models", 2013. Deviations: the
//! array does not grow; every store of `bottom` is a Release, so that whichever of them a thief reads,
//! what was pushed before is visible (the paper's fence in `push` does the same).

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

use crate::sync::{AtomicIsize, AtomicPtr, CacheLine, Ordering, fence};

/// The end that pushes and pops; there is one, which one thread at a time uses.
#[derive(Debug)]
pub(crate) struct Owner<T> {
    shared: Arc<Shared<T>>,
    not_sync: PhantomData<Cell<()>>,
}

/// The end that steals; clone it for more.
#[derive(Debug)]
pub(crate) struct Stealer<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Debug)]
struct Shared<T> {
    top: CacheLine<AtomicIsize>,
    bottom: CacheLine<AtomicIsize>,
    /// As many as a power of two.
    places: Box<[AtomicPtr<T>]>,
}

/// What came of an attempt to steal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theft<T> {
    /// An element, which nobody else gets.
    Got(NonNull<T>),
    /// Somebody else was faster; there may be more.
    Lost,
    /// There was nothing.
    Empty,
}

/// An empty deque for up to `capacity` elements, a power of two.
pub(crate) fn deque<T>(capacity: usize) -> (Owner<T>, Stealer<T>) {
    assert!(capacity.is_power_of_two(), "positions are masked");
    let shared = Arc::new(Shared {
        top: CacheLine(AtomicIsize::new(0)),
        bottom: CacheLine(AtomicIsize::new(0)),
        places: (0..capacity)
            .map(|_| AtomicPtr::new(std::ptr::null_mut()))
            .collect(),
    });
    let owner = Owner {
        shared: Arc::clone(&shared),
        not_sync: PhantomData,
    };
    (owner, Stealer { shared })
}

impl<T> Owner<T> {
    /// Adds an element at this end.
    ///
    /// # Errors
    ///
    /// The element, if the deque is full.
    pub(crate) fn push(&self, element: NonNull<T>) -> Result<(), NonNull<T>> {
        let shared = &*self.shared;
        let bottom = shared.bottom.0.load(Ordering::Relaxed);
        // SYNC: pairs with the exchange in `steal`: a thief has read a place before it moves `top`
        // over it, so that overwriting comes after.
        let top = shared.top.0.load(Ordering::Acquire);
        if bottom.wrapping_sub(top) >= shared.places.len().cast_signed() {
            return Err(element);
        }
        shared
            .place(bottom)
            .store(element.as_ptr(), Ordering::Relaxed);
        // SYNC: pairs with the Acquire load in `steal`.
        let next = bottom.wrapping_add(1);
        shared.bottom.0.store(next, Ordering::Release);
        Ok(())
    }

    /// Takes the element that was pushed last, unless thieves were faster.
    pub(crate) fn pop(&self) -> Option<NonNull<T>> {
        let shared = &*self.shared;
        let bottom = shared.bottom.0.load(Ordering::Relaxed).wrapping_sub(1);
        // `top` only grows, and never beyond `bottom`: what looks empty is, and needs no fence.
        if shared.top.0.load(Ordering::Relaxed).wrapping_sub(bottom) > 0 {
            return None;
        }
        // SYNC: as in `push`, for the elements below.
        shared.bottom.0.store(bottom, Ordering::Release);
        // SYNC: with the fence in `steal`: either this sees the thief's `top`, or the thief sees
        // this `bottom`. SeqCst because no weaker one orders a store before a load.
        fence(Ordering::SeqCst);
        let top = shared.top.0.load(Ordering::Relaxed);
        let rest = bottom.wrapping_sub(top);
        let next = bottom.wrapping_add(1);
        if rest < 0 {
            shared.bottom.0.store(next, Ordering::Release);
            return None;
        }
        let element = shared.place(bottom).load(Ordering::Relaxed);
        if rest == 0 {
            // The last one: whoever moves `top` has it.
            let is_ours = shared
                .top
                .0
                .compare_exchange(
                    top,
                    top.wrapping_add(1),
                    Ordering::SeqCst,
                    Ordering::Relaxed,
                )
                .is_ok();
            shared.bottom.0.store(next, Ordering::Release);
            if !is_ours {
                return None;
            }
        }
        NonNull::new(element)
    }

    /// Whether there is nothing; thieves may empty it at any time.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }
}

impl<T> Stealer<T> {
    /// Tries once to take the element that was pushed first.
    pub(crate) fn steal(&self) -> Theft<T> {
        let shared = &*self.shared;
        // SYNC: pairs with the exchanges of `top`.
        let top = shared.top.0.load(Ordering::Acquire);
        // SYNC: see `pop`.
        fence(Ordering::SeqCst);
        // SYNC: pairs with the Release stores of `bottom`: what was pushed is visible.
        let bottom = shared.bottom.0.load(Ordering::Acquire);
        if bottom.wrapping_sub(top) <= 0 {
            return Theft::Empty;
        }
        let element = shared.place(top).load(Ordering::Relaxed);
        // SYNC: Release for the Acquire load in `push`. A place that was overwritten meanwhile
        // belongs to a `top` that is gone, so the exchange fails.
        let stolen = shared.top.0.compare_exchange(
            top,
            top.wrapping_add(1),
            Ordering::SeqCst,
            Ordering::Relaxed,
        );
        match (stolen, NonNull::new(element)) {
            (Ok(_), Some(element)) => Theft::Got(element),
            _ => Theft::Lost,
        }
    }

    /// Whether there is nothing to steal at this moment.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.is_empty()
    }
}

impl<T> Clone for Stealer<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Shared<T> {
    fn place(&self, position: isize) -> &AtomicPtr<T> {
        &self.places[position.cast_unsigned() & (self.places.len() - 1)]
    }

    fn is_empty(&self) -> bool {
        // Acquire on both so that neither is older than what the caller knows.
        let top = self.top.0.load(Ordering::Acquire);
        self.bottom.0.load(Ordering::Acquire).wrapping_sub(top) <= 0
    }
}
