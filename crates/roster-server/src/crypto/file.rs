//! Files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use crate::clock::random;
use crate::crypto::master::hex;

/// Makes a directory (and its parents) that only its owner may enter.
pub fn private_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Writes a file that only its owner may read, whole or not at all: under another name first, then renamed.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    write_atomically(path, content, 0o600)
}

/// Writes a file that everybody may read, whole or not at all.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> io::Result<()> {
    write_atomically(path, content, 0o644)
}

/// The same for a file that must not be there yet: of several who make it at once, one does, and the others get
/// [`io::ErrorKind::AlreadyExists`].
pub(crate) fn make_private(path: &Path, content: &[u8]) -> io::Result<()> {
    write_beside(path, content, 0o600, |beside| {
        // A file system without second names has no better way.
        let made = match fs::hard_link(beside, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists && !path.exists() => {
                return fs::rename(beside, path);
            }
            made => made,
        };
        let _ = fs::remove_file(beside);
        made
    })
}

fn write_atomically(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    write_beside(path, content, mode, |beside| fs::rename(beside, path))
}

/// Writes the content under another name, which `place` puts where it belongs.
fn write_beside(
    path: &Path,
    content: &[u8],
    mode: u32,
    place: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}-{}.new", std::process::id(), hex(&random::<4>())));
    let beside = path.with_file_name(name);
    let written = create(&beside, mode).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let placed = written.and_then(|()| place(&beside));
    if placed.is_err() {
        // What went wrong is reported; the leftover is only tidied up.
        let _ = fs::remove_file(&beside);
    }
    placed?;
    sync_dir(path)
}

fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    options.open(path)
}

#[cfg(unix)]
fn sync_dir(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature everywhere")]
fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn private_things_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        private_dir(&inner).unwrap();
        write_private(&inner.join("key"), b"x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&inner), 0o700);
        assert_eq!(mode(&inner.join("key")), 0o600);
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "no leftovers");
    }
}
