//! How an end waits: the user chooses, the ring does not care.

#[cfg(feature = "std")]
mod barrier;
#[cfg(feature = "std")]
mod park;

#[cfg(feature = "std")]
pub use self::barrier::Barrier;
#[cfg(feature = "std")]
pub use self::park::Park;
#[cfg(feature = "std")]
pub(crate) use self::park::Parker;

use crate::sync::spin_loop;

/// How many polls with a pause pass between two looks at the clock.
const POLLS_PER_DEADLINE_CHECK: u32 = 64;

/// Until when a waiting call waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadline {
    /// As long as it takes.
    Never,
    /// Until this moment.
    #[cfg(feature = "std")]
    At(std::time::Instant),
}

impl Deadline {
    /// This long from now; never, if the sum is beyond what the clock can hold.
    #[cfg(feature = "std")]
    pub fn after(duration: core::time::Duration) -> Self {
        std::time::Instant::now()
            .checked_add(duration)
            .map_or(Self::Never, Self::At)
    }

    fn has_passed(self) -> bool {
        match self {
            Self::Never => false,
            #[cfg(feature = "std")]
            Self::At(moment) => std::time::Instant::now() >= moment,
        }
    }
}

#[cfg(feature = "std")]
impl From<std::time::Instant> for Deadline {
    fn from(moment: std::time::Instant) -> Self {
        Self::At(moment)
    }
}

/// One condition that ends wait for ("there is a value", "there is a place"), and how they do it.
///
/// A ring holds one for each direction. The side that makes the condition true publishes first
/// and calls [`notify`](Self::notify) afterwards; the side that waits passes a closure that reads
/// what was published. The closure must be true once the condition holds *or can never hold any
/// more*, so that disconnection ends the wait.
pub trait Wait: Default + Send + Sync {
    /// Tells up to `count` waiting ends that the condition became true.
    ///
    /// # Complexity
    ///
    /// One load when nobody sleeps; no system call.
    fn notify(&self, count: usize);

    /// Tells every waiting end: the other side is gone, or is gathering everybody.
    fn notify_all(&self) {
        self.notify(usize::MAX);
    }

    /// Waits until `is_ready` is true; false when the deadline passed before.
    ///
    /// Blocks. `is_ready` is called at least once, and again after every notification.
    fn wait_until(&self, deadline: Deadline, is_ready: impl FnMut() -> bool) -> bool;
}

/// A condition that keeps a list of sleepers: what futures and selection need.
#[cfg(feature = "std")]
pub trait Enrol {
    /// Enters the list of sleepers, or renews the waker of the entry that is there.
    ///
    /// The caller looks at the ring once more after this, and sleeps only if it is still not ready.
    fn enrol(&self, ticket: &mut Ticket, waker: &core::task::Waker);

    /// Leaves the list; passes on a notification that came meanwhile, so that none is swallowed.
    fn leave(&self, ticket: &mut Ticket);
}

/// A place in the list of sleepers of one condition; it must [leave](Enrol::leave) that list.
#[cfg(feature = "std")]
#[derive(Debug, Default)]
pub struct Ticket {
    /// The entry in the list; it is not there any more once it was notified.
    entry: Option<u64>,
    /// An earlier entry was notified: whoever leaves passes that on.
    owes: bool,
}

/// Polls until it is ready: the shortest latency, and a core of its own for each waiting end.
///
/// The processor is told of each poll (`core::hint::spin_loop`). Without that a round trip takes
/// longer, not shorter, although the hint itself may take 60 ns: the loads that it keeps from running
/// ahead must all be taken back when the line changes.
///
/// With more waiting threads than cores use [`Yield`] or [`Park`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Spin;

impl Wait for Spin {
    #[inline]
    fn notify(&self, _count: usize) {}

    #[inline]
    fn wait_until(&self, deadline: Deadline, mut is_ready: impl FnMut() -> bool) -> bool {
        loop {
            for _ in 0..POLLS_PER_DEADLINE_CHECK {
                if is_ready() {
                    return true;
                }
                pause();
            }
            if deadline.has_passed() {
                return is_ready();
            }
        }
    }
}

/// Polls `SPINS` times without a pause (some 0.2 µs by default), then gives the rest of its time
/// slice away between polls.
///
/// Never sleeps: a waiting end costs a core that nobody else wants.
#[cfg(feature = "std")]
#[derive(Debug, Clone, Copy, Default)]
pub struct Yield<const SPINS: u32 = 256>;

#[cfg(feature = "std")]
impl<const SPINS: u32> Wait for Yield<SPINS> {
    #[inline]
    fn notify(&self, _count: usize) {}

    #[inline]
    fn wait_until(&self, deadline: Deadline, mut is_ready: impl FnMut() -> bool) -> bool {
        if spin(SPINS, &mut is_ready) {
            return true;
        }
        while !is_ready() {
            if deadline.has_passed() {
                return is_ready();
            }
            crate::sync::yield_now();
        }
        true
    }
}

/// Polls up to `count` times without a pause, at a nanosecond or less a poll of a ring.
#[cfg(feature = "std")]
#[inline]
pub(crate) fn spin(count: u32, is_ready: &mut impl FnMut() -> bool) -> bool {
    for _ in 0..count {
        if is_ready() {
            return true;
        }
        // A model must not poll for ever.
        if cfg!(loom) {
            pause();
        }
    }
    false
}

/// Tells the processor that this is a polling loop.
#[inline]
pub(crate) fn pause() {
    spin_loop();
    // A model explores the other thread's next step instead of polling for ever.
    #[cfg(all(loom, feature = "std"))]
    crate::sync::yield_now();
}
