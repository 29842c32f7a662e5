//! What lies where in a region: the control block, and how its description is checked.
//!
//! `docs/spec.md` has the same as a table; a change here is a new [`VERSION`].
#![expect(
    unsafe_code,
    reason = "the control block is where the region's first bytes are"
)]

use core::mem::{offset_of, size_of};
use core::ptr::NonNull;
use std::sync::Arc;

use super::error::{AttachError, CreateError};
use super::process;
use crate::cache_line::CACHE_LINE_BYTES;
use crate::region::{REGION_ALIGN_BYTES, Region};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::{CAPACITY_MAX, CapacityError};

/// The first word of every ring; a machine of the other byte order reads another number.
pub(super) const MAGIC: u64 = 0x6366_2d72_696e_6700;

/// The first word while the rest is being written.
const MAGIC_UNFINISHED: u64 = 1;

/// The layout that this file describes.
pub(super) const VERSION: u32 = 1;

/// Where the places begin, in bytes from the base.
pub(super) const DATA_OFFSET: usize = size_of::<Control>();

/// What the region holds; nothing but atomics, since another process may write to any byte of it.
///
/// Each of the four parts that change is alone on two cache lines.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Control {
    pub(super) magic: AtomicU64,
    version: AtomicU32,
    kind: AtomicU32,
    total_bytes: AtomicU64,
    capacity: AtomicU64,
    unit_bytes: AtomicU32,
    unit_align: AtomicU32,
    schema: AtomicU64,
    data_offset: AtomicU64,
    checksum: AtomicU64,
    pid_namespace: AtomicU64,
    reserved_description: [AtomicU64; 7],
    /// The position of the next unit to be written; only the producer stores it.
    pub(super) tail: Position,
    /// The position of the next unit to be read; only the consumer stores it.
    pub(super) head: Position,
    pub(super) producer: Seat,
    pub(super) consumer: Seat,
    reserved: [AtomicU64; 48],
}

#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Position(pub(super) AtomicU64);

/// The place of one end: who has it, and whether it sleeps.
///
/// | field | the end in the seat | the other end |
/// |---|---|---|
/// | `owner` | takes it by compare-and-swap, gives it up | loads |
/// | `is_asleep` | stores 1 before it sleeps, 0 after | loads after each publication, swaps with 0 to wake |
/// | `is_light` | stores when it takes the seat | loads before it sleeps |
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Seat {
    /// See [`process`](super::process).
    pub(super) owner: AtomicU64,
    /// The word that the end sleeps on.
    pub(super) is_asleep: AtomicU32,
    /// Whether the end leaves the store-load barrier of the sleeping protocol to the sleeper.
    pub(super) is_light: AtomicU32,
}

const _: () = {
    assert!(offset_of!(Control, checksum) == 56);
    assert!(offset_of!(Control, pid_namespace) == 64);
    assert!(offset_of!(Control, tail) == 128);
    assert!(offset_of!(Control, head) == 256);
    assert!(offset_of!(Control, producer) == 384);
    assert!(offset_of!(Control, consumer) == 512);
    assert!(size_of::<Control>() == 1_024);
    assert!(align_of::<Control>() == REGION_ALIGN_BYTES);
};

/// What kind of units a ring has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    /// Elements of one plain type; a unit is an element.
    Elements = 1,
    /// Records of any length; a unit is a byte.
    Records = 2,
    /// Elements of one plain type on cache lines of their own, with a stamp; a unit is an element.
    Lines = 3,
}

/// What stands before an element on lines of its own, in bytes.
pub(super) const STAMP_BYTES: usize = size_of::<u64>();

/// What both processes must agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) kind: Kind,
    /// In units, a power of two.
    pub(super) capacity: u64,
    /// The size of an element, 1 for records.
    pub(super) unit_bytes: u32,
    /// The alignment of an element, or what the length of a record is rounded up to.
    pub(super) unit_align: u32,
    /// The caller's number for what the bytes mean.
    pub(super) schema: u64,
}

impl Shape {
    /// From the base of one unit to that of the next, in bytes.
    pub(super) const fn stride_bytes(&self) -> usize {
        match self.kind {
            Kind::Elements => (self.unit_bytes as usize).next_multiple_of(size_of::<u64>()),
            Kind::Records => 1,
            Kind::Lines => {
                (STAMP_BYTES + self.unit_bytes as usize).next_multiple_of(CACHE_LINE_BYTES)
            }
        }
    }

