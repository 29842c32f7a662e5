//! The layout of a pool in memory: golden bytes, and what is refused.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::sync::Arc;

use claude_flow_msgpool::shared::{AttachError, Handle, Pool};
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::parts::checksum;

use crate::shared::{memfd, options};

const GOLDEN: &str = "../../fixtures/msgpool/layout/pool-v1.bin";

/// What depends on the machine or on chance: identity, checksum over it, namespace.
const MASKED: [std::ops::Range<usize>; 3] = [28..32, 40..48, 48..56];

/// Where the second slot of the first class begins: behind one word of hints.
const SECOND_SLOT: usize = 1_152 + 2 * 128 + 3 * 64 + 64 + 128 + (64 + 64);

/// A pool with a message in flight, one slot that was used and given back, and one never used.
fn pool() -> Vec<u8> {
    let options = options(&[(64, 3), (128, 1)], 3);
    let memory = memfd(&options);
    let pool = Pool::create(Arc::clone(&memory) as Arc<dyn Region>, &options).expect("it is new");
    drop(pool.take(10).expect("there is one"));
    let mut buffer = pool.take_empty(60).expect("there is one");
    buffer.extend_from_slice(b"in flight").expect("it fits");
    let handle = buffer.freeze().into_handle().expect("it is the first");
    let kept = pool.take(5).expect("there is one");
    let words: [u32; 4] = bytemuck::cast(handle);
    assert_eq!(
        words[..3],
        [0, 1, 0x0001_0000],
        "slot, generation, sender and nonce"
    );
    drop((kept, pool));
    let pid = std::process::id();
    let number = memory.descriptor().expect("it has a file").as_raw_fd();
    let mut bytes = Vec::new();
    let mut file = File::open(format!("/proc/{pid}/fd/{number}")).expect("the file is open");
    file.read_to_end(&mut bytes).expect("it can be read");
    bytes
}

fn mapped(bytes: &[u8]) -> Arc<dyn Region> {
    let mut file = tempfile::tempfile().expect("there is a place for files");
    file.write_all(bytes).expect("there is a place for bytes");
    Arc::new(Mapping::file(file, Hints::default()).expect("it can be mapped"))
}

/// Whoever can write the pool can also sign what he wrote.
fn sign(bytes: &mut [u8]) {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight"));
    let count = usize::try_from(word(8) >> 32).expect("it is small").min(64);
    let classes = (0..count).map(|class| word(128 + class * 16));
    let sum = checksum([8, 16, 24, 32].map(word).into_iter().chain(classes));
    bytes[40..48].copy_from_slice(&sum.to_le_bytes());
}

/// Would catch every change of the layout that does not change its version.
#[test]
fn the_layout_is_what_the_golden_bytes_say() {
    let mut bytes = pool();
    for range in MASKED {
        assert!(bytes[range.clone()].iter().any(|it| *it != 0));
        bytes[range].fill(0);
    }
    if let Some(dir) = std::env::var_os("WRITE_GOLDEN_BYTES_TO") {
        let path = Path::new(&dir).join("pool-v1.bin");
        std::fs::write(path, &bytes).expect("it can be written");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let golden = std::fs::read(path).expect("the fixture can be read");
    assert!(bytes == golden, "the layout changed without its version");
}

/// Would catch a reader that no longer understands what an older writer left.
#[test]
fn golden_bytes_are_read() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GOLDEN);
    let mut bytes = std::fs::read(path).expect("the fixture can be read");
    bytes[48..56].copy_from_slice(&pool()[48..56]);
    sign(&mut bytes);
    let pool = Pool::attach(mapped(&bytes), 0x5eed).expect("it is a pool");
    let handle: Handle = bytemuck::cast([0_u32, 1, 0x0001_0000, 0]);
    let message = pool.claim(handle).expect("it is in flight");
    assert_eq!(message.to_vec(), b"in flight");
    assert_eq!(pool.stats().in_use(), 1);
}

/// A way to spoil a pool, and what attaching to it says.
fn refused(spoil: impl Fn(&mut Vec<u8>)) -> AttachError {
    let mut bytes = pool();
    spoil(&mut bytes);
    Pool::attach(mapped(&bytes), 0x5eed).expect_err("it is no pool for us")
}

/// Would catch a field of the description that is believed, signed or not.
#[test]
fn descriptions_that_lie_are_refused_by_name() {
    use AttachError as E;
    let len = pool().len();
    assert!(matches!(
        refused(|it| it.truncate(1_151)),
        E::Truncated { needed: 1_152, .. }
    ));
    assert!(matches!(
        refused(|it| it.truncate(len - 1)),
        E::Truncated { .. }
    ));
    assert!(matches!(refused(|it| it[..8].fill(0)), E::Unfinished));
    assert!(matches!(refused(|it| it[..8].reverse()), E::Foreign { .. }));
    assert!(matches!(
        refused(|it| it[8] = 2),
        E::Version {
            found: 2,
            expected: 1
        }
    ));
    assert!(matches!(refused(|it| it[48..56].fill(0xff)), E::Namespace));
    for byte in (16..48).chain(128..136).chain(144..152) {
        assert!(
            matches!(refused(|it| it[byte] ^= 1), E::Checksum),
            "byte {byte}"
        );
    }
    let lie = |at: usize, value: u32| {
        refused(|it| {
            it[at..at + 4].copy_from_slice(&value.to_le_bytes());
            sign(it);
        })
    };
    for count in [0, 3, 65, u32::MAX] {
        assert!(matches!(lie(12, count), E::Shape), "{count} classes");
    }
    assert!(matches!(lie(12, 1), E::Length { .. }), "one class");
    for processes in [0, 1_025, u32::MAX] {
        assert!(
            matches!(lie(24, processes), E::Shape),
            "{processes} processes"
        );
    }
    assert!(matches!(lie(24, 100), E::Length { .. }));
    for bytes in [0, 1, 65, 128, (1 << 30) + 64, u32::MAX] {
        assert!(matches!(lie(128, bytes), E::Shape), "{bytes} bytes");
    }
    for slots in [0, (1 << 24) + 1, u32::MAX] {
        assert!(matches!(lie(132, slots), E::Shape), "{slots} slots");
    }
    for slots in [1, 4, 1 << 23] {
        assert!(matches!(lie(132, slots), E::Length { .. }), "{slots} slots");
    }
    assert!(matches!(lie(16, 1_152), E::Length { found: 1_152 }));
}

/// Would catch a length that is believed.
#[test]
fn a_length_that_cannot_be_is_corrupt() {
    use claude_flow_msgpool::shared::ClaimError;
    let bytes = pool();
    let first = SECOND_SLOT - 128;
    for len in [129_u64, 65, u64::from(u32::MAX), (1 << 32) + 9, !(1 << 63)] {
        let mut bytes = bytes.clone();
        let word = len | 1 << 63;
        bytes[first + 8..first + 16].copy_from_slice(&word.to_le_bytes());
        let pool = Pool::attach(mapped(&bytes), 0x5eed).expect("it is a pool");
        let identity = u32::from_le_bytes(bytes[28..32].try_into().expect("four"));
        let handle: Handle = bytemuck::cast([0_u32, 1, 0x0001_0000, identity]);
        assert_eq!(
            pool.claim(handle).err(),
            Some(ClaimError::Corrupt { len: word })
        );
    }
}
