//! Entries of the directory made into records.

use std::collections::HashMap;

use roster_core::plan::text::{SetId, TextId};
use roster_core::value::IdentityType;

use crate::config::main_file::identity_type;
use crate::log::Log;
use crate::read::attributes::{Attribute, Attributes};
use crate::read::ldap::Wanted;
use crate::read::ldap::ber::Malformed;
use crate::read::ldap::dn;
use crate::read::ldap::error::{Failure, failed};
use crate::read::ldap::message::Entry;
use crate::read::ldap::schema::{Schema, Syntax};
use crate::read::ldap::session::{Listed, Session};
use crate::read::ldap::settings::{Formats, Settings};
use crate::read::ldap::value;
use crate::read::template::Template;
use crate::read::{People, Record, Tables};

/// Keeps people, each once.
pub(crate) struct Keeper<'r, 'w> {
    settings: &'r Settings,
    schema: &'r Schema,
    syntaxes: HashMap<String, Syntax>,
    tables: &'r mut Tables<'w>,
    log: &'r Log,
    default_type: IdentityType,
    /// The attribute with people's groups, when that is asked for.
    dynamic: Option<&'r str>,
    records: Vec<Record>,
    /// People by name: their position, or `None` for one that was left out.
    by_dn: HashMap<Box<str>, Option<u32>>,
    /// How many people there were at the end of each page.
    page_ends: Vec<usize>,
    /// Lists that a server answered in parts.
    unfinished: Vec<Unfinished>,
    /// What hooks see, where there is one: formatted values, then attributes as they are.
    attributes: Option<Attributes>,
}

/// A list that goes on.
struct Unfinished {
    position: u32,
    dn: String,
    /// Where it goes on.
    from: u32,
    /// The attribute for hooks and its list; `None` for the attribute with groups.
    shown: Option<(String, u32)>,
}

/// What hooks see of everybody, by the formats of the connector file.
const HOOK_ATTRIBUTES: [&str; 7] = [
    "email",
    "identity_type",
    "username",
    "domain",
    "givenName",
    "sn",
    "c",
];

impl<'r, 'w> Keeper<'r, 'w> {
    pub(crate) fn new(
        settings: &'r Settings,
        wanted: &Wanted<'_>,
        schema: &'r Schema,
        tables: &'r mut Tables<'w>,
        log: &'r Log,
    ) -> Self {
        Self {
            settings,
            schema,
            syntaxes: HashMap::new(),
            tables,
            log,
            default_type: settings.default_type.unwrap_or(wanted.default_type),
            dynamic: settings.dynamic.as_deref().filter(|_| wanted.member_groups),
            records: Vec::new(),
            by_dn: HashMap::new(),
            page_ends: Vec::new(),
            unfinished: Vec::new(),
            attributes: wanted.extended.map(|extended| {
                let further = extended.iter().map(String::as_str);
                let further = further.filter(|name| !settings.used().any(|used| used == *name));
                Attributes::new(HOOK_ATTRIBUTES.into_iter().chain(further))
            }),
        }
    }

    /// Takes a person, unless they are here already. The position, or `None` for one that cannot be used.
    pub(crate) fn take(&mut self, entry: &Entry<'_>, host: &str) -> Result<Option<u32>, Failure> {
        let key = dn::key(entry.dn);
        if let Some(known) = self.by_dn.get(key.as_str()) {
            return Ok(*known);
        }
        let position = u32::try_from(self.records.len()).unwrap_or(u32::MAX);
        let record = self.record(entry, position, host)?;
        let kept = record.is_some().then_some(position);
        self.records.extend(record);
        self.by_dn.insert(key.into_boxed_str(), kept);
        Ok(kept)
    }

    /// Notes that a page of people is over.
    pub(crate) fn page_end(&mut self) {
        self.page_ends.push(self.records.len());
        self.log.see_people(self.records.len());
    }

    /// Notes that somebody is in a directory group.
    pub(crate) fn join(&mut self, position: u32, group: SetId) {
        if let Some(record) = self.records.get_mut(position as usize) {
            record.groups = self.tables.sets.union(record.groups, group);
        }
    }

    /// The set of one group.
    pub(crate) fn group(&mut self, name: &str) -> SetId {
        let number = self.tables.texts.intern(name).number();
        self.tables.sets.intern(&mut vec![number])
    }

