//! Topics, subscriptions, delivery guarantees and a journal, on rings and pooled messages.
#![deny(unsafe_op_in_unsafe_fn)]
