//! The pools and allocators; each file of its own would be a dozen lines.

use std::alloc::GlobalAlloc as _;
use std::alloc::{Layout, System};
use std::ptr::NonNull;
use std::sync::Arc;

use crossbeam_queue::ArrayQueue;

use crate::pool::{BUFFER_BYTES, BUFFERS, Buffer, LocalPool, read_word, write_word};

type Bytes = Box<[u8; BUFFER_BYTES]>;

fn bytes() -> Bytes {
    Box::new([0; BUFFER_BYTES])
}

/// For guards that give access to the bytes.
macro_rules! buffer {
    ($guard:ty) => {
        impl Buffer for $guard {
            fn read(&self) -> u64 {
                read_word(&self[..])
            }
        }
    };
}

/// For pools whose handle is a reference that lives as long as the process.
macro_rules! pool {
    ($handle:ident, $pool:ty, $guard:ty, $open:expr, $take:expr) => {
        #[derive(Clone, Copy)]
        pub(crate) struct $handle(&'static $pool);

        impl LocalPool for $handle {
            type Buffer = $guard;

            fn open() -> Self {
                Self(Box::leak(Box::new($open)))
            }

            fn take(&mut self, number: u64) -> Self::Buffer {
                let mut buffer = $take(self.0);
                write_word(&mut buffer[..], number);
                buffer
            }
        }

        buffer!($guard);
    };
}

#[derive(Debug)]
pub(crate) struct Allocator;

impl opool::PoolAllocator<Bytes> for Allocator {
    fn allocate(&self) -> Bytes {
        bytes()
    }
}

pool!(
    Opool,
    opool::Pool<Allocator, Bytes>,
    opool::RefGuard<'static, Allocator, Bytes>,
    opool::Pool::new_prefilled(BUFFERS, Allocator),
    |pool: &'static opool::Pool<Allocator, Bytes>| pool.get()
);

pool!(
    OpoolLocal,
    opool::LocalPool<Allocator, Bytes>,
    opool::RefLocalGuard<'static, Allocator, Bytes>,
    opool::LocalPool::new_prefilled(BUFFERS, Allocator),
    |pool: &'static opool::LocalPool<Allocator, Bytes>| pool.get()
);

pool!(
    LinearObjectPool,
    lockfree_object_pool::LinearObjectPool<Bytes>,
    lockfree_object_pool::LinearReusable<'static, Bytes>,
    lockfree_object_pool::LinearObjectPool::new(bytes, |_| {}),
    |pool: &'static lockfree_object_pool::LinearObjectPool<Bytes>| pool.pull()
);

pool!(
    SpinLockObjectPool,
    lockfree_object_pool::SpinLockObjectPool<Bytes>,
    lockfree_object_pool::SpinLockReusable<'static, Bytes>,
    lockfree_object_pool::SpinLockObjectPool::new(bytes, |_| {}),
    |pool: &'static lockfree_object_pool::SpinLockObjectPool<Bytes>| pool.pull()
);

pool!(
    ObjectPool,
    object_pool::Pool<Bytes>,
    object_pool::Reusable<'static, Bytes>,
    object_pool::Pool::new(BUFFERS, bytes),
    |pool: &'static object_pool::Pool<Bytes>| pool.pull(bytes)
);

/// crossbeam's queue of boxes.
#[derive(Clone)]
pub(crate) struct Queue(Arc<ArrayQueue<Bytes>>);

impl LocalPool for Queue {
    type Buffer = Bytes;

    fn open() -> Self {
        let queue = ArrayQueue::new(BUFFERS);
        for _ in 0..BUFFERS {
            assert!(
                queue.push(bytes()).is_ok(),
                "the queue has a place for each"
            );
        }
        Self(Arc::new(queue))
    }

    fn take(&mut self, number: u64) -> Bytes {
        let mut buffer = self.0.pop().unwrap_or_else(bytes);
        write_word(&mut buffer[..], number);
        buffer
    }

    fn give(&mut self, buffer: Bytes) {
        // One that does not fit is freed.
        let _ = self.0.push(buffer);
    }
}

/// The floor for one thread: a list of boxes.
pub(crate) struct FreeList(Vec<Bytes>);

impl LocalPool for FreeList {
    type Buffer = Bytes;

    fn open() -> Self {
        Self((0..BUFFERS).map(|_| bytes()).collect())
    }

    fn take(&mut self, number: u64) -> Bytes {
        let mut buffer = self.0.pop().unwrap_or_else(bytes);
        write_word(&mut buffer[..], number);
        buffer
    }

    fn give(&mut self, buffer: Bytes) {
        self.0.push(buffer);
    }
}

/// An allocator's own calls.
pub(crate) trait Heap: Send + Clone + Copy {
    /// Null if there is no memory.
    fn allocate() -> *mut u8;

    /// # Safety
    ///
    /// The block comes from [`Self::allocate`] and is not used again.
    unsafe fn free(block: *mut u8);
}

#[derive(Clone, Copy)]
pub(crate) struct SystemHeap;

/// The alignment that every allocator gives without being asked.
const LAYOUT: Layout = match Layout::from_size_align(BUFFER_BYTES, 16) {
    Ok(layout) => layout,
    Err(_) => panic!("the size is small and the alignment a power of two"),
};

impl Heap for SystemHeap {
    fn allocate() -> *mut u8 {
        // SAFETY: the layout is not empty.
        unsafe { System.alloc(LAYOUT) }
    }

    unsafe fn free(block: *mut u8) {
        // SAFETY: the caller gives a block of this allocator and this layout.
        unsafe { System.dealloc(block, LAYOUT) }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct Mimalloc;

impl Heap for Mimalloc {
    fn allocate() -> *mut u8 {
        // SAFETY: every size may be asked for.
        unsafe { libmimalloc_sys::mi_malloc(BUFFER_BYTES) }.cast()
    }

    unsafe fn free(block: *mut u8) {
        // SAFETY: the caller gives a block of this allocator.
        unsafe { libmimalloc_sys::mi_free(block.cast()) }
    }
}

/// An allocator used as a pool.
#[derive(Clone, Copy)]
pub(crate) struct Blocks<H>(H);

/// A block of [`BUFFER_BYTES`] that is freed when it is dropped.
pub(crate) struct Block<H: Heap> {
    start: NonNull<u8>,
    heap: std::marker::PhantomData<H>,
}

// SAFETY: the block has one owner, and both allocators free blocks of other threads.
unsafe impl<H: Heap> Send for Block<H> {}

macro_rules! heap {
    ($heap:ident) => {
        impl LocalPool for Blocks<$heap> {
            type Buffer = Block<$heap>;

            fn open() -> Self {
                Self($heap)
            }

            fn take(&mut self, number: u64) -> Self::Buffer {
                let start = NonNull::new($heap::allocate()).expect("there is memory");
                // SAFETY: the block is larger than a word, is aligned for it and has no other
                // user.
                unsafe { start.cast().write(number) };
                Block {
                    start,
                    heap: std::marker::PhantomData,
                }
            }
        }
    };
}

heap!(SystemHeap);
heap!(Mimalloc);

impl<H: Heap> Buffer for Block<H> {
    fn read(&self) -> u64 {
        // SAFETY: as in `take`, which wrote it.
        unsafe { self.start.cast().read() }
    }
}

impl<H: Heap> Drop for Block<H> {
    fn drop(&mut self) {
        // SAFETY: the block was allocated by this allocator and is not used again.
        unsafe { H::free(self.start.as_ptr()) };
    }
}
