//! What lies where in a region, and how its description is checked.
//!
//! `docs/spec.md` has the same as a table; a change here is a new [`VERSION`].
#![expect(
    unsafe_code,
    reason = "the parts of a pool are where the region's bytes are"
)]

use core::mem::offset_of;
use core::ptr::NonNull;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use claude_flow_ringbuf::region::Region;
use claude_flow_ringbuf::shared::parts::{Bell, Owner, checksum};

use super::error::{AttachError, CreateError};
use super::slots::{Header, header_words};
use super::{Options, PAYLOAD_BYTES_MAX, PROCESSES_MAX, SLOTS_MAX};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{CLASSES_MAX, ClassOptions};

/// The first word of every pool; a machine of the other byte order reads another number.
const MAGIC: u64 = 0x6366_2d70_6f6f_6c00;

/// The first word while the rest is being written.
const MAGIC_UNFINISHED: u64 = 1;

/// The layout that this file describes.
const VERSION: u32 = 1;

const LINE_BYTES: usize = 64;

/// Parts that change and belong to different owners are so far apart.
const PART_BYTES: usize = 128;

const WORD_BYTES: usize = size_of::<u64>();

/// How many slots a word of hints is for.
pub(super) const HINTS_PER_WORD: u32 = u64::BITS;

/// What a region begins with; nothing but atomics, since another process may write to any byte.
#[repr(C, align(128))]
struct Head {
    magic: AtomicU64,
    version: AtomicU32,
    class_count: AtomicU32,
    total_bytes: AtomicU64,
    processes: AtomicU32,
    identity: AtomicU32,
    schema: AtomicU64,
    checksum: AtomicU64,
    pid_namespace: AtomicU64,
    reserved: [AtomicU64; 9],
    classes: [ClassEntry; CLASSES_MAX],
}

/// What a class is, written once.
#[repr(C)]
struct ClassEntry {
    payload_bytes: AtomicU32,
    slots: AtomicU32,
    reserved: AtomicU64,
}

/// What changes in a class, but for its hints and slots.
#[repr(C, align(128))]
pub(super) struct ClassHead {
    /// Rung when a slot comes back.
    pub(super) bell: Bell,
    /// One more than the highest slot that was ever taken.
    pub(super) touched: AtomicU32,
}

/// The place of a process.
#[repr(C, align(64))]
pub(super) struct Seat {
    pub(super) owner: AtomicU64,
}

const _: () = {
    assert!(offset_of!(Head, checksum) == 40);
    assert!(offset_of!(Head, pid_namespace) == 48);
    assert!(offset_of!(Head, classes) == 128);
    assert!(size_of::<Head>() == 1_152);
    assert!(size_of::<ClassEntry>() == 16);
    assert!(size_of::<ClassHead>() == PART_BYTES);
    assert!(size_of::<Seat>() == LINE_BYTES);
};

/// Where a class lies, in bytes from the base, and what it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Class {
    pub(super) payload_bytes: u32,
    /// The number of its first slot among all.
    pub(super) first: u32,
    pub(super) slots: u32,
    hints: usize,
    data: usize,
    stride: usize,
}

/// What both processes must agree on, and what follows from it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) classes: Box<[Class]>,
    pub(super) processes: u16,
    pub(super) slots: u32,
    header_bytes: usize,
    seats: usize,
    pub(super) total_bytes: usize,
}

