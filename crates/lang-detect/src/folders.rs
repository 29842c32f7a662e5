//! What the names of its folders say about a file for `#include` in which nothing is of one language.

use crate::path;

/// Libraries for C++, one a line, in order.
const LIBRARIES: &str = include_str!("../data/cpp-libraries.txt");

/// Folders that hold a folder of headers for each library.
const INCLUDE_FOLDERS: [&str; 2] = ["include", "inc"];

/// How the name of a folder for C++ ends: `grpcpp`, `cpp`, `libstdc++`.
const CPP_ENDS: [&str; 4] = ["cpp", "cxx", "c++", "cplusplus"];

/// Whether a folder is named for C++, or for a library that is written for it.
pub(crate) fn are_for_cpp(path: &str) -> bool {
    let mut is_below_include = true;
    path::folders(path).any(|folder| {
        let is_library = is_below_include && is_library(folder);
        is_below_include = INCLUDE_FOLDERS.contains(&folder);
        is_library || is_of_qt(folder) || CPP_ENDS.iter().any(|end| folder.ends_with(end))
    })
}

fn is_library(folder: &str) -> bool {
    LIBRARIES
        .lines()
        .any(|name| name.eq_ignore_ascii_case(folder))
}

/// Qt's headers lie in `QtCore`, `QtWidgets` and so on.
fn is_of_qt(folder: &str) -> bool {
    let module = folder.strip_prefix("Qt");
    module.is_some_and(|module| module.starts_with(|first: char| first.is_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::{LIBRARIES, are_for_cpp};

    fn check(path: &str, expected: bool) {
        assert_eq!(are_for_cpp(path), expected, "{path}");
    }

    #[test]
    fn folders_of_cpp_are_known() {
        check("include/spdlog/tweakme.h", true);
        check("boost/config.h", true);
        check("include/CGAL/license/Surface_mesh.h", true);
        check("include/grpcpp/impl/call.h", true);
        check("usr\\include\\QtCore\\qglobal.h", true);
    }

    /// A folder of a project that happens to be named like a library says nothing.
    #[test]
    fn other_folders_say_nothing() {
        check("spdlog.h", false);
        check("src/core/boost/clock.h", false);
        check("include/linux/kernel.h", false);
        check("lib/Qt/a.h", false);
        check("cppcheck/a.h", false);
    }

    #[test]
    fn the_list_is_sorted_and_has_no_doubles() {
        let names = LIBRARIES.lines().filter(|line| !line.starts_with('#'));
        assert!(names.clone().is_sorted_by(|one, other| one < other));
        assert!(names.count() > 100);
    }
}
