//! Says to some what it does not say to others.

use std::sync::Arc;

use super::{Actor, Liar};

pub(crate) struct Withholder;

impl Actor for Withholder {
    fn twist(&mut self, liar: &mut Liar, to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        // Some hear nothing at all, some every other word.
        let is_favoured = (to + liar.id) % 3 == 0;
        if is_favoured || to % 2 == 0 && liar.rng.percent(50) {
            vec![Arc::clone(bytes)]
        } else {
            Vec::new()
        }
    }
}
