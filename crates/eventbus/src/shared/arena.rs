//! The memory of one publisher: slots that it alone gives out and takes back.
//!
//! What is in use only the publisher knows, in its private memory: nothing in the file can be
//! spoilt by a death. A publisher that dies leaves the file as it is; it is removed when the last lane
//! from it is empty.

use std::collections::VecDeque;
use std::path::Path;

use claude_flow_msgpool::ClassOptions;
use claude_flow_ringbuf::shared::parts::Bell;

use super::VERSION;
use super::error::AttachError;
use super::files::Directory;
use super::memory::Memory;
use super::registry::PublisherId;
use crate::sync::Ordering;

const MAGIC: u64 = 0x6366_2d61_7265_6e01;
const BELL: usize = 128;
const SLOTS: usize = 256;

/// Where a message begins is a multiple of this.
pub(super) const UNIT_BYTES: usize = 64;

/// The longest memory of a publisher: what a lane's entries can name.
const TOTAL_BYTES_MAX: usize = 1 << 36;

/// The most slots of a publisher.
const SLOTS_MAX: usize = 1 << 24;

/// A publisher's file, mapped by it and by everybody who receives from it.
#[derive(Debug)]
pub(super) struct Arena {
    pub(super) memory: Memory,
}

impl Arena {
    pub(super) fn open(directory: &Directory, id: PublisherId) -> Result<Self, AttachError> {
        let name = id.arena();
        let path = directory.path().join(&name);
        let Some(memory) = directory.map(&name)? else {
            return Err(AttachError::Absent { path });
        };
        check(&memory, &path)?;
        Ok(Self { memory })
    }

    /// What the publisher sleeps on until a subscriber gives something back.
    #[inline]
    pub(super) fn bell(&self) -> &Bell {
        bell_of(&self.memory)
    }
}

/// The bell in a publisher's memory.
#[inline]
pub(super) fn bell_of(memory: &Memory) -> &Bell {
    memory.bell(BELL)
}

fn check(memory: &Memory, path: &Path) -> Result<(), AttachError> {
    let path = path.to_owned();
    if memory.size_bytes() < SLOTS || memory.word(0).load(Ordering::Acquire) != MAGIC {
        let why = "it does not begin as a publisher's";
        return Err(AttachError::Damaged { path, why });
    }
    let found = memory.half(8).load(Ordering::Relaxed);
    if found != VERSION {
        return Err(AttachError::Version {
            path,
            found,
            expected: VERSION,
        });
    }
    Ok(())
}

/// Slots of one size.
#[derive(Debug)]
struct Class {
    bytes: usize,
    /// Among the slots of all classes.
    first: u32,
    slots: u32,
    /// Where its first slot lies.
    offset: usize,
    /// Oldest first: they come round in the order of their addresses.
    free: VecDeque<u32>,
}

/// A publisher's own side: which slots are free, and how many lanes have each of the others.
#[derive(Debug)]
pub(super) struct Slots {
    pub(super) arena: Arena,
    classes: Vec<Class>,
    holders: Box<[u16]>,
}

/// A slot that was taken, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) number: u32,
    pub(super) offset: usize,
}

impl Slots {
    pub(super) fn create(
        directory: &Directory,
        id: PublisherId,
        options: &[ClassOptions],
    ) -> Result<Self, AttachError> {
        let (classes, total) = plan(options)?;
        let names = (id.draft(), id.arena());
        let memory = directory.make((&names.0, &names.1), total, |memory| {
            memory.half(8).store(VERSION, Ordering::Relaxed);
            memory.word(0).store(MAGIC, Ordering::Release);
            Ok(())
        })?;
        let count: u32 = classes.iter().map(|it| it.slots).sum();
        Ok(Self {
            arena: Arena { memory },
            classes,
            holders: vec![0; count as usize].into(),
        })
    }

    /// A free slot of the smallest class that has room for so many bytes.
    #[inline]
    pub(super) fn take(&mut self, bytes: usize) -> Option<Slot> {
        let class = self.classes.iter_mut().find(|it| it.bytes >= bytes)?;
        let number = class.free.pop_front()?;
        let index = (number - class.first) as usize;
        Some(Slot {
            number,
            offset: class.offset + index * class.bytes,
        })
    }

    /// How many lanes have a slot that was taken.
    #[inline]
    pub(super) fn set_holders(&mut self, slot: u32, count: u16) {
        self.holders[slot as usize] = count;
        if count == 0 {
            self.give_back(slot);
        }
    }

    /// One lane less has it.
    #[inline]
    pub(super) fn release(&mut self, slot: u32) {
        let holders = &mut self.holders[slot as usize];
        *holders -= 1;
        if *holders == 0 {
            self.give_back(slot);
        }
    }

    /// The size and number of the slots that so many bytes would go into, or the largest size.
    pub(super) fn class_of(&self, bytes: usize) -> Result<(usize, usize), usize> {
        let class = self.classes.iter().find(|it| it.bytes >= bytes);
        let largest = self.classes.last().map_or(0, |it| it.bytes);
        class.map(|it| (it.bytes, it.slots as usize)).ok_or(largest)
    }

    /// How many slots are with subscribers.
    pub(super) fn in_use(&self) -> usize {
        self.holders.iter().filter(|it| **it != 0).count()
    }

    fn give_back(&mut self, slot: u32) {
        let class = self.classes.iter_mut().rfind(|it| it.first <= slot);
        class.expect("the slot is one of ours").free.push_back(slot);
    }
}

fn plan(options: &[ClassOptions]) -> Result<(Vec<Class>, usize), AttachError> {
    let refuse = |must| {
        Err(AttachError::Option {
            name: "classes",
            must,
        })
    };
    let (mut classes, mut end, mut first) = (Vec::<Class>::new(), SLOTS, 0);
    for option in options {
        let bytes = option.payload_bytes;
        let is_above = classes.last().is_none_or(|before| bytes > before.bytes);
        if bytes == 0 || !bytes.is_multiple_of(UNIT_BYTES) || !is_above {
            return refuse("multiples of 64 in ascending order");
        }
        let slots = match u32::try_from(option.slots) {
            Ok(slots) if slots != 0 && first as usize + option.slots <= SLOTS_MAX => slots,
            _ => return refuse("1 to 16,777,216 slots together"),
        };
        let next = option.slots.checked_mul(bytes);
        let next = next.and_then(|it| it.checked_add(end));
        let Some(next) = next.filter(|it| *it <= TOTAL_BYTES_MAX) else {
            return refuse("at most 64 GiB together");
        };
        classes.push(Class {
            bytes,
            first,
            slots,
            offset: end,
            free: (first..first + slots).collect(),
        });
        (end, first) = (next, first + slots);
    }
    if classes.is_empty() {
        return refuse("at least one");
    }
    Ok((classes, end))
}
