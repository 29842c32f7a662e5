//! The handle of one thread.
#![expect(unsafe_code, reason = "remembers where its cache lies")]

use core::fmt;
use core::marker::PhantomData;
use core::ptr::NonNull;

use crate::caches::{Cache, CachePart, Magazine};
use crate::core::Class;
use crate::pool::lend;
use crate::thread::{self, Claim};
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
    /// Of the thread's cache; none if every cache is another thread's. Only to be dropped.
    _claim: Option<Claim>,
    /// The claim keeps it.
    magazines: Option<NonNull<Magazine>>,
    pool: Pool,
    /// The cache is the thread's.
    thread: PhantomData<*const ()>,
}

impl Local {
    pub(crate) fn new(pool: Pool) -> Self {
        let claim = thread::claim(pool.address());
        let cache = claim.as_ref().and_then(Claim::cache);
        Self {
            magazines: cache.map(|cache| cache.magazines),
            _claim: claim,
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
        let core = self.pool.core();
        let Some(class) = core.class_of(len) else {
            return self.pool.take_oversize(len);
        };
        lend(class, core.take(class, self.cache(class)), len)
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

    #[inline]
    fn cache(&self, class: &Class) -> Option<CachePart<'_>> {
        let magazines = self.magazines?;
        // SAFETY: the pool keeps the core, and that its caches.
        let caches = unsafe { class.caches.as_ref() };
        // SAFETY: the class is of the pool's core, as the caches are.
        Some(unsafe { Cache { caches, magazines }.part(class.number) })
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local")
            .field("has_cache", &self.magazines.is_some())
            .finish_non_exhaustive()
    }
}
