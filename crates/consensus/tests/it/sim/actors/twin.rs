//! Two correct machines with one key, of which each hears and is heard by chance (Bano et al.,
//! "Twins: BFT Systems Made Robust", 2020).

use super::{Actor, Liar, Parcel};

pub(crate) struct Twin;

impl Actor for Twin {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        if liar.rng.percent(70) {
            vec![parcel.clone()]
        } else {
            Vec::new()
        }
    }

    fn is_twin(&self) -> bool {
        true
    }
}
