//! Files that are there whole or not at all.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file under a name of its own beside `path`, and gives it that name when it is whole; a file that was there is
/// replaced. A `private` one can be read by its owner alone from the beginning.
///
/// # Errors
///
/// The folder or the file cannot be written; then nothing is left behind.
pub fn write_whole(path: &Path, bytes: &[u8], private: bool) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&name).suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // The process's mask takes the rest away.
        builder.permissions(fs::Permissions::from_mode(if private { 0o600 } else { 0o666 }));
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// The text of a file, if it is there.
///
/// # Errors
///
/// It is there and cannot be read, or is a link to where nothing is. The text names it.
pub(crate) fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    let shown = path.display();
    let missing = match fs::read_to_string(path) {
        Ok(text) => return Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::read_link(path),
        Err(error) => return Err(io::Error::new(error.kind(), format!("`{shown}`: {error}"))),
    };
    missing.map_or(Ok(None), |target| {
        let target = target.display();
        let what = format!("`{shown}` is a link to `{target}`, where nothing is");
        Err(io::Error::new(io::ErrorKind::InvalidData, what))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_beside_a_file_stays_and_a_private_one_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.key");
        for name in ["a.key.new", "a.key.tmp"] {
            fs::write(folder.path().join(name), "another's").unwrap();
        }
        for (text, private) in [("first", true), ("second", false)] {
            write_whole(&path, text.as_bytes(), private).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = fs::metadata(&path).unwrap().permissions().mode();
                assert_eq!(mode & 0o777 == 0o600, private, "{mode:o}");
            }
        }
        // One that cannot be put in its place leaves nothing.
        let taken = folder.path().join("folder");
        fs::create_dir_all(taken.join("full")).unwrap();
        assert!(write_whole(&taken, b"x", false).is_err());
        let mut names: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["a.key", "a.key.new", "a.key.tmp", "folder"]);
        assert_eq!(
            fs::read_to_string(folder.path().join("a.key.new")).unwrap(),
            "another's"
        );
    }
}
