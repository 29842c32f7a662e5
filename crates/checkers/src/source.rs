//! The text to check.

use claude_flow_lang_detect::Language;

/// One file's content as it is on disk.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The path; only its name matters, for dialects such as `.d.ts` and `.jsonl`.
    pub path: &'a str,
    /// The language to check it as.
    pub language: Language,
    /// The content, a byte-order mark included.
    pub bytes: &'a [u8],
}

impl<'a> Source<'a> {
    /// The file name's part after the last dot, lower-cased; empty if there is none.
    pub(crate) fn extension(&self) -> String {
        self.file_name()
            .rsplit_once('.')
            .map_or_else(String::new, |(_, ext)| ext.to_ascii_lowercase())
    }

    pub(crate) fn file_name(&self) -> &'a str {
        self.path.rsplit(['/', '\\']).next().unwrap_or(self.path)
    }
}