    /// The length of the control block and the places; none if no memory can be that long.
    pub(super) fn total_bytes(&self) -> Option<usize> {
        let capacity = usize::try_from(self.capacity).ok()?;
        let data = capacity.checked_mul(self.stride_bytes())?;
        let total = data.checked_add(DATA_OFFSET)?;
        isize::try_from(total).is_ok().then_some(total)
    }

    pub(super) fn check_capacity(&self) -> Result<(), CapacityError> {
        let capacity = usize::try_from(self.capacity).unwrap_or(usize::MAX);
        if capacity.is_power_of_two() && capacity <= CAPACITY_MAX {
            Ok(())
        } else {
            Err(CapacityError { capacity })
        }
    }
}

/// The description as it was read, once, and checked since.
#[derive(Debug, Clone, Copy)]
struct Description {
    version: u32,
    kind: u32,
    total_bytes: u64,
    capacity: u64,
    unit_bytes: u32,
    unit_align: u32,
    schema: u64,
    data_offset: u64,
}

impl Description {
    fn of(shape: &Shape, total_bytes: usize) -> Self {
        Self {
            version: VERSION,
            kind: shape.kind as u32,
            total_bytes: total_bytes as u64,
            capacity: shape.capacity,
            unit_bytes: shape.unit_bytes,
            unit_align: shape.unit_align,
            schema: shape.schema,
            data_offset: DATA_OFFSET as u64,
        }
    }

    fn checksum(&self) -> u64 {
        let words = [
            u64::from(self.version) | u64::from(self.kind) << 32,
            self.total_bytes,
            self.capacity,
            u64::from(self.unit_bytes) | u64::from(self.unit_align) << 32,
            self.schema,
            self.data_offset,
        ];
        words.iter().fold(process::HASH_START, |hash, word| {
            process::hash(hash, &word.to_le_bytes())
        })
    }
}

impl Control {
    fn store(&self, it: &Description) {
        // The magic's Release store publishes all of it.
        self.version.store(it.version, Ordering::Relaxed);
        self.kind.store(it.kind, Ordering::Relaxed);
        self.total_bytes.store(it.total_bytes, Ordering::Relaxed);
        self.capacity.store(it.capacity, Ordering::Relaxed);
        self.unit_bytes.store(it.unit_bytes, Ordering::Relaxed);
        self.unit_align.store(it.unit_align, Ordering::Relaxed);
        self.schema.store(it.schema, Ordering::Relaxed);
        self.data_offset.store(it.data_offset, Ordering::Relaxed);
        self.checksum.store(it.checksum(), Ordering::Relaxed);
    }

    fn load(&self) -> Description {
        Description {
            version: self.version.load(Ordering::Relaxed),
            kind: self.kind.load(Ordering::Relaxed),
            total_bytes: self.total_bytes.load(Ordering::Relaxed),
            capacity: self.capacity.load(Ordering::Relaxed),
            unit_bytes: self.unit_bytes.load(Ordering::Relaxed),
            unit_align: self.unit_align.load(Ordering::Relaxed),
            schema: self.schema.load(Ordering::Relaxed),
            data_offset: self.data_offset.load(Ordering::Relaxed),
        }
    }
}

/// A region whose description was checked, and what the check found.
#[derive(Debug)]
pub(super) struct Shared {
    /// Keeps the memory; at least `shape.total_bytes()` long and aligned for [`Control`].
    region: Arc<dyn Region>,
    base: NonNull<u8>,
    shape: Shape,
}

// SAFETY: `base` belongs to `region`, which is Send and Sync; everything behind it is accessed by
// atomics; the shape is plain data.
unsafe impl Send for Shared {}
// SAFETY: as for `Send`.
unsafe impl Sync for Shared {}

impl Shared {
    /// Lays out a ring in a region that holds none.
    pub(super) fn create(region: Arc<dyn Region>, shape: Shape) -> Result<Self, CreateError> {
        shape.check_capacity().map_err(CreateError::Capacity)?;
        let needed = shape.total_bytes().ok_or(CreateError::TooLarge)?;
        let size_bytes = region.size_bytes();
        if size_bytes < needed {
            return Err(CreateError::TooSmall { size_bytes, needed });
        }
        let base = aligned(&*region).ok_or(CreateError::Misaligned)?;
        let namespace = process::namespace().map_err(CreateError::Process)?;
        let shared = Self {
            region,
            base,
            shape,
        };
        let control = shared.control();
        // Two that create at once: one of them finds the word taken. Nothing is read after it.
        control
            .magic
            .compare_exchange(0, MAGIC_UNFINISHED, Ordering::Relaxed, Ordering::Relaxed)
            .map_err(|_| CreateError::Occupied)?;
        control.store(&Description::of(&shape, needed));
        control.pid_namespace.store(namespace, Ordering::Relaxed);
        for position in [&control.tail, &control.head] {
            position.0.store(0, Ordering::Relaxed);
        }
        for seat in [&control.producer, &control.consumer] {
            seat.owner.store(process::VACANT, Ordering::Relaxed);
            seat.is_asleep.store(0, Ordering::Relaxed);
            seat.is_light.store(0, Ordering::Relaxed);
        }
        // SYNC: pairs with the Acquire load in `attach`.
        control.magic.store(MAGIC, Ordering::Release);
        Ok(shared)
    }

