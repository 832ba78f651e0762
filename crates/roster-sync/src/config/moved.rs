//! Moving the credentials of a connector file out of it, into a store, and back: the text of the file with other lines.
//!
//! The rest of the file stays as it is, comments included. Whatever the lines look like, the text that comes out is read
//! again, and has to say the same as before but for the credentials.

use std::fmt::Write as _;

use roster_client::Secret;

use crate::config::credential::is_placeholder;
use crate::config::yaml::{self, Node, Value};

/// Credentials of an organization's connector file, in its section `enterprise`, or `integration` where people come from it.
const ORGANIZATION: [&str; 5] = [
    "client_id",
    "api_key",
    "client_secret",
    "priv_key_data",
    "priv_key_pass",
];

/// A connector file and the credentials in it.
#[derive(Debug)]
pub struct Held {
    /// The section they are in; empty at the top.
    section: &'static str,
    /// Whose they are, as the stores know it.
    pub account: String,
    /// Those that stand there in clear. An empty text is none.
    pub clear: Vec<(&'static str, Secret)>,
    /// Those that stand there by name: the credential, and the name.
    pub named: Vec<(&'static str, String)>,
}

/// Why a file cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum CannotMove {
    /// No YAML.
    #[error("line {line}: {problem}")]
    Syntax {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Nothing that has credentials.
    #[error(
        "it is no connector file with credentials: it has neither `enterprise` or `integration` with `org_id`, nor `host` \
         with `username` or `password` (LDAP), nor `host` with `api_token` (Okta)"
    )]
    NoConnector,
    /// Whose they are is not said.
    #[error("`{0}` is missing, under which a store would know the credentials")]
    NoAccount(&'static str),
    /// A credential that is no text.
    #[error("`{key}` (line {line}) is no text; put quotes around it")]
    NoText {
        /// The credential, or the key that names it.
        key: String,
        /// Where it is.
        line: usize,
    },
    /// A credential in clear and by name.
    #[error(
        "`{key}` (line {line}) is also named with `{}`; take one of them out",
        reference(key)
    )]
    Twice {
        /// The credential.
        key: &'static str,
        /// Where it is in clear.
        line: usize,
    },
    /// Lines that this does not know how to change.
    #[error(
        "`{key}` (line {line}) does not stand on lines of its own; write it as `{key}: …` on a line, below the key before it"
    )]
    Shape {
        /// The credential.
        key: String,
        /// Where it is.
        line: usize,
    },
}

