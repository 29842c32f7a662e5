//! The runners that are known.

use super::{Part, Place, Runner, select};
use crate::reports::Format;
use crate::tools::Home;

/// Every runner that is known, in the order of their names.
pub static RUNNERS: &[Runner] = &[
    CARGO_NEXTEST,
    CARGO_TEST,
    CTEST,
    GO_TEST,
    JEST,
    JUNIT_CONSOLE,
    MAVEN,
    MOCHA,
    NODE_TEST,
    PYTEST,
    UNITTEST,
    VITEST,
];

/// The runner of a name.
///
/// # Examples
///
/// ```
/// use claude_flow_checkers::runners::runner;
///
/// assert!(runner("vitest").is_some());
/// assert!(runner("karma").is_none());
/// ```
#[must_use]
pub fn runner(name: &str) -> Option<&'static Runner> {
    RUNNERS.iter().find(|runner| runner.name == name)
}

const PATH: &[Home] = &[Home::Path];
const NODE: &[Home] = &[Home::NodeModules];
const PYTHON: &[Home] = &[Home::VirtualEnvironment, Home::Path];

/// What most runners do not need.
const PLAIN: Runner = Runner {
    name: "",
    before: &[],
    run: Part {
        name: "",
        homes: PATH,
        words: &[],
    },
    environment: &[],
    report: Place::File,
    format: Format::JunitXml,
    writes: &[],
    reads: &[],
    is_by_file: false,
    select: select::nothing,
};

const JEST: Runner = Runner {
    name: "jest",
    run: Part {
        name: "jest",
        homes: NODE,
        words: &[
            "--ci",
            "--json",
            "--outputFile={report}",
            "--testLocationInResults",
            "--cacheDirectory={scratch}/jest",
        ],
    },
    format: Format::JestJson,
    is_by_file: true,
    select: select::jest,
    ..PLAIN
};

const VITEST: Runner = Runner {
    name: "vitest",
    run: Part {
        name: "vitest",
        homes: NODE,
        // Its cache would be written beside the project's packages.
        words: &[
            "run",
            "--reporter=json",
            "--outputFile={report}",
            "--no-cache",
            "--includeTaskLocation",
        ],
    },
    format: Format::JestJson,
    select: select::vitest,
    ..PLAIN
};

const MOCHA: Runner = Runner {
    name: "mocha",
    run: Part {
        name: "mocha",
        homes: NODE,
        words: &["--reporter", "json", "--reporter-option", "output={report}"],
    },
    format: Format::MochaJson,
    select: select::mocha,
    ..PLAIN
};

const NODE_TEST: Runner = Runner {
    name: "node-test",
    run: Part {
        name: "node",
        homes: PATH,
        words: &[
            "--test",
            "--test-reporter=tap",
            "--test-reporter-destination={report}",
        ],
    },
    format: Format::Tap,
    is_by_file: true,
    select: select::node,
    ..PLAIN
};

/// Compiled modules are kept, but not beside the sources.
const PYTHON_ENVIRONMENT: &[(&str, &str)] = &[("PYTHONPYCACHEPREFIX", "{scratch}/pycache")];

const PYTEST: Runner = Runner {
    name: "pytest",
    run: Part {
        name: "python3",
        homes: PYTHON,
        // Only the older family of reports has files and lines.
        words: &[
            "-m",
            "pytest",
            "-q",
            "-o",
            "cache_dir={scratch}/pytest",
            "--junitxml={report}",
            "-o",
            "junit_family=xunit1",
        ],
    },
    environment: PYTHON_ENVIRONMENT,
    is_by_file: true,
    select: select::pytest,
    ..PLAIN
};

const UNITTEST: Runner = Runner {
    name: "unittest",
    run: Part {
        name: "python3",
        homes: PYTHON,
        words: &["-m", "unittest"],
    },
    environment: PYTHON_ENVIRONMENT,
    report: Place::Stderr,
    format: Format::Unittest,
    is_by_file: true,
    select: select::unittest,
    ..PLAIN
};

