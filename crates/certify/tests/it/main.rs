//! From claims to certificates, and what breaks them.

mod certificate;
mod group;
mod opinion;
mod prop_levels;
mod reading;
mod render;
mod sabotage;
mod targets;
