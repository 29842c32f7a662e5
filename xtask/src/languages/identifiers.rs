//! Names of languages as identifiers of Rust.

/// Names that the rule below would spell badly or twice.
const SPELLED: &[(&str, &str)] = &[
    ("1C Enterprise", "OneCEnterprise"),
    ("2-Dimensional Array", "TwoDimensionalArray"),
    ("4D", "FourD"),
    ("C#", "CSharp"),
    ("C++", "Cpp"),
    ("F#", "FSharp"),
    ("F*", "FStar"),
    ("Objective-C++", "ObjectiveCpp"),
    ("Q#", "QSharp"),
    ("Self", "SelfLanguage"),
];

/// The variant for a language: words without what joins them, each beginning with a capital, and
/// words that are all capitals written as words.
pub(super) fn variant(name: &str) -> String {
    if let Some((_, spelled)) = SPELLED.iter().find(|(given, _)| *given == name) {
        return (*spelled).to_owned();
    }
    name.split(|c: char| !c.is_ascii_alphanumeric())
        .map(word)
        .collect()
}

fn word(word: &str) -> String {
    let is_shouted = word.len() > 1 && !word.contains(|c: char| c.is_ascii_lowercase());
    let mut letters = word.chars();
    let Some(first) = letters.next() else {
        return String::new();
    };
    let rest = letters.as_str();
    let rest = if is_shouted {
        rest.to_ascii_lowercase()
    } else {
        rest.to_owned()
    };
    format!("{}{rest}", first.to_ascii_uppercase())
}
