//! This workspace's rings and pool in memory that two processes map.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use claude_flow_msgpool::ClassOptions;
use claude_flow_msgpool::shared::{Handle, Options, Pool};
use claude_flow_ringbuf::Deadline;
use claude_flow_ringbuf::region::{Hints, Mapping, Region};
use claude_flow_ringbuf::shared::{Waiting, lines, records, spsc};

use crate::process::{Link, Side};

/// Messages that a link has room for.
const LINK_CAPACITY: usize = 1_024;

/// Bytes of a large message, and how many of those there is room for.
const LENT_BYTES: usize = 1 << 20;
const LENT: usize = 4;

const GONE: &str = "both ends live as long as the measure";

type Line = [u64; 8];

/// A file that both sides map; whoever comes first gives it its length.
fn region(path: &Path, size_bytes: usize) -> Arc<dyn Region> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .expect("there is memory to share");
    file.set_len(size_bytes as u64).expect("there is memory");
    let hints = Hints {
        prefault: true,
        ..Hints::default()
    };
    Arc::new(Mapping::file(file, hints).expect("it can be mapped"))
}

/// Where the two ends of a kind of ring of elements come from.
macro_rules! ring_ends {
    ($kind:ident, $element:ty, $capacity:expr, $make:ident, $find:ident) => {
        fn $make(dir: &Path, side: Side) -> $kind::Producer<$element> {
            let size_bytes = $kind::Ring::<$element>::size_bytes($capacity);
            let region = region(&dir.join(side.outgoing()), size_bytes.expect("it is small"));
            let ring = $kind::Ring::create(region, $capacity, 0).expect("it is new");
            let mut producer = ring.producer().expect("it is new");
            producer.set_waiting(Waiting::Spin);
            producer
        }

        fn $find(dir: &Path, side: Side) -> $kind::Consumer<$element> {
            let size_bytes = $kind::Ring::<$element>::size_bytes($capacity);
            let region = region(&dir.join(side.incoming()), size_bytes.expect("it is small"));
            let ring = $kind::Ring::attach(region, 0).expect("the other side made it");
            let mut consumer = ring.consumer().expect("nobody else reads it");
            consumer.set_waiting(Waiting::Spin);
            consumer
        }
    };
}

ring_ends!(spsc, Line, LINK_CAPACITY, make_elements, find_elements);
ring_ends!(lines, Line, LINK_CAPACITY, make_lines, find_lines);
ring_ends!(lines, Handle, LINK_CAPACITY, make_handles, find_handles);

/// A ring of elements for each direction.
pub(crate) struct Elements {
    producer: spsc::Producer<Line>,
    consumer: spsc::Consumer<Line>,
}

/// A ring of elements on lines of their own for each direction.
pub(crate) struct Lines {
    producer: lines::Producer<Line>,
    consumer: lines::Consumer<Line>,
}

macro_rules! element_link {
    ($link:ident, $producer:ty, $make:ident, $find:ident) => {
        impl Link for $link {
            type Half = $producer;

            fn create(dir: &Path, side: Side) -> Self::Half {
                $make(dir, side)
            }

            fn connect(producer: Self::Half, dir: &Path, side: Side) -> Self {
                let consumer = $find(dir, side);
                Self { producer, consumer }
            }

            fn send(&mut self, number: u64) {
                self.producer.push(&[number; 8]).expect(GONE);
            }

            fn receive(&mut self) -> u64 {
                let line = self.consumer.pop().expect(GONE);
                assert_eq!(line, [line[0]; 8], "the message is torn");
                line[0]
            }
        }
    };
}

element_link!(Elements, spsc::Producer<Line>, make_elements, find_elements);
element_link!(Lines, lines::Producer<Line>, make_lines, find_lines);

/// Large records, written and read where they lie in the ring; only their ends are touched.
pub(crate) struct LentRecords {
    producer: records::Producer,
    consumer: records::Consumer,
}

const RECORDS_BYTES: usize = LENT * LENT_BYTES;

fn records_region(path: &Path) -> Arc<dyn Region> {
    let size_bytes = records::Ring::size_bytes(RECORDS_BYTES);
    region(path, size_bytes.expect("it fits the memory"))
}

impl Link for LentRecords {
    type Half = records::Producer;

    fn create(dir: &Path, side: Side) -> Self::Half {
        let region = records_region(&dir.join(side.outgoing()));
        let granularity = records::Ring::GRANULARITY_LINE;
        let ring = records::Ring::create(region, RECORDS_BYTES, granularity, 0);
        let mut producer = ring.expect("new").producer().expect("it is new");
        producer.set_waiting(Waiting::Spin);
        producer
    }

    fn connect(producer: Self::Half, dir: &Path, side: Side) -> Self {
        let ring = records::Ring::attach(records_region(&dir.join(side.incoming())), 0);
        let ring = ring.expect("the other side made it");
        let mut consumer = ring.consumer().expect("nobody else reads it");
        consumer.set_waiting(Waiting::Spin);
        Self { producer, consumer }
    }

    fn send(&mut self, number: u64) {
        let claim = self.producer.claim_until(LENT_BYTES, Deadline::Never);
        let mut claim = claim.expect(GONE);
        claim.bytes().write(0, &number);
        claim.bytes().write(LENT_BYTES - 8, &number);
        claim.commit(LENT_BYTES);
    }

    fn receive(&mut self) -> u64 {
        let record = self.consumer.peek_until(Deadline::Never).expect(GONE);
        let first = record.bytes().read(0).expect("it has a word");
        let last = record.bytes().read(LENT_BYTES - 8);
        assert_eq!(Some(first), last, "the message is torn");
        record.release();
        first
    }
}

/// Large messages of a pool that both map, whose handles go through rings; only their ends are
/// touched.
pub(crate) struct PooledHandles {
    pool: Pool,
    producer: lines::Producer<Handle>,
    consumer: lines::Consumer<Handle>,
}

impl Link for PooledHandles {
    type Half = (Pool, lines::Producer<Handle>);

    fn create(dir: &Path, side: Side) -> Self::Half {
        let options = Options {
            classes: vec![ClassOptions {
                payload_bytes: LENT_BYTES,
                slots: LENT,
            }],
            ..Options::default()
        };
        let size_bytes = Pool::size_bytes(&options).expect("it fits the memory");
        let region = region(&dir.join("pool"), size_bytes);
        let pool = match side {
            Side::Host => Pool::create(region, &options).expect("it is new"),
            Side::Partner => Pool::attach(region, 0).expect("the host made it first"),
        };
        (pool, make_handles(dir, side))
    }

    fn connect((pool, producer): Self::Half, dir: &Path, side: Side) -> Self {
        let consumer = find_handles(dir, side);
        Self {
            pool,
            producer,
            consumer,
        }
    }

    fn send(&mut self, number: u64) {
        let buffer = self.pool.take_until(LENT_BYTES, Deadline::Never);
        let mut buffer = buffer.expect(GONE);
        buffer.bytes().write(0, &number);
        buffer.bytes().write(LENT_BYTES - 8, &number);
        let handle = buffer.freeze().into_handle().expect("few are in flight");
        self.producer.push(&handle).expect(GONE);
    }

    fn receive(&mut self) -> u64 {
        let handle = self.consumer.pop().expect(GONE);
        let message = self.pool.claim(handle).expect("it is in flight");
        let first = message.view().read(0).expect("it has a word");
        let last = message.view().read(LENT_BYTES - 8);
        assert_eq!(Some(first), last, "the message is torn");
        first
    }
}