const CARGO_ENVIRONMENT: &[(&str, &str)] = &[
    ("CARGO_TARGET_DIR", "{scratch}/target"),
    ("CARGO_TERM_COLOR", "never"),
    ("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1"),
];

const CARGO_TEST: Runner = Runner {
    name: "cargo-test",
    run: Part {
        name: "cargo",
        homes: PATH,
        words: &["test", "--offline", "--no-fail-fast"],
    },
    environment: CARGO_ENVIRONMENT,
    report: Place::Stdout,
    format: Format::Libtest,
    select: select::cargo,
    ..PLAIN
};

const CARGO_NEXTEST: Runner = Runner {
    name: "cargo-nextest",
    run: Part {
        name: "cargo",
        homes: PATH,
        words: &[
            "nextest",
            "run",
            "--offline",
            "--no-fail-fast",
            "--message-format",
            "libtest-json-plus",
        ],
    },
    environment: CARGO_ENVIRONMENT,
    report: Place::Stdout,
    format: Format::LibtestJson,
    select: select::cargo,
    ..PLAIN
};

const GO_TEST: Runner = Runner {
    name: "go-test",
    run: Part {
        name: "go",
        homes: PATH,
        words: &["test", "-json", "-count=1"],
    },
    environment: &[
        ("GOCACHE", "{scratch}/go"),
        ("GOFLAGS", "-mod=readonly"),
        ("GOPROXY", "off"),
        ("GOTOOLCHAIN", "local"),
    ],
    report: Place::Stdout,
    format: Format::GoTestJson,
    select: select::go,
    ..PLAIN
};

const MAVEN: Runner = Runner {
    name: "maven",
    run: Part {
        name: "mvn",
        homes: PATH,
        words: &[
            "-o",
            "-B",
            "-q",
            "-Dmaven.repo.local={home}/.m2/repository",
            "-Dsurefire.failIfNoSpecifiedTests=false",
            "-DfailIfNoTests=false",
            "-DtrimStackTrace=true",
            "test",
        ],
    },
    report: Place::Files {
        folder: "{root}/target/surefire-reports",
        prefix: "TEST-",
        suffix: ".xml",
    },
    writes: &["target"],
    reads: &[".m2/repository"],
    select: select::maven,
    ..PLAIN
};

/// For projects without a build tool that have `JUnit` among their own archives.
const JUNIT_CONSOLE: Runner = Runner {
    name: "junit-console",
    before: &[Part {
        name: "javac",
        homes: PATH,
        words: &[
            "-nowarn",
            "-d",
            "{scratch}/classes",
            "-cp",
            "{root}/lib/*",
            "{java}",
        ],
    }],
    run: Part {
        name: "java",
        homes: PATH,
        words: &[
            "-cp",
            "{scratch}/classes:{root}/lib/*",
            "org.junit.platform.console.ConsoleLauncher",
            "--disable-banner",
            "--disable-ansi-colors",
            "--reports-dir={report}",
        ],
    },
    report: Place::Files {
        folder: "{report}",
        prefix: "TEST-",
        suffix: ".xml",
    },
    select: select::console,
    ..PLAIN
};

/// `GoogleTest` and Catch2 come through it: their cases are tests of its own where `CMakeLists.txt` discovers them.
const CTEST: Runner = Runner {
    name: "ctest",
    before: &[
        Part {
            name: "cmake",
            homes: PATH,
            words: &["-S", "{root}", "-B", "{scratch}/build"],
        },
        Part {
            name: "cmake",
            homes: PATH,
            words: &["--build", "{scratch}/build"],
        },
    ],
    run: Part {
        name: "ctest",
        homes: PATH,
        words: &[
            "--test-dir",
            "{scratch}/build",
            "--output-on-failure",
            "--output-junit",
            "{report}",
        ],
    },
    select: select::ctest,
    ..PLAIN
};
