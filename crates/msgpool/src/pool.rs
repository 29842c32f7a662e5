//! The handle that buffers are taken from.
#![expect(unsafe_code, reason = "counts the handles of the core")]

use core::fmt;
use core::ptr::NonNull;

use claude_flow_ringbuf::Deadline;

use crate::core::Core;
use crate::layout::SlotHeader;
use crate::slot::Slot;
use crate::{Buffer, Local, Options, OptionsError, Stats, TakeError, thread};

/// A pool of message slots; a handle that is cheap to clone.
///
/// Buffers and messages keep the memory: they may outlive every handle.
///
/// # Examples
///
/// ```
/// use claude_flow_msgpool::{ClassOptions, Options, Pool, TakeError};
///
/// let pool = Pool::new(&Options {
///     classes: vec![ClassOptions { payload_bytes: 256, slots: 1 }],
///     ..Options::default()
/// })?;
/// let first = pool.take(200)?;
/// assert!(matches!(pool.take(200), Err(TakeError::Exhausted { .. })));
/// drop(first);
/// assert!(pool.take(200).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Pool {
    /// Out of a box; counted as a pool and as a holder.
    core: NonNull<Core>,
}

// SAFETY: the core is `Sync`: tables of atomics, options that do not change, and conditions.
unsafe impl Send for Pool {}
// SAFETY: as above.
unsafe impl Sync for Pool {}

impl Pool {
    /// Asks for the memory of all slots and caches; nothing is allocated afterwards.
    ///
    /// The memory is zeroed by the system when it is first touched, so a pool costs what is used
    /// of it.
    ///
    /// # Errors
    ///
    /// [`OptionsError`]; nothing is kept.
    pub fn new(options: &Options) -> Result<Self, OptionsError> {
        Ok(Self {
            core: Core::new(options)?,
        })
    }

    /// A buffer of `len` bytes, which hold whatever their slot last held.
    ///
    /// # Errors
    ///
    /// [`TakeError::Exhausted`] if every slot of the smallest class that is large enough is in
    /// use: the shared list and all threads' caches were looked through. A slot that another
    /// thread is moving at that moment may be missed.
    /// [`TakeError::TooLarge`] and [`TakeError::OutOfMemory`] beyond the largest class.
    ///
    /// # Complexity
    ///
    /// Constant and wait-free while the thread's cache has a slot; lock-free when it exchanges a
    /// batch with the shared list. If that is empty the caches of other threads are reclaimed,
    /// which waits for nobody. No allocation up to the
    /// largest class, but for what the system's thread-local storage needs at a thread's first
    /// use of any pool.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub fn take(&self, len: usize) -> Result<Buffer, TakeError> {
        let at_once = thread::with_last(|last| self.core().take_at_once(len, last));
        match at_once.or_else(|| self.take_slow(len)) {
            Some(slot) => Ok(lend(slot, len)),
            None => Err(self.refusal(len)),
        }
    }

    /// By the long way.
    #[inline(never)]
    pub(crate) fn take_slow(&self, len: usize) -> Option<NonNull<SlotHeader>> {
        let core = self.core();
        let Some(class) = core.class_of(len) else {
            return core.take_oversize(len);
        };
        // SAFETY: the handle keeps the core.
        core.take(class, unsafe { thread::magazine(class) })
    }

    /// Why there is no slot.
    #[cold]
    #[inline(never)]
    pub(crate) fn refusal(&self, len: usize) -> TakeError {
        self.core().refusal(len)
    }

    /// The calling thread's handle, which does not have to look for the thread's cache each time.
    ///
    /// If all caches are claimed it has none, and uses the shared list.
    #[must_use]
    pub fn local(&self) -> Local {
        Local::new(self.clone())
    }

    /// As [`take`](Self::take), waiting up to the deadline for a slot to come back, as
    /// [`Options::waiting`] says.
    ///
    /// # Errors
    ///
    /// As for `take`; [`TakeError::Exhausted`] if no slot came back up to the deadline.
    ///
    /// # Complexity
    ///
    /// Blocks. While a taker waits every thread uses the shared list, so that what comes back
    /// reaches the taker. [`Waiting::Park`](crate::Waiting::Park) allocates for a thread that
    /// sleeps.
    pub fn take_until(
        &self,
        len: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Buffer, TakeError> {
        match self.take(len) {
            Err(TakeError::Exhausted { .. }) => {}
            done => return done,
        }
        let core = self.core();
        let taken = core.class_of(len).and_then(|class| {
            let slot = core.take_until(class.number, deadline.into())?;
            class.headers.address(slot)
        });
        taken
            .map(|slot| lend(slot, len))
            .ok_or_else(|| self.refusal(len))
    }

    /// An empty buffer with room for `capacity` bytes, to be written to.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    pub fn take_empty(&self, capacity: usize) -> Result<Buffer, TakeError> {
        let mut buffer = self.take(capacity)?;
        buffer.clear();
        Ok(buffer)
    }

    /// What is in use at about this moment.
    ///
    /// # Complexity
    ///
    /// Reads one word of each slot that was ever handed out; takes no lock and stops nobody.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::read(self.core())
    }

    /// A handle of a core that counts it already.
    #[cfg(all(test, loom))]
    pub(crate) fn from_core(core: NonNull<Core>) -> Self {
        Self { core }
    }

    #[inline]
    pub(crate) fn core(&self) -> &Core {
        // SAFETY: the handle is a holder, which keeps the core.
        unsafe { self.core.as_ref() }
    }
}

/// A buffer of `len` bytes in a slot that was just taken for as many.
#[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
#[inline(always)]
pub(crate) fn lend(header: NonNull<SlotHeader>, len: usize) -> Buffer {
    #[expect(clippy::cast_possible_truncation, reason = "no slot has more")]
    let slot = Slot::lend(header, len as u32);
    // SAFETY: the core gave the slot to this caller alone, and chose it for the length.
    unsafe { Buffer::from_slot(slot) }
}

impl Clone for Pool {
    fn clone(&self) -> Self {
        self.core().add_pool();
        Self { core: self.core }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // SAFETY: the handle is given up; the core came out of a box in new().
        unsafe { Core::remove_pool(self.core) };
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
