//! Real files of packages; `cargo xtask detect-corpus` asks for thousands.

use std::fs;
use std::path::PathBuf;

use claude_flow_lang_detect::{Input, Language, examine};

struct Sample {
    /// Below its package.
    path: String,
    language: Language,
    content: Vec<u8>,
}

fn samples() -> Vec<Sample> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/lang-detect");
    let list = fs::read_to_string(dir.join("sample.tsv")).expect("the list is there");
    list.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (path, language) = line.split_once('\t').expect("two fields");
            let (_, below) = path.split_once('/').expect("a package and a path");
            let language = Language::ALL.iter().find(|it| it.name() == language);
            Sample {
                path: below.to_owned(),
                language: *language.unwrap_or_else(|| panic!("{line}")),
                content: fs::read(dir.join("sample").join(path))
                    .unwrap_or_else(|error| panic!("{path}: {error}")),
            }
        })
        .collect()
}

#[test]
fn languages_of_real_files_are_told() {
    let samples = samples();
    assert!(samples.len() > 60);
    for sample in samples {
        let answer = examine(&Input::new(&sample.path, &sample.content));
        assert_eq!(
            answer.language,
            Some(sample.language),
            "{}: {answer:?}",
            sample.path
        );
    }
}

/// The model is missing, of another version, or asked wrongly.
#[test]
fn languages_of_real_files_without_a_name_are_mostly_told() {
    let core = [
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
        Language::Rust,
        Language::Python,
        Language::Go,
        Language::Java,
        Language::C,
        Language::Cpp,
    ];
    let samples = samples();
    let of_core: Vec<&Sample> = samples
        .iter()
        .filter(|sample| core.contains(&sample.language))
        .collect();
    let right = of_core.iter().filter(|sample| {
        examine(&Input::new("", &sample.content)).language == Some(sample.language)
    });
    let right = right.count();
    assert!(
        right * 10 >= of_core.len() * 8,
        "{right} of {}",
        of_core.len()
    );
}
