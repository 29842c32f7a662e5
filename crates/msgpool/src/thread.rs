//! Each thread's own cache in each pool that it uses.
//!
//! Two thread-local variables: the cache that was used last, without a destructor and therefore
//! one load away, and the registry of all, which gives them up when the thread ends.
#![expect(unsafe_code, reason = "remembers where a cache lies")]

use core::ptr::NonNull;

use crate::caches::{Cache, CachePart, Caches};
use crate::core::{Class, Core};
use crate::sync::Arc;

/// How many pools a thread can have caches in; in further ones it uses the shared list.
#[cfg(not(loom))]
const POOLS_PER_THREAD_MAX: usize = 8;

/// A cache that the thread owns, as long as one of its claims lives.
pub(crate) struct Claim {
    pub(crate) caches: Arc<Caches>,
    /// Perhaps gone if the caches are closed.
    core: NonNull<Core>,
    pub(crate) index: u32,
}

impl Claim {
    /// The first claim of a cache; none if all caches are claimed.
    pub(crate) fn new(core: NonNull<Core>) -> Option<Self> {
        // SAFETY: the caller keeps the core while this runs.
        let caches = unsafe { &core.as_ref().caches };
        let index = caches.claim()?;
        Some(Self {
            caches: Arc::clone(caches),
            core,
            index,
        })
    }

    /// Another claim of the same cache in the same thread.
    #[cfg_attr(loom, expect(dead_code, reason = "a model has no registry of threads"))]
    pub(crate) fn again(&self) -> Self {
        self.caches.claim_again(self.index);
        Self {
            caches: Arc::clone(&self.caches),
            ..*self
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
            last::forget_if(&self.caches);
            // SAFETY: the claim was made with this core.
            unsafe { Core::flush(self.core, cache) };
        }
        self.caches.unclaim(self.index);
    }
}

/// The thread's cache for a class, if it has or can get one.
///
/// Not to be kept: the next call may give the cache up.
#[cfg_attr(
    not(loom),
    expect(clippy::inline_always, reason = "keeps the buffer in registers")
)]
#[cfg_attr(not(loom), inline(always))]
pub(crate) fn known<'a>(class: &Class) -> Option<CachePart<'a>> {
    // SAFETY: a reference.
    unsafe { remembered(class) }.or_else(|| find(class))
}

/// The thread's cache for a class, if that is the one that it used last and needs no clearing.
///
/// Where the magazine lies is remembered and not computed from the class: the class of a buffer
/// is two loads away from the slot that it came from, and the next take would wait for them. What
/// is compared only decides a branch, which is predicted.
///
/// # Safety
///
/// The class is there, or null.
#[cfg(not(loom))]
#[expect(clippy::inline_always, reason = "keeps the buffer in registers")]
#[inline(always)]
pub(crate) unsafe fn remembered<'a>(class: *const Class) -> Option<CachePart<'a>> {
    if !core::ptr::eq(last::CLASS.get()?.as_ptr(), class) {
        return None;
    }
    let caches = last::CACHES.get()?;
    // SAFETY: not null, since it is remembered.
    if caches != unsafe { (*class).caches } {
        return None;
    }
    Some(CachePart {
        // SAFETY: the registry keeps the caches of what is remembered, and forgets it before it
        // lets go of them.
        caches: unsafe { caches.as_ref() },
        // SAFETY: as above; it was remembered with this class and these caches.
        magazine: unsafe { last::MAGAZINE.get().as_ref() },
    })
}

/// A model has no thread-local caches: it passes them itself.
///
/// # Safety
///
/// None is needed; the signature is the same as without a model.
#[cfg(loom)]
pub(crate) unsafe fn remembered<'a>(_: *const Class) -> Option<CachePart<'a>> {
    None
}

/// As above.
#[cfg(loom)]
fn find<'a>(_: &Class) -> Option<CachePart<'a>> {
    None
}

