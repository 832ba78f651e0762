//! The two sides of a comparison: people of the directory and accounts of the organizations.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::text::{SetId, Sets, TextId, Texts};
use crate::value::IdentityType;

/// Everything a plan is made from.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// All texts.
    pub texts: Texts,
    /// All sets of groups.
    pub sets: Sets,
    /// The groups that the mapping leads to.
    pub targets: Targets,
    /// The people who should be there.
    pub directory: Directory,
    /// The organizations; the first is the primary one, which owns the accounts.
    pub organizations: Vec<Organization>,
}

/// Who somebody is: two records with equal keys are one account. All texts are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserKey {
    /// The kind of account.
    pub kind: IdentityType,
    /// The username, or the e-mail where there is none.
    pub username: TextId,
    /// The domain; empty for usernames in e-mail form.
    pub domain: TextId,
    /// The e-mail.
    pub email: TextId,
}

impl UserKey {
    /// Makes the key of a person; `None` when nobody can be addressed by it: without a username and e-mail, or with a
    /// plain username and no domain.
    pub fn new(
        texts: &mut Texts,
        kind: IdentityType,
        username: &str,
        domain: &str,
        email: &str,
    ) -> Option<Self> {
        let email = texts.intern_folded(email);
        let mut username = texts.intern_folded(username);
        if username.is_empty() {
            username = email;
        }
        let email_form = texts.get(username).contains('@');
        let domain = if email_form {
            TextId::EMPTY
        } else {
            texts.intern_folded(domain)
        };
        let valid = !username.is_empty() && (email_form || !domain.is_empty());
        valid.then_some(Self {
            kind,
            username,
            domain,
            email,
        })
    }

    /// Makes the key of an existing account. An Adobe ID goes by its e-mail alone.
    pub fn of_account(
        texts: &mut Texts,
        kind: IdentityType,
        username: &str,
        domain: &str,
        email: &str,
    ) -> Option<Self> {
        match kind {
            IdentityType::AdobeId => Self::new(texts, kind, email, "", email),
            _ => Self::new(texts, kind, username, domain, email),
        }
    }

    /// The parts joined with commas, as logs show them.
    pub fn show(&self, texts: &Texts) -> String {
        let parts = [self.username, self.domain, self.email].map(|id| texts.get(id));
        format!("{},{}", self.kind.as_str(), parts.join(","))
    }
}

/// A person of the directory, selected and mapped.
#[derive(Debug, Clone, Copy)]
pub struct Person {
    /// Who it is.
    pub key: UserKey,
    /// The e-mail as written.
    pub email: TextId,
    /// The username as written; the e-mail where the directory has none.
    pub username: TextId,
    /// The domain as written, for plain usernames.
    pub domain: TextId,
    /// The first name, or empty.
    pub firstname: TextId,
    /// The last name, or empty.
    pub lastname: TextId,
    /// The country, or empty.
    pub country: TextId,
    /// The set of [`TargetId`]s the person should be in.
    pub targets: SetId,
    /// Where the directory has it (a row number), for messages; 0 when unknown.
    pub place: u32,
}

/// A record of the directory that stands for the same person as an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merged {
    /// Where it stands in the source.
    pub place: u32,
    /// Its e-mail as written.
    pub email: TextId,
    /// Its username as written.
    pub username: TextId,
    /// The person both became.
    pub person: u32,
}

/// The selected people, findable by e-mail and by username.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// How many records with a valid key were read, selected or not.
    pub read: usize,
    /// How many were selected.
    pub selected: usize,
    /// The people, in the order of the source.
    pub people: Vec<Person>,
    /// Records that stand for somebody whom an earlier one stands for.
    pub merged: Vec<Merged>,
    index: Index,
}

impl Directory {
    /// Takes in a selected person. Somebody with the e-mail or username of an earlier one *is* the earlier one: the
    /// groups are united; with an equal e-mail the later record supplies the attributes, otherwise the earlier.
    pub fn add(&mut self, sets: &mut Sets, person: Person) {
        self.selected += 1;
        let key = person.key;
        let by_email = self.index.by_email(key.email);
        let earlier = by_email.or_else(|| self.index.by_username(key.username));
        let at = if let Some(at) = earlier {
            if let Some(known) = self.people.get_mut(at as usize) {
                let targets = sets.union(known.targets, person.targets);
                if by_email.is_some() {
                    *known = person;
                }
                known.targets = targets;
            }
            self.merged.push(Merged {
                place: person.place,
                email: person.email,
                username: person.username,
                person: at,
            });
            at
        } else {
            self.people.push(person);
            u32::try_from(self.people.len() - 1).expect("fewer than 2^32 people")
        };
        self.index.insert(key.email, key.username, at);
    }

