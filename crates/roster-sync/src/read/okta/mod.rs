//! People from Okta: groups by name, their members, a filter, formats.

pub(crate) mod api;
mod evaluate;
pub(crate) mod predicate;

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use roster_core::plan::text::{SetId, TextId, Texts};
use roster_core::value::IdentityType;
use serde_json::Value;

use crate::config::okta::Settings;
use crate::log::Log;
use crate::read::attributes::{Attribute, Attributes};
use crate::read::template::Template;
use crate::read::{People, Record, Tables};
use api::{Api, Failure};

const LOGGER: &str = "okta";

/// How many a page holds; the most that Okta recommends for members.
const PAGE: usize = 200;

/// Who is asked for.
#[derive(Debug)]
pub(crate) struct Wanted<'r> {
    /// The groups whose members are wanted.
    pub(crate) groups: &'r BTreeSet<String>,
    /// The type of people where the connector file names none.
    pub(crate) default_type: IdentityType,
    /// The properties that a hook wants to see besides, where there is one.
    pub(crate) extended: Option<&'r [String]>,
}

/// What hooks see of everybody.
const HOOK_ATTRIBUTES: [&str; 9] = [
    "login",
    "id",
    "email",
    "identity_type",
    "username",
    "domain",
    "firstName",
    "lastName",
    "c",
];

/// Reads the members of groups.
///
/// # Errors
///
/// Anything that Okta refuses or does not answer, and a filter that does not know what to say of somebody.
pub(crate) async fn read(
    api: &Api<'_>,
    settings: &Settings,
    wanted: &Wanted<'_>,
    tables: &mut Tables<'_>,
    log: &Log,
) -> Result<People, Failure> {
    let mut members: Vec<(Value, Vec<u32>)> = Vec::new();
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    for name in wanted.groups {
        let Some(id) = find_group(api, settings, name).await? else {
            log.warning(
                LOGGER,
                "directory-group-not-found",
                format_args!("No group found for: {name}"),
            );
            continue;
        };
        let group = tables.texts.intern(name).number();
        let path = format!("/api/v1/groups/{}/users?limit={PAGE}", encoded(&id));
        api.list(&path, |page| {
            for user in page {
                let Some(id) = user.get("id").and_then(Value::as_str) else {
                    return Err(Failure::read(
                        "okta-not-understood",
                        format!("a member of the group `{name}` has no id"),
                    ));
                };
                let at = *by_id.entry(id.to_owned()).or_insert(members.len());
                match members.get_mut(at) {
                    Some((_, groups)) => groups.push(group),
                    None => members.push((user.clone(), vec![group])),
                }
            }
            log.see_people(members.len());
            Ok(true)
        })
        .await?;
    }
    let mut reader = Reader {
        settings,
        default_type: settings.default_type.unwrap_or(wanted.default_type),
        tables,
        log,
        attributes: wanted.extended.map(|extended| {
            let usual = HOOK_ATTRIBUTES.into_iter();
            Attributes::new(usual.chain(extended.iter().map(String::as_str)))
        }),
    };
    let mut people = People::default();
    for (place, (user, mut groups)) in (1..).zip(members) {
        if let Some(record) = reader.user(&user, &mut groups, place)? {
            people.records.push(record);
        }
    }
    people.attributes = reader.attributes.unwrap_or_default();
    Ok(people)
}

