//! The layout of a ring in memory: golden bytes, and what is refused.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claude_flow_ringbuf::region::{Heap, Hints, Mapping, Region};
use claude_flow_ringbuf::shared::{
    AttachError, CreateError, PopError, PushError, SeatError, lines, records, spsc,
};

use crate::shared_spsc::heap;

/// Where the number of the namespace is, which depends on the machine.
const NAMESPACE: std::ops::Range<usize> = 64..72;

/// Whether an end has barriers run by the system depends on the machine as well.
const ARE_LIGHT: [std::ops::Range<usize>; 2] = [396..400, 524..528];

pub(crate) fn golden(name: &str) -> Vec<u8> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/ringbuf/layout");
    let path = dir.join(name);
    let mut bytes = Vec::new();
    let mut file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.read_to_end(&mut bytes)
        .expect("the fixture can be read");
    bytes
}

/// A file with these bytes, mapped; it has no name any more.
pub(crate) fn mapped(bytes: &[u8]) -> Arc<dyn Region> {
    Arc::new(Mapping::file(file(bytes), Hints::default()).expect("it can be mapped"))
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("there is a place for files");
    file.write_all(bytes).expect("there is a place for bytes");
    file
}

/// The bytes of a file that a ring is mapped to.
pub(crate) fn bytes_of(mapping: &Mapping) -> Vec<u8> {
    let pid = std::process::id();
    let number = std::os::fd::AsRawFd::as_raw_fd(&mapping.descriptor().expect("it has a file"));
    let path = PathBuf::from(format!("/proc/{pid}/fd/{number}"));
    let mut bytes = Vec::new();
    let mut file = File::open(path).expect("the file is open");
    file.read_to_end(&mut bytes).expect("the file can be read");
    bytes
}

pub(crate) fn memfd(size_bytes: Option<usize>) -> Arc<Mapping> {
    let size_bytes = size_bytes.expect("it fits the memory");
    Arc::new(Mapping::memfd("test", size_bytes, Hints::default()).expect("there is memory"))
}

fn elements() -> Vec<u8> {
    let mapping = memfd(spsc::Ring::<[u32; 3]>::size_bytes(4));
    let region = Arc::clone(&mapping) as Arc<dyn Region>;
    let ring = spsc::Ring::<[u32; 3]>::create(region, 4, 0x5eed).expect("it is new");
    let mut producer = ring.producer().expect("the seat is free");
    for number in 0..5_u32 {
        producer
            .try_push(&[number, number * 100, u32::MAX])
            .expect("there is a place");
        if number < 2 {
            ring.consumer()
                .expect("the seat is free")
                .try_pop()
                .expect("a value is there");
        }
    }
    drop(producer);
    bytes_of(&mapping)
}

fn byte_records() -> Vec<u8> {
    let mapping = memfd(records::Ring::size_bytes(128));
    let region = Arc::clone(&mapping) as Arc<dyn Region>;
    let ring = records::Ring::create(region, 128, 8, 0x5eed).expect("it is new");
    let mut producer = ring.producer().expect("the seat is free");
    let mut consumer = ring.consumer().expect("the seat is free");
    for record in [&b"first"[..], b"", b"the third is released too"] {
        producer.try_push(record).expect("there is a place");
        consumer.try_pop().expect("a record is there");
    }
    producer
        .try_push(b"the fourth is 33 bytes in length.")
        .expect("there is a place");
    producer
        .try_push(b"behind padding")
        .expect("there is a place");
    drop((producer, consumer));
    bytes_of(&mapping)
}

fn elements_on_lines() -> Vec<u8> {
    let mapping = memfd(lines::Ring::<[u32; 3]>::size_bytes(2));
    let region = Arc::clone(&mapping) as Arc<dyn Region>;
    let ring = lines::Ring::<[u32; 3]>::create(region, 2, 0x5eed).expect("it is new");
    let mut producer = ring.producer().expect("the seat is free");
    let mut consumer = ring.consumer().expect("the seat is free");
    for number in 0..3_u32 {
        producer
            .try_push(&[number, number * 100, u32::MAX])
            .expect("there is a place");
        if number < 2 {
            consumer.try_pop().expect("a value is there");
        }
    }
    drop((producer, consumer));
    bytes_of(&mapping)
}

/// Would catch every change of the layout that does not change its version.
#[test]
fn the_layout_is_what_the_golden_bytes_say() {
    use std::os::unix::fs::MetadataExt as _;
    let namespace = std::fs::metadata("/proc/self/ns/pid")
        .expect("there is a /proc")
        .ino();
    for (name, mut bytes) in [
        ("elements-v1.bin", elements()),
        ("records-v1.bin", byte_records()),
        ("lines-v1.bin", elements_on_lines()),
    ] {
        assert_eq!(bytes[NAMESPACE], namespace.to_ne_bytes(), "{name}");
        bytes[NAMESPACE].fill(0);
        for is_light in ARE_LIGHT {
            assert!(
                matches!(bytes[is_light.clone()], [0 | 1, 0, 0, 0]),
                "{name}"
            );
            bytes[is_light].fill(0);
        }
        if let Some(dir) = std::env::var_os("WRITE_GOLDEN_BYTES_TO") {
            std::fs::create_dir_all(&dir).expect("it can be made");
            std::fs::write(Path::new(&dir).join(name), &bytes).expect("it can be written");
        }
        assert_eq!(bytes, golden(name), "{name}");
    }
}

