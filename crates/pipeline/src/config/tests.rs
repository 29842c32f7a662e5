//! The template says what the defaults are.

use super::{Config, schema::Schema};

#[test]
fn template_parses_to_the_defaults() {
    let written = Config::parse(Config::template(), "claude-flow.toml".as_ref())
        .expect("the template is valid");
    assert_eq!(
        format!("{:?}", written.schema),
        format!("{:?}", Schema::default())
    );
}

#[test]
fn template_tells_every_key_and_its_bounds() {
    let keys = toml::from_str::<toml::Table>(Config::template()).expect("the template is TOML");
    let count: usize = keys
        .values()
        .map(|section| section.as_table().map_or(0, toml::Table::len))
        .sum();
    // file_size_bytes, time_ms, tool_time_ms, test_time_ms; text, syntax, format, lint, types, security, tests,
    // coverage; exclude; severity; enabled.
    assert_eq!(count, 15);
    for bound in ["1 to 104857600", "1 to 600000", "1 to 3600000"] {
        assert!(Config::template().contains(bound));
        let key = match bound {
            "1 to 104857600" => "file_size_bytes",
            "1 to 600000" => "time_ms",
            _ => "test_time_ms",
        };
        let text = format!("[limits]\n{key} = -1\n");
        let error = Config::parse(&text, "c.toml".as_ref()).expect_err("out of range");
        assert!(error.to_string().contains(bound), "{error}");
    }
}
