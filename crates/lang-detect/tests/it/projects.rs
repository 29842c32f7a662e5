//! Behaviour of the detection of projects.
#![expect(
    clippy::disallowed_methods,
    reason = "fixtures are files, and a setting of the tests comes from outside"
)]

mod behaviour;
mod labels;
mod prop;
