//! Sends noise, cut packets and packets with flipped bits beside what it has to say.

use super::{Actor, Liar, Parcel};

pub(crate) struct Flooder;

impl Actor for Flooder {
    fn twist(&mut self, liar: &mut Liar, _to: u32, parcel: &Parcel) -> Vec<Parcel> {
        let rng = &mut liar.rng;
        let bytes = parcel.bytes();
        let spoilt = match rng.below(4) {
            0 => (0..rng.between(1, 200)).map(|_| rng.next() as u8).collect(),
            1 => bytes[..rng.between(1, bytes.len() as u64) as usize].into(),
            _ => {
                let mut flipped = bytes.to_vec();
                let at = rng.below(flipped.len() as u64) as usize;
                flipped[at] ^= 1 << rng.below(8);
                flipped.into()
            }
        };
        vec![Parcel::new(spoilt), parcel.clone()]
    }
}
