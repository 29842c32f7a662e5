//! Certifying a project: validators in processes of their own run its checks, vote and agree.
//!
//! [`coordinate`] starts a process for each validator and gives them their turns, one after the
//! other, so that what is measured is not disturbed by what is tested; a [`validator`] is one process
//! with its own key, consensus node and directory of evidence.

mod coordinate;
mod events;
mod plan;
mod run;
mod secrets;
mod tree;
mod validator;

pub(crate) use coordinate::{Options, Outcome, certify};
pub(crate) use plan::targets_of;
pub(crate) use secrets::scan;
pub(crate) use validator::validate;
