//! The handle of one thread.
#![expect(unsafe_code, reason = "remembers where its cache lies")]

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::layout::SlotHeader;
use crate::pool::lend;
use crate::thread::{self, Claim, Last};
use crate::{Buffer, Pool, TakeError};

/// A pool as one thread uses it: what [`Pool::local`] gives.
///
/// It knows the thread's cache, which [`Pool::take`] has to look for, and is a handle of the pool
/// in all else. It shares the cache with `Pool::take` and with everything that the thread drops.
///
/// # Examples
///
/// ```
/// use claude_flow_msgpool::{Options, Pool};
///
/// let pool = Pool::new(&Options::default())?;
/// let local = pool.local();
/// for _ in 0..3 {
///     let mut buffer = local.take(5)?;
///     buffer.copy_from_slice(b"hello");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Local {
    /// Of a class of the pool, in the cache that is claimed.
    last: Last,
    /// Of the thread's cache; none if every cache is another thread's.
    claim: Option<Claim>,
    pool: Pool,
    /// The cache is the thread's.
    thread: PhantomData<*const ()>,
}

impl Local {
    pub(crate) fn new(pool: Pool) -> Self {
        Self {
            last: Last::new(),
            claim: thread::claim(&pool.core().caches),
            pool,
            thread: PhantomData,
        }
    }

    /// The pool, for all else.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// As [`Pool::take`].
    ///
    /// # Errors
    ///
    /// As for [`Pool::take`].
    ///
    /// # Complexity
    ///
    /// As for [`Pool::take`].
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub fn take(&self, len: usize) -> Result<Buffer, TakeError> {
        let at_once = self.pool.core().take_at_once(len, &self.last);
        match at_once.or_else(|| self.take_slow(len)) {
            Some(slot) => Ok(lend(slot, len)),
            None => Err(self.pool.refusal(len)),
        }
    }

    /// As [`Pool::take_empty`].
    ///
    /// # Errors
    ///
    /// As for [`Pool::take`].
    #[inline]
    pub fn take_empty(&self, capacity: usize) -> Result<Buffer, TakeError> {
        let mut buffer = self.take(capacity)?;
        buffer.clear();
        Ok(buffer)
    }

    /// By the long way; remembers the class for the short one.
    #[inline(never)]
    fn take_slow(&self, len: usize) -> Option<NonNull<SlotHeader>> {
        let core = self.pool.core();
        let (Some(class), Some(claim)) = (core.class_of(len), &self.claim) else {
            return self.pool.take_slow(len);
        };
        // SAFETY: the claim is of the caches that the class is in.
        let magazine = claim.cache().map(|it| unsafe { it.magazine(class.number) });
        magazine.inspect(|it| self.last.remember(class, it));
        core.take(class, magazine)
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("has_cache", &self.claim.is_some())
            .finish_non_exhaustive()
    }
}
