//! The result document itself.

use std::io::{self, Write};

use crate::report::Report;

/// Writes the document as one line.
pub(super) fn write(report: Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report.document)?;
    out.write_all(b"\n")
}
