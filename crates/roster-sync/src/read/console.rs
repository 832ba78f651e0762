//! People from another organization, read through its User Management API.

use std::collections::{BTreeMap, BTreeSet};

use roster_client::{Client, ClientError, User, UserQuery};
use roster_core::plan::text::{SetId, TextId};
use roster_core::value::{IdentityType, Key};

use crate::config::main_file::identity_type;
use crate::log::Log;
use crate::read::attributes::{Attribute, Attributes};
use crate::read::{Entries, People, Record, Tables};

/// What is wanted of the organization.
pub(crate) struct Wanted<'r> {
    /// The groups whose members are wanted, as configured.
    pub groups: &'r BTreeSet<String>,
    /// Whether people without any of these groups are wanted as well.
    pub everybody: bool,
    /// Only accounts of this type.
    pub only: Option<IdentityType>,
    /// The type of accounts that name none.
    pub default_type: IdentityType,
    /// What a hook wants to know besides, where there is one.
    pub extended: Option<&'r [String]>,
}

const LOGGER: &str = "connector";

/// What hooks see of an account.
const HOOK_ATTRIBUTES: [&str; 7] = [
    "email",
    "type",
    "username",
    "domain",
    "firstname",
    "lastname",
    "country",
];

/// Reads the people of the organization and the groups they are in.
///
/// # Errors
///
/// An organization that cannot be read, that has no lists of people and groups, or that ends before it has shown as many
/// pages as it said. How many people it counts and does not show is left to judge ([`People::entries`]): Adobe counts
/// technical accounts.
pub(crate) async fn read(
    client: &Client,
    wanted: &Wanted<'_>,
    tables: &mut Tables<'_>,
    log: &Log,
) -> Result<People, ClientError> {
    let mut people = People::default();
    if let Some(extended) = wanted.extended {
        people.attributes = Attributes::new(HOOK_ATTRIBUTES);
        if !extended.is_empty() {
            log.warning(
                LOGGER,
                "extended-attributes-without-effect",
                "`extended_attributes` has no effect where people come from another organization",
            );
        }
    }
    let asked = asked_groups(client, wanted, tables, log).await?;
    let mut reader = Reader {
        wanted,
        asked,
        tables,
        log,
        people,
        by_key: BTreeMap::new(),
    };
    let mut pages = client.users(&UserQuery::everybody()).required();
    let mut count = 0_u32;
    while let Some(page) = pages.next().await? {
        for user in &page.users {
            count = count.saturating_add(1);
            reader.user(user, count);
        }
        log.see_people(reader.people.records.len());
    }
    let mut people = reader.people;
    people.entries = Entries {
        shown: count as usize,
        unlisted: usize::try_from(pages.unlisted()).unwrap_or(usize::MAX),
    };
    Ok(people)
}

/// The groups that are asked for and exist: their names as configured, by what they compare as.
async fn asked_groups(
    client: &Client,
    wanted: &Wanted<'_>,
    tables: &mut Tables<'_>,
    log: &Log,
) -> Result<BTreeMap<String, Vec<u32>>, ClientError> {
    let mut asked: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    if wanted.groups.is_empty() {
        return Ok(asked);
    }
    let mut existing = BTreeSet::new();
    let mut pages = client.groups().required();
    while let Some(page) = pages.next().await? {
        existing.extend(
            page.groups
                .iter()
                .map(|group| Key::new(&group.group_name).into_string()),
        );
    }
    for name in wanted.groups {
        let folded = Key::new(name).into_string();
        if existing.contains(&folded) {
            let id = tables.texts.intern(name).number();
            asked.entry(folded).or_default().push(id);
        } else {
            log.warning(
                LOGGER,
                "directory-group-not-found",
                format_args!("No group found for: {name}"),
            );
        }
    }
    Ok(asked)
}

struct Reader<'r, 't> {
    wanted: &'r Wanted<'r>,
    asked: BTreeMap<String, Vec<u32>>,
    tables: &'r mut Tables<'t>,
    log: &'r Log,
    people: People,
    /// Where somebody stands among the people, by type, username and domain.
    by_key: BTreeMap<(IdentityType, String, String), usize>,
}

impl Reader<'_, '_> {
    fn user(&mut self, user: &User, place: u32) {
        let said = |text: &Option<String>| text.as_deref().unwrap_or("").trim().to_owned();
        let email = said(&user.email);
        let Some(kind) = self.kind(&said(&user.kind), &email) else {
            return;
        };
        if self.wanted.only.is_some_and(|only| only != kind) {
            return;
        }
        if email.is_empty() {
            self.log.warning(
                LOGGER,
                "directory-user-without-email",
                format_args!(
                    "Skipping user with username `{}`: no e-mail (record {place})",
                    said(&user.username)
                ),
            );
            return;
        }
        let mut groups = Vec::new();
        let mut member_groups = Vec::new();
        for name in &user.groups {
            groups.extend(
                self.asked
                    .get(&Key::new(name).into_string())
                    .into_iter()
                    .flatten(),
            );
            member_groups.push(self.tables.texts.intern(name).number());
        }
        if groups.is_empty() && !self.wanted.everybody {
            return;
        }
        let mut username = said(&user.username);
        if username.is_empty() {
            username.clone_from(&email);
        }
        let domain = said(&user.domain);
        let key = (
            kind,
            Key::new(&username).into_string(),
            Key::new(&domain).into_string(),
        );
        let attributes = if self.wanted.extended.is_some() {
            let texts = &mut *self.tables.texts;
            let values = [
                &user.email,
                &user.kind,
                &user.username,
                &user.domain,
                &user.firstname,
                &user.lastname,
                &user.country,
            ];
            let row = values.map(|value| Attribute::text(texts, value.as_deref().unwrap_or_default()));
            self.people.attributes.push(row)
        } else {
            0
        };
        let record = Record {
            kind: Some(kind),
            email: self.text(&email),
            username: self.text(&username),
            domain: self.text(&domain),
            firstname: self.text(&said(&user.firstname)),
            lastname: self.text(&said(&user.lastname)),
            country: self.text(&said(&user.country)),
            groups: self.set(&mut groups),
            member_groups: self.set(&mut member_groups),
            place,
            attributes,
        };
        // Pages shift when somebody joins while they are read, so one account may come twice.
        let at = *self.by_key.entry(key).or_insert(self.people.records.len());
        match self.people.records.get_mut(at) {
            Some(known) => *known = record,
            None => self.people.records.push(record),
        }
    }

    /// The type of an account; `None`, with a warning, where it is none that can be created.
    fn kind(&self, said: &str, email: &str) -> Option<IdentityType> {
        if said.is_empty() {
            let kind = self.wanted.default_type;
            self.log.warning(
                LOGGER,
                "directory-user-without-type",
                format_args!("User `{email}` has no identity type; the default is used"),
            );
            return Some(kind);
        }
        let kind = identity_type(said);
        if kind.is_none() {
            self.log.warning(
                LOGGER,
                "directory-user-of-unknown-type",
                format_args!("Skipping user `{email}`: its type `{said}` is not known"),
            );
        }
        kind
    }

    fn text(&mut self, text: &str) -> TextId {
        self.tables.texts.intern(text)
    }

    fn set(&mut self, names: &mut Vec<u32>) -> SetId {
        self.tables.sets.intern(names)
    }
}
