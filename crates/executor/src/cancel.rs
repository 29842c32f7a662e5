//! Asking a task to stop.

use std::sync::Arc;
use std::time::Instant;

use crate::sync::{AtomicBool, Ordering};

/// Tells those who look that they should stop; clones are one token.
///
/// Cancelling is a request: a task that runs looks at its token where it can stop.
///
/// # Examples
///
/// ```
/// use claude_flow_executor::CancelToken;
///
/// let session = CancelToken::new();
/// let request = session.child();
/// session.cancel();
/// assert!(request.is_cancelled());
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken {
    node: Arc<Node>,
}

#[derive(Debug, Default)]
struct Node {
    is_cancelled: AtomicBool,
    deadline: Option<Instant>,
    parent: Option<CancelToken>,
}

impl CancelToken {
    /// A token that nothing but [`cancel`](Self::cancel) cancels.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that is cancelled with this one, and can be cancelled alone.
    #[must_use]
    pub fn child(&self) -> Self {
        self.child_until(None)
    }

    /// A [`child`](Self::child) that a deadline cancels as well.
    #[must_use]
    pub fn child_until(&self, deadline: Option<Instant>) -> Self {
        Self {
            node: Arc::new(Node {
                is_cancelled: AtomicBool::new(false),
                deadline,
                parent: Some(self.clone()),
            }),
        }
    }

    /// Cancels this token and its children; what was done before is visible to who sees it.
    pub fn cancel(&self) {
        // SYNC: pairs with the Acquire load in `is_cancelled`.
        self.node.is_cancelled.store(true, Ordering::Release);
    }

    /// Whether it, its parent or its deadline says to stop.
    ///
    /// # Complexity
    ///
    /// A load for each ancestor, and a look at the clock for each deadline that has not been seen
    /// to pass.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        let mut next = Some(self);
        while let Some(Self { node }) = next {
            // SYNC: pairs with the Release store in `cancel`.
            if node.is_cancelled.load(Ordering::Acquire) {
                return true;
            }
            if node.deadline.is_some_and(|it| it <= Instant::now()) {
                self.cancel();
                return true;
            }
            next = node.parent.as_ref();
        }
        false
    }

    /// The earliest deadline of it and its ancestors.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let parent = self.node.parent.as_ref().and_then(Self::deadline);
        self.node.deadline.into_iter().chain(parent).min()
    }
}