/// Would catch a reader that no longer understands what an older writer left.
#[test]
fn golden_bytes_are_read() {
    let region = |name| {
        let mut bytes = golden(name);
        bytes[NAMESPACE].copy_from_slice(&elements()[NAMESPACE]);
        mapped(&bytes)
    };
    let ring = spsc::Ring::<[u32; 3]>::attach(region("elements-v1.bin"), 0x5eed);
    let mut consumer = ring
        .expect("it is a ring")
        .consumer()
        .expect("the seat is free");
    for number in 2..5 {
        assert_eq!(consumer.pop(), Ok([number, number * 100, u32::MAX]));
    }
    let ring = lines::Ring::<[u32; 3]>::attach(region("lines-v1.bin"), 0x5eed);
    let mut consumer = ring.expect("it is a ring").consumer().expect("free");
    assert_eq!(consumer.try_pop(), Ok([2, 200, u32::MAX]));
    assert_eq!(consumer.try_pop(), Err(PopError::Empty));
    let ring = records::Ring::attach(region("records-v1.bin"), 0x5eed);
    let mut consumer = ring
        .expect("it is a ring")
        .consumer()
        .expect("the seat is free");
    for record in [&b"the fourth is 33 bytes in length."[..], b"behind padding"] {
        assert_eq!(consumer.try_pop().as_deref(), Ok(record));
    }
}

/// A way to spoil a ring of elements, and what attaching to it says.
fn refused(spoil: impl Fn(&mut Vec<u8>)) -> AttachError {
    let mut bytes = elements();
    spoil(&mut bytes);
    let ring = spsc::Ring::<[u32; 3]>::attach(mapped(&bytes), 0x5eed);
    ring.expect_err("it is no ring for us")
}

