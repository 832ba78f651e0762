//! Secrets that a configuration holds: in clear, or by the name under which a store of the system has them.

use roster_client::Secret;

use crate::config::section::Section;

/// Where secrets are that a file names with `secure_…_key`.
pub trait SecretStore: Send + Sync {
    /// Looks for the secret of `account` under `name`; gives the secret and what messages call the place it was found in.
    ///
    /// # Errors
    ///
    /// Why the stores cannot be asked, or that none of them has it, and what can be done.
    fn find(&self, name: &str, account: &str) -> Result<(Secret, String), String>;
}

/// How a Windows store names a secret when several accounts have one of the same name.
pub fn compound_name(name: &str, account: &str) -> String {
    format!("{account}@{name}")
}

/// Whether a text is what example files have in the place of a secret: ours, or user-sync's ("Client ID goes here").
pub(crate) fn is_placeholder(text: &str) -> bool {
    text == "fill in" || text.ends_with(" goes here")
}

/// The credential that is a private key.
pub(crate) const KEY_DATA: &str = "priv_key_data";

/// What is wrong with a credential: the stable name, and a sentence without its subject.
pub(crate) type Complain<'c> = &'c dyn Fn(&'static str, &str);

/// Reads the credential `key`, which may stand as `secure_{key}_key` as well. `account` is whose it is, as far as that is
/// known.
pub(crate) fn read(
    section: &Section<'_, '_>,
    key: &str,
    account: Option<&str>,
    required: bool,
    store: &dyn SecretStore,
    complain: Complain<'_>,
) -> Option<Secret> {
    let secure = format!("secure_{key}_key");
    match (section.has(key), section.has(&secure)) {
        (true, true) => {
            complain(
                "credential-twice",
                &format!("cannot contain setting for both `{key}` and `{secure}`"),
            );
            None
        }
        (true, false) => {
            let text = section.text(key);
            if text.is_none() && section.get(key).is_none() && required {
                complain("credential-missing", &format!("must contain setting for `{key}`"));
            }
            if let Some(text) = text.as_deref().filter(|text| is_placeholder(text)) {
                complain(
                    "credential-placeholder",
                    &format!(
                        "still has `{text}` for `{key}`, as the example does: put the real value there, or name a \
                         secret with `{secure}`"
                    ),
                );
                return None;
            }
            // A private key has lines.
            if let (Some(text), Some(node)) = (&text, section.get(key))
                && key != KEY_DATA
            {
                section.check_plain(key, text, &node.place);
            }
            text.map(Secret::new)
        }
        (false, true) => {
            let name = section.text(&secure)?;
            let account = account?;
            match store.find(&name, account) {
                Ok((secret, _)) => Some(secret),
                Err(why) => {
                    complain(
                        "credential-store",
                        &format!("names a secret with `{secure}`: {why}"),
                    );
                    None
                }
            }
        }
        (false, false) => {
            if required {
                complain("credential-missing", &format!("must contain setting for `{key}`"));
            }
            None
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::section::Problems;
    use crate::config::yaml::parse;

    /// Knows one secret of one account.
    pub(crate) struct One(pub &'static str, pub &'static str, pub &'static str);

    impl SecretStore for One {
        fn find(&self, name: &str, account: &str) -> Result<(Secret, String), String> {
            if (name, account) == (self.0, self.1) {
                Ok((Secret::new(self.2), "a test".to_owned()))
            } else {
                Err(format!("no `{name}` of `{account}`"))
            }
        }
    }

    #[test]
    fn a_reference_is_looked_up_under_its_name_and_account() {
        let node = parse("secure_token_key: box\nplain: open\n", "f.yml").unwrap();
        let problems = Problems::default();
        let section = Section::new(&node, "", &problems).unwrap();
        let said = std::cell::RefCell::new(Vec::new());
        let complain = |key: &'static str, what: &str| said.borrow_mut().push(format!("{key}: {what}"));
        let store = One("box", "ada", "s3cret");
        let find = |key: &str, account| {
            let found = read(&section, key, Some(account), true, &store, &complain);
            found.map(|secret| secret.reveal().to_owned())
        };
        assert_eq!(find("token", "ada").as_deref(), Some("s3cret"));
        assert_eq!(find("plain", "ada").as_deref(), Some("open"));
        assert!(said.borrow().is_empty());
        assert_eq!(find("token", "kim"), None);
        assert_eq!(find("other", "ada"), None);
        assert_eq!(
            *said.borrow(),
            [
                "credential-store: names a secret with `secure_token_key`: no `box` of `kim`",
                "credential-missing: must contain setting for `other`",
            ]
        );
    }

    #[test]
    fn the_text_of_the_example_is_no_secret() {
        let node = parse("token: fill in\n", "f.yml").unwrap();
        let problems = Problems::default();
        let section = Section::new(&node, "", &problems).unwrap();
        let said = std::cell::RefCell::new(Vec::new());
        let complain = |key: &'static str, what: &str| said.borrow_mut().push(format!("{key}: {what}"));
        let store = One("box", "ada", "s3cret");
        let found = read(&section, "token", Some("ada"), true, &store, &complain);
        assert!(found.is_none());
        assert_eq!(
            *said.borrow(),
            [
                "credential-placeholder: still has `fill in` for `token`, as the example does: put the real value there, or \
                 name a secret with `secure_token_key`"
            ]
        );
        assert!(is_placeholder("Client secret goes here") && !is_placeholder("goes here too"));
    }

    #[test]
    fn windows_has_a_second_name_for_secrets_that_share_one() {
        assert_eq!(
            compound_name("umapi_secret", "1A@AdobeOrg"),
            "1A@AdobeOrg@umapi_secret"
        );
    }
}
