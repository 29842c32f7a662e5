//! What the rings do, seen from outside.

mod broadcast;
mod lossy;
mod mpmc;
mod mpsc;
mod prop_broadcast;
mod prop_mpmc;
mod prop_mpsc;
mod values;
