//! Each thread's own cache in each pool that it uses.
//!
//! Two thread-local variables: the cache that was used last, without a destructor and therefore
//! one load away, and the registry of all, which flushes them when the thread ends.
#![cfg_attr(
    not(loom),
    expect(unsafe_code, reason = "remembers where a cache lies")
)]

use core::ptr::NonNull;

use crate::caches::Cache;
use crate::core::Core;

/// How many pools a thread can have caches in; in further ones it uses the shared list.
#[cfg(not(loom))]
const POOLS_PER_THREAD_MAX: usize = 8;

/// Calls with the thread's cache in a pool, if it has or can get one.
///
/// A model has no thread-local caches: it passes them itself.
#[cfg(loom)]
pub(crate) fn with<R>(_: NonNull<Core>, run: impl FnOnce(Option<Cache<'_>>) -> R) -> R {
    run(None)
}

/// Calls with the thread's cache in a pool, if it has or can get one.
///
/// The caller's handle or slot keeps the core while this looks for the cache; `run` may be what
/// gives it up.
#[cfg(not(loom))]
#[inline]
pub(crate) fn with<R>(core: NonNull<Core>, run: impl FnOnce(Option<Cache<'_>>) -> R) -> R {
    // SAFETY: the caller's handle or slot keeps the core.
    let caches = std::sync::Arc::as_ptr(unsafe { &core.as_ref().caches });
    let mut last = last::LAST.get();
    if last.caches != caches {
        last = registry::find(core);
    }
    let cache = last.control.map(|control| Cache {
        // SAFETY: the registry keeps the caches of what LAST remembers, and clears LAST before it
        // lets go of them; neither happens while `run` runs, since it does not come back here.
        control: unsafe { control.as_ref() },
        magazine_start: last.magazine_start,
    });
    run(cache)
}

#[cfg(not(loom))]
mod last {
    use core::cell::Cell;
    use core::ptr::{NonNull, null};

    use crate::caches::{Caches, Control};

    /// The cache that the thread used last.
    #[derive(Clone, Copy)]
    pub(super) struct Last {
        /// The address by which a pool is recognised. While the registry keeps the caches no
        /// other pool can have it.
        pub(super) caches: *const Caches,
        pub(super) control: Option<NonNull<Control>>,
        pub(super) magazine_start: u32,
    }

    impl Last {
        pub(super) const NONE: Self = Self {
            caches: null(),
            control: None,
            magazine_start: 0,
        };
    }

    std::thread_local! {
        pub(super) static LAST: Cell<Last> = const { Cell::new(Last::NONE) };
    }
}

#[cfg(not(loom))]
mod registry {
    use core::cell::RefCell;
    use core::ptr::NonNull;
    use std::sync::Arc;

    use super::POOLS_PER_THREAD_MAX;
    use super::last::{LAST, Last};
    use crate::caches::Caches;
    use crate::core::Core;

    /// One cache that the thread owns.
    struct Entry {
        caches: Arc<Caches>,
        /// Alive while the thread is busy in the cache, perhaps gone otherwise.
        core: NonNull<Core>,
        index: u32,
    }

    impl Entry {
        fn last(&self) -> Last {
            let cache = self.caches.cache(self.index);
            Last {
                caches: Arc::as_ptr(&self.caches),
                control: cache.map(|it| NonNull::from(it.control)),
                magazine_start: cache.map_or(0, |it| it.magazine_start),
            }
        }
    }

    impl Drop for Entry {
        fn drop(&mut self) {
            let Some(cache) = self.caches.cache(self.index) else {
                return;
            };
            if let Some(_busy) = self.caches.enter(cache) {
                // SAFETY: nobody wants attention, so the pool is not closed, and it does not
                // finish closing while an owner is busy.
                unsafe { self.core.as_ref() }.flush(cache);
            }
            // If somebody wanted attention what is left is reclaimed, or the next owner's.
            cache.unclaim();
        }
    }

    /// The caches that the thread owns.
    struct Registry {
        entries: RefCell<[Option<Entry>; POOLS_PER_THREAD_MAX]>,
    }

    impl Drop for Registry {
        fn drop(&mut self) {
            // From here on the thread uses the shared list.
            LAST.set(Last::NONE);
        }
    }

    std::thread_local! {
        static REGISTRY: Registry = const {
            Registry { entries: RefCell::new([const { None }; POOLS_PER_THREAD_MAX]) }
        };
    }

    /// The thread's cache in a pool, which LAST remembers from now on; none if there is none left.
    #[cold]
    #[inline(never)]
    pub(super) fn find(core: NonNull<Core>) -> Last {
        REGISTRY
            .try_with(|registry| {
                let mut entries = registry.entries.try_borrow_mut().ok()?;
                let last = find_among(&mut entries[..], core)?;
                LAST.set(last);
                Some(last)
            })
            .ok()
            .flatten()
            .unwrap_or(Last::NONE)
    }

    fn find_among(entries: &mut [Option<Entry>], core: NonNull<Core>) -> Option<Last> {
        // SAFETY: the caller of with() keeps the core.
        let caches = unsafe { &core.as_ref().caches };
        let known = entries.iter().flatten();
        let mut known = known.filter(|entry| Arc::ptr_eq(&entry.caches, caches));
        if let Some(entry) = known.next() {
            return Some(entry.last());
        }
        LAST.set(Last::NONE);
        for entry in entries.iter_mut() {
            if entry.as_ref().is_some_and(|it| it.caches.is_closed()) {
                *entry = None;
            }
        }
        let place = entries.iter_mut().find(|place| place.is_none())?;
        let index = caches.claim()?;
        let entry = Entry {
            caches: Arc::clone(caches),
            core,
            index,
        };
        Some(place.insert(entry).last())
    }
}
