//! Patterns of paths, as small as the rules and the workspaces' declarations need.

/// Whether a name matches a pattern in which `*` stands for any characters, `?` for one,
/// and `{a,b}` for one of several texts.
///
/// # Complexity
///
/// The product of the lengths at most: one retry point is kept, there is no recursion.
/// Braces are tried one after the other, and not within each other.
pub(super) fn name_matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?', '{']) {
        return pattern == name;
    }
    // Most patterns are an ending.
    if let Some(ending) = pattern.strip_prefix('*')
        && !ending.contains(['*', '?', '{'])
    {
        return name.ends_with(ending);
    }
    if let Some((head, rest)) = pattern.split_once('{')
        && let Some((choices, tail)) = rest.split_once('}')
    {
        // Before a pattern is put together for each choice, its plain end is looked at.
        if !head.contains(['*', '?']) && !name.starts_with(head) {
            return false;
        }
        return choices.split(',').take(CHOICES_MAX).any(|choice| {
            let ends_so = |end: &str| end.contains(['*', '?']) || name.ends_with(end);
            ends_so(tail)
                && (!tail.is_empty() || ends_so(choice))
                && stars_match(&format!("{head}{choice}{tail}"), name)
        });
    }
    stars_match(pattern, name)
}

/// How many texts between braces are tried.
const CHOICES_MAX: usize = 32;

/// How many folders a pattern may name.
const PARTS_MAX: usize = 32;

fn stars_match(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut from) = (0, 0);
    // Where the last `*` stands, and how much of the name it has taken.
    let mut star = None;
    while from < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[from] => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|&byte| byte == b'*')
}

/// Whether a path matches a pattern part by part; `**` stands for any number of folders.
pub(super) fn path_matches(pattern: &str, path: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').take(PARTS_MAX).collect();
    let path: Vec<&str> = path.split('/').collect();
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < path.len() {
        match pattern.get(at) {
            Some(&"**") => {
                star = Some((at, from));
                at += 1;
            }
            Some(part) if name_matches(part, path[from]) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else {
                    return false;
                };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                from = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|part| *part == "**")
}

/// Whether the last parts of a path match a pattern.
pub(super) fn ending_matches(pattern: &str, path: &str) -> bool {
    let mut parts = path.rsplit('/');
    pattern
        .rsplit('/')
        .all(|wanted| parts.next().is_some_and(|part| name_matches(wanted, part)))
}

#[cfg(test)]
mod tests {
    use super::{ending_matches, name_matches, path_matches};

    #[test]
    fn stars_stand_for_any_characters() {
        assert!(name_matches("vitest.config.*", "vitest.config.mts"));
        assert!(name_matches("*test*.go", "a_test_b.go"));
        assert!(name_matches("*", ""));
        assert!(name_matches("*aab", "aaaab"));
        assert!(!name_matches("*.go", "a.goo"));
        assert!(name_matches("a.{js,cjs}", "a.cjs"));
        assert!(!name_matches("a.{js,cjs}", "a.ts"));
    }

    #[test]
    fn a_star_stays_within_its_folder() {
        assert!(path_matches("packages/*", "packages/a"));
        assert!(!path_matches("packages/*", "packages/a/b"));
        assert!(path_matches("packages/**", "packages/a/b"));
        assert!(path_matches("**/*.kt", "a/b/c.kt"));
        assert!(path_matches("**/*.kt", "c.kt"));
        assert!(!path_matches("**/*.kt", "c.kts"));
    }

    #[test]
    fn endings_are_compared_part_by_part() {
        assert!(ending_matches(
            ".github/workflows/*.yml",
            "x/.github/workflows/ci.yml"
        ));
        assert!(ending_matches("package.json", "package.json"));
        assert!(!ending_matches("package.json", "a/xpackage.json"));
    }
}
