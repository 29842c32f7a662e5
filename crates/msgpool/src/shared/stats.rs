//! What is in use, read without locks.

use super::attachment::FROZEN;
use super::layout::{Class, Memory};
use super::slots::Status;
use crate::sync::Ordering;

/// What is in use in a pool at about one moment, by all processes.
///
/// Each number is read on its own while others take and give back: sums are exact when nobody
/// does. A process that writes garbage makes them wrong, within the bounds of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStats {
    /// In ascending order of size.
    pub classes: Vec<SharedClassStats>,
    /// The length of the pool, in bytes.
    pub mapped_bytes: usize,
    /// The head, the places of processes, the hints, and every slot that was ever taken, in bytes.
    pub touched_bytes: usize,
}

/// What is in use in a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SharedClassStats {
    /// The size of the class.
    pub payload_bytes: usize,
    /// How many slots there are.
    pub slots: usize,
    /// Slots that are buffers or messages, or in flight.
    pub in_use: usize,
    /// One more than the highest slot that was ever taken; at least the most that were in use.
    pub high_water: usize,
    /// Payload bytes of the slots in use: their lengths when they were taken or frozen.
    pub payload_bytes_in_use: usize,
    /// What is wasted in the slots in use: their size less their payload.
    pub waste_bytes: usize,
    /// Bytes of the slots that were ever taken, with their headers.
    pub touched_bytes: usize,
}

impl SharedStats {
    pub(super) fn read(memory: &Memory) -> Self {
        let classes = memory.plan.classes.iter().enumerate();
        let classes: Vec<_> = classes
            .map(|(number, class)| SharedClassStats::read(memory, number, class))
            .collect();
        let touched: usize = classes.iter().map(|it| it.touched_bytes).sum();
        Self {
            classes,
            mapped_bytes: memory.plan.total_bytes,
            touched_bytes: memory.fixed_bytes() + touched,
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

    /// Payload bytes in use over bytes that were ever touched, from 0 to 1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share, to a few digits")]
    pub fn memory_efficiency(&self) -> f64 {
        self.payload_bytes_in_use() as f64 / self.touched_bytes.max(1) as f64
    }
}

impl SharedClassStats {
    fn read(memory: &Memory, number: usize, class: &Class) -> Self {
        let touched = memory.class_head(number).touched.load(Ordering::Relaxed);
        let touched = touched.min(class.slots);
        let (mut in_use, mut payload) = (0, 0);
        for index in 0..touched {
            let header = memory.header(class, index);
            if header.status() == Status::Live {
                in_use += 1;
                let len = header.len().load(Ordering::Relaxed) & !FROZEN;
                payload += len.min(class.payload_bytes.into());
            }
        }
        let payload = usize::try_from(payload).unwrap_or(usize::MAX);
        let payload_bytes = class.payload_bytes as usize;
        Self {
            payload_bytes,
            slots: class.slots as usize,
            in_use,
            high_water: touched as usize,
            payload_bytes_in_use: payload,
            waste_bytes: in_use * payload_bytes - payload,
            touched_bytes: touched as usize * class.stride(),
        }
    }
}
