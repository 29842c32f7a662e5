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
#[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
#[inline(always)]
pub(crate) fn with<R>(core: NonNull<Core>, run: impl FnOnce(Option<Cache<'_>>) -> R) -> R {
    // SAFETY: the caller's handle or slot keeps the core.
    let caches = std::sync::Arc::as_ptr(unsafe { &core.as_ref().caches });
    if last::CACHES.get() != caches {
        registry::find(core);
    }
    // Field by field: a copy of all would go through memory in larger pieces than it was written.
    let is_known = last::CACHES.get() == caches;
    let control = if is_known { last::CONTROL.get() } else { None };
    run(control.map(|control| Cache {
        // SAFETY: the registry keeps the caches of what is remembered, and forgets it before it
        // lets go of them; neither happens while `run` runs, since it does not come back here.
        control: unsafe { control.as_ref() },
        // SAFETY: as above.
        magazines: unsafe { last::MAGAZINES.get().as_ref() },
    }))
}

#[cfg(not(loom))]
mod last {
    use core::cell::Cell;
    use core::ptr::{NonNull, null};

    use crate::caches::{Cache, Caches, Control, Magazine};

    crate::sync::thread_local! {
        /// The caches of the pool that the thread used last: the address by which the pool is
        /// recognised. While the registry keeps the caches no other pool can have it.
        pub(super) static CACHES: Cell<*const Caches> = const { Cell::new(null()) };
        /// The thread's own among them.
        pub(super) static CONTROL: Cell<Option<NonNull<Control>>> = const { Cell::new(None) };
        pub(super) static MAGAZINES: Cell<NonNull<[Magazine]>> =
            const { Cell::new(NONE) };
    }

    const NONE: NonNull<[Magazine]> = NonNull::slice_from_raw_parts(NonNull::dangling(), 0);

    pub(super) fn remember(caches: *const Caches, cache: Cache<'_>) {
        CACHES.set(caches);
        CONTROL.set(Some(NonNull::from(cache.control)));
        MAGAZINES.set(NonNull::from(cache.magazines));
    }

    pub(super) fn forget() {
        CACHES.set(null());
        CONTROL.set(None);
        MAGAZINES.set(NONE);
    }
}

#[cfg(not(loom))]
mod registry {
    use core::cell::RefCell;
    use core::ptr::NonNull;
    use std::sync::Arc;

    use super::POOLS_PER_THREAD_MAX;
    use super::last;
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
        fn remember(&self) {
            if let Some(cache) = self.caches.cache(self.index) {
                last::remember(Arc::as_ptr(&self.caches), cache);
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
            last::forget();
        }
    }

    crate::sync::thread_local! {
        static REGISTRY: Registry = const {
            Registry { entries: RefCell::new([const { None }; POOLS_PER_THREAD_MAX]) }
        };
    }

    /// Remembers the thread's cache in a pool, if it has or can get one.
    #[cold]
    #[inline(never)]
    pub(super) fn find(core: NonNull<Core>) {
        // While the thread's locals are being dropped there is none.
        let _ = REGISTRY.try_with(|registry| {
            if let Ok(mut entries) = registry.entries.try_borrow_mut()
                && let Some(entry) = find_among(&mut entries[..], core)
            {
                entry.remember();
            }
        });
    }

    fn find_among(entries: &mut [Option<Entry>], core: NonNull<Core>) -> Option<&Entry> {
        // SAFETY: the caller of with() keeps the core.
        let caches = unsafe { &core.as_ref().caches };
        let is_known = |entry: &Entry| Arc::ptr_eq(&entry.caches, caches);
        if let Some(place) = entries
            .iter()
            .position(|it| it.as_ref().is_some_and(is_known))
        {
            return entries[place].as_ref();
        }
        last::forget();
        for entry in entries.iter_mut() {
            if entry.as_ref().is_some_and(|it| it.caches.is_closed()) {
                *entry = None;
            }
        }
        let place = entries.iter_mut().find(|place| place.is_none())?;
        let index = caches.claim()?;
        Some(place.insert(Entry {
            caches: Arc::clone(caches),
            core,
            index,
        }))
    }
}
