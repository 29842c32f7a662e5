//! The specification and the decisions, as they are beside the code.

#[doc = include_str!("../docs/result.md")]
pub mod result {}

#[doc = include_str!("../docs/tests.md")]
pub mod tests {}

#[doc = include_str!("../docs/adr/0001-result-document.md")]
pub mod adr_0001_result_document {}

#[doc = include_str!("../docs/adr/0002-gix-for-baselines.md")]
pub mod adr_0002_gix_for_baselines {}

#[doc = include_str!("../docs/tdd.md")]
pub mod tdd {}

#[doc = include_str!("../docs/adr/0003-tdd-journal.md")]
pub mod adr_0003_tdd_journal {}

#[doc = include_str!("../docs/adr/0004-warm-tools.md")]
pub mod adr_0004_warm_tools {}