/// The id of the first group that has exactly this name.
async fn find_group(api: &Api<'_>, settings: &Settings, name: &str) -> Result<Option<String>, Failure> {
    let filled = settings.group_filter.fill(|_| Some(name.trim().to_owned()));
    let query = filled.unwrap_or_else(|_| name.trim().to_owned());
    let path = format!("/api/v1/groups?q={}&limit={PAGE}", encoded(&query));
    let mut found = None;
    api.list(&path, |page| {
        let named = page.iter().find(|group| {
            let profile = group.get("profile").and_then(|profile| profile.get("name"));
            profile.and_then(Value::as_str) == Some(name)
        });
        let id = named.and_then(|group| group.get("id")).and_then(Value::as_str);
        found = id.map(str::to_owned);
        Ok(found.is_none())
    })
    .await?;
    Ok(found)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

struct Reader<'r, 't> {
    settings: &'r Settings,
    default_type: IdentityType,
    tables: &'r mut Tables<'t>,
    log: &'r Log,
    /// What hooks see, where there is one.
    attributes: Option<Attributes>,
}

impl Reader<'_, '_> {
    fn user(&mut self, user: &Value, groups: &mut Vec<u32>, place: u32) -> Result<Option<Record>, Failure> {
        let settings = self.settings;
        let none = Value::Null;
        let profile = user.get("profile").unwrap_or(&none);
        let login = profile.get("login").and_then(Value::as_str).unwrap_or("?");
        let fits = settings.filter.fits(user).map_err(|why| {
            Failure::read(
                "okta-filter",
                format!(
                    "`all_users_filter: {}` cannot be applied to `{login}`: {why}",
                    settings.filter.as_str()
                ),
            )
        })?;
        if !fits {
            return Ok(None);
        }
        let email = match filled(&settings.email, profile) {
            Ok(email) => email,
            Err(missing) => {
                let message =
                    format!("Skipping user with login `{login}`: empty email attribute ({missing})");
                self.log.warning(LOGGER, "directory-user-without-email", message);
                return Ok(None);
            }
        };
        // What is missing is said where somebody has asked for it.
        let log = self.log;
        let warn = |missing: &str, what: &str| {
            let message = format!("No {what} for user with login `{login}`: `{missing}` has no value");
            log.warning(LOGGER, "directory-attribute-missing", message);
        };
        let optional = |format: &Option<Template>, what: &str| {
            let value = filled(format.as_ref()?, profile);
            value.inspect_err(|missing| warn(missing, what)).ok()
        };
        let username = optional(&settings.username, "username").unwrap_or_else(|| email.clone());
        let domain = optional(&settings.domain, "domain").unwrap_or_else(|| {
            if username == email {
                String::new()
            } else {
                email.split_once('@').map_or("", |(_, domain)| domain).to_owned()
            }
        });
        let required = |format: &Template, what: &str| {
            filled(format, profile)
                .inspect_err(|missing| warn(missing, what))
                .unwrap_or_default()
        };
        let firstname = required(&settings.firstname, "first name");
        let lastname = required(&settings.lastname, "last name");
        let country = required(&settings.country, "country").to_uppercase();
        let attributes = self.attributes_of(
            user,
            profile,
            [&email, &username, &domain, &firstname, &lastname, &country],
        );
        Ok(Some(Record {
            kind: Some(self.default_type),
            email: self.text(&email),
            username: self.text(&username),
            domain: self.text(&domain),
            firstname: self.text(&firstname),
            lastname: self.text(&lastname),
            country: self.text(&country),
            groups: self.tables.sets.intern(groups),
            member_groups: SetId::EMPTY,
            place,
            attributes,
        }))
    }

    /// The row of somebody for hooks; 0 where there is none.
    fn attributes_of(&mut self, user: &Value, profile: &Value, usual: [&String; 6]) -> u32 {
        let Some(table) = &mut self.attributes else {
            return 0;
        };
        let texts = &mut *self.tables.texts;
        let [email, username, domain, firstname, lastname, country] =
            usual.map(|value| Attribute::text(texts, value));
        let mut text = |value: Option<&Value>| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            Attribute::text(texts, text)
        };
        let (login, id) = (text(profile.get("login")), text(user.get("id")));
        let kind = Attribute::text(texts, self.default_type.as_str());
        let mut row = vec![
            login, id, email, kind, username, domain, firstname, lastname, country,
        ];
        for at in row.len()..table.names.len() {
            let value = table.names.get(at).and_then(|name| profile.get(name));
            row.push(attribute(value.unwrap_or(&Value::Null), texts, table));
        }
        table.push(row)
    }

    fn text(&mut self, text: &str) -> TextId {
        self.tables.texts.intern(text)
    }
}

/// A format filled in from a profile, trimmed; an error is the property that has no value.
fn filled(format: &Template, profile: &Value) -> Result<String, String> {
    let text = format
        .fill(|name| shown(profile.get(name)?))
        .map_err(str::to_owned)?;
    let text = text.trim();
    if text.is_empty() {
        let name = format.names().next().unwrap_or("the format");
        return Err(name.to_owned());
    }
    Ok(text.to_owned())
}

/// A property as hooks see it.
fn attribute(value: &Value, texts: &mut Texts, table: &mut Attributes) -> Attribute {
    match value {
        Value::Null => Attribute::None,
        Value::Bool(yes) => Attribute::Bool(*yes),
        Value::Number(number) => number.as_i64().map_or_else(
            || Attribute::Float(number.as_f64().unwrap_or(f64::NAN)),
            Attribute::Int,
        ),
        Value::String(text) => Attribute::Text(texts.intern(text)),
        Value::Array(items) => {
            let items = items.iter().map(|item| attribute(item, texts, table)).collect();
            table.list(items)
        }
        Value::Object(_) => Attribute::Text(texts.intern(&value.to_string())),
    }
}