    fn record(&mut self, entry: &Entry<'_>, position: u32, host: &str) -> Result<Option<Record>, Failure> {
        let malformed = |error: Malformed| failed(host, &format!("the entry `{}`: {error}", entry.dn));
        let mut first = HashMap::new();
        for name in formats(&self.settings.formats).flat_map(Template::names) {
            if first.contains_key(name) {
                continue;
            }
            let values = entry.values(name).map_err(malformed)?;
            let syntax = if let Some(known) = self.syntaxes.get(name) {
                *known
            } else {
                let syntax = self.schema.syntax(name);
                self.syntaxes.insert(name.to_owned(), syntax);
                syntax
            };
            let shown = values
                .list
                .first()
                .map(|bytes| value::text(name, bytes, syntax, self.settings.encoding));
            first.insert(name, shown);
        }
        let Some(mut record) = self.values(entry.dn, &first, position) else {
            return Ok(None);
        };
        if let Some(name) = self.dynamic {
            let groups = entry.values(name).map_err(malformed)?;
            record.member_groups = self.called(groups.list.iter().copied());
            if let Some(from) = groups.more_from {
                self.unfinished.push(Unfinished {
                    position,
                    dn: entry.dn.to_owned(),
                    from,
                    shown: None,
                });
            }
        }
        record.attributes = self.attributes_of(entry, &first, position).map_err(malformed)?;
        Ok(Some(record))
    }

    /// The row of somebody for hooks; 0 where there is none.
    fn attributes_of(
        &mut self,
        entry: &Entry<'_>,
        first: &HashMap<&str, Option<String>>,
        position: u32,
    ) -> Result<u32, Malformed> {
        let Some(table) = &mut self.attributes else {
            return Ok(0);
        };
        let texts = &mut *self.tables.texts;
        let formats = &self.settings.formats;
        let formatted = [
            Some(&formats.email),
            formats.identity_type.as_ref(),
            formats.username.as_ref(),
            formats.domain.as_ref(),
            Some(&formats.given_name),
            Some(&formats.surname),
            Some(&formats.country),
        ];
        let mut row = Vec::with_capacity(table.names.len());
        for template in formatted {
            let value =
                template.and_then(|format| format.fill(|name| first.get(name).cloned().flatten()).ok());
            row.push(Attribute::text(texts, value.unwrap_or_default().trim()));
        }
        // Without a schema, or pages, nobody knows that there can be one value only.
        let may_be_single = self.schema.is_readable() && self.settings.page_size != 0;
        for at in row.len()..table.names.len() {
            let Some(name) = table.names.get(at).cloned() else {
                break;
            };
            let syntax = self.schema.syntax(&name);
            let values = entry.values(&name)?;
            let shown = |bytes: &&[u8]| value::typed(&name, bytes, syntax, self.settings.encoding, texts);
            let shown: Vec<Attribute> = values.list.iter().map(shown).collect();
            row.push(match shown.as_slice() {
                [] => Attribute::None,
                [only] if may_be_single && self.schema.is_single(&name) => *only,
                _ => table.list(shown),
            });
            if let (Some(from), Some(&Attribute::List(list))) = (values.more_from, row.last()) {
                self.unfinished.push(Unfinished {
                    position,
                    dn: entry.dn.to_owned(),
                    from,
                    shown: Some((name, list)),
                });
            }
        }
        Ok(table.push(row))
    }

