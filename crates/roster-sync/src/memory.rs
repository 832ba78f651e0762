//! What earlier runs saw, so that a source or a group that has disappeared is not mistaken for one that everybody left.
//!
//! For each main file and source there is one small file: the mapped directory groups that have had members, and the parts
//! of a directory that other servers hold. A group stays in it until somebody says that it may be empty.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// What was seen of a source: nothing of it when no run has been recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Whether it had any people.
    pub(crate) people: bool,
    /// The mapped groups that had members.
    pub(crate) groups: BTreeSet<String>,
    /// The mapped groups that this run did not ask for: nothing is known of them.
    pub(crate) not_asked: BTreeSet<String>,
    /// The parts of the directory that other servers hold, by name; `None` where a run has not recorded that.
    pub(crate) elsewhere: Option<BTreeSet<String>>,
    /// Whether this run asked for everybody: one that asks for less may not meet all of these parts.
    pub(crate) everybody: bool,
}

/// What has disappeared.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The whole source.
    pub(crate) source: bool,
    /// Mapped groups.
    pub(crate) groups: BTreeSet<String>,
    /// Parts of the directory that other servers hold now, and did not before.
    pub(crate) parts: BTreeSet<String>,
}

/// The file of one main file and source.
#[derive(Debug)]
pub(crate) struct Memory {
    path: PathBuf,
    /// What earlier runs saw.
    pub(crate) earlier: Seen,
    /// Whether it is known what earlier runs saw: one of them was recorded, or this one can be.
    pub(crate) works: bool,
}

impl Memory {
    /// Reads what earlier runs saw. `source` tells sources of one main file apart.
    ///
    /// # Errors
    ///
    /// A file that is there and cannot be read: to go on as if nothing had been recorded would undo its purpose.
    pub(crate) fn open(folder: &Path, configuration: &Path, source: &str) -> io::Result<Self> {
        let main = fs::canonicalize(configuration).unwrap_or_else(|_| configuration.to_owned());
        let name = format!("{}\n{source}", main.display());
        let path = folder.join(format!("sync-{:016x}.seen", crate::lock::digest(name.as_bytes())));
        let earlier = match fs::read_to_string(&path) {
            Ok(text) => Some(read(&text).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("`{}` is damaged", path.display()),
                )
            })?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut memory = Self {
            path,
            works: false,
            earlier: earlier.unwrap_or_default(),
        };
        memory.works = memory.can_be_written();
        Ok(memory)
    }

    /// Whether this run can be recorded.
    fn can_be_written(&self) -> bool {
        let beside = self.path.with_extension("new");
        let folder = self.path.parent().map_or(Ok(()), fs::create_dir_all);
        folder
            .and_then(|()| fs::File::create(&beside)?.write_all(b"{}"))
            .and_then(|()| fs::remove_file(&beside))
            .is_ok()
    }

    /// What has disappeared since earlier runs.
    pub(crate) fn missing(&self, now: &Seen) -> Missing {
        let gone = self.earlier.groups.difference(&now.groups);
        let groups = gone.filter(|name| !now.not_asked.contains(*name)).cloned();
        let parts = match (&self.earlier.elsewhere, &now.elsewhere) {
            (Some(earlier), Some(now)) => now.difference(earlier).cloned().collect(),
            _ => BTreeSet::new(),
        };
        Missing {
            source: self.earlier.people && !now.people,
            groups: groups.collect(),
            parts,
        }
    }

    /// Records a run. What has disappeared stays recorded unless it was `accepted`.
    pub(crate) fn record(&self, now: &Seen, accepted: bool) -> io::Result<()> {
        let mut seen = now.clone();
        seen.groups
            .extend(self.earlier.groups.intersection(&now.not_asked).cloned());
        seen.not_asked.clear();
        if !accepted {
            seen.people |= self.earlier.people;
            seen.groups.extend(self.earlier.groups.iter().cloned());
        }
        if let (Some(earlier), Some(now)) = (&self.earlier.elsewhere, &now.elsewhere) {
            // A part that has come back may get lost again.
            let still = earlier
                .iter()
                .filter(|part| !seen.everybody || now.contains(*part));
            let new = now.iter().filter(|_| accepted);
            seen.elsewhere = Some(still.chain(new).cloned().collect());
        }
        seen.everybody = false;
        if seen == self.earlier {
            return Ok(());
        }
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder)?;
        }
        let beside = self.path.with_extension("new");
        let mut file = fs::File::create(&beside)?;
        let text = json!({
            "format": 1, "people": seen.people, "groups": seen.groups, "elsewhere": seen.elsewhere,
        });
        file.write_all(text.to_string().as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)
    }
}

