//! Administrators of a description: appointed, given passwords, and with `--prune` dismissed.

use std::collections::{BTreeMap, BTreeSet};

use roster_core::decide::console::{Appointed, Appointment, appoint, dismiss};
use roster_core::describe::{Mark, Place};
use roster_core::scope::Scope;
use roster_core::value::{AccountId, GroupId, Key, OrgNo, Seq};
use roster_server::crypto::password::{generate_password, hash_password, verify_password};
use roster_store::{Password, StoreError, Writer};
use serde_json::json;

use super::credentials::AdministratorCredentials;
use super::secrets::Gathered;
use super::{Job, Report};
use crate::org_file::yaml::{At, Problem};
use crate::org_file::{AdministratorEntry, OrgFile};

/// An administrator's password, hashed before the transaction that everybody waits for.
pub(super) struct Prepared {
    hash: String,
    /// As the file gives it.
    given: Option<String>,
    /// Made up for this run, to be used if there is none yet.
    made: Option<String>,
}

/// Appoints, role by role, so that what this run granted can be told from what was so already; with `--prune`,
/// roles that an earlier run granted and the file does not have any more are taken back. The person stays.
pub(super) fn apply(
    job: &Job,
    writer: &mut Writer<'_>,
    n: usize,
    org: OrgNo,
    marks: &BTreeSet<Mark>,
    report: &mut Report,
    problems: &mut Vec<Problem>,
) -> Result<(), StoreError> {
    let Some(entry) = job.file.organizations.get(n) else {
        return Ok(());
    };
    let name = &entry.description.name;
    let mut met = BTreeSet::new();
    let mut stream = (n as u64) << 32;
    for administrator in &entry.administrators {
        let email = &administrator.appointment.email;
        let mut granted = Vec::new();
        let mut account = None;
        for role in &administrator.appointment.roles {
            let one = Appointment {
                email: email.clone(),
                roles: vec![role.clone()],
            };
            stream += 1;
            match job.appoint(writer, org, &one, stream)? {
                Ok(appointed) => {
                    account = Some(appointed.account);
                    if appointed.changed {
                        granted.push(role.as_str());
                    }
                    // Version 0.1.0 marked the address and the role's name; see `Mark`.
                    let old = Mark::new("role", &[email, role]);
                    let known = marks.contains(&old);
                    for (group, place) in appointed.held {
                        let mark = Mark::of("role", &[appointed.account.0, group.0, place.0]);
                        if appointed.changed || known {
                            writer.mark_described(org, &mark)?;
                        }
                        met.insert(mark);
                    }
                    if known {
                        writer.unmark_described(org, &old)?;
                        met.insert(old);
                    }
                }
                Err(messages) => {
                    let at = administrator.at;
                    problems.extend(messages.into_iter().map(|message| Problem { at, message }));
                }
            }
        }
        if !granted.is_empty() {
            report
                .lines
                .push(format!("{name}: {email} appointed ({})", granted.join(", ")));
        }
        if let Some(account) = account {
            job.password(
                writer,
                (n, org),
                account,
                administrator,
                !granted.is_empty(),
                report,
            )?;
        }
    }
    if job.prune.is_some() {
        for mark in marks.difference(&met) {
            match mark.kind.as_str() {
                "role_id" => job.dismiss(writer, (n, org), name, mark, report)?,
                "role" => forget(writer, org, name, mark, report)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// A mark of version 0.1.0 names an address, which may be somebody else's by now, and a role, which may have been
/// given anew: it stays, and a line says so. The mark goes when nobody with the address has the role.
fn forget(
    writer: &mut Writer<'_>,
    org: OrgNo,
    name: &str,
    mark: &Mark,
    report: &mut Report,
) -> Result<(), StoreError> {
    let (email, role) = mark.key.split_once('\n').unwrap_or((&mark.key, ""));
    let holds = writer.administrators(org)?.iter().any(|one| {
        let mut roles = one.roles.iter().map(|role| Key::new(role));
        Key::new(&one.email).as_str() == email && roles.any(|held| held.as_str() == role)
    });
    if holds {
        report.lines.push(format!(
            "{name}: {email} stays {role} administrator: version 0.1.0 noted the address only, and the API may have \
             given the role to somebody else of that address since; to have it taken back, describe it once more and \
             apply, then leave it out"
        ));
        return Ok(());
    }
    writer.unmark_described(org, mark)
}

/// Somebody who was appointed to one role.
struct One {
    account: AccountId,
    held: Vec<(GroupId, Seq)>,
    /// Whether this run granted it.
    changed: bool,
}

impl Job {
    /// Takes back the very role that an earlier run granted, from whoever has the address now.
    fn dismiss(
        &self,
        writer: &mut Writer<'_>,
        (n, org): (usize, OrgNo),
        name: &str,
        mark: &Mark,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let [account, group, place] = mark.numbers()[..] else {
            return writer.unmark_described(org, mark);
        };
        let (account, held) = (AccountId(account), (GroupId(group), Seq(place)));
        let known = writer.administrators(org)?;
        let found = known.iter().find(|one| one.account == account).and_then(|one| {
            let mut roles = one.roles.iter().zip(&one.held);
            let (role, _) = roles.find(|(_, other)| **other == held)?;
            Some((one.email.clone(), role.clone()))
        });
        if let Some((email, role)) = found {
            let mut scope = Scope {
                org,
                ..Scope::default()
            };
            scope.add_identifier(&email);
            let set = writer.load_locked(&scope)?;
            let changes = dismiss(set, account, held.0, &self.env(0))
                .map_err(|refusal| StoreError::Bug(roster_server::explain(&refusal)))?;
            writer.apply(&self.entry("administrators", changes))?;
            let line = format!("{email} is no longer {role} administrator");
            let appointed = self
                .file
                .organizations
                .get(n)
                .map_or(&[][..], |entry| &entry.administrators);
            let of = |entry: &AdministratorEntry| Key::new(&entry.appointment.email) == Key::new(&email);
            let mut list = vec![Place::Key("administrators")];
            if let Some(k) = appointed.iter().position(of) {
                list.extend([Place::Index(k), Place::Key("roles")]);
            }
            report.removed(n, name, list, line);
            if let Some(removed) = report.removed.last_mut() {
                removed.system = role == "system";
            }
        }
        writer.unmark_described(org, mark)
    }

    /// Sets the password that the file gives, or one made up for somebody whom this run appointed and who has none.
    fn password(
        &self,
        writer: &mut Writer<'_>,
        (n, org): (usize, OrgNo),
        account: AccountId,
        administrator: &AdministratorEntry,
        appointed: bool,
        report: &mut Report,
    ) -> Result<(), StoreError> {
        let Some(prepared) = self.passwords.get(&administrator.at) else {
            return Ok(());
        };
        match (&prepared.given, writer.password(account)?) {
            (Some(given), Some(known)) if verify_password(given, &known.hash) => return Ok(()),
            (None, Some(_)) => return Ok(()),
            (None, None) if !appointed => return Ok(()),
            _ => {}
        }
        let password = Password {
            hash: prepared.hash.clone(),
            set_at: self.at,
        };
        writer.set_password(account, &password)?;
        let email = administrator.appointment.email.clone();
        self.note(writer, org, &json!({ "passwordSet": { "user": email } }))?;
        if let Some(organization) = report.credentials.organizations.get_mut(n) {
            report
                .lines
                .push(format!("{}: password of {email} set", organization.name));
            organization.administrators.push(AdministratorCredentials {
                email,
                password: prepared.made.clone(),
            });
        }
        Ok(())
    }

    fn appoint(
        &self,
        writer: &mut Writer<'_>,
        org: OrgNo,
        appointment: &Appointment,
        stream: u64,
    ) -> Result<Result<One, Vec<String>>, StoreError> {
        let set = writer.load_locked(&appointment.scope(org))?;
        match appoint(set, appointment, &self.env(stream)) {
            Ok(Appointed {
                account,
                changes,
                held,
            }) => {
                let changed = !changes.is_empty();
                writer.apply(&self.entry("administrators", changes))?;
                Ok(Ok(One {
                    account,
                    held,
                    changed,
                }))
            }
            Err(refusals) => Ok(Err(refusals
                .iter()
                .map(|refusal| {
                    format!(
                        "{} cannot be appointed: {}",
                        appointment.email,
                        roster_server::explain(refusal)
                    )
                })
                .collect())),
        }
    }
}

/// Hashing takes its time on purpose, so it is done before the transaction.
pub(super) async fn prepare_passwords(
    file: &OrgFile,
    gathered: &Gathered,
) -> anyhow::Result<BTreeMap<At, Prepared>> {
    let mut prepared = BTreeMap::new();
    for administrator in file.organizations.iter().flat_map(|entry| &entry.administrators) {
        let given = gathered.text(administrator.password.as_ref());
        let made = given.is_none().then(generate_password);
        let password = given.clone().or_else(|| made.clone()).unwrap_or_default();
        let hash = tokio::task::spawn_blocking(move || hash_password(&password)).await??;
        prepared.insert(administrator.at, Prepared { hash, given, made });
    }
    Ok(prepared)
}
