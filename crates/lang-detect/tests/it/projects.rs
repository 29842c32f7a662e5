//! Behaviour of the detection of projects.

mod behaviour;
mod labels;
mod prop;