/// Would catch a field of the description that is believed.
#[test]
fn what_is_no_ring_for_us_is_refused_by_name() {
    assert!(matches!(
        refused(|it| it.truncate(1_000)),
        AttachError::Truncated {
            size_bytes: 1_000,
            needed: 1_024
        }
    ));
    assert!(matches!(
        refused(|it| it.truncate(1_024 + 63)),
        AttachError::Truncated { needed: 1_088, .. }
    ));
    assert!(matches!(
        refused(|it| it[..8].fill(0)),
        AttachError::Unfinished
    ));
    assert!(matches!(
        refused(|it| it[..8].copy_from_slice(&1_u64.to_ne_bytes())),
        AttachError::Unfinished
    ));
    assert!(matches!(
        refused(|it| it[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0")),
        AttachError::Foreign { .. }
    ));
    assert!(
        matches!(refused(|it| it[..8].reverse()), AttachError::Foreign { .. }),
        "the other byte order"
    );
    assert!(matches!(
        refused(|it| it[8] = 2),
        AttachError::Version {
            found: 2,
            expected: 1
        }
    ));
    for byte in 12..64 {
        assert!(
            matches!(refused(|it| it[byte] ^= 1), AttachError::Checksum),
            "byte {byte}"
        );
    }
    assert!(matches!(
        refused(|it| it[NAMESPACE].fill(0xff)),
        AttachError::Namespace
    ));
    let attach = |bytes: &[u8], schema| spsc::Ring::<[u32; 3]>::attach(mapped(bytes), schema);
    assert!(matches!(
        attach(&byte_records(), 0x5eed),
        Err(AttachError::Kind)
    ));
    assert!(matches!(
        attach(&elements(), 7),
        Err(AttachError::Schema {
            found: 0x5eed,
            expected: 7
        })
    ));
    assert!(matches!(
        spsc::Ring::<[u64; 3]>::attach(mapped(&elements()), 0x5eed),
        Err(AttachError::Element {
            size_bytes: 12,
            align_bytes: 4,
            size_bytes_expected: 24,
            align_bytes_expected: 8
        })
    ));
    assert!(matches!(
        records::Ring::attach(mapped(&elements()), 0x5eed),
        Err(AttachError::Kind)
    ));
}

/// FNV-1a over the description's words: whoever can write the ring can also sign what he wrote.
fn sign(bytes: &mut [u8]) {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in &bytes[8..56] {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    bytes[56..64].copy_from_slice(&hash.to_le_bytes());
}

/// Would catch a check that trusts the checksum.
#[test]
fn a_signed_lie_is_refused_by_name() {
    let lie = |at: usize, value: u64| {
        refused(|it| {
            it[at..at + 8].copy_from_slice(&value.to_le_bytes());
            sign(it);
        })
    };
    for capacity in [0, 3, 5, 1 << 32, 1 << 40, u64::MAX] {
        assert!(
            matches!(lie(24, capacity), AttachError::Capacity(_)),
            "{capacity}"
        );
    }
    for capacity in [1, 2, 8, 1 << 31] {
        assert!(
            matches!(lie(24, capacity), AttachError::Length { .. }),
            "{capacity}"
        );
    }
    for total in [0, 1, 1_024, 1_089, u64::MAX] {
        assert!(
            matches!(lie(16, total), AttachError::Length { .. }),
            "{total}"
        );
    }
    for offset in [0, 1, 512, 2_048, u64::MAX] {
        assert!(
            matches!(lie(48, offset), AttachError::Length { .. }),
            "{offset}"
        );
    }
    let mut bytes = byte_records();
    for granularity in [0_u32, 1, 4, 12, 128, 8_192, u32::MAX] {
        bytes[36..40].copy_from_slice(&granularity.to_le_bytes());
        sign(&mut bytes);
        let ring = records::Ring::attach(mapped(&bytes), 0x5eed);
        assert!(
            matches!(ring, Err(AttachError::Capacity(_))),
            "{granularity}"
        );
    }
}

#[test]
fn positions_that_cannot_be_keep_both_ends_away() {
    for (head, tail) in [(0_u64, 5_u64), (6, 5), (0, u64::MAX), (1 << 63, 0)] {
        let mut bytes = elements();
        bytes[128..136].copy_from_slice(&tail.to_le_bytes());
        bytes[256..264].copy_from_slice(&head.to_le_bytes());
        let ring = spsc::Ring::<[u32; 3]>::attach(mapped(&bytes), 0x5eed).expect("it is a ring");
        assert!(matches!(ring.producer(), Err(SeatError::Corrupt(_))));
        assert!(matches!(ring.consumer(), Err(SeatError::Corrupt(_))));
    }
    let mut bytes = byte_records();
    bytes[256] |= 1;
    let ring = records::Ring::attach(mapped(&bytes), 0x5eed).expect("it is a ring");
    assert!(
        matches!(ring.consumer(), Err(SeatError::Corrupt(_))),
        "between two records"
    );
}

#[test]
fn a_region_takes_one_ring_that_fits() {
    type Ring = spsc::Ring<u64>;
    let region = heap(Ring::size_bytes(8));
    let create = |capacity| Ring::create(Arc::clone(&region), capacity, 0);
    assert!(matches!(create(7), Err(CreateError::Capacity(it)) if it.capacity == 7));
    assert!(matches!(
        create(16),
        Err(CreateError::TooSmall {
            size_bytes: 1_088,
            needed: 1_152
        })
    ));
    assert!(matches!(
        Ring::attach(Arc::clone(&region), 0),
        Err(AttachError::Unfinished)
    ));
    create(8).expect("it fits");
    assert!(matches!(create(8), Err(CreateError::Occupied)));
    Ring::attach(region, 0).expect("there is one now");
    let empty = spsc::Ring::<[u8; 0]>::create(heap(Some(4_096)), 8, 0);
    assert!(matches!(empty, Err(CreateError::Element)));
    for granularity in [0, 4, 24, 64, 8_192] {
        let ring = records::Ring::create(heap(Some(4_096)), 64, granularity, 0);
        assert!(
            matches!(ring, Err(CreateError::Granularity)),
            "{granularity}"
        );
    }
    assert_eq!(spsc::Ring::<[u64; 4_096]>::size_bytes(1 << 50), None);
    assert!(Heap::new(0).size_bytes() >= 1);
}

/// Would catch a stamp or a head that is believed.
#[test]
fn stamps_and_heads_that_cannot_be_are_corrupt() {
    type Ring = lines::Ring<[u32; 3]>;
    let ring = |at: usize, value: u64| {
        let mut bytes = elements_on_lines();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        Ring::attach(mapped(&bytes), 0x5eed).expect("it is a ring")
    };
    for stamp in [2, 4, 5, 100, u64::MAX] {
        let mut consumer = ring(1_024, stamp).consumer().expect("the seat is free");
        assert!(
            matches!(consumer.try_pop(), Err(PopError::Corrupt(_))),
            "{stamp}"
        );
    }
    for head in [3, 1 << 40, u64::MAX] {
        let mut bytes = elements_on_lines();
        bytes[256..264].copy_from_slice(&u64::to_le_bytes(head));
        let ring = Ring::attach(mapped(&bytes), 0x5eed).expect("it is a ring");
        let mut producer = ring.producer().expect("any position will do to begin with");
        let pushed = (0..3)
            .map(|_| producer.try_push(&[1; 3]))
            .collect::<Vec<_>>();
        assert!(
            pushed.contains(&Err(PushError::Full)),
            "no more than the capacity: {pushed:?}"
        );
    }
}
