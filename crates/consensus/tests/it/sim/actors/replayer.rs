//! Says again, at any time, what it or another said before.

use super::{Actor, Liar, Parcel};

#[derive(Default)]
pub(crate) struct Replayer {
    heard: Vec<Parcel>,
}

impl Actor for Replayer {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let mut told = vec![parcel.clone()];
        if !self.heard.is_empty() {
            let index = liar.rng.below(self.heard.len() as u64) as usize;
            told.push(self.heard[index].clone());
        }
        told
    }

    fn observe(&mut self, parcel: &Parcel) {
        if self.heard.len() < 256 {
            self.heard.push(parcel.clone());
        }
    }
}
