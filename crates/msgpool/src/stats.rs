//! What is in use, read without locks.

use crate::core::{At, Core};
use crate::layout::{Batch, FREE};
use crate::region::PAGE_BYTES;
use crate::sync::Ordering;

/// What is in use in a pool at about one moment.
///
/// Each number is read on its own while others take and release: sums are exact when nobody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// In ascending order of size.
    pub classes: Vec<ClassStats>,
    /// Memory that the pool asked for, in bytes.
    pub mapped_bytes: usize,
    /// Memory that holds something, in bytes: the classes', the caches' and the pool's own.
    ///
    /// A slot's pages count from the first time it is handed out, whole pages at a time.
    pub resident_bytes: usize,
}

/// What is in use in a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassStats {
    /// The size of the class.
    pub payload_bytes: usize,
    /// How many slots there are: in use, in caches and free.
    pub slots: usize,
    /// Slots that are buffers or messages.
    pub in_use: usize,
    /// Slots in threads' caches.
    pub in_caches: usize,
    /// Slots in the shared list.
    pub free: usize,
    /// The most slots that were ever outside of the shared list, seen when a cache was refilled.
    ///
    /// At least the most that were ever in use, and above it by at most what caches held.
    pub high_water: usize,
    /// Payload bytes of the slots in use: their lengths when they were taken or frozen.
    pub payload_bytes_in_use: usize,
    /// What is wasted in the slots in use: their size less their payload.
    pub waste_bytes: usize,
    /// Memory of the class that holds something: slots ever handed out, headers, batches.
    pub resident_bytes: usize,
}

impl Stats {
    pub(crate) fn read(core: &Core) -> Self {
        let classes: Vec<ClassStats> = core.all().map(|at| ClassStats::read(core, at)).collect();
        let resident: usize = classes.iter().map(|it| it.resident_bytes).sum();
        Self {
            mapped_bytes: core.mapped_bytes(),
            resident_bytes: resident + core.fixed_bytes() + core.caches.resident_bytes(),
            classes,
        }
    }

    /// Slots in use in all classes.
    #[must_use]
    pub fn in_use(&self) -> usize {
        self.classes.iter().map(|it| it.in_use).sum()
    }

    /// Payload bytes in use in all classes.
    #[must_use]
    pub fn payload_bytes_in_use(&self) -> usize {
        self.classes.iter().map(|it| it.payload_bytes_in_use).sum()
    }

    /// Payload bytes in use over bytes resident, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share, to a few digits")]
    pub fn memory_efficiency(&self) -> f64 {
        self.payload_bytes_in_use() as f64 / self.resident_bytes.max(1) as f64
    }
}

impl ClassStats {
    fn read(core: &Core, at: At<'_>) -> Self {
        let fresh = at.head.fresh_slots.load(Ordering::Relaxed);
        let lens = (0..fresh).filter_map(|slot| {
            let len = at.class.headers.get(slot)?.len.load(Ordering::Relaxed);
            (len != FREE).then_some(len)
        });
        let (in_use, payload) = lens.fold((0_usize, 0_u64), |(count, sum), len| {
            (count + 1, sum + u64::from(len))
        });
        let payload_bytes = at.class.payload_bytes as usize;
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        Self {
            payload_bytes,
            slots: at.class.slots as usize,
            in_use,
            in_caches: core.caches.len(at.number) as usize,
            free: at.shared_count() as usize,
            high_water: at.head.out_max.load(Ordering::Relaxed) as usize,
            payload_bytes_in_use: payload,
            waste_bytes: (in_use * payload_bytes).saturating_sub(payload),
            resident_bytes: resident_bytes(at, fresh as usize),
        }
    }
}

fn resident_bytes(at: At<'_>, fresh: usize) -> usize {
    let batches = at.head.fresh_batches.load(Ordering::Relaxed) as usize;
    let batches = pages(batches * size_of::<Batch>());
    batches + pages(fresh * at.class.stride)
}

fn pages(bytes: usize) -> usize {
    bytes.next_multiple_of(PAGE_BYTES)
}
