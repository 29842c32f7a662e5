//! The languages and their facts.

use claude_flow_lang_detect::{Kind, Language};

/// The data have more languages than a person would notice the loss of one in.
#[test]
fn all_languages_of_the_data_are_there_by_their_names() {
    let data = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/data/languages.tsv"))
        .expect("the data are in the crate");
    let names: Vec<&str> = data
        .lines()
        .skip(2)
        .filter_map(|line| line.split('\t').next())
        .collect();
    let ours: Vec<&str> = Language::ALL.iter().map(|it| it.name()).collect();
    assert_eq!(ours, names);
    assert_eq!(ours.len(), 829);
}

#[test]
fn every_language_is_found_by_its_name() {
    for language in Language::ALL {
        assert_eq!(Language::from_name(language.name()), Some(*language));
        let hyphenated = language.name().replace(' ', "-").to_lowercase();
        assert_eq!(Language::from_name(&hyphenated), Some(*language));
    }
}

#[test]
fn facts_are_those_of_the_language() {
    assert_eq!(Language::Rust.extensions(), ["rs", "rs.in"]);
    assert_eq!(Language::Json5.kind(), Kind::Data);
    assert_eq!(Language::Markdown.kind(), Kind::Prose);
    assert_eq!(Language::Tsx.group(), Some(Language::TypeScript));
    assert_eq!(Language::JavaScript.group(), None);
    assert!(Language::JavaScript.extensions().contains(&"jsx"));
    assert!(Language::Perl.interpreters().contains(&"perl"));
    assert!(Language::Makefile.file_names().contains(&"GNUmakefile"));
    assert!(Language::Cpp.aliases().contains(&"cpp"));
    assert_eq!(Language::Cpp.to_string(), "C++");
}
