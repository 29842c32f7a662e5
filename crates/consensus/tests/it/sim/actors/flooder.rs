//! Sends noise, cut packets and packets with flipped bits beside what it has to say.

use std::sync::Arc;

use super::{Actor, Liar};

pub(crate) struct Flooder;

impl Actor for Flooder {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let rng = &mut liar.rng;
        let noise: Arc<[u8]> = (0..rng.between(1, 200)).map(|_| rng.next() as u8).collect();
        let cut = bytes[..rng.between(1, bytes.len() as u64) as usize].into();
        let mut flipped = bytes.to_vec();
        let at = rng.below(flipped.len() as u64) as usize;
        flipped[at] ^= 1 << rng.below(8);
        vec![noise, cut, flipped.into(), Arc::clone(bytes)]
    }
}
