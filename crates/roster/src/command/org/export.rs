//! `roster org export`: the description of what is there. Secrets are never in it, they are kept as hashes only.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use roster_core::describe::Configuration;
use roster_core::org::{Group, GroupKind, Organization};
use roster_core::value::{IdentityType, Login, OrgState, Seq};
use roster_server::crypto::certificate::Certificate;
use roster_store::{Administrator, Integration};

use crate::ui::{self, Exit};
use crate::{cli, command, settings};

pub(crate) async fn export(org: &str, place: &cli::Place) -> anyhow::Result<Exit> {
    let storage = settings::storage(place)?;
    let store = command::open_existing(&storage).await?;
    let org = command::find_org(&store, Some(org)).await?;
    let no = org.no;
    let (configuration, integrations, people) = store
        .read(move |reader| {
            let configuration = reader.configuration(&BTreeSet::from([no]), &BTreeSet::new())?;
            let integrations = reader.integrations(no)?;
            let people = People {
                administrators: reader.administrators(no)?,
                barred: reader.barred(no)?,
            };
            Ok((configuration, integrations, people))
        })
        .await?;
    ui::out(write(&org, &configuration, &integrations, &people).trim_end());
    Ok(Exit::Done)
}

/// People who are more or less than members.
struct People {
    administrators: Vec<Administrator>,
    barred: Vec<(String, String)>,
}

/// Lines of YAML; every text is quoted, so that none is taken for something else.
struct Yaml(String);

impl Yaml {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{:indent$}{text}", "");
    }

    fn field(&mut self, indent: usize, key: &str, text: &str) {
        self.line(indent, &format!("{key}: {}", quoted(text)));
    }
}

/// JSON's strings are YAML's double-quoted ones, but for characters that YAML does not take as they are: those outside of
/// its printable set, those that some readers take for the end of a line or the start of a file, and those that a reader of the file
/// would not see.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in serde_json::to_string(text).unwrap_or_default().chars() {
        let code = u32::from(c);
        let escaped = c.is_control() || ui::is_invisible(c) || code & 0xfffe == 0xfffe;
        // Writing to a string cannot fail.
        let _ = match (escaped, code) {
            (false, _) => out.write_char(c),
            (true, ..=0xffff) => write!(out, "\\u{code:04x}"),
            (true, _) => write!(out, "\\U{code:08x}"),
        };
    }
    out
}

fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    format!(
        "[{}]",
        texts.into_iter().map(quoted).collect::<Vec<_>>().join(", ")
    )
}

fn write(
    org: &Organization,
    present: &Configuration,
    integrations: &[Integration],
    people: &People,
) -> String {
    let mut out = Yaml(String::new());
    out.line(0, "organizations:");
    out.line(2, &format!("- id: {}", quoted(&org.id)));
    out.field(4, "name", &org.name);
    if org.state != OrgState::Active {
        out.field(4, "state", org.state.as_str());
    }
    if org.identity_types.len() < 3 {
        out.line(
            4,
            &format!(
                "identity_types: {}",
                list(org.identity_types.iter().map(|kind| kind.as_str()))
            ),
        );
    }
    directories(&mut out, org, present);
    products(&mut out, org, present);
    user_groups(&mut out, org, present);
    let contract: Vec<&str> = own(org, present)
        .filter(|g| g.kind == GroupKind::ContractAdmin)
        .map(|g| g.name.as_str())
        .collect();
    if !contract.is_empty() {
        out.line(4, &format!("contract_admins: {}", list(contract)));
    }
    write_integrations(&mut out, integrations);
    if !people.administrators.is_empty() {
        out.line(4, "administrators:");
        for Administrator { email, roles, .. } in &people.administrators {
            out.line(6, &format!("- email: {}", quoted(email)));
            out.line(8, &format!("roles: {}", list(roles.iter().map(String::as_str))));
        }
    }
    if !people.barred.is_empty() {
        out.line(4, "accounts:");
    }
    for (email, status) in &people.barred {
        out.line(6, &format!("- {{email: {}, status: {status}}}", quoted(email)));
    }
    out.0
}

fn own<'a>(org: &Organization, present: &'a Configuration) -> impl Iterator<Item = &'a Group> {
    let no = org.no;
    present.groups.iter().filter(move |group| group.org == no)
}

fn org_id(present: &Configuration, no: roster_core::value::OrgNo) -> &str {
    present
        .orgs
        .iter()
        .find(|org| org.no == no)
        .map_or("", |org| &org.id)
}

