//! Where a Kerberos ticket comes from, and whose it is.

use std::path::PathBuf;

use crate::config::files::resolve;
use crate::config::section::{Problems, Section};
use crate::config::yaml::Node;

/// The settings of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ticket {
    /// The realm of the directory, where the library's configuration does not tell.
    pub(crate) realm: Option<String>,
    /// Whose ticket is used.
    pub(crate) principal: Option<String>,
    pub(crate) files: TicketFiles,
}

/// What the system's Kerberos library takes from the environment of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketFiles {
    /// Where tickets are kept: `KRB5CCNAME`.
    pub ccache: Option<String>,
    /// Whose keys get new ones: `KRB5_CLIENT_KTNAME`.
    pub keytab: Option<String>,
}

impl TicketFiles {
    /// Whether an environment has everything that is wanted; what is not wanted may be anything.
    pub fn are_met_by(&self, environment: &Self) -> bool {
        let met = |wanted: &Option<String>, there: &Option<String>| wanted.is_none() || wanted == there;
        met(&self.ccache, &environment.ccache) && met(&self.keytab, &environment.keytab)
    }
}

/// The keys of it, for messages.
pub(super) const KEYS: [&str; 4] = [
    "sasl_realm",
    "kerberos_principal",
    "kerberos_keytab",
    "kerberos_ccache",
];

/// Tickets got with a keytab are kept here unless a place is named: in memory, so that those of other programs stay.
const IN_MEMORY: &str = "MEMORY:roster-sync";

/// The kinds of places that are no files.
const OTHER_PLACES: [&str; 6] = ["API:", "DIR:", "KCM:", "KEYRING:", "MEMORY:", "MSLSA:"];

/// Reads the keys; what is wrong with them is noted.
pub(super) fn read(section: &Section<'_, '_>) -> Ticket {
    let some = |key: &str| section.text(key).filter(|text| !text.trim().is_empty());
    let realm = some("sasl_realm");
    let principal = some("kerberos_principal").map(|name| match &realm {
        Some(realm) if !name.contains('@') => format!("{name}@{realm}"),
        _ => name,
    });
    let file = |key: &str, text: &str, must_exist: bool| {
        let place = section.get(key)?.place.clone();
        let name = text.strip_prefix("FILE:").unwrap_or(text);
        let path = resolve(name, &place, must_exist, key, section.problems())?;
        let path: PathBuf = std::path::absolute(&path).unwrap_or(path);
        Some(format!("FILE:{}", path.display()))
    };
    let keytab = some("kerberos_keytab").and_then(|text| file("kerberos_keytab", &text, true));
    let ccache = some("kerberos_ccache");
    let ccache = match ccache {
        Some(text) if OTHER_PLACES.iter().any(|kind| text.starts_with(kind)) => Some(text),
        // A keytab fills it.
        Some(text) => file("kerberos_ccache", &text, section.get("kerberos_keytab").is_none()),
        None => keytab.as_ref().map(|_| IN_MEMORY.to_owned()),
    };
    Ticket {
        realm,
        principal,
        files: TicketFiles { ccache, keytab },
    }
}

/// The environment that a connector file asks for, when it has Kerberos log in and names a place.
pub(crate) fn files(node: &Node) -> Option<TicketFiles> {
    // What is wrong is said when the file is read for the run.
    let problems = Problems::default();
    let section = Section::new(node, "", &problems)?;
    let method = section.text("authentication_method")?;
    let files = read(&section).files;
    let wanted = method.trim().eq_ignore_ascii_case("kerberos") && files != TicketFiles::default();
    wanted.then_some(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::yaml::parse;

    #[test]
    fn places_are_named_as_the_library_wants_them() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| format!("FILE:{}/{name}", folder.path().display());
        for name in ["reader.keytab", "reader.ccache"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let file = folder.path().join("ldap.yml").display().to_string();
        let read = |method: &str, more: &str| {
            files(&parse(&format!("authentication_method: {method}\n{more}"), &file).unwrap())
        };
        let memory = || Some(IN_MEMORY.to_owned());
        for (more, ccache, keytab) in [
            (
                "kerberos_keytab: reader.keytab",
                memory(),
                Some(at("reader.keytab")),
            ),
            (
                "kerberos_keytab: FILE:reader.keytab\nkerberos_ccache: new.ccache",
                Some(at("new.ccache")),
                Some(at("reader.keytab")),
            ),
            ("kerberos_ccache: reader.ccache", Some(at("reader.ccache")), None),
            (
                "kerberos_ccache: KEYRING:persistent:1",
                Some("KEYRING:persistent:1".to_owned()),
                None,
            ),
        ] {
            assert_eq!(
                read("Kerberos", more),
                Some(TicketFiles { ccache, keytab }),
                "{more}"
            );
            assert_eq!(read("simple", more), None);
        }
        for more in ["", "kerberos_keytab: none.keytab", "kerberos_ccache: none.ccache"] {
            assert_eq!(read("kerberos", more), None, "{more}");
        }
    }

    #[test]
    fn a_principal_without_a_realm_is_of_the_one_that_is_named() {
        let problems = Problems::default();
        for (text, principal) in [
            ("kerberos_principal: reader", "reader"),
            ("kerberos_principal: reader\nsasl_realm: X", "reader@X"),
            ("kerberos_principal: reader@Y\nsasl_realm: X", "reader@Y"),
        ] {
            let node = parse(text, "ldap.yml").unwrap();
            let ticket = read(&Section::new(&node, "", &problems).unwrap());
            assert_eq!(ticket.principal.as_deref(), Some(principal), "{text}");
        }
    }

    #[test]
    fn an_environment_may_have_more_than_is_wanted() {
        let files = |ccache: Option<&str>, keytab: Option<&str>| TicketFiles {
            ccache: ccache.map(str::to_owned),
            keytab: keytab.map(str::to_owned),
        };
        let wanted = files(Some("a"), None);
        assert!(wanted.are_met_by(&files(Some("a"), Some("k"))));
        assert!(!wanted.are_met_by(&files(Some("b"), None)) && !wanted.are_met_by(&files(None, None)));
    }
}
