//! What was there before the edit, and which findings were there as well.

use std::path::Path;
use std::sync::Arc;

use claude_flow_checkers::Finding;

use crate::changes::LineMap;
use crate::run::Runner;
use crate::{BaselineSource, Config, LineIndex, document, git, read};

/// The content before the edit.
#[derive(Debug)]
pub(crate) struct Earlier {
    origin: &'static str,
    name: String,
    pub(crate) bytes: Arc<[u8]>,
}

impl Earlier {
    /// Gets the earlier content of a file within the configured limits; the error is for people.
    pub(crate) fn load(
        source: &BaselineSource,
        path: &Path,
        config: &Config,
        runner: &Runner,
    ) -> Result<Option<Self>, String> {
        let limit_bytes = config.file_size_bytes();
        match source {
            BaselineSource::None => Ok(None),
            BaselineSource::File(file) => {
                let bytes = read::bounded(file, limit_bytes)
                    .map_err(|error| format!("the earlier content: {error}"))?;
                Ok(Some(Self {
                    origin: "file",
                    name: file.to_string_lossy().into_owned(),
                    bytes: bytes.into(),
                }))
            }
            BaselineSource::Hook { name, content } => Ok(Some(Self {
                origin: "hook",
                name: name.clone(),
                bytes: Arc::clone(content),
            })),
            BaselineSource::Git { revision } => {
                let (file, at) = (path.to_owned(), revision.clone());
                // A repository may be damaged or hostile: a FIFO for its configuration never ends.
                let bytes = runner
                    .within(config.time_limit(), move || {
                        git::content_at(&file, &at, limit_bytes)
                    })
                    .map_err(|reason| format!("the git repository: {reason}"))
                    .and_then(|read| read.map_err(|error| error.to_string()))
                    .map_err(|reason| format!("{}: {reason}", path.display()))?;
                let name = match bytes {
                    Some(_) => revision.clone(),
                    None => format!("{revision}, where the file does not exist"),
                };
                Ok(Some(Self {
                    origin: "git",
                    name,
                    bytes: bytes.unwrap_or_default().into(),
                }))
            }
        }
    }

    pub(crate) fn describe(&self) -> document::Baseline {
        document::Baseline {
            origin: self.origin,
            name: self.name.clone(),
            blake3: blake3::hash(&self.bytes).to_hex().to_string(),
        }
    }
}

/// The findings in the earlier content, ready to be looked up from the new one.
#[derive(Debug)]
pub(crate) struct Known<'a> {
    before: &'a LineIndex<'a>,
    after: &'a LineIndex<'a>,
    map: LineMap,
    // What was found before and has not been matched yet: one stands for one.
    unmatched: Vec<&'a Finding>,
}

impl<'a> Known<'a> {
    pub(crate) fn new(
        before: &'a LineIndex<'a>,
        after: &'a LineIndex<'a>,
        found_before: impl IntoIterator<Item = &'a Finding>,
    ) -> Self {
        Self {
            before,
            after,
            map: LineMap::new(before, after),
            unmatched: found_before.into_iter().collect(),
        }
    }

    /// Whether the same finding was there before, on a line that the edit left alone.
    ///
    /// It is the same if rule and message are, and if the lines that it points to, those that explain it
    /// included, are untouched and were pointed to before. A finding on an untouched line that was not
    /// there before counts: an edit can break a line that it did not touch.
    pub(crate) fn take(&mut self, finding: &Finding) -> bool {
        let same = |earlier: &&Finding| {
            earlier.rule == finding.rule
                && earlier.message == finding.message
                && self.same_line(earlier.span.start, finding.span.start)
                && earlier.related.len() == finding.related.len()
                && earlier
                    .related
                    .iter()
                    .zip(&finding.related)
                    .all(|(earlier, now)| {
                        earlier.message == now.message
                            && self.same_line(earlier.span.start, now.span.start)
                    })
        };
        let place = self.unmatched.iter().position(same);
        if let Some(place) = place {
            self.unmatched.remove(place);
        }
        place.is_some()
    }

    fn same_line(&self, before: usize, after: usize) -> bool {
        self.map.before(self.after.line_of(after)) == Some(self.before.line_of(before))
    }
}

/// Whether a text holds nothing but white space.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    bytes
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(bytes)
        .trim_ascii()
        .is_empty()
}

/// The finding that an edit left nothing of a file.
pub(crate) fn emptied(before: &[u8]) -> Finding {
    let message = format!("the edit left nothing of the {} bytes here", before.len());
    Finding::error("text/emptied", message, 0..0)
        .with_help("restore the content, or delete the file if that is what was meant")
}

#[cfg(test)]
mod tests;
