//! Any sequence of calls against a naive model.

use claude_flow_msgpool::{Buffer, Options, Oversize, Part, Pool};
use proptest::prelude::*;

use crate::options_of;

#[derive(Debug, Clone)]
enum Step {
    Take(usize),
    Append(usize, Vec<u8>),
    Truncate(usize, usize),
    Freeze(usize),
    Clone(usize),
    Slice(usize, usize, usize),
    Unfreeze(usize),
    DropBuffer(usize),
    DropMessage(usize),
    DropElsewhere(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let index = 0_usize..8;
    prop_oneof![
        4 => (0_usize..300).prop_map(Step::Take),
        3 => (index.clone(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(|(i, b)| Step::Append(i, b)),
        1 => (index.clone(), 0_usize..200).prop_map(|(i, len)| Step::Truncate(i, len)),
        3 => index.clone().prop_map(Step::Freeze),
        2 => index.clone().prop_map(Step::Clone),
        2 => (index.clone(), 0_usize..100, 0_usize..100).prop_map(|(i, a, b)| Step::Slice(i, a, b)),
        2 => index.clone().prop_map(Step::Unfreeze),
        1 => index.clone().prop_map(Step::DropBuffer),
        2 => index.clone().prop_map(Step::DropMessage),
        1 => index.prop_map(Step::DropElsewhere),
    ]
}

/// The real thing beside what it should be. A message's slot is a number that its clones share.
#[derive(Default)]
struct Model {
    buffers: Vec<(Buffer, Vec<u8>)>,
    messages: Vec<(Part, Vec<u8>, usize)>,
    next_slot: usize,
}

const SLOTS: usize = 5;

impl Model {
    fn in_use(&self) -> usize {
        let mut slots: Vec<usize> = self
            .messages
            .iter()
            .filter(|(message, ..)| !message.whole().is_heap())
            .map(|(.., slot)| *slot)
            .collect();
        slots.sort_unstable();
        slots.dedup();
        self.buffers.iter().filter(|(it, _)| !it.is_heap()).count() + slots.len()
    }

    fn run(&mut self, pool: &Pool, step: Step) {
        let place = |index: usize, len: usize| (len > 0).then(|| index % len);
        let buffer = |index| place(index, self.buffers.len());
        let message = |index| place(index, self.messages.len());
        match step {
            Step::Take(len) => self.take(pool, len),
            Step::Append(index, bytes) => {
                if let Some((real, model)) = buffer(index).map(|at| &mut self.buffers[at]) {
                    let fits = real.capacity() - real.len() >= bytes.len();
                    assert_eq!(real.extend_from_slice(&bytes).is_ok(), fits);
                    if fits {
                        model.extend(bytes);
                    }
                }
            }
            Step::Truncate(index, len) => {
                if let Some((real, model)) = buffer(index).map(|at| &mut self.buffers[at]) {
                    real.truncate(len);
                    model.truncate(len);
                }
            }
            Step::Freeze(index) => {
                if let Some(at) = buffer(index) {
                    let (real, model) = self.buffers.swap_remove(at);
                    self.next_slot += 1;
                    self.messages
                        .push((real.freeze().slice(..), model, self.next_slot));
                }
            }
            Step::Clone(index) => {
                if let Some((real, model, slot)) = message(index).map(|at| &self.messages[at]) {
                    let clone = (real.clone(), model.clone(), *slot);
                    self.messages.push(clone);
                }
            }
            Step::Slice(index, start, end) => {
                if let Some((real, model, slot)) = message(index).map(|at| &self.messages[at]) {
                    let part = real.try_slice(start..end);
                    let expected = model.get(start..end);
                    assert_eq!(part.as_deref(), expected);
                    let slot = *slot;
                    if let Some((part, expected)) = part.zip(expected.map(<[u8]>::to_vec)) {
                        self.messages.push((part, expected, slot));
                    }
                }
            }
            Step::Unfreeze(index) => {
                if let Some(at) = message(index) {
                    self.unfreeze(at);
                }
            }
            Step::DropBuffer(index) => {
                buffer(index).map(|at| self.buffers.swap_remove(at));
            }
            Step::DropMessage(index) => {
                message(index).map(|at| self.messages.swap_remove(at));
            }
            Step::DropElsewhere(index) => {
                if let Some(at) = message(index) {
                    let (real, ..) = self.messages.swap_remove(at);
                    std::thread::spawn(move || drop(real))
                        .join()
                        .expect("it ends");
                }
            }
        }
    }

    fn take(&mut self, pool: &Pool, len: usize) {
        let is_small = len <= 128;
        match pool.take(len) {
            Ok(mut real) => {
                assert_eq!((real.len(), real.is_heap()), (len, !is_small));
                assert!(real.is_heap() || self.in_use() < SLOTS);
                real.fill(1);
                self.buffers.push((real, vec![1; len]));
            }
            Err(_) => assert_eq!((is_small, self.in_use()), (true, SLOTS)),
        }
    }

    fn unfreeze(&mut self, at: usize) {
        let (real, model, slot) = self.messages.swap_remove(at);
        let is_alone = self.messages.iter().all(|(.., other)| *other != slot);
        match real.try_into_buffer() {
            Ok(buffer) => {
                assert!(is_alone);
                self.buffers.push((buffer, model));
            }
            Err(real) => {
                assert!(!is_alone);
                self.messages.push((real, model, slot));
            }
        }
    }

    fn check(&self, pool: &Pool) {
        assert!(self.buffers.iter().all(|(real, model)| **real == **model));
        assert!(
            self.messages
                .iter()
                .all(|(real, model, _)| **real == **model)
        );
        let class = pool.stats().classes[0];
        assert_eq!(class.in_use, self.in_use());
        assert_eq!(class.in_use + class.in_caches + class.free, SLOTS);
    }
}

proptest! {
    #[test]
    fn any_sequence_of_calls_agrees_with_the_model(
        steps in prop::collection::vec(step(), 0..100),
        thread_caches in 0_usize..3,
    ) {
        let pool = Pool::new(&Options {
            oversize: Oversize::Heap,
            thread_caches,
            ..options_of(128, SLOTS)
        }).expect("the options are valid");
        let mut model = Model::default();
        for step in steps {
            model.run(&pool, step);
            model.check(&pool);
        }
        drop(model);
        prop_assert_eq!(pool.stats().in_use(), 0);
    }
}
