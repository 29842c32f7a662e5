//! What may and what may not become trusted.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{ROOTS_MAX, Trust, TrustError};

struct Place {
    directory: TempDir,
    trust: Trust,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("the temporary directory is writable");
        let trust = Trust::at(directory.path().join("state/claude-flow/trusted.toml"));
        Self { directory, trust }
    }

    fn project(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(&path).expect("the temporary directory is writable");
        fs::canonicalize(path).expect("it was just made")
    }

    fn root_of(&self, path: &Path) -> Option<PathBuf> {
        self.trust.root_of(path).expect("the list is well")
    }

    fn write(&self, text: &str) {
        let parent = self.trust.path().parent().expect("it has one");
        super::make_private_directory(parent).expect("the temporary directory is writable");
        fs::write(self.trust.path(), text).expect("the temporary directory is writable");
    }
}

#[test]
fn nothing_is_trusted_before_somebody_says_so() {
    let place = Place::new();
    assert_eq!(place.root_of(&place.project("a")), None);
    assert!(
        !place.trust.path().exists(),
        "asking must not make the list"
    );
}

#[test]
fn a_root_covers_what_is_below_it_and_nothing_beside_it() {
    let place = Place::new();
    let (below, beside) = (place.project("a/b/c"), place.project("ab"));
    let root = place
        .trust
        .add(&place.project("a"))
        .expect("it is a directory");
    assert_eq!(place.root_of(&below), Some(root.clone()));
    assert_eq!(place.root_of(&root), Some(root));
    assert_eq!(place.root_of(&beside), None);
}

#[cfg(unix)]
#[test]
fn a_link_into_a_trusted_root_counts_as_what_it_leads_to() {
    let place = Place::new();
    let (inside, outside) = (place.project("a"), place.project("z"));
    place.trust.add(&inside).expect("it is a directory");
    std::os::unix::fs::symlink(&outside, inside.join("link")).expect("links can be made");
    assert_eq!(
        place.root_of(&inside.join("link")),
        None,
        "the link leads outside"
    );
}

#[test]
fn adding_twice_keeps_one_and_revoking_takes_it_out() {
    let place = Place::new();
    let root = place.project("a");
    place.trust.add(&root).expect("it is a directory");
    place.trust.add(&root).expect("it is a directory");
    assert_eq!(place.trust.roots().expect("the list is well").len(), 1);
    assert!(place.trust.remove(&root).expect("the list is well"));
    assert!(!place.trust.remove(&root).expect("the list is well"));
    assert_eq!(place.root_of(&root), None);
}

#[test]
fn a_root_that_is_gone_can_be_revoked() {
    let place = Place::new();
    let root = place.project("a");
    place.trust.add(&root).expect("it is a directory");
    fs::remove_dir(&root).expect("it is empty");
    assert!(place.trust.remove(&root).expect("the list is well"));
}

#[test]
fn only_directories_are_trusted() {
    let place = Place::new();
    let file = place.project("a").join("file");
    fs::write(&file, "").expect("the temporary directory is writable");
    let refused = place.trust.add(&file);
    assert!(
        matches!(refused, Err(TrustError::NoDirectory { .. })),
        "{refused:?}"
    );
    let refused = place.trust.add(&file.join("none"));
    assert!(
        matches!(refused, Err(TrustError::Missing { .. })),
        "{refused:?}"
    );
}

#[test]
fn a_list_that_is_not_understood_trusts_nothing_and_is_kept() {
    let place = Place::new();
    let root = place.project("a");
    for text in [
        "version = 2\nroots = []\n",
        "roots = [",
        "version = 1\nroots = []\nx = 1\n",
        "\u{0}",
    ] {
        place.write(text);
        let refused = place.trust.root_of(&root);
        assert!(
            matches!(refused, Err(TrustError::Invalid { .. })),
            "{text:?}: {refused:?}"
        );
        place
            .trust
            .add(&root)
            .expect_err("it would have to overwrite it");
        let kept = fs::read_to_string(place.trust.path()).expect("it is there");
        assert_eq!(kept, text);
    }
}

#[cfg(unix)]
#[test]
fn a_list_that_others_may_write_is_not_relied_on() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let root = place.project("a");
    place.trust.add(&root).expect("it is a directory");
    let list = place.trust.path().to_owned();
    let directory = list.parent().expect("it has one").to_owned();
    for (path, loose, tight) in [(list, 0o622, 0o600), (directory, 0o777, 0o700)] {
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode));
        set(loose).expect("it is ours");
        let refused = place.trust.root_of(&root);
        assert!(
            matches!(refused, Err(TrustError::NotOwn { .. })),
            "{refused:?}"
        );
        set(tight).expect("it is ours");
        assert_eq!(place.root_of(&root), Some(root.clone()));
    }
}

#[test]
fn the_list_has_a_bound() {
    let place = Place::new();
    let root = place.project("a");
    let roots: Vec<_> = (0..ROOTS_MAX).map(|n| format!("\"/{n}\"")).collect();
    place.write(&format!("version = 1\nroots = [{}]\n", roots.join(",")));
    let refused = place.trust.add(&root);
    assert!(matches!(refused, Err(TrustError::TooMany)), "{refused:?}");
}

#[test]
fn many_at_once_lose_none() {
    let place = Place::new();
    let roots: Vec<_> = (0..16).map(|n| place.project(&n.to_string())).collect();
    std::thread::scope(|scope| {
        for root in &roots {
            scope.spawn(|| place.trust.add(root).expect("it is a directory"));
        }
    });
    let mut kept = place.trust.roots().expect("the list is well");
    kept.sort();
    let mut wanted = roots;
    wanted.sort();
    assert_eq!(kept, wanted);
}
