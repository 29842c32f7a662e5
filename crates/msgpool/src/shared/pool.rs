//! The handle that buffers are taken from, and messages claimed.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::region::Region;
use claude_flow_ringbuf::shared::Waiting;

use super::attachment::{Attachment, Lent};
use super::layout::{Memory, Plan};
use super::{AttachError, Buffer, ClaimError, CreateError, Handle, Message, Options, SharedStats};
use crate::TakeError;

/// How often somebody who waits for a slot looks for processes that died with some.
const RECLAIM_PERIOD: Duration = Duration::from_millis(100);

/// A process's place in a pool in shared memory; a handle that is cheap to clone.
///
/// Buffers and messages keep the place and the memory: they may outlive every handle.
#[derive(Clone)]
pub struct Pool {
    it: Arc<Attachment>,
}

impl Pool {
    /// The length of the region that a pool needs, in bytes.
    ///
    /// # Errors
    ///
    /// As for [`create`](Self::create).
    pub fn size_bytes(options: &Options) -> Result<usize, CreateError> {
        Ok(Plan::new(&options.classes, options.processes)?.total_bytes)
    }

    /// Makes a pool in a region that begins with zeros, as a new file, memfd or heap does.
    ///
    /// # Errors
    ///
    /// [`CreateError`]; the region is unchanged.
    pub fn create(region: Arc<dyn Region>, options: &Options) -> Result<Self, CreateError> {
        let memory = Memory::create(region, options)?;
        // Nobody else can have all places of a pool that is a moment old, unless they lie.
        Attachment::new(memory)
            .map(Self::new)
            .map_err(|error| match error {
                AttachError::Process(error) => CreateError::Process(error),
                _ => CreateError::Occupied,
            })
    }

    /// Takes a place in the pool that another process has made in a region, or takes over the
    /// place of one that is gone.
    ///
    /// # Errors
    ///
    /// [`AttachError`], which names what is there instead.
    ///
    /// # Complexity
    ///
    /// Allocates four bytes for each slot of the pool; nothing later does.
    pub fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        Attachment::new(Memory::attach(region, schema)?).map(Self::new)
    }

    /// A buffer of `len` bytes, which hold whatever their slot last held.
    ///
    /// # Errors
    ///
    /// [`TakeError::Exhausted`] if every slot of the smallest class that is large enough is in
    /// use; [`TakeError::TooLarge`] if there is none.
    ///
    /// # Complexity
    ///
    /// A search through one bit a slot, from where the last one ended, and then a few
    /// compare-and-swaps; lock-free. Before it answers that there is none it looks at every slot.
    pub fn take(&self, len: usize) -> Result<Buffer, TakeError> {
        let class = self.class_of(len)?;
        self.take_of(class, len)
            .ok_or_else(|| self.exhausted(class))
    }

    /// As [`take`](Self::take), waiting up to the deadline for a slot to come back.
    ///
    /// Whoever waits longer than 100 ms [reclaims](Self::reclaim) as often as that.
    ///
    /// # Errors
    ///
    /// As for `take`; [`TakeError::Exhausted`] if no slot came back up to the deadline.
    pub fn take_until(
        &self,
        len: usize,
        deadline: impl Into<Deadline>,
    ) -> Result<Buffer, TakeError> {
        let deadline = deadline.into();
        let class = self.class_of(len)?;
        let bell = &self.it.memory.class_head(class).bell;
        loop {
            let mut buffer = self.take_of(class, len);
            let slice = earlier(deadline, Deadline::after(RECLAIM_PERIOD));
            if buffer.is_none() {
                bell.wait(Waiting::Sleep { spins: 64 }, slice, || {
                    buffer = self.take_of(class, len);
                    buffer.is_some()
                });
            }
            if let Some(buffer) = buffer {
                return Ok(buffer);
            }
            if has_passed(deadline) {
                return Err(self.exhausted(class));
            }
            self.reclaim();
        }
    }

    /// An empty buffer with room for `capacity` bytes, to be written to.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    pub fn take_empty(&self, capacity: usize) -> Result<Buffer, TakeError> {
        let mut buffer = self.take(capacity)?;
        // Nothing is never too long.
        let _ = buffer.set_len(0);
        Ok(buffer)
    }

    /// The message that a handle names.
    ///
    /// If a [reference travels with it](Handle::is_reference) this takes it, which can be done
    /// once. Handles are not secret, and a process that makes them up may hit a message by
    /// chance, and the claim of somebody else may then fail as stale.
    ///
    /// # Errors
    ///
    /// [`ClaimError`]; nothing was taken.
    ///
    /// # Complexity
    ///
    /// A few compare-and-swaps, no allocation, no system call. If another thread of this process
    /// is giving up the last handle of the same slot at this moment, it is waited for; else
    /// lock-free.
    pub fn claim(&self, handle: Handle) -> Result<Message, ClaimError> {
        let (slot, len) = self.it.claim(handle)?;
        Ok(Message::new(Lent::new(Arc::clone(&self.it), slot), len))
    }

    /// Gives back what processes have that are dead, and what is in flight from processes that
    /// are dead or left; how many slots became free.
    ///
    /// # Complexity
    ///
    /// Some microseconds for each other process, and a look at every slot for each that is gone.
    #[expect(
        clippy::must_use_candidate,
        reason = "the number is for whoever wants to know"
    )]
    pub fn reclaim(&self) -> usize {
        self.it.reclaim()
    }

    /// What is in use at about this moment, by all processes.
    ///
    /// # Complexity
    ///
    /// Reads the header of each slot that was ever taken; takes no lock and stops nobody.
    #[must_use]
    pub fn stats(&self) -> SharedStats {
        SharedStats::read(&self.it.memory)
    }

    fn new(it: Attachment) -> Self {
        Self { it: Arc::new(it) }
    }

    fn class_of(&self, len: usize) -> Result<usize, TakeError> {
        let plan = &self.it.memory.plan;
        plan.class_of_len(len).ok_or_else(|| TakeError::TooLarge {
            len,
            len_max: plan
                .classes
                .last()
                .map_or(0, |class| class.payload_bytes as usize),
        })
    }

    fn take_of(&self, class: usize, len: usize) -> Option<Buffer> {
        let len = u32::try_from(len).ok()?;
        let slot = self.it.take(class, len)?;
        Some(Buffer::new(Lent::new(Arc::clone(&self.it), slot), len))
    }

    fn exhausted(&self, class: usize) -> TakeError {
        let class = &self.it.memory.plan.classes[class];
        TakeError::Exhausted {
            class_bytes: class.payload_bytes as usize,
            slots: class.slots as usize,
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("region", &self.it.region())
            .field("plan", &self.it.memory.plan)
            .finish_non_exhaustive()
    }
}

fn earlier(first: Deadline, second: Deadline) -> Deadline {
    match (first, second) {
        (Deadline::At(one), Deadline::At(other)) => Deadline::At(one.min(other)),
        (it @ Deadline::At(_), _) | (_, it) => it,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "deadlines are measured here; the ban is for the pure crates"
)]
fn has_passed(deadline: Deadline) -> bool {
    matches!(deadline, Deadline::At(moment) if std::time::Instant::now() >= moment)
}
