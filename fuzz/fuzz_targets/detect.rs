//! Any bytes in: one answer, the same one twice, and no panic.
//!
//! The bytes up to the first line end are the path, those up to the second zero byte the project's
//! `.gitattributes` and `compile_commands.json`, the rest is the file.
//! The suite has the same property with other inputs, in `crates/lang-detect/tests/it/prop_any_bytes.rs`.
#![no_main]

use claude_flow_lang_detect::{Attributes, CompileCommands, Input, Sibling, examine, test_files};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == b'\n');
    let path = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let mut parts = parts.next().unwrap_or_default().splitn(3, |byte| *byte == 0);
    let first = parts.next().unwrap_or_default();
    let second = parts.next().unwrap_or_default();
    let content = parts.next().unwrap_or(first);
    let settings = String::from_utf8_lossy(first);
    let mut attributes = Attributes::default();
    attributes.add("", &settings);
    let commands = CompileCommands::parse(&String::from_utf8_lossy(second));
    let siblings = [Sibling::new(&path), Sibling::new(&settings)];
    let input = Input {
        attributes: Some(&attributes),
        siblings: &siblings,
        compile_commands: Some(&commands),
        ..Input::new(&path, content)
    };
    assert_eq!(examine(&input), examine(&input));
    drop(test_files::tests_of(&path, &[&settings, &path]));
});