    /// Finds a person by e-mail, else by username.
    pub fn find(&self, email: TextId, username: TextId) -> Option<u32> {
        self.index
            .by_email(email)
            .or_else(|| self.index.by_username(username))
    }

    /// The person at a position that [`Self::find`] returned.
    pub fn person(&self, at: u32) -> Option<&Person> {
        self.people.get(at as usize)
    }
}

/// An account of an organization, as read.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Who it is.
    pub key: UserKey,
    /// The e-mail as stored.
    pub email: TextId,
    /// The username as stored, or empty.
    pub username: TextId,
    /// The domain as stored, or empty.
    pub domain: TextId,
    /// The first name, or empty.
    pub firstname: TextId,
    /// The last name, or empty.
    pub lastname: TextId,
    /// The set of folded group names (numbers of [`TextId`]s).
    pub groups: SetId,
    /// The position, plus one, of the `exclude_users` pattern that its username fits; 0 for none.
    pub excluded_by: u16,
}

/// An organization as read.
#[derive(Debug, Clone, Default)]
pub struct Organization {
    /// The name of a secondary organization; `None` for the primary one.
    pub name: Option<String>,
    /// Its accounts, as listed. Empty when they are not read.
    pub accounts: Vec<Account>,
    /// How the organization spells its groups, by folded name.
    pub spelling: BTreeMap<TextId, TextId>,
    /// The folded names of all its groups, when they were listed.
    pub groups: Option<BTreeSet<TextId>>,
}

/// A group that the mapping leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The position of its organization.
    pub organization: u16,
    /// The folded name.
    pub key: TextId,
    /// The name as configured first.
    pub name: TextId,
}

/// The number of a target.
pub type TargetId = u32;

/// The groups that the mapping leads to, each once.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    all: Vec<Target>,
    by_key: BTreeMap<(u16, TextId), TargetId>,
}

impl Targets {
    /// Takes in a group of an organization; the first spelling stays.
    pub fn add(&mut self, texts: &mut Texts, organization: u16, name: &str) -> TargetId {
        let key = texts.intern_folded(name);
        let next = u32::try_from(self.all.len()).expect("fewer than 2^32 groups");
        let id = *self.by_key.entry((organization, key)).or_insert(next);
        if id == next {
            self.all.push(Target {
                organization,
                key,
                name: texts.intern(name),
            });
        }
        id
    }

    /// The target behind a number.
    pub fn get(&self, id: TargetId) -> Option<&Target> {
        self.all.get(id as usize)
    }

    /// All targets, in the order of configuration.
    pub fn iter(&self) -> impl Iterator<Item = (TargetId, &Target)> {
        (0..).zip(&self.all)
    }

    /// The number of an organization's group with this folded name.
    pub fn find(&self, organization: u16, key: TextId) -> Option<TargetId> {
        self.by_key.get(&(organization, key)).copied()
    }
}

/// Positions by e-mail and by username, as tables over the numbers of texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Index {
    emails: Vec<u32>,
    usernames: Vec<u32>,
}

const NOBODY: u32 = u32::MAX;

impl Index {
    /// Later entries replace earlier ones. Empty texts find nobody.
    pub(crate) fn insert(&mut self, email: TextId, username: TextId, at: u32) {
        Self::put(&mut self.emails, email, at);
        Self::put(&mut self.usernames, username, at);
    }

    pub(crate) fn by_email(&self, email: TextId) -> Option<u32> {
        Self::look(&self.emails, email)
    }

    pub(crate) fn by_username(&self, username: TextId) -> Option<u32> {
        Self::look(&self.usernames, username)
    }

    fn put(table: &mut Vec<u32>, text: TextId, at: u32) {
        if text.is_empty() {
            return;
        }
        let slot = text.index();
        if slot >= table.len() {
            table.resize((slot + 1).max(table.len() * 2), NOBODY);
        }
        if let Some(slot) = table.get_mut(slot) {
            *slot = at;
        }
    }

    fn look(table: &[u32], text: TextId) -> Option<u32> {
        table.get(text.index()).copied().filter(|&at| at != NOBODY)
    }
}
