//! People from an LDAP directory.
//!
//! `ber`, `message`, `wire` and `session` speak the protocol, `connect` and `bind` reach a server; `filter`, `dn`,
//! `value` and `schema` are its texts. Here and in `people` is what is asked, and what is made of it.

mod ber;
mod bind;
mod connect;
mod dn;
mod error;
mod filter;
mod follow;
mod groups;
mod host;
#[cfg(feature = "gssapi")]
mod kerberos;
mod message;
mod ntlm;
mod people;
mod schema;
mod security;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod ticket;
mod url;
mod value;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use roster_core::value::IdentityType;

use crate::log::Log;
use crate::read::template::Template;
use crate::read::{People, Tables};

pub(crate) use connect::Patience;
pub use connect::{LDAP_PAUSES, LdapPauses};
pub(crate) use dn::key as name_key;
pub(crate) use error::Failure;
pub(crate) use settings::Settings;
pub use ticket::TicketFiles;
pub(crate) use ticket::files as ticket_files;

use connect::Around;
use groups::Lookup;
use message::{Scope, Search};
use people::Keeper;
use schema::{Lacks, Schema};
use session::{Seen, Session};
use settings::Members;

/// Who is asked for.
#[derive(Debug)]
pub(crate) struct Wanted<'r> {
    /// Whether everybody is.
    pub(crate) everybody: bool,
    /// The directory groups whose people are.
    pub(crate) groups: &'r BTreeSet<String>,
    /// Whether `additional_groups` look at people's groups.
    pub(crate) member_groups: bool,
    /// The type of people whose source names none.
    pub(crate) default_type: IdentityType,
    /// The attributes that a hook wants to see besides, where there is one.
    pub(crate) extended: Option<&'r [String]>,
}

/// What reading needs from the run around it.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// Further certificate authorities, PEM.
    pub(crate) trust: &'a [Vec<u8>],
    /// Set when the run should stop.
    pub(crate) stop: &'a Arc<AtomicBool>,
    pub(crate) patience: Patience,
}

/// Reads the people.
///
/// # Errors
///
/// Whatever could make the answer incomplete.
pub(crate) async fn read(
    settings: &Settings,
    wanted: &Wanted<'_>,
    run: &Run<'_>,
    tables: &mut Tables<'_>,
    log: &Log,
) -> Result<People, Failure> {
    let around = Around {
        trust: run.trust,
        stop: run.stop,
        patience: run.patience,
    };
    let connected = connect::connect(settings, &around, log).await?;
    let mut session = Session::new(connected, settings, around, log);
    let schema = session.schema(log).await?.unwrap_or_default();
    let all_users = check_names(settings, &schema, &session.host)?;
    let attributes = settings.attributes(wanted.extended.unwrap_or_default());
    let mut keeper = Keeper::new(settings, wanted, &schema, tables, log);
    if wanted.everybody {
        for base in &settings.user_bases {
            let search = Search {
                base,
                scope: Scope::Subtree,
                filter: &all_users,
                attributes: &attributes,
            };
            let tried = format!("the search `{}` below `{base}`", settings.all_users);
            log.debug("ldap", &tried);
            let host = session.host.clone();
            session
                .search(&search, &tried, |seen| {
                    match seen {
                        Seen::Entry(entry) => drop(keeper.take(entry, &host)?),
                        Seen::PageEnd => keeper.page_end(),
                    }
                    Ok(())
                })
                .await?;
        }
    } else if matches!(settings.members, Members::TwoSteps { .. }) {
        // Members are asked for by their own names, so a place that is not there would only leave all of them out.
        for base in settings.user_bases.iter().filter(|base| !base.is_empty()) {
            session
                .is_there(base, &format!("looking for `{base}`, where people are"))
                .await?;
        }
    }
    let lookup = Lookup {
        settings,
        all_users: &all_users,
        attributes: &attributes,
        schema: &schema,
        log,
    };
    let mut within = BTreeMap::new();
    for group in wanted.groups {
        let met = lookup.people_of(group, &mut session, &mut keeper).await?;
        within.extend(met.map(|met| (group.clone(), met)));
    }
    let mut people = keeper.finish(&mut session).await?;
    people.within = within;
    people.elsewhere = std::mem::take(&mut session.elsewhere);
    if session.references > 0 {
        log.warning(
            "ldap",
            "ldap-references",
            format_args!(
                "{} time(s) {} said that another server holds a part of the directory, first `{}`; people there were not read. \
                 If they belong to it, name a server that knows all of it in `host`, for instance a global catalog \
                 (port 3268), or set `referrals: follow`",
                session.references,
                session.host,
                session.reference.as_deref().unwrap_or_default()
            ),
        );
    }
    session.close().await;
    Ok(people)
}

/// Makes sure that filters only have names the server knows: others find nobody, and nobody would be everybody gone.
/// Returns the filter for people, as it is sent.
fn check_names(settings: &Settings, schema: &Schema, host: &str) -> Result<Vec<u8>, Failure> {
    let check = |key: &str, text: &str| {
        let filter = filter::parse(text)
            .map_err(|error| error::failed(host, &format!("`{key}`: `{text}` is no filter: {error}")))?;
        if schema.is_readable()
            && let Some(lack) = schema.lacks(&filter)
        {
            let what = match lack {
                Lacks::Attribute(name) => format!("attribute `{name}`"),
                Lacks::Class(name) => format!("object class `{name}`"),
            };
            return Err(error::failed(
                host,
                &format!(
                    "the server's schema has no {what}, which `{key}` asks for: `{text}`; hint: set `{key}` for this kind of \
                     directory (the usual ones are for Active Directory)"
                ),
            ));
        }
        Ok(filter.bytes)
    };
    let sample =
        |template: &Template| filter::wrapped(&template.fill(|_| Some("x".to_owned())).unwrap_or_default());
    let all_users = check("all_users_filter", &settings.all_users)?;
    check("group_filter_format", &sample(&settings.group_filter))?;
    match &settings.members {
        Members::Filter(template) => {
            check("group_member_filter_format", &sample(template))?;
        }
        Members::TwoSteps { attribute, .. } => {
            if schema.is_readable() && !schema.has_attribute(attribute) {
                return Err(error::failed(
                    host,
                    &format!(
                        "the server's schema has no attribute `{attribute}`, which \
                         `two_steps_lookup.group_member_attribute_name` names"
                    ),
                ));
            }
        }
    }
    Ok(all_users)
}
