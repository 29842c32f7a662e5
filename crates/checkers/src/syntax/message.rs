//! How a parser's message becomes ours: a fragment in lower case without a full stop.

/// The text without its full stop and with its first word in lower case, unless that is a name.
pub(super) fn fragment(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => text.to_owned(),
    }
}
