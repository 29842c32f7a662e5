//! What the rings do, seen from outside.

mod mpmc;
mod mpsc;
mod prop_mpmc;
mod prop_mpsc;
mod values;
