//! Two correct machines with one key, of which each hears and is heard by chance (Bano et al.,
//! "Twins: BFT Systems Made Robust", 2020).

use std::sync::Arc;

use super::{Actor, Liar};

pub(crate) struct Twin;

impl Actor for Twin {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        if liar.rng.percent(70) {
            vec![Arc::clone(bytes)]
        } else {
            Vec::new()
        }
    }

    fn is_twin(&self) -> bool {
        true
    }
}
