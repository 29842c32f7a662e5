//! Parts of paths, which may use `/` or `\`.

/// Longer extensions are none that is known.
pub(crate) const EXTENSION_BYTES_MAX: usize = 32;

/// A path in two parts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Without the last slash; empty for a bare name.
    pub(crate) folder: &'a str,
    pub(crate) name: &'a str,
}

pub(crate) fn split(path: &str) -> Place<'_> {
    match path.rfind(['/', '\\']) {
        Some(at) => Place {
            folder: path[..at].trim_start_matches("./"),
            name: &path[at + 1..],
        },
        None => Place {
            folder: "",
            name: path,
        },
    }
}

/// The folders of a path, outermost first.
pub(crate) fn folders(path: &str) -> impl Iterator<Item = &str> {
    split(path).folder.split(['/', '\\'])
}

/// A name up to its first dot behind the first character.
pub(crate) fn stem(name: &str) -> &str {
    let skipped = name.chars().next().map_or(0, char::len_utf8);
    match name[skipped..].find('.') {
        Some(at) => &name[..skipped + at],
        None => name,
    }
}

/// What comes behind the last dot; a name that begins with its only dot has no extension.
pub(crate) fn last_extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

/// The text in lower case, in the buffer; `None` if it is too long for it.
pub(crate) fn lower<'b>(text: &str, buffer: &'b mut [u8]) -> Option<&'b str> {
    let place = buffer.get_mut(..text.len())?;
    place.copy_from_slice(text.as_bytes());
    place.make_ascii_lowercase();
    std::str::from_utf8(place).ok()
}