    /// The values of a person, by the rules for each that is missing.
    fn values(&mut self, dn: &str, first: &HashMap<&str, Option<String>>, position: u32) -> Option<Record> {
        let formats = &self.settings.formats;
        let fill = |template: &'r Template| template.fill(|name| first.get(name).cloned().flatten());
        let warn = |key: &str, what: std::fmt::Arguments<'_>| self.log.warning("ldap", key, what);
        let email = match fill(&formats.email) {
            Ok(email) if !email.trim().is_empty() => email.trim().to_owned(),
            other => {
                let email = formats.email.to_string();
                let missing = other.err().unwrap_or(&email);
                warn(
                    "ldap-user-skipped-no-email",
                    format_args!("Skipping user with dn {dn}: empty email attribute ({missing})"),
                );
                return None;
            }
        };
        let mut kind = self.default_type;
        match formats.identity_type.as_ref().map(fill) {
            None => {}
            Some(Ok(word)) if !word.trim().is_empty() => {
                let Some(known) = identity_type(word.trim()) else {
                    warn(
                        "ldap-user-skipped",
                        format_args!(
                            "Skipping user with dn {dn}: Unrecognized identity type: `{word}` [unknown-identity-type]"
                        ),
                    );
                    return None;
                };
                kind = known;
            }
            Some(other) => warn(
                "ldap-identity-type-missing",
                format_args!(
                    "No identity_type attribute ({}) for user with dn: {dn}",
                    other.err().unwrap_or("empty")
                ),
            ),
        }
        let mut username = None;
        match formats.username.as_ref().map(fill) {
            None => {}
            Some(Ok(name)) if !name.trim().is_empty() => username = Some(name.trim().to_owned()),
            Some(other) => warn(
                "ldap-username-missing",
                format_args!(
                    "No username attribute ({}) for user with dn: {dn}, default to email ({email})",
                    other.err().unwrap_or("empty")
                ),
            ),
        }
        let domain = match formats.domain.as_ref().map(fill) {
            Some(Ok(name)) if !name.trim().is_empty() => name.trim().to_owned(),
            _ if username.as_ref() != Some(&email) => {
                email.split_once('@').map_or("", |(_, domain)| domain).to_owned()
            }
            None => String::new(),
            Some(other) => {
                warn(
                    "ldap-domain-missing",
                    format_args!(
                        "No domain attribute ({}) for user with dn: {dn}",
                        other.err().unwrap_or("empty")
                    ),
                );
                String::new()
            }
        };
        let username = username.unwrap_or_else(|| email.clone());
        let given_name = fill(&formats.given_name).unwrap_or_else(|missing| {
            warn(
                "ldap-given-name-missing",
                format_args!("No given name attribute ({missing}) for user with dn: {dn}"),
            );
            String::new()
        });
        let surname = fill(&formats.surname).unwrap_or_else(|missing| {
            warn(
                "ldap-surname-missing",
                format_args!("No surname attribute ({missing}) for user with dn: {dn}"),
            );
            String::new()
        });
        let country = fill(&formats.country).unwrap_or_default().to_uppercase();
        let texts = &mut *self.tables.texts;
        let mut keep = |text: &str| -> TextId { texts.intern(text) };
        Some(Record {
            kind: Some(kind),
            email: keep(&email),
            username: keep(&username),
            domain: keep(&domain),
            firstname: keep(&given_name),
            lastname: keep(&surname),
            country: keep(&country),
            groups: SetId::EMPTY,
            member_groups: SetId::EMPTY,
            place: position + 1,
            attributes: 0,
        })
    }

    /// What groups are called whose names are the values of an attribute.
    fn called<'v>(&mut self, names: impl Iterator<Item = &'v [u8]>) -> SetId {
        let mut numbers = Vec::new();
        for name in names {
            let name = String::from_utf8_lossy(name);
            let called = dn::first_value(&name).unwrap_or_else(|_| name.into_owned());
            numbers.push(self.tables.texts.intern(&called).number());
        }
        self.tables.sets.intern(&mut numbers)
    }

    /// Reads what is still missing of long lists, and hands over the people.
    pub(crate) async fn finish(mut self, session: &mut Session<'_>) -> Result<People, Failure> {
        let attribute = self.dynamic.unwrap_or_default();
        for list in std::mem::take(&mut self.unfinished) {
            let Unfinished {
                position,
                dn,
                from,
                shown,
            } = list;
            let name = shown.as_ref().map_or(attribute, |(name, _)| name);
            let mut rest: Vec<Vec<u8>> = Vec::new();
            let mut is_all = false;
            session
                .values(&dn, name, from, |listed| {
                    match listed {
                        Listed::FromTheFirst => {
                            is_all = true;
                            rest.clear();
                        }
                        Listed::Value(bytes) => rest.push(bytes.to_vec()),
                    }
                    Ok(())
                })
                .await?;
            if let (Some((name, list)), Some(table)) = (shown, &mut self.attributes) {
                let syntax = self.schema.syntax(&name);
                let texts = &mut *self.tables.texts;
                let more =
                    |bytes: &Vec<u8>| value::typed(&name, bytes, syntax, self.settings.encoding, texts);
                if is_all {
                    table.clear_list(list);
                }
                table.extend_list(list, rest.iter().map(more));
                continue;
            }
            let more = self.called(rest.iter().map(Vec::as_slice));
            if let Some(record) = self.records.get_mut(position as usize) {
                record.member_groups = self.tables.sets.union(record.member_groups, more);
            }
        }
        // user-sync takes each page from its end. Where two people have one e-mail, the order decides whose names it has.
        let mut start = 0;
        for end in self.page_ends {
            if let Some(page) = self.records.get_mut(start..end) {
                page.reverse();
            }
            start = end;
        }
        for (place, record) in (1..).zip(&mut self.records) {
            record.place = place;
        }
        Ok(People {
            records: self.records,
            attributes: self.attributes.unwrap_or_default(),
            ..People::default()
        })
    }
}

fn formats(formats: &Formats) -> impl Iterator<Item = &Template> {
    let optional = [&formats.username, &formats.domain, &formats.identity_type];
    [
        &formats.email,
        &formats.given_name,
        &formats.surname,
        &formats.country,
    ]
    .into_iter()
    .chain(optional.into_iter().flatten())
}
