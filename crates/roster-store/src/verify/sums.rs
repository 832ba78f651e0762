//! The log without its rows: every row comes down to 128 bits, and whole tables to the sum of these.
//!
//! A sum does not depend on order, so what changes add and take away can be counted one after another, a checkpoint can
//! hold what came before it, and nothing has to be remembered by its key. The digest is a part of the stored form: a
//! checkpoint made by any version is compared with the rows of another.

use std::collections::BTreeMap;

use roster_core::org::{Directory, Domain, Group, Person, Product};
use roster_core::value::{GroupId, IdentityType, OrgState};
use sha2::{Digest as _, Sha256};

use crate::row::identity_types;

/// A part of the rows that changes add to and take from by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Facet {
    Accounts,
    Persons,
    Statuses,
    Members,
    Groups,
    GroupNames,
    Quotas,
    Memberships,
    Links,
    Products,
    Domains,
    Directories,
    Relations,
    Settings,
}

/// Every facet, the name that a checkpoint has for it, and the table it is a part of.
const FACETS: [(Facet, &str, &str); 14] = [
    (Facet::Accounts, "accounts", "accounts"),
    (Facet::Persons, "persons", "accounts"),
    (Facet::Statuses, "statuses", "accounts"),
    (Facet::Members, "members", "members"),
    (Facet::Groups, "groups", "groups"),
    (Facet::GroupNames, "group_names", "groups"),
    (Facet::Quotas, "quotas", "groups"),
    (Facet::Memberships, "memberships", "memberships"),
    (Facet::Links, "links", "links"),
    (Facet::Products, "products", "products"),
    (Facet::Domains, "domains", "domains"),
    (Facet::Directories, "directories", "directories"),
    (Facet::Relations, "relations", "relations"),
    (Facet::Settings, "settings", "organizations"),
];

/// The sums of an organization's rows, or of a part of its log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums(BTreeMap<Facet, u128>);

impl Sums {
    pub(crate) fn add(&mut self, facet: Facet, digest: u128) {
        let sum = self.0.entry(facet).or_default();
        *sum = sum.wrapping_add(digest);
    }

    pub(crate) fn sub(&mut self, facet: Facet, digest: u128) {
        self.add(facet, digest.wrapping_neg());
    }

    pub(super) fn turn(&mut self, facet: Facet, before: u128, after: u128) {
        self.sub(facet, before);
        self.add(facet, after);
    }

    fn get(&self, facet: Facet) -> u128 {
        self.0.get(&facet).copied().unwrap_or_default()
    }

    pub(crate) fn plus(&mut self, other: &Self) {
        for (facet, sum) in &other.0 {
            self.add(*facet, *sum);
        }
    }

    pub(crate) fn minus(&mut self, other: &Self) {
        for (facet, sum) in &other.0 {
            self.sub(*facet, *sum);
        }
    }

    /// The tables in which the two differ.
    pub(crate) fn differing(&self, other: &Self) -> Vec<&'static str> {
        let mut tables: Vec<&'static str> = FACETS
            .iter()
            .filter(|(facet, _, _)| self.get(*facet) != other.get(*facet))
            .map(|(_, _, table)| *table)
            .collect();
        tables.dedup();
        tables
    }

    /// Whether nothing was added that was not taken away again.
    pub(crate) fn is_zero(&self) -> bool {
        self.0.values().all(|sum| *sum == 0)
    }

    /// The text of a checkpoint.
    pub(crate) fn encode(&self) -> String {
        let sums: BTreeMap<&str, String> = FACETS
            .iter()
            .map(|(facet, name, _)| (*name, format!("{:032x}", self.get(*facet))))
            .collect();
        serde_json::json!({ "v": 1, "sums": sums }).to_string()
    }

    /// Reads the text of a checkpoint; `None` when it is none.
    pub(crate) fn decode(text: &str) -> Option<Self> {
        #[derive(serde::Deserialize)]
        struct Stored {
            v: u8,
            sums: BTreeMap<String, String>,
        }
        let stored: Stored = serde_json::from_str(text).ok()?;
        if stored.v != 1 || stored.sums.len() != FACETS.len() {
            return None;
        }
        let mut sums = Self::default();
        for (facet, name, _) in FACETS {
            let text = stored.sums.get(name).filter(|text| text.len() == 32)?;
            sums.add(facet, u128::from_str_radix(text, 16).ok()?);
        }
        Some(sums)
    }
}