impl Plan {
    pub(super) fn new(classes: &[ClassOptions], processes: usize) -> Result<Self, CreateError> {
        if !(1..=CLASSES_MAX).contains(&classes.len()) {
            return Err(CreateError::ClassCount(classes.len()));
        }
        let (1..=PROCESSES_MAX, Ok(seat_count)) = (processes, u16::try_from(processes)) else {
            return Err(CreateError::Processes(processes));
        };
        let header_bytes = (header_words(processes) * WORD_BYTES).next_multiple_of(LINE_BYTES);
        let seats = size_of::<Head>() + classes.len() * PART_BYTES;
        let mut end = seats + processes * LINE_BYTES;
        let (mut first, mut before) = (0, 0);
        let mut laid_out = Vec::with_capacity(classes.len());
        for class in classes {
            let bytes = class.payload_bytes;
            let (true, Ok(payload_bytes)) = (
                bytes % LINE_BYTES == 0 && bytes > before && bytes <= PAYLOAD_BYTES_MAX,
                u32::try_from(bytes),
            ) else {
                return Err(CreateError::ClassBytes(bytes));
            };
            before = bytes;
            let (1..=SLOTS_MAX, Ok(slots)) = (class.slots, u32::try_from(class.slots)) else {
                return Err(CreateError::SlotCount(class.slots));
            };
            let hints = end.next_multiple_of(PART_BYTES);
            let hint_words = class.slots.div_ceil(HINTS_PER_WORD as usize);
            let data = (hints + hint_words * WORD_BYTES).next_multiple_of(PART_BYTES);
            let stride = header_bytes + bytes;
            let size = stride.checked_mul(class.slots);
            end = size
                .and_then(|size| data.checked_add(size))
                .filter(|end| *end <= isize::MAX.unsigned_abs() / 2)
                .ok_or(CreateError::TooLarge)?;
            laid_out.push(Class {
                payload_bytes,
                first,
                slots,
                hints,
                data,
                stride,
            });
            first += slots;
            if first as usize > SLOTS_MAX {
                return Err(CreateError::SlotCount(first as usize));
            }
        }
        Ok(Self {
            classes: laid_out.into(),
            processes: seat_count,
            slots: first,
            header_bytes,
            seats,
            total_bytes: end,
        })
    }

    /// The class of a slot; the slot is one of ours.
    #[inline]
    pub(super) fn class_of_slot(&self, slot: u32) -> usize {
        debug_assert!(slot < self.slots, "the slot was checked");
        self.classes.partition_point(|class| class.first <= slot) - 1
    }

    /// The smallest class that is large enough.
    #[inline]
    pub(super) fn class_of_len(&self, len: usize) -> Option<usize> {
        self.classes
            .iter()
            .position(|class| class.payload_bytes as usize >= len)
    }
}

/// A region whose description was checked, and what the check found.
#[derive(Debug)]
pub(super) struct Memory {
    /// Keeps the memory; at least `plan.total_bytes` long and aligned for [`Head`].
    region: Arc<dyn Region>,
    base: NonNull<u8>,
    pub(super) plan: Plan,
    pub(super) identity: u32,
}

// SAFETY: `base` belongs to `region`, which is Send and Sync; everything behind it is accessed by
// atomics; the rest is plain data.
unsafe impl Send for Memory {}
// SAFETY: as for `Send`.
unsafe impl Sync for Memory {}

impl Memory {
    /// Lays out a pool in a region that holds none.
    pub(super) fn create(region: Arc<dyn Region>, options: &Options) -> Result<Self, CreateError> {
        let plan = Plan::new(&options.classes, options.processes)?;
        let (size_bytes, needed) = (region.size_bytes(), plan.total_bytes);
        if size_bytes < needed {
            return Err(CreateError::TooSmall { size_bytes, needed });
        }
        let base = aligned(&*region).ok_or(CreateError::Misaligned)?;
        let namespace = Owner::namespace().map_err(CreateError::Process)?;
        // Random, and different each time: a handle of another pool is told by it.
        let random = RandomState::new().hash_one((base.addr(), std::process::id()));
        let memory = Self {
            region,
            base,
            plan,
            identity: u32::try_from(random >> 32).expect("32 bits are left"),
        };
        let head = memory.head();
        // Two that create at once: one of them finds the word taken. Nothing is read after it.
        head.magic
            .compare_exchange(0, MAGIC_UNFINISHED, Ordering::Relaxed, Ordering::Relaxed)
            .map_err(|_| CreateError::Occupied)?;
        head.store(&memory.plan, memory.identity, options.schema);
        head.pid_namespace.store(namespace, Ordering::Relaxed);
        // SYNC: pairs with the Acquire load in `attach`.
        head.magic.store(MAGIC, Ordering::Release);
        Ok(memory)
    }

