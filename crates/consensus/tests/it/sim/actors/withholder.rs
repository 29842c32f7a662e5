//! Says to some what it does not say to others.

use super::{Actor, Liar, Parcel};

pub(crate) struct Withholder;

impl Actor for Withholder {
    fn twist(&mut self, liar: &mut Liar, to: u32, parcel: &Parcel) -> Vec<Parcel> {
        // Some hear nothing at all, some every other word.
        let is_favoured = (to + liar.id) % 3 == 0;
        if is_favoured || to % 2 == 0 && liar.rng.percent(50) {
            vec![parcel.clone()]
        } else {
            Vec::new()
        }
    }
}
