//! iceoryx2: publish and subscribe without overflow, samples written where they were lent.

use std::fmt::Debug;
use std::mem::MaybeUninit;
use std::path::Path;

use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::{
    BackpressureStrategy, LogLevel, Node, NodeBuilder, ServiceName, ipc, set_log_level,
};

use crate::process::{Link, Side};
use crate::ring::{Line, Message, Wait};

/// Messages of 64 bytes that a subscriber has room for.
const LINES: usize = 1_024;

/// Bytes of a large message, and how many of those there is room for.
const LENT_BYTES: usize = 1 << 20;
const LENT: usize = 4;

/// Messages of 64 bytes.
pub(crate) struct Lines {
    publisher: Publisher<ipc::Service, Line, ()>,
    subscriber: Subscriber<ipc::Service, Line, ()>,
    _node: Node<ipc::Service>,
}

/// Messages of 1 MiB, of which only the ends are touched.
pub(crate) struct Lent {
    publisher: Publisher<ipc::Service, [u8], ()>,
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    _node: Node<ipc::Service>,
}

fn node() -> Node<ipc::Service> {
    set_log_level(LogLevel::Error);
    done(NodeBuilder::new().create::<ipc::Service>())
}

fn name(dir: &Path, direction: &str) -> ServiceName {
    let dir = dir.file_name().expect("the folder has a name");
    done(
        format!("{}/{direction}", dir.to_string_lossy())
            .as_str()
            .try_into(),
    )
}

fn done<T, E: Debug>(result: Result<T, E>) -> T {
    result.expect("the service has what both sides ask for")
}

/// Both sides make both services, so that no message is sent before it is subscribed to.
macro_rules! link {
    ($payload:ty, $room:expr, $dir:expr, $side:expr, $publisher:ident => $sized:expr) => {{
        let node = node();
        let service = |direction| {
            let builder = node.service_builder(&name($dir, direction));
            let builder = builder.publish_subscribe::<$payload>();
            let builder = builder.enable_safe_overflow(false);
            done(builder.subscriber_max_buffer_size($room).open_or_create())
        };
        let subscriber = done(service($side.incoming()).subscriber_builder().create());
        let outgoing = service($side.outgoing());
        let $publisher = outgoing.publisher_builder();
        let publisher = $sized.backpressure_strategy(BackpressureStrategy::RetryUntilDelivered);
        Self {
            publisher: done(publisher.create()),
            subscriber,
            _node: node,
        }
    }};
}

impl Link for Lines {
    type Half = Self;

    fn create(dir: &Path, side: Side) -> Self {
        link!(Line, LINES, dir, side, publisher => publisher)
    }

    fn connect(half: Self, _: &Path, _: Side) -> Self {
        half
    }

    fn send(&mut self, number: u64) {
        let sample = done(self.publisher.loan_uninit());
        done(sample.write_payload(Line::of(number)).send());
    }

    fn receive(&mut self) -> u64 {
        let mut wait = Wait::default();
        loop {
            if let Some(sample) = done(self.subscriber.receive()) {
                return sample.payload().number();
            }
            wait.once();
        }
    }
}

impl Link for Lent {
    type Half = Self;

    fn create(dir: &Path, side: Side) -> Self {
        link!([u8], LENT, dir, side, publisher => publisher.initial_max_slice_len(LENT_BYTES))
    }

    fn connect(half: Self, _: &Path, _: Side) -> Self {
        half
    }

    fn send(&mut self, number: u64) {
        let mut sample = done(self.publisher.loan_slice_uninit(LENT_BYTES));
        let word = number.to_ne_bytes().map(MaybeUninit::new);
        let payload = sample.payload_mut();
        payload[..8].copy_from_slice(&word);
        payload[LENT_BYTES - 8..].copy_from_slice(&word);
        // SAFETY: any byte is a byte, and the receiver reads only the words just written.
        let sample = unsafe { sample.assume_init() };
        done(sample.send());
    }

    fn receive(&mut self) -> u64 {
        let mut wait = Wait::default();
        loop {
            if let Some(sample) = done(self.subscriber.receive()) {
                let (first, rest) = sample.payload().split_at(8);
                let last = &rest[LENT_BYTES - 16..];
                assert_eq!(first, last, "the message is torn");
                return u64::from_ne_bytes(first.try_into().expect("a word has eight bytes"));
            }
            wait.once();
        }
    }
}
