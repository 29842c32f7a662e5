//! A primary that says everything just before the others lose patience.

use super::{Actor, Liar, Parcel};

pub(crate) struct Sluggard;

impl Actor for Sluggard {
    fn twist(&mut self, _liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        vec![parcel.clone()]
    }

    fn hold(&self, parcel: &Parcel, timeout: u64) -> u64 {
        // PRE-PREPARE and NEW-VIEW.
        if matches!(parcel.tag(), 1 | 6) {
            timeout.saturating_sub(8)
        } else {
            0
        }
    }
}
