//! Replaces a file as a whole: a reader sees the old content or the new one, never a part.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::{Builder, NamedTempFile};

/// Makes a file that must not be there yet.
///
/// # Errors
///
/// If it cannot be written, or is there by now; then nothing is left behind.
pub(crate) fn create(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let file = written_beside(path, content, None)
        .with_context(|| format!("{} could not be written", path.display()))?;
    file.persist_noclobber(path)
        .map_err(|refused| refused.error)
        .with_context(|| format!("{} could not be made", path.display()))?;
    Ok(())
}

/// Gives a file another content, its permissions kept; a symbolic link goes on pointing at it.
///
/// # Errors
///
/// If it cannot be written; then it is as it was.
pub(crate) fn replace(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let failed = || format!("{} could not be written", path.display());
    let target = fs::canonicalize(path).with_context(failed)?;
    let permissions = fs::metadata(&target).with_context(failed)?.permissions();
    if permissions.readonly() {
        bail!(
            "{} is read-only; make it writable and try again",
            path.display()
        );
    }
    let file = written_beside(&target, content, Some(permissions)).with_context(failed)?;
    file.persist(&target)
        .map_err(|refused| refused.error)
        .with_context(failed)?;
    Ok(())
}

/// A new file in the directory of `path`, its content safely on the disk.
fn written_beside(
    path: &Path,
    content: &[u8],
    permissions: Option<Permissions>,
) -> io::Result<NamedTempFile> {
    let directory = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let directory = if directory.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        directory
    };
    let mut builder = Builder::new();
    builder.prefix(".claude-flow-");
    // What the umask takes away is taken away as for any other new file.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(content)?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.as_file().sync_all()?;
    Ok(file)
}