    /// Checks that a region holds a pool.
    pub(super) fn attach(region: Arc<dyn Region>, schema: u64) -> Result<Self, AttachError> {
        let size_bytes = region.size_bytes() as u64;
        let truncated = |needed| AttachError::Truncated { size_bytes, needed };
        if size_bytes < size_of::<Head>() as u64 {
            return Err(truncated(size_of::<Head>() as u64));
        }
        let base = aligned(&*region).ok_or(AttachError::Misaligned)?;
        // SAFETY: the region is longer than a head and aligned for it, it lives over this
        // function, and all fields are atomics, of which any content is valid.
        let head = unsafe { base.cast::<Head>().as_ref() };
        // SYNC: pairs with the Release store in `create`.
        match head.magic.load(Ordering::Acquire) {
            MAGIC => {}
            MAGIC_UNFINISHED | 0 => return Err(AttachError::Unfinished),
            found => return Err(AttachError::Foreign { found }),
        }
        let (plan, identity) = head.load(schema)?;
        if plan.total_bytes as u64 > size_bytes {
            return Err(truncated(plan.total_bytes as u64));
        }
        let namespace = Owner::namespace().map_err(AttachError::Process)?;
        if head.pid_namespace.load(Ordering::Relaxed) != namespace {
            return Err(AttachError::Namespace);
        }
        Ok(Self {
            region,
            base,
            plan,
            identity,
        })
    }

    pub(super) fn region(&self) -> &dyn Region {
        &*self.region
    }

    fn head(&self) -> &Head {
        // SAFETY: the constructors checked the length and the alignment, `region` keeps the
        // memory as long as `self` lives, and all fields are atomics.
        unsafe { self.base.cast::<Head>().as_ref() }
    }

    pub(super) fn class_head(&self, class: usize) -> &ClassHead {
        assert!(class < self.plan.classes.len(), "the class is one of ours");
        let offset = size_of::<Head>() + class * size_of::<ClassHead>();
        // SAFETY: the heads of all classes lie in front of the seats, at multiples of 128 from an
        // aligned base; all fields are atomics.
        unsafe { self.base.add(offset).cast::<ClassHead>().as_ref() }
    }

    pub(super) fn seat(&self, seat: u16) -> &Seat {
        assert!(seat < self.plan.processes, "the seat is one of ours");
        let offset = self.plan.seats + usize::from(seat) * size_of::<Seat>();
        // SAFETY: the seats lie in front of the classes, at multiples of 64 from an aligned base;
        // all fields are atomics.
        unsafe { self.base.add(offset).cast::<Seat>().as_ref() }
    }

    /// One bit a slot of the class, set if it is probably taken.
    pub(super) fn hints(&self, class: &Class) -> &[AtomicU64] {
        let count = class.slots.div_ceil(HINTS_PER_WORD) as usize;
        // SAFETY: the plan has put the hints into the region, whose length was checked against it.
        let first = unsafe { self.base.add(class.hints) };
        // SAFETY: so many words from there on belong to them, aligned to 128; they are atomics, of
        // which any content is valid and which others may change.
        unsafe { core::slice::from_raw_parts(first.cast().as_ptr(), count) }
    }

