//! Command lines: of scripts, make files and continuous-integration files.

/// How many commands of one file are looked at.
const COMMANDS_MAX: usize = 4_000;

/// A longer command is cut.
const COMMAND_BYTES_MAX: usize = 400;

/// How many words may stand before the program itself.
const WRAPPERS_MAX: usize = 12;

/// Programs that run the program after them, with how many more words they take.
const WRAPPERS: &[(&str, usize)] = &[
    ("@php", 0),
    ("c8", 0),
    ("command", 0),
    ("cross-env", 0),
    ("env", 0),
    ("exec", 0),
    ("npx", 0),
    ("bunx", 0),
    ("nyc", 0),
    ("pipx", 1),
    ("sudo", 0),
    ("time", 0),
    ("uvx", 0),
    ("xvfb-run", 0),
];

/// Programs that run the program after one of these words.
const RUNNERS: &[(&str, &[&str])] = &[
    ("bun", &["run", "x"]),
    ("bundle", &["exec"]),
    ("coverage", &["run"]),
    ("hatch", &["run"]),
    ("npm", &["exec"]),
    ("pdm", &["run"]),
    ("php", &[]),
    ("pipenv", &["run"]),
    ("pnpm", &["exec", "dlx"]),
    ("poetry", &["run"]),
    ("python", &["-m"]),
    ("python3", &["-m"]),
    ("uv", &["run"]),
    ("yarn", &["exec", "run", "dlx"]),
];

/// The commands of a whole file, line by line.
pub(super) fn in_text(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .flat_map(in_line)
        .take(COMMANDS_MAX)
        .collect()
}

/// The commands of one line, without what stands before the program.
pub(super) fn in_line(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in line.split(['&', ';', '|', '(', ')', '`']) {
        let mut words: Vec<&str> = part
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '\'', ',', '[', ']']))
            .filter(|word| !word.is_empty())
            .take(40)
            .collect();
        for _ in 0..WRAPPERS_MAX {
            let before = words.len();
            found.extend(command(&words));
            unwrap(&mut words);
            if words.len() == before || words.is_empty() {
                break;
            }
        }
    }
    found
}

/// The words in the calls `session.run("pytest", "-x")` of a nox file.
pub(super) fn in_nox(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, call) in text.match_indices("session.run(") {
        let rest = &text[at + call.len()..];
        let rest = &rest[..rest.floor_char_boundary(COMMAND_BYTES_MAX)];
        let end = rest.find(')').unwrap_or(rest.len());
        let words: Vec<&str> = rest[..end].split('"').skip(1).step_by(2).collect();
        found.extend(in_line(&words.join(" ")));
        if found.len() >= COMMANDS_MAX {
            break;
        }
    }
    found
}

fn command(words: &[&str]) -> Option<String> {
    let (program, rest) = words.split_first()?;
    let program = program.trim_start_matches(['@', '-', '+']);
    let program = [
        "vendor/bin/",
        "./vendor/bin/",
        "node_modules/.bin/",
        "./node_modules/.bin/",
    ]
    .iter()
    .find_map(|prefix| program.strip_prefix(prefix))
    .unwrap_or(program);
    let is_program = program
        .starts_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '$'))
        && !program.ends_with(':');
    if !is_program {
        return None;
    }
    let mut line = program.to_owned();
    for word in rest {
        line.push(' ');
        line.push_str(word);
    }
    line.truncate(line.floor_char_boundary(COMMAND_BYTES_MAX));
    Some(line)
}

/// Takes away what stands before the program: settings, wrappers, keys of YAML.
fn unwrap(words: &mut Vec<&str>) {
    let Some(first) = words.first().copied() else {
        return;
    };
    let first = first.trim_start_matches(['@', '-', '+']);
    let is_setting = first
        .split_once('=')
        .is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    let is_yaml = first.is_empty() || matches!(first, "run:" | "script:" | "command:" | "cmd:");
    let takes = WRAPPERS
        .iter()
        .find_map(|(name, takes)| (*name == first).then_some(*takes));
    if is_setting || is_yaml {
        words.remove(0);
    } else if let Some(takes) = takes.filter(|takes| *takes < words.len()) {
        words.drain(..=takes);
        options(words);
    } else if let Some((_, verbs)) = RUNNERS.iter().find(|(name, _)| *name == first) {
        let verb = words.get(1).copied().unwrap_or_default();
        if verbs.is_empty() {
            words.remove(0);
        } else if verbs.contains(&verb) {
            words.drain(..2);
            options(words);
        } else if first == "yarn" && !verb.starts_with('-') {
            // `yarn jest` runs jest; `yarn test` a script, which is no program of that name.
            words.remove(0);
        }
    }
}

/// Takes away the options of a wrapper, as far as they can be told from the program.
fn options(words: &mut Vec<&str>) {
    while words.first().is_some_and(|word| word.starts_with('-')) {
        words.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{in_line, in_nox};

    fn check(line: &str, expected: &str) {
        let found = in_line(line);
        assert!(
            found.iter().any(|command| command == expected),
            "{line}: {found:?}"
        );
    }

    #[test]
    fn wrappers_are_taken_off() {
        check("BABEL_ENV=x npx jest test/", "jest test/");
        check("cross-env CI=1 vitest run", "vitest run");
        check("- run: bundle exec rspec -f d", "rspec -f d");
        check("cd a && uv run coverage run -m pytest -x", "pytest -x");
        check("\t@python3 -m unittest discover", "unittest discover");
        check("nyc --reporter=html npm test", "npm test");
        check("vendor/bin/phpunit --no-coverage", "phpunit --no-coverage");
    }

    #[test]
    fn what_wraps_is_kept_too() {
        check(
            "nyc --reporter=html npm test",
            "nyc --reporter=html npm test",
        );
        check("uv run coverage run -m pytest", "coverage run -m pytest");
    }

    #[test]
    fn nox_calls_are_commands() {
        assert_eq!(in_nox("session.run(\"mypy\", \"src\")"), ["mypy src"]);
    }
}
