//! A pool in memory that holds any bytes, before somebody attaches and while it is used: errors
//! and payloads, and nothing else.
//!
//! `prop_shared_any_bytes` and the fuzz target `shared_pool` choose the bytes.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use claude_flow_msgpool::shared::{Handle, Message, Options, Pool};
use claude_flow_msgpool::{ClassOptions, Deadline};
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::parts::checksum;

/// A word, and where it is written to.
pub(crate) type Patch = (u16, u64);

fn write(file: &File, (at, word): Patch) {
    let size = file.metadata().expect("it is open").len();
    let at = u64::from(at) % (size - 7);
    let written = file.write_all_at(&word.to_le_bytes(), at);
    written.expect("the memory is there");
}

/// Signs the description again.
fn sign(file: &File) {
    let mut bytes = vec![0; 1_152];
    file.read_exact_at(&mut bytes, 0).expect("it is there");
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
    let count = usize::try_from(word(8) >> 32).expect("it fits").min(64);
    let classes = (0..count).map(|class| word(128 + class * 16));
    let sum = checksum([8, 16, 24, 32].map(word).into_iter().chain(classes));
    let written = file.write_all_at(&sum.to_le_bytes(), 40);
    written.expect("the memory is there");
}

pub(crate) fn check(before: &[Patch], is_signed: bool, during: &[Patch], handles: &[[u32; 4]]) {
    let class = |payload_bytes, slots| ClassOptions {
        payload_bytes,
        slots,
    };
    let options = Options {
        classes: vec![class(64, 5), class(128, 3)],
        processes: 3,
        schema: 0x5eed,
    };
    let size = Pool::size_bytes(&options).expect("the options are valid");
    let memory = Mapping::memfd("any", size, Hints::default()).expect("there is memory");
    let memory = Arc::new(memory);
    let region = || Arc::clone(&memory) as Arc<dyn Region>;
    let descriptor = memory.descriptor().expect("a memfd has one");
    let file: File = descriptor.try_clone_to_owned().expect("one more").into();
    let ours = Pool::create(region(), &options).expect("it is new");
    for patch in before {
        write(&file, *patch);
    }
    if is_signed {
        sign(&file);
    }
    let theirs = Pool::attach(region(), 0x5eed);
    let pools: Vec<&Pool> = [Some(&ours), theirs.as_ref().ok()]
        .into_iter()
        .flatten()
        .collect();
    let mut kept: Vec<Message> = Vec::new();
    for (round, patch) in during.iter().enumerate() {
        write(&file, *patch);
        for pool in &pools {
            if let Ok(mut buffer) = pool.take([1, 100][round % 2]) {
                assert!(buffer.bytes().len() <= buffer.capacity());
                buffer.bytes().write(0, &0_u8);
                let message = buffer.freeze();
                kept.push(message.clone());
                if let Ok(handle) = message.into_handle() {
                    kept.extend(pools[round % pools.len()].claim(handle));
                }
            }
            for words in handles {
                let mut words = *words;
                // Ours: else all are foreign.
                words[3] = kept.last().map_or(words[3], |it| {
                    bytemuck::cast::<Handle, [u32; 4]>(it.handle())[3]
                });
                kept.extend(pool.claim(bytemuck::cast(words)));
            }
            for message in &kept {
                assert!(message.to_vec().len() <= 128);
            }
            let stats = pool.stats();
            assert!(stats.in_use() <= 8 && stats.touched_bytes <= stats.mapped_bytes);
            assert!(pool.reclaim() <= 8 * 3);
        }
        if kept.len() > 6 {
            kept.drain(..3);
        }
    }
    let _ = ours.take_until(1, Deadline::after(Duration::from_micros(1)));
}