fn read(text: &str) -> Option<Seen> {
    let value: Value = serde_json::from_str(text).ok()?;
    let names = |list: &Value| {
        let names = list.as_array()?.iter();
        names
            .map(|name| name.as_str().map(str::to_owned))
            .collect::<Option<_>>()
    };
    Some(Seen {
        people: value.get("people")?.as_bool()?,
        groups: names(value.get("groups")?)?,
        not_asked: BTreeSet::new(),
        // Earlier releases did not record it.
        elsewhere: match value.get("elsewhere") {
            None | Some(Value::Null) => None,
            Some(list) => Some(names(list)?),
        },
        everybody: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(people: bool, groups: &[&str]) -> Seen {
        Seen {
            people,
            groups: groups.iter().map(|&name| name.to_owned()).collect(),
            not_asked: BTreeSet::new(),
            elsewhere: None,
            everybody: false,
        }
    }

    /// A source or groups that are missing.
    fn gone(source: bool, groups: &[&str]) -> Missing {
        Missing {
            source,
            groups: groups.iter().map(|&name| name.to_owned()).collect(),
            parts: BTreeSet::new(),
        }
    }

    #[test]
    fn parts_that_another_server_holds_are_new_until_they_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Memory::open(folder.path(), Path::new("main.yml"), "ldap").unwrap();
        let with = |parts: &[&str]| Seen {
            elsewhere: Some(parts.iter().map(|&name| name.to_owned()).collect()),
            ..seen(true, &["A"])
        };
        let new = |parts: &[&str]| {
            let missing = open().missing(&with(parts)).parts;
            missing.into_iter().collect::<Vec<_>>()
        };
        // As an earlier release has left it.
        fs::create_dir_all(folder.path()).unwrap();
        fs::write(open().path, r#"{"format":1,"people":true,"groups":["A"]}"#).unwrap();
        assert_eq!(new(&["dc=a"]), [""; 0], "what was the case before is not known");
        open().record(&with(&["dc=a"]), false).unwrap();
        assert_eq!(new(&["dc=a", "dc=b"]), ["dc=b"]);
        open().record(&with(&["dc=b"]), false).unwrap();
        assert_eq!(new(&["dc=a", "dc=b"]), ["dc=b"], "nobody has accepted it");
        open().record(&with(&["dc=b"]), true).unwrap();
        assert_eq!(
            new(&["dc=a", "dc=b"]),
            [""; 0],
            "who asked for less may not have met the other"
        );
        let everybody = Seen {
            everybody: true,
            ..with(&["dc=b"])
        };
        open().record(&everybody, false).unwrap();
        assert_eq!(new(&["dc=a", "dc=b"]), ["dc=a"], "it was here meanwhile");
        assert_eq!(open().earlier.groups, ["A".to_owned()].into());
    }

    #[test]
    fn a_group_that_was_not_asked_for_is_neither_missing_nor_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Memory::open(folder.path(), Path::new("main.yml"), "console").unwrap();
        open().record(&seen(true, &["A"]), false).unwrap();
        let now = Seen {
            not_asked: ["A".to_owned()].into(),
            ..seen(true, &[])
        };
        assert_eq!(open().missing(&now), gone(false, &[]));
        open().record(&now, true).unwrap();
        assert_eq!(open().missing(&seen(true, &[])), gone(false, &["A"]));
    }

    #[test]
    fn what_disappears_is_remembered_until_it_is_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Memory::open(folder.path(), Path::new("main.yml"), "csv a").unwrap();
        assert_eq!(
            open().missing(&seen(false, &[])),
            gone(false, &[]),
            "the first run has nothing to compare with"
        );
        open().record(&seen(true, &["A", "B"]), false).unwrap();
        assert_eq!(open().missing(&seen(true, &["B"])), gone(false, &["A"]));
        open().record(&seen(true, &["B"]), false).unwrap();
        assert_eq!(
            open().missing(&seen(false, &[])).groups.len(),
            2,
            "nobody has accepted that A is gone"
        );
        open().record(&seen(true, &["B"]), true).unwrap();
        assert_eq!(open().missing(&seen(false, &[])), gone(true, &["B"]));
        let other = Memory::open(folder.path(), Path::new("main.yml"), "csv b").unwrap();
        assert_eq!(other.earlier, Seen::default(), "another source is another story");
        fs::write(open().path, "{").unwrap();
        assert!(Memory::open(folder.path(), Path::new("main.yml"), "csv a").is_err());
    }
}