/// The first half of a SHA-256 over the values of a row, each with its length or a mark of what it is.
struct Row(Sha256);

impl Row {
    fn new(facet: Facet) -> Self {
        let mut row = Self(Sha256::new());
        // The place in the list above is the facet's mark for ever.
        let mark = FACETS.iter().position(|(known, _, _)| *known == facet);
        row.0
            .update([u8::try_from(mark.unwrap_or_default()).unwrap_or_default()]);
        row
    }

    fn int(mut self, value: i64) -> Self {
        self.0.update(value.to_le_bytes());
        self
    }

    fn text(mut self, text: &str) -> Self {
        self.0.update((text.len() as u64).to_le_bytes());
        self.0.update(text);
        self
    }

    fn opt_int(mut self, value: Option<i64>) -> Self {
        self.0.update([u8::from(value.is_some())]);
        match value {
            Some(value) => self.int(value),
            None => self,
        }
    }

    fn opt_text(mut self, text: Option<&str>) -> Self {
        self.0.update([u8::from(text.is_some())]);
        match text {
            Some(text) => self.text(text),
            None => self,
        }
    }

    fn done(self) -> u128 {
        let digest: [u8; 32] = self.0.finalize().into();
        let half = digest.iter().take(16);
        half.fold(0, |sum, byte| sum << 8 | u128::from(*byte))
    }
}

/// What never changes of an account. Its country, which does not either, is a personal value: see [`country`].
pub(super) fn account(id: i64, public_id: &str, directory: i64, kind: &str) -> u128 {
    Row::new(Facet::Accounts)
        .int(id)
        .text(public_id)
        .int(directory)
        .text(kind)
        .done()
}

pub(super) struct Name<'a> {
    pub(super) username: &'a str,
    pub(super) email: &'a str,
    pub(super) domain: &'a str,
    pub(super) firstname: Option<&'a str>,
    pub(super) lastname: Option<&'a str>,
}

impl<'a> From<&'a Person> for Name<'a> {
    fn from(person: &'a Person) -> Self {
        Self {
            username: &person.username,
            email: &person.email,
            domain: &person.domain,
            firstname: person.firstname.as_deref(),
            lastname: person.lastname.as_deref(),
        }
    }
}

pub(super) fn person(id: i64, name: &Name<'_>) -> u128 {
    Row::new(Facet::Persons)
        .int(id)
        .text(name.username)
        .text(name.email)
        .text(name.domain)
        .opt_text(name.firstname)
        .opt_text(name.lastname)
        .done()
}

/// Counted with the person.
pub(super) fn country(id: i64, country: &str) -> u128 {
    Row::new(Facet::Persons).int(id).text(country).done()
}

pub(super) fn status(id: i64, status: &str) -> u128 {
    Row::new(Facet::Statuses).int(id).text(status).done()
}

pub(super) fn member(account: i64, seq: i64) -> u128 {
    Row::new(Facet::Members).int(account).int(seq).done()
}

pub(super) fn group(group: &Group) -> u128 {
    let profile = group.profile.as_ref();
    Row::new(Facet::Groups)
        .int(group.id.0)
        .text(group.kind.as_str())
        .opt_int(group.kind.base().map(|base| base.0))
        .opt_int(group.kind.product().map(|product| product.0))
        .opt_int(group.source.map(|source| source.0))
        .opt_text(profile.map(|profile| profile.public_id.as_str()))
        .int(group.seq.0)
        .done()
}

pub(super) fn group_name(id: GroupId, name: &str, description: Option<&str>) -> u128 {
    Row::new(Facet::GroupNames)
        .int(id.0)
        .text(name)
        .opt_text(description)
        .done()
}

pub(super) fn quota(id: GroupId, quota: Option<i64>) -> u128 {
    Row::new(Facet::Quotas).int(id.0).opt_int(quota).done()
}

