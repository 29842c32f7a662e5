//! Each thread's own cache in each pool that it uses.
//!
//! Two thread-local variables: the cache that was used last, without a destructor and therefore
//! one load away, and the registry of all, which gives them up when the thread ends.
#![expect(unsafe_code, reason = "remembers where a cache lies")]

use core::cell::Cell;
use core::ptr::NonNull;

use crate::caches::{Cache, Caches, Magazine};
use crate::class::Class;
use crate::core::Core;
use crate::sync::Arc;

/// How many pools a thread can have caches in; in further ones it uses the shared list.
#[cfg(not(loom))]
const POOLS_PER_THREAD_MAX: usize = 8;

/// A cache that the thread owns, as long as one of its claims lives.
pub(crate) struct Claim {
    pub(crate) caches: Arc<Caches>,
    pub(crate) index: u32,
}

impl Claim {
    /// The first claim of a cache; none if all caches are claimed.
    pub(crate) fn new(caches: &Arc<Caches>) -> Option<Self> {
        let index = caches.claim()?;
        Some(Self {
            caches: Arc::clone(caches),
            index,
        })
    }

    /// Another claim of the same cache in the same thread.
    #[cfg_attr(loom, expect(dead_code, reason = "a model has no registry of threads"))]
    pub(crate) fn again(&self) -> Self {
        self.caches.claim_again(self.index);
        Self {
            caches: Arc::clone(&self.caches),
            index: self.index,
        }
    }

    pub(crate) fn cache(&self) -> Option<Cache<'_>> {
        self.caches.cache(self.index)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.caches.is_last_user(self.index)
            && let Some(cache) = self.caches.cache(self.index)
        {
            #[cfg(not(loom))]
            last::forget_caches(&self.caches);
            // SAFETY: the claim keeps the caches.
            unsafe { Core::flush(cache) };
        }
        self.caches.unclaim(self.index);
    }
}

/// The class that was used last, and the thread's own magazine for it.
///
/// Where the magazine lies is remembered and not computed from the class: the class of a buffer
/// is a load away from the slot that it came from, and the next take would wait for it. What is
/// compared only decides a branch, which is predicted.
#[derive(Debug)]
pub(crate) struct Last {
    /// Never null, which is the class of slots from the heap.
    class: Cell<NonNull<Class>>,
    magazine: Cell<NonNull<Magazine>>,
}

impl Last {
    pub(crate) const fn new() -> Self {
        Self {
            // No class is there: it would have to lie at the lowest of addresses.
            class: Cell::new(NonNull::dangling()),
            magazine: Cell::new(NonNull::dangling()),
        }
    }

    /// The magazine for a class, if that was used last.
    ///
    /// # Safety
    ///
    /// The caches that were remembered are there, and the thread's own.
    #[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
    #[inline(always)]
    pub(crate) unsafe fn magazine<'a>(&self, class: *const Class) -> Option<&'a Magazine> {
        if !core::ptr::eq(self.class.get().as_ptr(), class) {
            return None;
        }
        // SAFETY: it was remembered with this class, and is there (contract).
        Some(unsafe { self.magazine.get().as_ref() })
    }

    /// Remembers a class and the thread's magazine for it; only one with a short way.
    pub(crate) fn remember(&self, class: &Class, magazine: &Magazine) {
        if class.has_short_way() {
            self.class.set(NonNull::from(class));
            self.magazine.set(NonNull::from(magazine));
        }
    }

    #[cfg_attr(loom, expect(dead_code, reason = "a model has no registry of threads"))]
    fn forget(&self) {
        self.class.set(NonNull::dangling());
    }
}

/// Runs with the class that the thread used last, whose caches are there.
#[cfg(not(loom))]
#[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
#[inline(always)]
pub(crate) fn with_last<R>(run: impl FnOnce(&Last) -> R) -> R {
    last::CLASS.with(run)
}

/// A model has no thread-local caches: it passes them itself.
#[cfg(loom)]
pub(crate) fn with_last<R>(run: impl FnOnce(&Last) -> R) -> R {
    run(&Last::new())
}

/// The thread's own magazine for a class, if it has or can get one; remembers it.
///
/// Not to be kept: the next call may give it up.
///
/// # Safety
///
/// The core of the class is there.
#[cfg(not(loom))]
pub(crate) unsafe fn magazine<'a>(class: &Class) -> Option<&'a Magazine> {
    // SAFETY: the caller's contract.
    let caches = unsafe { &class.core.as_ref().caches };
    let cache = match last::cache_in(caches) {
        Some(cache) => cache,
        None => registry::find(caches)?,
    };
    // SAFETY: the caches are those that the class is in.
    let magazine = unsafe { cache.magazine(class.number) };
    last::CLASS.with(|last| last.remember(class, magazine));
    Some(magazine)
}

