//! One run at a time for one configuration: a file that the system locks for as long as the process lives, so neither a
//! crash nor a process number used again can keep the next run out or let two in.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;

/// Holds the lock until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug)]
pub(crate) enum LockError {
    /// Another run holds it.
    Held,
    /// The file cannot be written.
    Io(io::Error),
}

/// Takes the lock of the run whose main file is `configuration`; its file is in `folder`.
pub(crate) fn take(folder: &Path, configuration: &Path) -> Result<Lock, LockError> {
    fs::create_dir_all(folder).map_err(LockError::Io)?;
    let main = fs::canonicalize(configuration).unwrap_or_else(|_| configuration.to_owned());
    let path = folder.join(format!(
        "sync-{:016x}.lock",
        digest(main.as_os_str().as_encoded_bytes())
    ));
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    // A link here would have another file emptied.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    let mut file = options.open(&path).map_err(LockError::Io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(LockError::Held),
        Err(TryLockError::Error(error)) => return Err(LockError::Io(error)),
    }
    // For people who look: who holds it, and for what.
    let text = format!("{}\n{}\n", std::process::id(), main.display());
    file.set_len(0)
        .and_then(|()| file.write_all(text.as_bytes()))
        .map_err(LockError::Io)?;
    Ok(Lock { _file: file })
}

/// A short name for a path, the same in every version of the program (FNV-1a).
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_in_the_place_of_the_lock_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let precious = folder.path().join("precious");
        fs::write(&precious, "kept").unwrap();
        let held = take(folder.path(), Path::new("a.yml")).unwrap();
        let names = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let lock = names.into_iter().find(|path| path != &precious).unwrap();
        drop(held);
        fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(&precious, &lock).unwrap();
        assert!(matches!(
            take(folder.path(), Path::new("a.yml")),
            Err(LockError::Io(_))
        ));
        assert_eq!(fs::read_to_string(&precious).unwrap(), "kept");
    }

    #[test]
    fn a_second_run_of_one_configuration_is_kept_out_until_the_first_ends() {
        let folder = std::env::temp_dir().join(format!("roster-lock-{}", std::process::id()));
        let first = take(&folder, Path::new("a.yml")).unwrap();
        assert!(matches!(take(&folder, Path::new("a.yml")), Err(LockError::Held)));
        let other = take(&folder, Path::new("b.yml")).unwrap();
        drop(first);
        assert!(take(&folder, Path::new("a.yml")).is_ok());
        drop(other);
        fs::remove_dir_all(folder).unwrap();
    }
}
