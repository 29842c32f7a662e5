//! Any bytes over the memory of a pool that is shared: errors and payloads, and nothing else.
//!
//! The suite has the same property with other inputs, in
//! `crates/msgpool/tests/it/prop_shared_any_bytes.rs`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/msgpool/tests/it/shared_any_bytes.rs"]
mod shared_any_bytes;

use shared_any_bytes::{Patch, check};

/// So many bytes off the front, or zeros.
fn take<const N: usize>(data: &mut &[u8]) -> [u8; N] {
    let all = *data;
    let (first, rest) = all.split_at(N.min(all.len()));
    *data = rest;
    let mut bytes = [0; N];
    bytes[..first.len()].copy_from_slice(first);
    bytes
}

fn patches(data: &mut &[u8], count: usize) -> Vec<Patch> {
    (0..count)
        .map(|_| {
            (
                u16::from_le_bytes(take(data)),
                u64::from_le_bytes(take(data)),
            )
        })
        .collect()
}

fuzz_target!(|data: &[u8]| {
    let mut data = data;
    let [is_signed, before, handles] = take(&mut data);
    let before = patches(&mut data, usize::from(before % 8));
    let handles: Vec<[u32; 4]> = (0..handles % 4)
        .map(|_| [0; 4].map(|_: u32| u32::from_le_bytes(take(&mut data))))
        .collect();
    let count = (data.len() / 10).clamp(1, 32);
    let during = patches(&mut data, count);
    check(&before, is_signed % 2 == 0, &during, &handles);
});
