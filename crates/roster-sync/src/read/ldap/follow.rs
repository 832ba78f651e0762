//! Going to the servers that others refer to (`referrals: follow`), or noting that nobody goes there.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::log::Log;
use crate::read::ldap::connect::{self, Around};
use crate::read::ldap::dn;
use crate::read::ldap::error::{Failure, failed, unfollowed};
use crate::read::ldap::filter;
use crate::read::ldap::message::{Scope, Search};
use crate::read::ldap::session::{Found, Link, Seen, Session, Way};
use crate::read::ldap::settings::Settings;
use crate::read::ldap::url::There;

/// How many parts that other servers hold are remembered by name.
const MOST_PARTS: usize = 1000;

/// How far servers may send us from one to the next.
const FARTHEST: usize = 10;

/// The servers that others have sent us to, where `referrals: follow` is set.
pub(super) struct Others<'r> {
    settings: &'r Settings,
    around: Around<'r>,
    log: &'r Log,
    /// Whether the first connection is one that nobody can listen to; then no other may be less.
    private: bool,
    open: HashMap<String, Link>,
}

/// A server's word that another one has the answer.
pub(super) struct Reference {
    /// Addresses, each as good as the others.
    pub(super) urls: Vec<String>,
    /// Whether this is all of the answer, and not a part.
    pub(super) whole: bool,
}

impl<'r> Others<'r> {
    /// None yet.
    pub(super) fn new(settings: &'r Settings, around: Around<'r>, log: &'r Log, private: bool) -> Self {
        Self {
            settings,
            around,
            log,
            private,
            open: HashMap::new(),
        }
    }

    /// The connections.
    pub(super) fn into_links(self) -> impl Iterator<Item = Link> {
        self.open.into_values()
    }

    /// The connection to a server that `from` has named.
    async fn link(&mut self, there: &There) -> Result<&mut Link, Failure> {
        let key = there.host.to_string();
        if !self.open.contains_key(&key) {
            let connected =
                connect::connect_there(&there.host, self.settings, self.private, &self.around, self.log);
            let connected = connected.await?;
            self.open.insert(key.clone(), Link::new(connected, self.settings));
        }
        self.open
            .get_mut(&key)
            .ok_or_else(|| failed(&key, "the connection is gone"))
    }
}

impl Session<'_> {
    /// Asks the other servers that have parts of an answer, and those that they name in their turn.
    pub(super) async fn follow(
        &mut self,
        references: Vec<Reference>,
        search: &Search<'_>,
        tried: &str,
        way: Way,
        take: &mut impl FnMut(Seen<'_, '_>) -> Result<(), Failure>,
    ) -> Result<Found, Failure> {
        let Some(others) = &mut self.others else {
            for reference in references {
                if let Some(url) = reference.urls.into_iter().next().filter(|url| !is_itself(url)) {
                    self.leave_out(url);
                }
            }
            return Ok(Found::Yes);
        };
        let log = others.log;
        let mut found = Found::Yes;
        let mut been = HashSet::from([place(&self.host, search.base, search.scope, None)]);
        let mut queue: VecDeque<(Reference, String, usize)> = VecDeque::new();
        let from_here = |reference| (reference, self.host.clone(), 1);
        queue.extend(references.into_iter().map(from_here));
        'next: while let Some((reference, from, distance)) = queue.pop_front() {
            if reference.urls.iter().all(|url| is_itself(url)) && !reference.urls.is_empty() {
                continue;
            }
            let mut why = None;
            for url in &reference.urls {
                let told = |error: &str| unfollowed(&from, tried, Some(url), reference.whole, error);
                let there = match There::parse(url) {
                    Ok(there) => there,
                    Err(error) => {
                        why = Some(told(&format!("it {error}")));
                        continue;
                    }
                };
                let base = there.base.as_deref().unwrap_or(search.base);
                let scope = there.scope.unwrap_or(search.scope);
                let at = place(&there.host.to_string(), base, scope, there.filter.as_deref());
                if been.contains(&at) {
                    if reference.whole {
                        return Err(told("the servers send each other round in a circle"));
                    }
                    continue 'next;
                }
                if distance > FARTHEST {
                    return Err(told(&format!(
                        "more than {FARTHEST} servers name each other in a row"
                    )));
                }
                let filter = match there.filter.as_deref().map(filter::parse).transpose() {
                    Ok(filter) => filter.map(|filter| filter.bytes),
                    Err(error) => {
                        why = Some(told(&format!("its filter cannot be read: {error}")));
                        continue;
                    }
                };
                let link = match others.link(&there).await {
                    Ok(link) => link,
                    Err(failure) => {
                        let Some(error) = failure.told() else {
                            return Err(failure);
                        };
                        why = Some(told(&error.message));
                        continue;
                    }
                };
                been.insert(at);
                let search = Search {
                    base,
                    scope,
                    filter: filter.as_deref().unwrap_or(search.filter),
                    attributes: search.attributes,
                };
                let tried = format!("{tried}, to which {from} sends us with {url}");
                log.debug("ldap", &tried);
                let ended = link.search(&search, &tried, way, take).await?;
                if reference.whole {
                    found = ended.found;
                }
                let host = link.host.clone();
                let further = ended.references.into_iter();
                queue.extend(further.map(|reference| (reference, host.clone(), distance + 1)));
                continue 'next;
            }
            return Err(why
                .unwrap_or_else(|| unfollowed(&from, tried, None, reference.whole, "its name is not told")));
        }
        Ok(found)
    }

    /// Notes that a part is held by another server, which is not asked.
    fn leave_out(&mut self, url: String) {
        // Whoever names that many parts is not listened to any longer.
        if self.elsewhere.len() < MOST_PARTS {
            let part = part(&url);
            let name = if part.is_empty() { &url } else { part };
            self.elsewhere.insert(name.to_lowercase());
        }
        self.references += 1;
        self.reference.get_or_insert(url);
    }
}

/// Whether a reference is to what every Active Directory refers to of itself; no people are in there.
fn is_itself(url: &str) -> bool {
    const ITSELF: [&str; 3] = ["CN=Configuration,", "DC=DomainDnsZones,", "DC=ForestDnsZones,"];
    ITSELF.iter().any(|own| {
        part(url)
            .get(..own.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(own))
    })
}

/// The name in an address: `dc=example` in `ldap://host/dc=example?…`.
fn part(url: &str) -> &str {
    let name = url.splitn(4, '/').nth(3).unwrap_or_default();
    name.split('?').next().unwrap_or_default()
}

/// The same text for a search in the same place for the same; without a filter, for what is searched anyway.
fn place(host: &str, base: &str, scope: Scope, filter: Option<&str>) -> String {
    let base = dn::key(base);
    let filter = filter.unwrap_or_default();
    format!("{} {} {filter} {base}", host.to_lowercase(), scope as i32)
}
