//! Says again, at any time, what it or another said before.

use std::sync::Arc;

use super::{Actor, Liar};

#[derive(Default)]
pub(crate) struct Replayer {
    heard: Vec<Arc<[u8]>>,
}

impl Actor for Replayer {
    fn twist(&mut self, liar: &mut Liar, _to: u32, bytes: &Arc<[u8]>) -> Vec<Arc<[u8]>> {
        let mut told = vec![Arc::clone(bytes)];
        for _ in 0..3 {
            if !self.heard.is_empty() {
                let index = liar.rng.below(self.heard.len() as u64) as usize;
                told.push(Arc::clone(&self.heard[index]));
            }
        }
        told
    }

    fn observe(&mut self, bytes: &Arc<[u8]>) {
        if self.heard.len() < 256 {
            self.heard.push(Arc::clone(bytes));
        }
    }
}
