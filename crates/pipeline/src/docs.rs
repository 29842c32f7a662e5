//! The specification and the decisions, as they are beside the code.

#[doc = include_str!("../docs/result.md")]
pub mod result {}

#[doc = include_str!("../docs/tests.md")]
pub mod tests {}

#[doc = include_str!("../docs/adr/0001-result-document.md")]
pub mod adr_0001_result_document {}

#[doc = include_str!("../docs/adr/0002-gix-for-baselines.md")]
pub mod adr_0002_gix_for_baselines {}