pub(super) fn membership(account: i64, group: i64, seq: i64) -> u128 {
    Row::new(Facet::Memberships)
        .int(account)
        .int(group)
        .int(seq)
        .done()
}

pub(super) fn link(group: i64, profile: i64, seq: i64) -> u128 {
    Row::new(Facet::Links).int(group).int(profile).int(seq).done()
}

pub(super) fn product(product: &Product) -> u128 {
    Row::new(Facet::Products)
        .int(product.id.0)
        .text(&product.public_id)
        .text(&product.code)
        .text(&product.name)
        .opt_int(product.quota)
        .int(product.seq.0)
        .done()
}

pub(super) fn domain(domain: &Domain) -> u128 {
    Row::new(Facet::Domains)
        .text(domain.name.as_str())
        .int(domain.directory.0)
        .int(domain.restrict_adobe_ids.into())
        .int(domain.seq.0)
        .done()
}

pub(super) fn directory(directory: &Directory) -> u128 {
    Row::new(Facet::Directories)
        .int(directory.id.0)
        .text(&directory.public_id)
        .text(&directory.name)
        .text(directory.kind.as_str())
        .text(directory.login.as_str())
        .int(directory.synced.into())
        .done()
}

pub(super) fn trusted(directory: i64, trustee: i64) -> u128 {
    Row::new(Facet::Relations).int(directory).int(trustee).done()
}

pub(super) fn settings(name: &str, state: OrgState, types: &[IdentityType]) -> u128 {
    Row::new(Facet::Settings)
        .text(name)
        .text(state.as_str())
        .text(&identity_types(types))
        .done()
}

#[cfg(test)]
mod tests {
    use super::super::stretch::Stretch;
    use super::*;
    use crate::audit::Rows;

    /// A checkpoint is compared with rows by versions to come: what it was made of stays.
    #[test]
    fn a_checkpoint_is_written_as_ever_and_read() {
        let mut stretch = Stretch::default();
        let set = [(5, 7), (1 << 40, -1)];
        stretch.set(None, 3, &set);
        stretch.set(Some(Rows::Listed), 0, &set);
        stretch.set(Some(Rows::UnlinkedGroups), 9, &set);
        stretch.set(Some(Rows::Untrusted), 9, &set);
        let name = Name {
            username: "ada",
            email: "Ada@exämple.com",
            domain: "exämple.com",
            firstname: Some(""),
            lastname: None,
        };
        for (facet, digest) in [
            (Facet::Accounts, account(1, "X", 11, "federatedID")),
            (Facet::Persons, person(1, &name)),
            (Facet::Persons, country(1, "DE")),
            (Facet::Statuses, status(1, "active")),
            (Facet::GroupNames, group_name(GroupId(1), "A", Some("b"))),
            (Facet::Quotas, quota(GroupId(1), Some(3))),
            (
                Facet::Settings,
                settings("Acme", OrgState::Active, &[IdentityType::Federated]),
            ),
        ] {
            stretch.sums.add(facet, digest);
        }
        let text = stretch.sums.encode();
        assert_eq!(
            text,
            include_str!("../../tests/golden/checkpoint-1.json").trim_end()
        );
        let read = Sums::decode(&text).unwrap();
        assert_eq!(read.differing(&stretch.sums), Vec::<&str>::new());
        assert_eq!(read.differing(&Sums::default()).len(), 7);
        for other in [
            text.replace("\"v\":1", "\"v\":2"),
            text.replace("links", "lynx"),
            text.replace("0000", "00"),
        ] {
            assert!(Sums::decode(&other).is_none(), "{other}");
        }
    }

    #[test]
    fn where_a_value_ends_counts() {
        assert_ne!(account(1, "ab", 1, "c"), account(1, "a", 1, "bc"));
        assert_ne!(quota(GroupId(1), None), quota(GroupId(1), Some(0)));
        assert_ne!(member(1, 2), member(2, 1));
        assert_ne!(link(1, 2, 3), membership(1, 2, 3), "each facet has its own mark");
    }
}
