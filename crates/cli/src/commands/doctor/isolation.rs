//! How strongly this machine can hold a tool that is run.

use std::io::Write;

use serde::Serialize;

use super::{BOLD, GREEN, RED};
use crate::visible::visible;

/// What the sandbox found out; the JSON form has these names.
#[derive(Debug, Serialize)]
pub(super) struct Isolation {
    /// `L1` to `L3`, none if the sandbox does not work here at all.
    level: Option<String>,
    landlock_abi: Option<u32>,
    missing: Vec<Missing>,
    /// Why there is no level.
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct Missing {
    primitive: String,
    cause: String,
    cure: String,
}

impl Isolation {
    /// Starts the sandbox's helper, which tries everything once.
    #[cfg(target_os = "linux")]
    pub(super) fn probe() -> Self {
        use claude_flow::sandbox::{Helper, Sandbox};
        match Sandbox::start(Helper::this_program()) {
            Ok(sandbox) => {
                let available = sandbox.available();
                let missing = available.missing.iter().map(|missing| Missing {
                    primitive: missing.primitive.clone(),
                    cause: missing.cause.clone(),
                    cure: missing.cure.clone(),
                });
                Self {
                    level: Some(available.level.to_string()),
                    landlock_abi: Some(available.landlock_abi),
                    missing: missing.collect(),
                    error: None,
                }
            }
            Err(error) => Self::none(error.to_string()),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn probe() -> Self {
        Self::none("the sandbox is built for Linux only".to_owned())
    }

    fn none(error: String) -> Self {
        Self {
            level: None,
            landlock_abi: None,
            missing: Vec::new(),
            error: Some(error),
        }
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(
            out,
            "\n{BOLD}Sandbox{BOLD:#}: every outside tool runs in it, the project read-only"
        )?;
        match (&self.level, &self.error) {
            (Some(level), _) => {
                let holds = match level.as_str() {
                    "L3" => "namespaces, Landlock, seccomp and resource limits",
                    "L2" => "Landlock, seccomp and resource limits",
                    _ => "resource limits, no isolation",
                };
                writeln!(out, "  {GREEN}{level}{GREEN:#}: {holds}")?;
            }
            (None, error) => {
                let error = error.as_deref().unwrap_or_default();
                writeln!(out, "  {RED}not available{RED:#}: {}", visible(error))?;
            }
        }
        self.missing.iter().try_for_each(|missing| {
            let (cause, cure) = (visible(&missing.cause), visible(&missing.cure));
            writeln!(out, "  {RED}no {}{RED:#}: {cause}", missing.primitive)?;
            writeln!(out, "    to have it: {cure}")
        })
    }
}
