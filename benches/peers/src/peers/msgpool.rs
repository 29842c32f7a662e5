//! Ours.
//!
//! A message is a buffer that was frozen before it is read, as a bus would do; its drop looks at
//! the count of handles.

use claude_flow_msgpool::{Buffer, ClassOptions, Local, Message, Options, Pool};

use crate::pool::{self, BUFFER_BYTES, BUFFERS, LocalPool, SharedPool, read_word, write_word};

fn pool() -> Pool {
    let options = Options {
        classes: vec![ClassOptions {
            payload_bytes: BUFFER_BYTES,
            slots: BUFFERS,
        }],
        ..Options::default()
    };
    Pool::new(&options).expect("the options are valid")
}

/// Buffers out of the thread's own cache, which each call looks up.
#[derive(Clone)]
pub(crate) struct Buffers(Pool);

impl LocalPool for Buffers {
    type Buffer = Buffer;

    fn open() -> Self {
        Self(pool())
    }

    fn take(&mut self, number: u64) -> Buffer {
        let buffer = self.0.take(BUFFER_BYTES);
        written(buffer.expect("few are in use"), number)
    }
}

/// A pool of which each thread makes its handle before it begins.
#[derive(Clone)]
pub(crate) struct Locals(Pool);

/// Buffers through the thread's handle.
pub(crate) struct LocalBuffers(Local);

impl LocalPool for LocalBuffers {
    type Buffer = Buffer;

    fn open() -> Self {
        <Locals as SharedPool>::open().here()
    }

    fn take(&mut self, number: u64) -> Buffer {
        let buffer = self.0.take(BUFFER_BYTES);
        written(buffer.expect("few are in use"), number)
    }
}

impl SharedPool for Locals {
    type Here = LocalBuffers;

    fn open() -> Self {
        Self(pool())
    }

    fn here(self) -> LocalBuffers {
        LocalBuffers(self.0.local())
    }
}

/// As [`Locals`], frozen when they are written.
#[derive(Clone)]
pub(crate) struct Frozen(Pool);

/// Messages through the thread's handle.
pub(crate) struct LocalMessages(Local);

impl LocalPool for LocalMessages {
    type Buffer = Message;

    fn open() -> Self {
        <Frozen as SharedPool>::open().here()
    }

    fn take(&mut self, number: u64) -> Message {
        let buffer = self.0.take(BUFFER_BYTES);
        written(buffer.expect("few are in use"), number).freeze()
    }
}

impl SharedPool for Frozen {
    type Here = LocalMessages;

    fn open() -> Self {
        Self(pool())
    }

    fn here(self) -> LocalMessages {
        LocalMessages(self.0.local())
    }
}

fn written(mut buffer: Buffer, number: u64) -> Buffer {
    write_word(&mut buffer, number);
    buffer
}

impl pool::Buffer for Buffer {
    fn read(&self) -> u64 {
        read_word(self)
    }
}

impl pool::Buffer for Message {
    fn read(&self) -> u64 {
        read_word(self)
    }
}
