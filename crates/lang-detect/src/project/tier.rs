//! How much of a stack is there.

use super::{Key, Project};

/// A part of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Part {
    /// A formatter or a linter.
    Style,
    /// A compiler or a type checker.
    Types,
    /// A command that runs the tests.
    Tests,
    /// A tool that measures coverage.
    Coverage,
}

impl Part {
    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Style => "style",
            Self::Types => "types",
            Self::Tests => "tests",
            Self::Coverage => "coverage",
        }
    }
}

/// How far an edit in a project can be judged, from least to most.
///
/// | tier | what it takes |
/// |---|---|
/// | [`Syntax`](Self::Syntax) | nothing: a parser alone |
/// | [`Style`](Self::Style) | a formatter or a linter |
/// | [`Types`](Self::Types) | a compiler or a type checker |
/// | [`Tests`](Self::Tests) | a command that runs the tests |
/// | [`Full`](Self::Full) | all of these, and coverage |
///
/// A tier is reached by its own part: a project with tests and without a linter is at `Tests`,
/// since its tests say more than a linter would.
/// [`Project::parts`] tells which of the lower ones are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// A parser alone.
    Syntax,
    /// A formatter or a linter too.
    Style,
    /// A compiler or a type checker too.
    Types,
    /// A suite of tests too.
    Tests,
    /// Everything, with coverage.
    Full,
}

impl Tier {
    /// The name in documents.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Style => "style",
            Self::Types => "types",
            Self::Tests => "tests",
            Self::Full => "full",
        }
    }
}

pub(super) fn parts(project: &Project) -> Vec<Part> {
    let has = |key| project.first(key).is_some();
    let all = [
        (Part::Style, has(Key::Formatter) || has(Key::Linter)),
        (Part::Types, project.is_compiled || has(Key::TypeChecker)),
        (Part::Tests, project.test_all().is_some()),
        (Part::Coverage, has(Key::Coverage)),
    ];
    all.into_iter()
        .filter_map(|(part, is_there)| is_there.then_some(part))
        .collect()
}

/// The highest tier of which the part is there; `Full` takes all parts.
pub(super) fn of(parts: &[Part]) -> Tier {
    let has = |part| parts.contains(&part);
    if [Part::Style, Part::Types, Part::Tests, Part::Coverage]
        .into_iter()
        .all(has)
    {
        Tier::Full
    } else if has(Part::Tests) {
        Tier::Tests
    } else if has(Part::Types) {
        Tier::Types
    } else if has(Part::Style) {
        Tier::Style
    } else {
        Tier::Syntax
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, Tier, of};

    #[test]
    fn a_tier_is_reached_by_its_own_part_and_the_last_by_all() {
        use Part::{Coverage, Style, Tests, Types};
        assert_eq!(of(&[]), Tier::Syntax);
        assert_eq!(of(&[Coverage]), Tier::Syntax);
        assert_eq!(of(&[Style]), Tier::Style);
        assert_eq!(of(&[Style, Types]), Tier::Types);
        assert_eq!(of(&[Tests]), Tier::Tests);
        assert_eq!(of(&[Style, Tests, Coverage]), Tier::Tests);
        assert_eq!(of(&[Style, Types, Tests, Coverage]), Tier::Full);
    }
}