/// A property as text; what Python takes for false counts as missing.
fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => (!text.is_empty()).then(|| text.clone()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Number(number) => (number.as_f64() != Some(0.0)).then(|| number.to_string()),
        Value::Array(items) => (!items.is_empty()).then(|| value.to_string()),
        Value::Null | Value::Bool(false) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use roster_core::plan::World;
    use time::UtcOffset;

    use super::*;
    use crate::config::credential::tests::One;
    use crate::config::section::Problems;
    use crate::config::yaml::parse;

    #[test]
    fn k10_people_of_okta() {
        roster_testkit::fuzz::Target {
            name: "okta",
            corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus"),
            words: &[
                "\"profile\":",
                "\"email\":",
                "\"login\":",
                "\"status\":\"ACTIVE\"",
                "null",
                "true",
                "0",
                "\"\"",
                "[]",
                "{}",
                "@",
                "\"id\":",
                ",",
                "İ",
            ],
            property: |text| {
                let Ok(Value::Array(users)) = serde_json::from_slice(text) else {
                    return;
                };
                let node = parse(
                    "host: h\napi_token: t\nuser_username_format: '{login:.5}-{n}'\n",
                    "okta.yml",
                )
                .unwrap();
                let settings =
                    crate::config::okta::settings(&node, &One("", "", ""), &Problems::default()).unwrap();
                let mut world = World::default();
                let log = Log::new(Box::new(std::io::sink()), UtcOffset::UTC);
                let mut reader = Reader {
                    settings: &settings,
                    default_type: IdentityType::Federated,
                    tables: &mut Tables {
                        texts: &mut world.texts,
                        sets: &mut world.sets,
                    },
                    log: &log,
                    attributes: Some(Attributes::new(HOOK_ATTRIBUTES.into_iter().chain(["n"]))),
                };
                for user in &users {
                    if let Ok(Some(record)) = reader.user(user, &mut vec![1], 1) {
                        assert!(!reader.tables.texts.get(record.email).is_empty());
                        assert!(!reader.tables.texts.get(record.username).is_empty());
                    }
                }
            },
        }
        .run();
    }

    #[test]
    fn hooks_see_the_profile_as_it_is() {
        let node = parse("host: h\napi_token: t\n", "okta.yml").unwrap();
        let settings = crate::config::okta::settings(&node, &One("", "", ""), &Problems::default()).unwrap();
        let mut world = World::default();
        let log = Log::new(Box::new(std::io::sink()), UtcOffset::UTC);
        let names = ["desk", "floor", "tags", "gone", "remote"];
        let mut reader = Reader {
            settings: &settings,
            default_type: IdentityType::Federated,
            tables: &mut Tables {
                texts: &mut world.texts,
                sets: &mut world.sets,
            },
            log: &log,
            attributes: Some(Attributes::new(HOOK_ATTRIBUTES.into_iter().chain(names))),
        };
        let user = serde_json::json!({"id": "00u1", "status": "ACTIVE", "profile": {
            "login": "ada@x.com", "email": "ada@x.com", "firstName": "Ada", "lastName": "Lee", "countryCode": "us",
            "desk": "E5", "floor": 3, "tags": ["a", 1.5], "remote": false,
        }});
        let record = reader.user(&user, &mut vec![1], 1).ok().flatten().unwrap();
        let table = reader.attributes.take().unwrap();
        let row = table.row(record.attributes).to_vec();
        let text = |at: usize| match row[at] {
            Attribute::Text(id) => world.texts.get(id),
            _ => "no text",
        };
        assert_eq!(
            [text(0), text(1), text(2), text(9)],
            ["ada@x.com", "00u1", "ada@x.com", "E5"]
        );
        assert_eq!(
            [text(3), text(6), text(7), text(8)],
            ["federatedID", "Ada", "Lee", "US"]
        );
        let Attribute::List(tags) = row[11] else {
            panic!("{row:?}")
        };
        assert_eq!(table.members(tags)[1], Attribute::Float(1.5));
        assert_eq!(
            [row[10], row[12], row[13]],
            [Attribute::Int(3), Attribute::None, Attribute::Bool(false)]
        );
    }
}
