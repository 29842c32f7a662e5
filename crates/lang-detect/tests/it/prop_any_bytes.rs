//! Any bytes and any paths: an answer, the same one twice, and no panic.

use claude_flow_lang_detect::{
    Attributes, CompileCommands, Input, Sibling, detect, examine, test_files,
};
use proptest::prelude::*;
use proptest::sample::select;

const EXTENSIONS: &[&str] = &[
    "h", "m", "pl", "t", "v", "fs", "cls", "inc", "sql", "r", "d", "ts", "tsx", "mm", "rs", "pp",
    "sc", "l", "st", "php", "html", "md", "cs", "f", "pro", "ex", "tst", "lisp", "cl", "es", "mod",
    "json", "yaml", "py", "txt", "unknown", "in", "",
];

/// What the rules and the parsers of lines look for, and what may confuse them.
const PIECES: &[&str] = &[
    "\n",
    "\r\n",
    " ",
    "\t",
    "\"",
    "'",
    "`",
    "/*",
    "*/",
    "//",
    "#",
    "#if __cplusplus\n",
    "#else\n",
    "#endif\n",
    "#include <a>\n",
    "#!",
    "#!/usr/bin/env -S ",
    "-*-",
    " mode: ",
    "vim: ft=",
    "{",
    "}",
    "(",
    ")",
    "class A",
    "template<",
    "@interface A",
    ":- a",
    "<?xml",
    "é",
    "\u{0}",
    "G",
    "[",
    "]",
    "**",
    "*",
    "\\",
    "linguist-language=",
    "\"file\": \"a.cc\"",
    "Local Variables:",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => prop::collection::vec(any::<u8>(), 0..8),
        1 => "[a-z]{1,8}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => ("[a-zA-Z_.é/]{0,12}", select(EXTENSIONS)).prop_map(|(stem, end)| format!("{stem}.{end}")),
        1 => any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_input_gives_one_answer(
        path in path(), content in text(), attributes in text(), commands in text(),
        siblings in prop::collection::vec(path(), 0..6),
    ) {
        let mut parsed = Attributes::default();
        parsed.add("a", &String::from_utf8_lossy(&attributes));
        parsed.add("", &String::from_utf8_lossy(&attributes));
        let commands = CompileCommands::parse(&String::from_utf8_lossy(&commands));
        let names: Vec<&str> = siblings.iter().map(String::as_str).collect();
        let around: Vec<Sibling<'_>> = names.iter().map(|it| Sibling::new(it)).collect();
        let input = Input {
            attributes: Some(&parsed),
            siblings: &around,
            compile_commands: Some(&commands),
            ..Input::new(&path, &content)
        };
        let answer = examine(&input);
        prop_assert_eq!(answer, examine(&input));
        prop_assert!(answer.runners_up.iter().all(|it| Some(it) != answer.language));
        let alone = detect(&path, &content);
        if let Some(alone) = alone {
            prop_assert_eq!(Some(alone.language), examine(&Input::new(&path, &content)).language);
        }
        drop(test_files::tests_of(&path, &names));
        drop(test_files::sources_of(&path, &names));
    }

    /// What comes after the limit changes nothing but modelines at the end, which are left out here.
    #[test]
    fn no_more_is_read_than_is_promised(path in path(), content in text(), more in "[a-z \n]{0,4000}") {
        let mut long = content.clone();
        long.resize(claude_flow_lang_detect::CONTENT_BYTES_MAX, b'\n');
        let before = examine(&Input::new(&path, &long)).language;
        long.extend(b"\n".repeat(4096));
        long.extend(more.bytes());
        prop_assert_eq!(before, examine(&Input::new(&path, &long)).language);
    }
}