/// Finds the credentials of a connector file.
///
/// # Errors
///
/// A text that is no connector file, or does not say whose the credentials are.
pub fn held(text: &str, file: &str) -> Result<Held, CannotMove> {
    let root = parse(text, file)?;
    let within = |section: &&str| root.get(section).is_some();
    let (section, account_key, keys): (_, _, &[&'static str]) =
        if let Some(section) = ["enterprise", "integration"].into_iter().find(within) {
            (section, "org_id", &ORGANIZATION)
        } else if within(&"api_token") || within(&"secure_api_token_key") {
            ("", "host", &["api_token"])
        } else if within(&"host") && ["username", "password", "secure_password_key"].iter().any(within) {
            ("", "username", &["password"])
        } else {
            return Err(CannotMove::NoConnector);
        };
    let node = inside(&root, section).ok_or(CannotMove::NoConnector)?;
    // A number would stay in clear, and nobody would have been told.
    let text_of = |key: &str| match node.get(key).map(|found| (&found.value, found.place.line)) {
        Some((Value::Text(text), _)) => Ok((!text.is_empty()).then(|| text.clone())),
        None | Some((Value::Null, _)) => Ok(None),
        Some((_, line)) => Err(CannotMove::NoText {
            key: key.to_owned(),
            line,
        }),
    };
    let account = text_of(account_key)?.ok_or(CannotMove::NoAccount(account_key))?;
    let mut held = Held {
        section,
        account,
        clear: Vec::new(),
        named: Vec::new(),
    };
    for key in keys {
        if let (Some(clear), Some(_)) = (node.get(key), node.get(&reference(key))) {
            return Err(CannotMove::Twice {
                key,
                line: clear.place.line,
            });
        }
        // What the example file has there is no secret, and its check would not find it any more.
        if let Some(secret) = text_of(key)?.filter(|text| !is_placeholder(text)) {
            held.clear.push((*key, Secret::new(secret)));
        }
        if let Some(name) = text_of(&reference(key))? {
            held.named.push((*key, name));
        }
    }
    Ok(held)
}

impl Held {
    /// The file with names in the place of credentials: each a credential and the name that a store has it under.
    ///
    /// # Errors
    ///
    /// Lines in a shape that cannot be changed without touching others.
    pub fn with_names(&self, text: &str, names: &[(&'static str, String)]) -> Result<String, CannotMove> {
        let changes: Vec<Change> = names
            .iter()
            .map(|(key, name)| Change {
                from: (*key).to_owned(),
                to: reference(key),
                value: name.clone(),
            })
            .collect();
        self.changed(text, &changes)
    }

    /// The file with credentials in the place of their names.
    ///
    /// # Errors
    ///
    /// Lines in a shape that cannot be changed without touching others.
    pub fn with_secrets(&self, text: &str, secrets: &[(&'static str, Secret)]) -> Result<String, CannotMove> {
        let changes: Vec<Change> = secrets
            .iter()
            .map(|(key, secret)| Change {
                from: reference(key),
                to: (*key).to_owned(),
                value: secret.reveal().to_owned(),
            })
            .collect();
        self.changed(text, &changes)
    }

    fn changed(&self, text: &str, changes: &[Change]) -> Result<String, CannotMove> {
        let before = parse(text, "")?;
        let mut out = text.to_owned();
        for change in changes {
            let line = inside(&before, self.section)
                .and_then(|section| place_of(section, &change.from))
                .unwrap_or(1);
            let shape = || CannotMove::Shape {
                key: change.from.clone(),
                line,
            };
            // Lines move when one before them becomes shorter.
            let line = inside(&parse(&out, "")?, self.section)
                .and_then(|section| place_of(section, &change.from))
                .ok_or_else(shape)?;
            let next = replaced(&out, line, change).ok_or_else(shape)?;
            // A text that says something else than was meant is never written.
            let meant = says(&parse(&out, "")?, self.section, Some(change));
            if parse(&next, "").is_ok_and(|node| says(&node, self.section, None) == meant) {
                out = next;
            } else {
                return Err(shape());
            }
        }
        Ok(out)
    }
}

/// A key in the place of another.
struct Change {
    from: String,
    to: String,
    value: String,
}

/// The key that names a credential in its place.
pub fn reference(key: &str) -> String {
    format!("secure_{key}_key")
}

fn parse(text: &str, file: &str) -> Result<Node, CannotMove> {
    yaml::parse(text, file).map_err(|error| CannotMove::Syntax {
        line: error.line,
        problem: error.problem,
    })
}

fn inside<'n>(root: &'n Node, section: &str) -> Option<&'n Node> {
    if section.is_empty() {
        Some(root)
    } else {
        root.get(section)
    }
}

/// The line of a key.
fn place_of(section: &Node, key: &str) -> Option<usize> {
    let Value::Map(entries) = &section.value else {
        return None;
    };
    let mut found = entries
        .iter()
        .filter(|(name, _)| name.value == Value::Text(key.to_owned()));
    let (name, _) = found.next()?;
    // Which of two would count is nothing to decide here.
    found.next().is_none().then_some(name.place.line)
}

/// The text with another key and value from `line` (from 1) up to where the value ends.
fn replaced(text: &str, line: usize, change: &Change) -> Option<String> {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let first = lines.get(line.checked_sub(1)?)?;
    let indent = first.len() - first.trim_start_matches(' ').len();
    let key = first.trim_start_matches(' ');
    let key_is_first = [
        change.from.as_str(),
        &format!("'{}'", change.from),
        &format!("\"{}\"", change.from),
    ]
    .iter()
    .any(|spelt| {
        key.strip_prefix(spelt)
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
    });
    if !key_is_first {
        return None;
    }
    // What is further in, or empty in between, may belong to the value.
    let deeper = |line: &&&str| {
        let plain = line.trim_end_matches(['\n', '\r']);
        plain.trim().is_empty() || plain.len() - plain.trim_start_matches(' ').len() > indent
    };
    let mut end = line + lines.get(line..)?.iter().take_while(deeper).count();
    let value_of = |text: &str| {
        let node = yaml::parse(text, "").ok()?;
        node.get(&change.from).map(|found| found.value.clone())
    };
    let value = value_of(&lines.get(line - 1..end)?.concat())?;
    // Without lines that are comments or empty it says the same, unless they are part of a text of several lines.
    while end > line
        && lines.get(end - 1).is_some_and(|last| {
            let last = last.trim();
            last.is_empty() || last.starts_with('#')
        })
        && value_of(&lines.get(line - 1..end - 1)?.concat()).as_ref() == Some(&value)
    {
        end -= 1;
    }
    let behind = lines.get(line..end)?.concat();
    let shown = first.trim_end_matches(['\n', '\r']);
    let comment = comment_of(shown, |without| {
        value_of(&format!("{without}\n{behind}")).as_ref() == Some(&value)
    });
    // A comment further down would have no line to stand on.
    for at in line..end {
        let before = lines.get(line - 1..at)?.concat();
        let behind = lines.get(at + 1..end)?.concat();
        let shown = lines.get(at)?.trim_end_matches(['\n', '\r']);
        let same = |without: &str| value_of(&format!("{before}{without}\n{behind}")).as_ref() == Some(&value);
        if !comment_of(shown, same).is_empty() {
            return None;
        }
    }
    let last = lines.get(end - 1)?;
    let ending = last.get(last.trim_end_matches(['\n', '\r']).len()..)?;
    let mut out: String = lines.get(..line - 1)?.concat();
    let line_end = Some(first.get(shown.len()..)?).filter(|ending| !ending.is_empty());
    let (head, body) = spelt(&change.value, indent, line_end.unwrap_or("\n"));
    // Writing into a text cannot fail.
    let _ = write!(out, "{:indent$}{}: {head}{comment}{body}{ending}", "", change.to);
    out.push_str(&lines.get(end..)?.concat());
    Some(out)
}

/// A text as it is written behind a key: on its line, and on the lines below.
fn spelt(value: &str, indent: usize, line_end: &str) -> (String, String) {
    let whole = value.strip_suffix('\n').unwrap_or(value);
    let plain = |line: &str| {
        !line.is_empty()
            && !line.starts_with([' ', '#'])
            && line.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    };
    // Keys look as people write them.
    if whole.contains('\n') && whole.split('\n').all(plain) {
        let body = whole.split('\n').fold(String::new(), |mut body, line| {
            let _ = write!(body, "{line_end}{:indent$}  {line}", "");
            body
        });
        let head = if whole.len() < value.len() { "|" } else { "|-" };
        return (head.to_owned(), body);
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        // What other readers of YAML might take for something else, or refuse.
        let _ = match c {
            '"' | '\\' => write!(quoted, "\\{c}"),
            '\n' => write!(quoted, "\\n"),
            ' '..='~' => write!(quoted, "{c}"),
            c if c.is_alphanumeric() && u32::from(c) <= 0xffff => write!(quoted, "{c}"),
            c if u32::from(c) <= 0xffff => write!(quoted, "\\u{:04x}", u32::from(c)),
            c => write!(quoted, "\\U{:08x}", u32::from(c)),
        };
    }
    quoted.push('"');
    (quoted, String::new())
}

/// The comment at the end of a line, with the blanks before it. Whether a `#` begins one shows in that the line says the
/// same without.
fn comment_of(line: &str, says_the_same: impl Fn(&str) -> bool) -> &str {
    line.match_indices('#')
        .map(|(at, _)| line.split_at(at))
        .find(|(before, _)| before.ends_with([' ', '\t']) && says_the_same(before))
        .map_or("", |(before, _)| {
            line.get(before.trim_end().len()..).unwrap_or_default()
        })
}

/// All that a file says, without places; with a change carried out.
fn says(root: &Node, section: &str, change: Option<&Change>) -> String {
    let mut out = String::new();
    tell(root, section.is_empty(), section, change, &mut out);
    out
}

fn tell(node: &Node, here: bool, section: &str, change: Option<&Change>, out: &mut String) {
    match &node.value {
        Value::Map(entries) => {
            out.push('{');
            for (key, value) in entries {
                let is = |name: &str| key.value == Value::Text(name.to_owned());
                if let Some(change) = change.filter(|change| here && is(&change.from)) {
                    let (key, value) = (Value::Text(change.to.clone()), Value::Text(change.value.clone()));
                    let _ = write!(out, "{key:?}: {value:?}, ");
                    continue;
                }
                tell(key, false, "", None, out);
                out.push_str(": ");
                let inner = !section.is_empty() && is(section);
                tell(value, inner, "", change.filter(|_| inner), out);
                out.push_str(", ");
            }
            out.push('}');
        }
        Value::List(items) => {
            out.push('[');
            for item in items {
                tell(item, false, "", None, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        plain => {
            let _ = write!(out, "{plain:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORG: &str = "# ours\nenterprise:\n  org_id: 1A@AdobeOrg   # the id\n  client_id: 'abc'\n  client_secret: \"s3:\\\"x\\n\"  # new\n  priv_key_data: |\n    -----BEGIN\n    abc\n\n    -----END\n\n  # behind\n  tech_acct_id: t\nserver: {timeout: 5}\n";

    fn names(held: &Held) -> Vec<(&'static str, String)> {
        held.clear
            .iter()
            .map(|(key, _)| (*key, format!("box-{key}")))
            .collect()
    }

    #[test]
    fn credentials_go_and_come_back_and_the_rest_stays() {
        let found = held(ORG, "f.yml").unwrap();
        let clear: Vec<_> = found
            .clear
            .iter()
            .map(|(key, secret)| (*key, secret.reveal()))
            .collect();
        assert_eq!(
            clear,
            [
                ("client_id", "abc"),
                ("client_secret", "s3:\"x\n"),
                ("priv_key_data", "-----BEGIN\nabc\n\n-----END\n"),
            ]
        );
        assert_eq!(found.account, "1A@AdobeOrg");
        let without = found.with_names(ORG, &names(&found)).unwrap();
        assert_eq!(
            without,
            "# ours\nenterprise:\n  org_id: 1A@AdobeOrg   # the id\n  secure_client_id_key: \"box-client_id\"\n  \
             secure_client_secret_key: \"box-client_secret\"  # new\n  secure_priv_key_data_key: \"box-priv_key_data\"\n\n  \
             # behind\n  tech_acct_id: t\nserver: {timeout: 5}\n"
        );
        let again = held(&without, "f.yml").unwrap();
        assert!(again.clear.is_empty());
        assert_eq!(again.named, names(&found));
        let back = again.with_secrets(&without, &found.clear).unwrap();
        let back = held(&back, "f.yml").unwrap();
        let returned: Vec<_> = back
            .clear
            .iter()
            .map(|(key, secret)| (*key, secret.reveal()))
            .collect();
        assert_eq!(returned, clear);
    }

    #[test]
    fn each_kind_of_file_has_its_account() {
        let of = |text: &str| {
            held(text, "f.yml").map(|found| (found.account, found.clear.len(), found.named.len()))
        };
        let ldap = "host: ldaps://dc\r\nusername: CORP\\reader\r\npassword: x\r\nbase_dn: ''\r\n";
        assert_eq!(of(ldap).unwrap(), ("CORP\\reader".to_owned(), 1, 0));
        let found = held(ldap, "f.yml").unwrap();
        assert_eq!(
            found.with_names(ldap, &[("password", "n".to_owned())]).unwrap(),
            ldap.replace("password: x", "secure_password_key: \"n\"")
        );
        assert_eq!(
            of("host: x.okta.com\napi_token: t\n").unwrap(),
            ("x.okta.com".to_owned(), 1, 0)
        );
        let named = "enterprise: {org_id: A, secure_api_key_key: b}\n";
        assert_eq!(of(named).unwrap(), ("A".to_owned(), 0, 1));
        let example = "enterprise:\n  org_id: A\n  client_id: fill in\n  priv_key_pass: Password goes here\n  client_secret: s\n";
        assert_eq!(
            of(example).unwrap(),
            ("A".to_owned(), 1, 0),
            "`fill in` is no secret"
        );
        let console = "integration:\n  org_id: B\n  client_secret: s\n";
        assert_eq!(of(console).unwrap(), ("B".to_owned(), 1, 0));
        let found = held(console, "f.yml").unwrap();
        assert_eq!(
            found.with_names(console, &names(&found)).unwrap(),
            console.replace(
                "client_secret: s",
                "secure_client_secret_key: \"box-client_secret\""
            )
        );
        assert!(matches!(of("adobe_users: {}\n"), Err(CannotMove::NoConnector)));
        assert!(matches!(
            of("host: x\npassword: y\n"),
            Err(CannotMove::NoAccount("username"))
        ));
        assert!(matches!(of("a: [\n"), Err(CannotMove::Syntax { .. })));
    }

    #[test]
    fn lines_that_cannot_be_changed_alone_are_left() {
        for text in [
            "enterprise: {org_id: A, api_key: b}\n",
            "enterprise:\n  org_id: A\n  ? api_key\n  : b\n",
            "enterprise:\n  org_id: A\n  api_key: &k b\nother: *k\n",
            "enterprise:\n  org_id: A\n  api_key: b\n  api_key: c\n",
            "base: &e\n  api_key: b\nenterprise:\n  <<: *e\n  org_id: A\n",
        ] {
            let found = held(text, "f.yml").unwrap();
            let outcome = found.with_names(text, &[("api_key", "n".to_owned())]);
            assert!(
                matches!(outcome, Err(CannotMove::Shape { .. })),
                "{text}: {outcome:?}"
            );
        }
    }

    #[test]
    fn comments_around_a_credential_stay_and_a_hash_in_one_is_no_comment() {
        for (text, expected) in [
            (
                "api_token: 'a # b'  # c # d",
                "secure_api_token_key: \"n\"  # c # d",
            ),
            (
                "api_token: a#b\n   # below\n",
                "secure_api_token_key: \"n\"\n   # below\n",
            ),
            (
                "api_token: | # why\n  x\n  # y\n# z\n",
                "secure_api_token_key: \"n\" # why\n# z\n",
            ),
        ] {
            let text = format!("host: h\n{text}");
            let outcome = held(&text, "f.yml")
                .unwrap()
                .with_names(&text, &[("api_token", "n".to_owned())]);
            assert_eq!(outcome.unwrap(), format!("host: h\n{expected}"));
        }
        for late in [
            "api_token: 'x\n  y' # late\n",
            "api_token:\n  # between\n  x\n",
            "api_token: # here\n  # between\n\n  x\n",
            "api_token:\n# between\n  x\n",
            "api_token: >\n  x\n  y\n # within\nb: c\n  # deeper\n",
        ] {
            let text = format!("host: h\n{late}");
            let outcome = held(&text, "f.yml")
                .unwrap()
                .with_names(&text, &[("api_token", "n".to_owned())]);
            let comments = |text: &str| text.matches('#').count();
            assert!(
                match &outcome {
                    Ok(changed) => comments(changed) == comments(&text),
                    Err(CannotMove::Shape { line: 2, .. }) => true,
                    Err(_) => false,
                },
                "{late}: {outcome:?}"
            );
        }
    }

    #[test]
    fn what_is_no_text_or_stands_there_twice_is_said_and_an_empty_text_is_no_credential() {
        for text in ["host: h\napi_token: 12\n", "host: h\nsecure_api_token_key: 12\n"] {
            let number = held(text, "f.yml");
            assert!(
                matches!(number, Err(CannotMove::NoText { line: 2, .. })),
                "{number:?}"
            );
        }
        let twice = held("host: h\napi_token: a\nsecure_api_token_key: b\n", "f.yml");
        assert!(
            matches!(twice, Err(CannotMove::Twice { line: 2, .. })),
            "{twice:?}"
        );
        let empty = held(
            "host: h\nusername: u\npassword: ''\nsecure_password_key:\n",
            "f.yml",
        );
        assert!(
            matches!(empty, Err(CannotMove::Twice { line: 3, .. })),
            "{empty:?}"
        );
        let empty = held("host: h\nusername: u\npassword: ''\n", "f.yml").unwrap();
        assert!(empty.clear.is_empty() && empty.named.is_empty());
        assert!(matches!(
            held("host: ''\napi_token: a\n", "f.yml"),
            Err(CannotMove::NoAccount("host"))
        ));
    }

    #[test]
    fn a_key_comes_back_on_lines_of_its_own() {
        for (before, key, after) in [
            (
                "  secure_priv_key_data_key: n # ours\n  b: 1\n",
                "-----BEGIN\nab c\n-----END\n",
                "  priv_key_data: | # ours\n    -----BEGIN\n    ab c\n    -----END\n  b: 1\n",
            ),
            (
                "  secure_priv_key_data_key: n\r\n  b: 1\r\n",
                "-----BEGIN\nabc",
                "  priv_key_data: |-\r\n    -----BEGIN\r\n    abc\r\n  b: 1\r\n",
            ),
            (
                "  secure_priv_key_data_key: n",
                "-----BEGIN\nabc",
                "  priv_key_data: |-\n    -----BEGIN\n    abc",
            ),
            (
                "  secure_priv_key_data_key: n\n",
                "a\n\nb\u{a0}\u{1f511}é\u{7f}",
                "  priv_key_data: \"a\\n\\nb\\u00a0\\U0001f511é\\u007f\"\n",
            ),
        ] {
            let text = format!("enterprise:\n  org_id: A\n{before}");
            let found = held(&text, "f.yml").unwrap();
            let back = found.with_secrets(&text, &[("priv_key_data", Secret::new(key))]);
            assert_eq!(back.unwrap(), format!("enterprise:\n  org_id: A\n{after}"));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_secret_comes_back(secret in "\\PC{1,40}|[ -~\n\r\t'\"#:\\\\]{1,40}") {
            let text = "host: h\nusername: u\nsecure_password_key: n\nbase_dn: x\n";
            let found = held(text, "f.yml").unwrap();
            let back = found.with_secrets(text, &[("password", Secret::new(secret.clone()))]).unwrap();
            let back = held(&back, "f.yml").unwrap();
            proptest::prop_assert_eq!(back.clear[0].1.reveal(), secret);
        }
    }
}