/// The thread's cache for a class, if it has or can get one; remembers it.
#[cfg(not(loom))]
#[inline(never)]
fn find<'a>(class: &Class) -> Option<CachePart<'a>> {
    if last::CACHES.get() != Some(class.caches) && !registry::find(class.core, class.caches) {
        return None;
    }
    let cache = Cache {
        // SAFETY: as in remembered().
        caches: unsafe { class.caches.as_ref() },
        magazines: last::MAGAZINES.get(),
    };
    // SAFETY: the caches are of the core that has the class.
    let part = unsafe { cache.part(class.number) };
    if !class.zeroize {
        last::remember_class(class, part.magazine);
    }
    Some(part)
}

/// A claim of the thread's cache in a pool, if it has or can get one.
#[cfg(not(loom))]
pub(crate) fn claim(core: NonNull<Core>) -> Option<Claim> {
    registry::claim(core)
}

/// A claim of a cache of its own: a model has no registry.
#[cfg(loom)]
pub(crate) fn claim(core: NonNull<Core>) -> Option<Claim> {
    Claim::new(core)
}

#[cfg(not(loom))]
mod last {
    use core::cell::Cell;
    use core::ptr::NonNull;

    use crate::caches::{Cache, Caches, Magazine};
    use crate::core::Class;

    crate::sync::thread_local! {
        /// The caches of the pool that the thread used last: the address by which the pool is
        /// recognised. While the registry keeps the caches no other pool can have it.
        pub(super) static CACHES: Cell<Option<NonNull<Caches>>> = const { Cell::new(None) };
        /// The thread's own magazines among them.
        pub(super) static MAGAZINES: Cell<NonNull<Magazine>> =
            const { Cell::new(NonNull::dangling()) };
        /// The class that the thread used last. Good only with the caches above: another pool's
        /// class may come to lie here, but not with these caches.
        pub(super) static CLASS: Cell<Option<NonNull<Class>>> = const { Cell::new(None) };
        /// The thread's own magazine for it.
        pub(super) static MAGAZINE: Cell<NonNull<Magazine>> =
            const { Cell::new(NonNull::dangling()) };
    }

    pub(super) fn remember_class(class: &Class, magazine: &Magazine) {
        CLASS.set(Some(NonNull::from(class)));
        MAGAZINE.set(NonNull::from(magazine));
    }

    pub(super) fn remember(cache: Cache<'_>) {
        CACHES.set(Some(NonNull::from(cache.caches)));
        MAGAZINES.set(cache.magazines);
        CLASS.set(None);
    }

    pub(super) fn forget() {
        CACHES.set(None);
    }

    pub(super) fn forget_if(caches: &Caches) {
        if CACHES.get() == Some(NonNull::from(caches)) {
            forget();
        }
    }
}

#[cfg(not(loom))]
mod registry {
    use core::cell::RefCell;
    use core::ptr::NonNull;

    use super::{Claim, POOLS_PER_THREAD_MAX, last};
    use crate::caches::Caches;
    use crate::core::Core;
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

    /// Remembers the thread's cache among some; false if it neither has nor can get one.
    #[cold]
    #[inline(never)]
    pub(super) fn find(core: NonNull<Core>, caches: NonNull<Caches>) -> bool {
        with_claim(core, caches, |claim| {
            claim.cache().map(last::remember).is_some()
        })
        .unwrap_or(false)
    }

    /// Another claim of the thread's cache.
    pub(super) fn claim(core: NonNull<Core>) -> Option<Claim> {
        // SAFETY: the caller has a handle of the pool.
        let caches = NonNull::from(unsafe { &*core.as_ref().caches });
        with_claim(core, caches, |claim| {
            claim.cache().map(last::remember);
            claim.again()
        })
    }

    fn with_claim<R>(
        core: NonNull<Core>,
        caches: NonNull<Caches>,
        run: impl FnOnce(&Claim) -> R,
    ) -> Option<R> {
        // While the thread's locals are being dropped there is none.
        let found = REGISTRY.try_with(|registry| {
            let mut claims = registry.claims.try_borrow_mut().ok()?;
            find_among(&mut claims[..], core, caches).map(run)
        });
        found.ok().flatten()
    }

    fn find_among(
        claims: &mut [Option<Claim>],
        core: NonNull<Core>,
        caches: NonNull<Caches>,
    ) -> Option<&Claim> {
        let is_known = |claim: &Claim| core::ptr::eq(Arc::as_ptr(&claim.caches), caches.as_ptr());
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
        Some(place.insert(Claim::new(core)?))
    }
}