    /// Checks that a region holds a ring that fits; `expected` has everything but the capacity,
    /// which the ring knows.
    pub(super) fn attach(
        region: Arc<dyn Region>,
        expected: impl FnOnce(u64, u32) -> Shape,
    ) -> Result<Self, AttachError> {
        let size_bytes = region.size_bytes();
        if size_bytes < DATA_OFFSET {
            return Err(AttachError::Truncated {
                size_bytes: size_bytes as u64,
                needed: DATA_OFFSET as u64,
            });
        }
        let base = aligned(&*region).ok_or(AttachError::Misaligned)?;
        // SAFETY: the region is longer than a control block and aligned for it, it lives over
        // this function, and all its fields are atomics, of which any content is valid.
        let control = unsafe { base.cast::<Control>().as_ref() };
        // SYNC: pairs with the Release store in `create`.
        match control.magic.load(Ordering::Acquire) {
            MAGIC => {}
            MAGIC_UNFINISHED | 0 => return Err(AttachError::Unfinished),
            found => return Err(AttachError::Foreign { found }),
        }
        let found = control.load();
        let shape = check(&found, control.checksum.load(Ordering::Relaxed), expected)?;
        if found.total_bytes > size_bytes as u64 {
            return Err(AttachError::Truncated {
                size_bytes: size_bytes as u64,
                needed: found.total_bytes,
            });
        }
        let namespace = process::namespace().map_err(AttachError::Process)?;
        if control.pid_namespace.load(Ordering::Relaxed) != namespace {
            return Err(AttachError::Namespace);
        }
        Ok(Self {
            region,
            base,
            shape,
        })
    }

    pub(super) const fn shape(&self) -> &Shape {
        &self.shape
    }

    #[inline]
    pub(super) const fn control(&self) -> &Control {
        // SAFETY: the constructors checked the length and the alignment, `region` keeps the
        // memory as long as `self` lives, and all fields are atomics.
        unsafe { self.base.cast::<Control>().as_ref() }
    }

    /// The first place; `capacity` times the stride bytes from here on are in the region.
    pub(super) const fn data(&self) -> NonNull<u8> {
        // SAFETY: the constructors checked that the region is longer than this.
        unsafe { self.base.add(DATA_OFFSET) }
    }

    pub(super) fn region(&self) -> &dyn Region {
        &*self.region
    }
}

fn aligned(region: &dyn Region) -> Option<NonNull<u8>> {
    let base = region.base();
    base.cast::<Control>().is_aligned().then_some(base)
}

/// The shape, if the description is that of a ring as the caller expects it.
fn check(
    found: &Description,
    checksum: u64,
    expected: impl FnOnce(u64, u32) -> Shape,
) -> Result<Shape, AttachError> {
    if found.version != VERSION {
        return Err(AttachError::Version {
            found: found.version,
            expected: VERSION,
        });
    }
    if found.checksum() != checksum {
        return Err(AttachError::Checksum);
    }
    let shape = expected(found.capacity, found.unit_align);
    shape.check_capacity().map_err(AttachError::Capacity)?;
    if found.kind != shape.kind as u32 {
        return Err(AttachError::Kind);
    }
    if (found.unit_bytes, found.unit_align) != (shape.unit_bytes, shape.unit_align) {
        return Err(AttachError::Element {
            size_bytes: found.unit_bytes,
            align_bytes: found.unit_align,
            size_bytes_expected: shape.unit_bytes,
            align_bytes_expected: shape.unit_align,
        });
    }
    if found.schema != shape.schema {
        return Err(AttachError::Schema {
            found: found.schema,
            expected: shape.schema,
        });
    }
    let total = shape.total_bytes().map(|it| it as u64);
    if total != Some(found.total_bytes) || found.data_offset != DATA_OFFSET as u64 {
        return Err(AttachError::Length {
            found: found.total_bytes,
        });
    }
    Ok(shape)
}