fn directories(out: &mut Yaml, org: &Organization, present: &Configuration) {
    let own: Vec<_> = present
        .directories
        .iter()
        .filter(|directory| directory.org == org.no)
        .collect();
    if own.is_empty() {
        return;
    }
    out.line(4, "directories:");
    for directory in own {
        out.line(6, &format!("- name: {}", quoted(&directory.name)));
        out.line(
            8,
            if directory.kind == IdentityType::Federated {
                "type: federated"
            } else {
                "type: enterprise"
            },
        );
        if directory.login != Login::Any {
            out.line(8, &format!("login: {}", directory.login.as_str()));
        }
        if directory.synced {
            out.line(8, "synced: true");
        }
        let mut domains: Vec<_> = present
            .domains
            .iter()
            .filter(|domain| domain.directory == directory.id)
            .collect();
        domains.sort_by_key(|domain| domain.seq);
        if !domains.is_empty() {
            out.line(8, "domains:");
        }
        for domain in domains {
            let name = quoted(domain.name.as_str());
            if domain.restrict_adobe_ids {
                out.line(10, &format!("- {{name: {name}, restrict_adobe_ids: true}}"));
            } else {
                out.line(10, &format!("- {name}"));
            }
        }
        let trustees: Vec<&str> = present
            .trusts
            .iter()
            .filter(|(trusted, _)| *trusted == directory.id)
            .map(|(_, trustee)| org_id(present, *trustee))
            .collect();
        if !trustees.is_empty() {
            out.line(8, &format!("trustees: {}", list(trustees)));
        }
    }
}

fn products(out: &mut Yaml, org: &Organization, present: &Configuration) {
    if present.products.is_empty() {
        return;
    }
    out.line(4, "products:");
    for product in &present.products {
        out.line(6, &format!("- name: {}", quoted(&product.name)));
        if !product.code.is_empty() {
            out.field(8, "code", &product.code);
        }
        if let Some(quota) = product.quota {
            out.line(8, &format!("quota: {quota}"));
        }
        let profiles: Vec<&Group> = own(org, present)
            .filter(|g| g.kind == GroupKind::Profile(product.id))
            .collect();
        if !profiles.is_empty() {
            out.line(8, "profiles:");
        }
        for profile in profiles {
            out.line(10, &format!("- name: {}", quoted(&profile.name)));
            if let Some(quota) = profile.profile.as_ref().and_then(|data| data.quota) {
                out.line(12, &format!("quota: {quota}"));
            }
        }
    }
}

/// Groups that another organization shares with this one are described there.
fn user_groups(out: &mut Yaml, org: &Organization, present: &Configuration) {
    let groups: Vec<&Group> = own(org, present)
        .filter(|g| g.kind == GroupKind::UserGroup && g.source.is_none())
        .collect();
    if groups.is_empty() {
        return;
    }
    out.line(4, "user_groups:");
    for group in groups {
        out.line(6, &format!("- name: {}", quoted(&group.name)));
        if let Some(description) = &group.description {
            out.field(8, "description", description);
        }
        let mut linked: Vec<(Seq, &str)> = present
            .links
            .iter()
            .filter(|((linked, _), _)| *linked == group.id)
            .filter_map(|((_, profile), seq)| {
                Some((
                    *seq,
                    present.groups.iter().find(|g| g.id == *profile)?.name.as_str(),
                ))
            })
            .collect();
        linked.sort_unstable();
        if !linked.is_empty() {
            out.line(
                8,
                &format!("profiles: {}", list(linked.into_iter().map(|(_, name)| name))),
            );
        }
        let shared: Vec<&str> = present
            .groups
            .iter()
            .filter(|g| g.source == Some(group.id))
            .map(|g| org_id(present, g.org))
            .collect();
        if !shared.is_empty() {
            out.line(8, &format!("shared_with: {}", list(shared)));
        }
    }
}

fn write_integrations(out: &mut Yaml, integrations: &[Integration]) {
    if integrations.is_empty() {
        return;
    }
    out.line(4, "integrations:");
    for integration in integrations {
        let settings = &integration.settings;
        out.line(6, &format!("- name: {}", quoted(&settings.name)));
        let types = [settings.oauth.then_some("oauth"), settings.jwt.then_some("jwt")];
        out.line(8, &format!("types: {}", list(types.into_iter().flatten())));
        if !settings.enabled {
            out.line(8, "enabled: false");
        }
        out.field(8, "client_id", &integration.client_id);
        out.field(8, "technical_account_id", &integration.technical_account);
        out.line(
            8,
            &format!("scopes: {}", list(settings.scopes.iter().map(String::as_str))),
        );
        if settings.require_jti {
            out.line(8, "require_jti: true");
        }
        if !integration.certificates.is_empty() {
            out.line(8, "certificates:");
        }
        for certificate in &integration.certificates {
            out.line(10, &format!("- {}", quoted(&Certificate::pem(&certificate.der))));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests may be blunt")]
mod tests {
    use super::quoted;
    use crate::org_file::yaml::{Value, parse};

    /// Every character there is, at the start, at the end, in the middle and twice.
    #[test]
    fn every_text_is_read_as_it_was_written() {
        let all: Vec<char> = ('\u{1}'..=char::MAX).collect();
        for chunk in all.chunks(4096) {
            let texts: Vec<String> = chunk.iter().map(|c| format!("{c} a{c}{c}\r\n: #{c}")).collect();
            let written: Vec<String> = texts.iter().map(|text| format!("- {}\n", quoted(text))).collect();
            let Value::List(read) = parse(&written.concat()).unwrap().value else {
                panic!("no list")
            };
            assert_eq!(read.len(), texts.len());
            for (text, node) in texts.iter().zip(&read) {
                assert_eq!(node.text(), Some(text.as_str()));
                assert!(matches!(node.value, Value::Scalar { exact: true, .. }));
            }
        }
    }
}
