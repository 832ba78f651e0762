//! Files that only their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::clock::random;

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

/// Makes a file that only its owner may read, whole or not at all. One that is there, be it since a moment ago, stays as it is.
pub(crate) fn create_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let there = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(error),
    };
    let beside = beside(path);
    let made = write_new(&beside, content, 0o600).and_then(|()| {
        // Unlike renaming, this replaces nothing. Where a file can have one name only, the name itself decides.
        fs::hard_link(&beside, path).or_else(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Ok(()),
            _ => write_new(path, content, 0o600).or_else(there),
        })
    });
    let _ = fs::remove_file(&beside);
    made?;
    sync_dir(path)
}

/// Writes a file that everybody may read, whole or not at all.
pub(crate) fn write_public(path: &Path, content: &[u8]) -> io::Result<()> {
    write_atomically(path, content, 0o644)
}

fn write_atomically(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let beside = beside(path);
    let renamed = write_new(&beside, content, mode).and_then(|()| fs::rename(&beside, path));
    if renamed.is_err() {
        // What went wrong is reported; the leftover is only tidied up.
        let _ = fs::remove_file(&beside);
    }
    renamed?;
    sync_dir(path)
}

/// A name beside a file that nobody else uses, in whatever container they run.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}.new", u64::from_ne_bytes(random::<8>())));
    path.with_file_name(name)
}

/// Writes a file that is not there.
fn write_new(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
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
