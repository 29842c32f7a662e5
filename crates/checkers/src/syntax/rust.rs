use crate::{Outcome, Source};
pub(super) fn check(_source: &Source<'_>, _text: &str) -> Outcome {
    Outcome::not_run("not built yet")
}