    /// The header of a slot of the class, numbered within it.
    #[inline]
    pub(super) fn header(&self, class: &Class, index: u32) -> Header<'_> {
        assert!(index < class.slots, "the slot is one of the class");
        // SAFETY: the plan has put all slots of the class into the region.
        let first = unsafe { self.base.add(class.data + index as usize * class.stride) };
        let count = header_words(usize::from(self.plan.processes));
        // SAFETY: a slot begins with so many words, aligned to 64; atomics, as above.
        Header::new(unsafe { core::slice::from_raw_parts(first.cast().as_ptr(), count) })
    }

    /// The payload of a slot of the class: `payload_bytes` from here on are in the region.
    #[inline]
    pub(super) fn payload(&self, class: &Class, index: u32) -> NonNull<u8> {
        assert!(index < class.slots, "the slot is one of the class");
        let offset = class.data + index as usize * class.stride + self.plan.header_bytes;
        // SAFETY: the plan has put all slots of the class into the region.
        unsafe { self.base.add(offset) }
    }

    /// Bytes in front of the slots.
    pub(super) fn fixed_bytes(&self) -> usize {
        let slots = self.plan.classes.iter();
        let slots: usize = slots.map(|it| it.stride * it.slots as usize).sum();
        self.plan.total_bytes - slots
    }
}

impl Class {
    pub(super) const fn stride(&self) -> usize {
        self.stride
    }
}

fn aligned(region: &dyn Region) -> Option<NonNull<u8>> {
    let base = region.base();
    base.cast::<Head>().is_aligned().then_some(base)
}

impl Head {
    fn store(&self, plan: &Plan, identity: u32, schema: u64) {
        // The magic's Release store publishes all of it.
        let count = u32::try_from(plan.classes.len()).expect("there are at most 64");
        self.version.store(VERSION, Ordering::Relaxed);
        self.class_count.store(count, Ordering::Relaxed);
        self.total_bytes
            .store(plan.total_bytes as u64, Ordering::Relaxed);
        self.processes
            .store(plan.processes.into(), Ordering::Relaxed);
        self.identity.store(identity, Ordering::Relaxed);
        self.schema.store(schema, Ordering::Relaxed);
        let mut words = vec![
            u64::from(VERSION) | u64::from(count) << 32,
            plan.total_bytes as u64,
            u64::from(plan.processes) | u64::from(identity) << 32,
            schema,
        ];
        for (entry, class) in self.classes.iter().zip(&plan.classes) {
            entry
                .payload_bytes
                .store(class.payload_bytes, Ordering::Relaxed);
            entry.slots.store(class.slots, Ordering::Relaxed);
            words.push(u64::from(class.payload_bytes) | u64::from(class.slots) << 32);
        }
        self.checksum.store(checksum(words), Ordering::Relaxed);
    }

    /// Reads the description, once, and checks what was read.
    fn load(&self, schema_expected: u64) -> Result<(Plan, u32), AttachError> {
        let version = self.version.load(Ordering::Relaxed);
        if version != VERSION {
            return Err(AttachError::Version {
                found: version,
                expected: VERSION,
            });
        }
        let count = self.class_count.load(Ordering::Relaxed);
        let total = self.total_bytes.load(Ordering::Relaxed);
        let processes = self.processes.load(Ordering::Relaxed);
        let identity = self.identity.load(Ordering::Relaxed);
        let schema = self.schema.load(Ordering::Relaxed);
        if count as usize > CLASSES_MAX {
            return Err(AttachError::Shape);
        }
        let mut words = vec![
            u64::from(version) | u64::from(count) << 32,
            total,
            u64::from(processes) | u64::from(identity) << 32,
            schema,
        ];
        let mut classes = Vec::with_capacity(count as usize);
        for entry in &self.classes[..count as usize] {
            let payload_bytes = entry.payload_bytes.load(Ordering::Relaxed);
            let slots = entry.slots.load(Ordering::Relaxed);
            words.push(u64::from(payload_bytes) | u64::from(slots) << 32);
            classes.push(ClassOptions {
                payload_bytes: payload_bytes as usize,
                slots: slots as usize,
            });
        }
        if checksum(words) != self.checksum.load(Ordering::Relaxed) {
            return Err(AttachError::Checksum);
        }
        if schema != schema_expected {
            return Err(AttachError::Schema {
                found: schema,
                expected: schema_expected,
            });
        }
        let plan = Plan::new(&classes, processes as usize).map_err(|_| AttachError::Shape)?;
        if plan.total_bytes as u64 != total {
            return Err(AttachError::Length { found: total });
        }
        Ok((plan, identity))
    }
}