/// As above.
///
/// # Safety
///
/// None is needed; the signature is the same as without a model.
#[cfg(loom)]
pub(crate) unsafe fn magazine<'a>(_: &Class) -> Option<&'a Magazine> {
    None
}

/// A claim of the thread's cache in a pool, if it has or can get one.
#[cfg(not(loom))]
pub(crate) fn claim(caches: &Arc<Caches>) -> Option<Claim> {
    registry::claim(caches)
}

/// A claim of a cache of its own: a model has no registry.
#[cfg(loom)]
pub(crate) fn claim(caches: &Arc<Caches>) -> Option<Claim> {
    Claim::new(caches)
}

#[cfg(not(loom))]
mod last {
    use core::cell::Cell;
    use core::ptr::NonNull;

    use super::Last;
    use crate::caches::{Cache, Caches, Magazine};
    use crate::sync::Arc;

    crate::sync::thread_local! {
        /// The class that the thread used last.
        pub(super) static CLASS: Last = const { Last::new() };
        /// The caches of the pool that the thread used last, and the thread's own magazines among
        /// them. The registry keeps the caches of what is remembered here and above, and forgets
        /// them before it lets go; meanwhile no others can come to lie at their addresses.
        static CACHES: Cell<Option<(NonNull<Caches>, NonNull<Magazine>)>> =
            const { Cell::new(None) };
    }

    /// The thread's cache, if these are the caches that it used last.
    pub(super) fn cache_in<'a>(caches: &Arc<Caches>) -> Option<Cache<'a>> {
        let (known, magazines) = CACHES.get()?;
        core::ptr::eq(known.as_ptr(), Arc::as_ptr(caches)).then_some(Cache {
            // SAFETY: the registry keeps the caches.
            caches: unsafe { known.as_ref() },
            magazines,
        })
    }

    pub(super) fn remember(cache: Cache<'_>) {
        CACHES.set(Some((NonNull::from(cache.caches), cache.magazines)));
    }

    pub(super) fn forget() {
        CACHES.set(None);
        CLASS.with(Last::forget);
    }

    /// Forgets a class of these caches.
    pub(super) fn forget_caches(caches: &Caches) {
        let is_these = |(known, _)| known == NonNull::from(caches);
        if CACHES.get().is_some_and(is_these) {
            CACHES.set(None);
        }
        CLASS.with(|last| {
            let class = last.class.get().as_ptr().cast_const();
            if caches.classes().as_ptr_range().contains(&class) {
                last.forget();
            }
        });
    }
}

#[cfg(not(loom))]
mod registry {
    use core::cell::RefCell;

    use super::{Claim, POOLS_PER_THREAD_MAX, last};
    use crate::caches::{Cache, Caches};
    use crate::sync::Arc;

    /// The caches that the thread owns.
    struct Registry {
        claims: RefCell<[Option<Claim>; POOLS_PER_THREAD_MAX]>,
    }

    impl Drop for Registry {
        fn drop(&mut self) {
            // From here on the thread uses the shared list.
            last::forget();
        }
    }

    crate::sync::thread_local! {
        static REGISTRY: Registry = const {
            Registry { claims: RefCell::new([const { None }; POOLS_PER_THREAD_MAX]) }
        };
    }

    /// The thread's cache among some, if it has or can get one; remembers it.
    ///
    /// Not to be kept, as [`super::magazine`].
    #[cold]
    #[inline(never)]
    pub(super) fn find<'a>(caches: &Arc<Caches>) -> Option<Cache<'a>> {
        with_claim(caches, |claim| {
            last::remember(claim.cache()?);
            Some(())
        })?;
        last::cache_in(caches)
    }

    /// Another claim of the thread's cache.
    pub(super) fn claim(caches: &Arc<Caches>) -> Option<Claim> {
        with_claim(caches, |claim| Some(claim.again()))
    }

    fn with_claim<R>(caches: &Arc<Caches>, run: impl FnOnce(&Claim) -> Option<R>) -> Option<R> {
        // While the thread's locals are being dropped there is none.
        let found = REGISTRY.try_with(|registry| {
            let mut claims = registry.claims.try_borrow_mut().ok()?;
            run(find_among(&mut claims[..], caches)?)
        });
        found.ok().flatten()
    }

    fn find_among<'a>(claims: &'a mut [Option<Claim>], caches: &Arc<Caches>) -> Option<&'a Claim> {
        let is_known = |claim: &Claim| Arc::ptr_eq(&claim.caches, caches);
        if let Some(place) = claims
            .iter()
            .position(|it| it.as_ref().is_some_and(is_known))
        {
            return claims[place].as_ref();
        }
        for claim in claims.iter_mut() {
            if claim.as_ref().is_some_and(|it| it.caches.is_closed()) {
                *claim = None;
            }
        }
        let place = claims.iter_mut().find(|place| place.is_none())?;
        Some(place.insert(Claim::new(caches)?))
    }
}
