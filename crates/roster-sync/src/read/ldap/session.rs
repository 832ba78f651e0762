//! Asking a server: searches in pages, many small ones at once, its schema.

use std::collections::{BTreeSet, VecDeque};
use std::mem;

use crate::log::Log;
use crate::read::ReadError;
use crate::read::ldap::ber::{Malformed, Reader};
use crate::read::ldap::connect::{Around, Connected, connect_again};
use crate::read::ldap::dn;
#[cfg(feature = "gssapi")]
use crate::read::ldap::error::connection;
use crate::read::ldap::error::{
    Failure, NO_SUCH_OBJECT, REFERRAL, UNAVAILABLE_CRITICAL_EXTENSION, broken, failed, refused,
};
use crate::read::ldap::follow::{Others, Reference};
use crate::read::ldap::message::{
    self, ENTRY, Entry, Message, Outcome, REFERENCE, SEARCH_DONE, Scope, Search,
};
use crate::read::ldap::schema::Schema;
use crate::read::ldap::settings::{Settings, everything};
use crate::read::ldap::wire::{Wire, WireError, unless_stopped};

/// How many small searches are under way at once.
const AT_ONCE: usize = 64;

/// A connection that is bound.
pub(super) struct Link {
    pub(super) wire: Wire<'static>,
    pub(super) host: String,
    pub(super) page_size: i32,
}

/// A directory that can be asked.
pub(crate) struct Session<'r> {
    link: Link,
    pub(crate) host: String,
    /// How often a server said that another one holds a part and was not followed, and the first of these.
    pub(crate) references: usize,
    pub(crate) reference: Option<String>,
    /// The names of these parts.
    pub(crate) elsewhere: BTreeSet<String>,
    pub(super) others: Option<Others<'r>>,
    settings: &'r Settings,
    around: Around<'r>,
    log: &'r Log,
    /// Whether the first connection is one that nobody can listen to; then no later one may be less.
    private: bool,
    /// How many new connections have been tried after one broke.
    anew: usize,
}

/// How a search went.
pub(super) struct Ended {
    pub(super) found: Found,
    pub(super) references: Vec<Reference>,
}

impl Link {
    pub(super) fn new(connected: Connected, settings: &Settings) -> Self {
        Self {
            wire: connected.wire,
            host: connected.host,
            page_size: settings.page_size,
        }
    }

    /// Sends those of many searches that have not been sent over this connection.
    async fn ask(
        &mut self,
        under_way: &mut VecDeque<Waiting>,
        bases: &[String],
        template: &Search<'_>,
    ) -> Result<(), WireError> {
        for search in under_way.iter_mut().filter(|search| search.id.is_none()) {
            let id = self.wire.id();
            let base = bases.get(search.at).map_or("", String::as_str);
            let request = message::search(id, &Search { base, ..*template }, None);
            self.wire.send(&request).await?;
            search.id = Some(id);
        }
        Ok(())
    }

    /// A search to its end.
    pub(super) async fn search(
        &mut self,
        search: &Search<'_>,
        tried: &str,
        way: Way,
        take: &mut impl FnMut(Seen<'_, '_>) -> Result<(), Failure>,
    ) -> Result<Ended, Failure> {
        let mut ended = Ended {
            found: Found::Yes,
            references: Vec::new(),
        };
        let mut page = (self.page_size > 0 && search.scope != Scope::Base).then(Vec::new);
        'pages: loop {
            let id = self.wire.id();
            let place = page.as_ref().map(|cookie| (self.page_size, cookie.as_slice()));
            let request = message::search(id, search, place);
            self.wire
                .send(&request)
                .await
                .map_err(|error| broken(&self.host, tried, &error))?;
            let cookie = loop {
                let answer = self.wire.next().await;
                let answer = answer.map_err(|error| broken(&self.host, tried, &error))?;
                if answer.id != id {
                    continue;
                }
                match read(&answer).map_err(|error| broken(&self.host, tried, &error.into()))? {
                    Answer::Entry(found) => take(Seen::Entry(&found))?,
                    Answer::Reference(urls) => ended.references.push(Reference { urls, whole: false }),
                    Answer::Other => {}
                    Answer::Done(outcome, cookie) if outcome.code == 0 => break cookie,
                    Answer::Done(outcome, _)
                        if outcome.code == UNAVAILABLE_CRITICAL_EXTENSION
                            && page.as_ref().is_some_and(Vec::is_empty) =>
                    {
                        // The server knows no pages: once more, without.
                        page = None;
                        self.page_size = 0;
                        continue 'pages;
                    }
                    Answer::Done(outcome, _) if outcome.code == REFERRAL && way.follow => {
                        ended.references.push(Reference {
                            urls: outcome.referrals,
                            whole: true,
                        });
                        return Ok(ended);
                    }
                    Answer::Done(outcome, _) if outcome.code == NO_SUCH_OBJECT && way.may_lack => {
                        ended.found = Found::No;
                        return Ok(ended);
                    }
                    Answer::Done(outcome, _) => return Err(refused(&self.host, tried, &outcome)),
                }
            };
            let Some(page) = &mut page else {
                return Ok(ended);
            };
            // A server that has said where the next page begins has to say where the last one ends (RFC 2696).
            if cookie.is_none() && !page.is_empty() {
                let what = "the server went on with another page and did not say whether it was the last";
                return Err(failed(&self.host, &format!("{tried}: {what}")));
            }
            take(Seen::PageEnd)?;
            match cookie {
                Some(cookie) if !cookie.is_empty() => *page = cookie,
                _ => return Ok(ended),
            }
        }
    }
}

/// What becomes of two answers that are neither success nor failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    /// Whether to go where the server says that the answer is.
    pub(super) follow: bool,
    /// Whether the entry may be missing.
    pub(super) may_lack: bool,
}

impl<'r> Session<'r> {
    pub(crate) fn new(
        connected: Connected,
        settings: &'r Settings,
        around: Around<'r>,
        log: &'r Log,
    ) -> Self {
        Self {
            host: connected.host.clone(),
            others: settings
                .follow_referrals
                .then(|| Others::new(settings, around, log, connected.private)),
            private: connected.private,
            link: Link::new(connected, settings),
            references: 0,
            reference: None,
            elsewhere: BTreeSet::new(),
            settings,
            around,
            log,
            anew: 0,
        }
    }

    /// Connects once more where `why` is that the connection broke; gives it back where it is something else, or where
    /// that does not help. What has not been answered to its end has to be asked again from its beginning, pages too:
    /// their cookies belong to the connection.
    async fn reconnect(&mut self, why: Failure) -> Result<(), Failure> {
        let Failure::Broken { error: why, advice } = why else {
            return Err(why);
        };
        self.link.wire.hang_up();
        let all = self.around.patience.pauses.len();
        let mut what = why.message.clone();
        let mut end = format!(", after {all} new connections; {advice}");
        while let Some(&pause) = self.around.patience.pauses.get(self.anew) {
            self.anew += 1;
            self.log.warning(
                "ldap",
                "ldap-reconnect",
                format_args!(
                    "{what}. Connecting anew in {} second(s), number {} of {all}; what has not been answered to its end is asked \
                     again from its beginning",
                    pause.as_secs(),
                    self.anew,
                ),
            );
            let stop = self.around.stop;
            let waited = unless_stopped(stop, tokio::time::sleep(pause)).await;
            waited.ok_or(Failure::Stopped)?;
            let connected = connect_again(self.settings, self.private, &self.around, self.log);
            let failure = match unless_stopped(stop, connected).await.ok_or(Failure::Stopped)? {
                Ok(connected) => {
                    self.host.clone_from(&connected.host);
                    self.link = Link::new(connected, self.settings);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            let Some(error) = failure.told() else {
                return Err(failure);
            };
            end = format!(
                "; and no new connection could be made, number {} of {all}: {}",
                self.anew, error.message
            );
            match failure {
                Failure::Broken { error, .. } => what = error.message,
                _ => break,
            }
        }
        Err(Failure::Told(ReadError {
            key: why.key,
            message: format!("{}{end}", why.message),
        }))
    }

    /// A search to its end. `tried` says for messages what is searched; `take` is given what is found: where the
    /// connection broke and the search began again, the same entries once more, and the end of each page once.
    pub(crate) async fn search(
        &mut self,
        search: &Search<'_>,
        tried: &str,
        mut take: impl FnMut(Seen<'_, '_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let way = Way {
            follow: self.others.is_some(),
            may_lack: false,
        };
        let mut pages = 0;
        let ended = loop {
            let mut page = 0;
            let mut rest = |seen: Seen<'_, '_>| {
                if matches!(seen, Seen::PageEnd) {
                    page += 1;
                    // An end that has been handed over stands behind the same entries as it did.
                    if page <= pages {
                        return Ok(());
                    }
                    pages = page;
                }
                take(seen)
            };
            match self.link.search(search, tried, way, &mut rest).await {
                Ok(ended) => break ended,
                Err(why) => self.reconnect(why).await?,
            }
        };
        self.follow(ended.references, search, tried, way, &mut take)
            .await?;
        Ok(())
    }

    /// A search for each of `bases`, many at once; what they find is handed over in the order of the bases, and once even
    /// where the connection broke. `entry` is given the number of the base, and so is `done` once its search is over; an entry that is not there is no error.
    pub(crate) async fn search_each(
        &mut self,
        bases: &[String],
        template: &Search<'_>,
        mut entry: impl FnMut(usize, &Entry<'_>) -> Result<(), Failure>,
        mut done: impl FnMut(usize, Found) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let tried = |at: usize| format!("reading `{}`", bases.get(at).map_or("", String::as_str));
        let host = self.host.clone();
        let way = Way {
            follow: self.others.is_some(),
            may_lack: true,
        };
        let mut under_way: VecDeque<Waiting> = VecDeque::new();
        let mut next = 0;
        // What the oldest that is under way has handed over, and what of it over an earlier connection.
        let (mut handed, mut before) = (Vec::new(), BTreeSet::new());
        while next < bases.len() || !under_way.is_empty() {
            while next < bases.len() && under_way.len() < AT_ONCE {
                under_way.push_back(Waiting::new(next));
                next += 1;
            }
            let oldest = under_way.front().map_or(0, |search| search.at);
            let answer = match self.link.ask(&mut under_way, bases, template).await {
                Ok(()) => self.link.wire.next().await,
                Err(error) => Err(error),
            };
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    let why = broken(&self.host, &tried(oldest), &error);
                    self.reconnect(why).await?;
                    before.extend(handed.drain(..).map(|name: String| dn::key(&name)));
                    for search in under_way.iter_mut().filter(|search| search.found.is_none()) {
                        *search = Waiting::new(search.at);
                    }
                    continue;
                }
            };
            // Numbers begin again with each connection, and what was answered before keeps its own.
            let search = under_way
                .iter_mut()
                .find(|search| search.id == Some(answer.id) && search.found.is_none());
            let Some(search) = search else {
                continue;
            };
            let at = search.at;
            let malformed = |error: Malformed| broken(&host, &tried(at), &error.into());
            match read(&answer).map_err(malformed)? {
                Answer::Entry(found) if at == oldest => {
                    if before.is_empty() || !before.contains(&dn::key(found.dn)) {
                        handed.push(found.dn.to_owned());
                        entry(at, &found)?;
                    }
                }
                Answer::Entry(_) => search.held.push(answer.body.to_vec()),
                Answer::Reference(urls) => search.references.push(Reference { urls, whole: false }),
                Answer::Other => {}
                Answer::Done(outcome, _) => match outcome.code {
                    0 => search.found = Some(Found::Yes),
                    NO_SUCH_OBJECT => search.found = Some(Found::No),
                    REFERRAL if way.follow => {
                        search.found = Some(Found::Yes);
                        search.references.push(Reference {
                            urls: outcome.referrals,
                            whole: true,
                        });
                    }
                    _ => return Err(refused(&self.host, &tried(at), &outcome)),
                },
            }
            while let Some(over) = under_way.pop_front_if(|search| search.found.is_some()) {
                handed.clear();
                before.clear();
                let there = if over.references.is_empty() {
                    Found::Yes
                } else {
                    let base = bases.get(over.at).map_or("", String::as_str);
                    let search = Search { base, ..*template };
                    let mut take = |seen: Seen<'_, '_>| match seen {
                        Seen::Entry(found) => entry(over.at, found),
                        Seen::PageEnd => Ok(()),
                    };
                    self.follow(over.references, &search, &tried(over.at), way, &mut take)
                        .await?
                };
                let here = over.found.unwrap_or(Found::Yes);
                done(over.at, if there == Found::No { there } else { here })?;
                let Some(search) = under_way.front_mut() else {
                    break;
                };
                for body in search.held.drain(..) {
                    let held = Entry::parse(&body).map_err(malformed)?;
                    handed.push(held.dn.to_owned());
                    entry(search.at, &held)?;
                }
            }
        }
        Ok(())
    }

    /// All values of an attribute of an entry, from the `from`th on, however many answers they need. Where a connection
    /// broke meanwhile, or earlier, they come from the first on: each server counts them in an order of its own.
    pub(crate) async fn values(
        &mut self,
        dn: &str,
        attribute: &str,
        from: u32,
        mut value: impl FnMut(Listed<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let tried = format!("reading `{attribute}` of `{dn}`");
        let filter = everything();
        let host = self.host.clone();
        let mut from = Some(from);
        let mut connection = 0;
        while let Some(mut first) = from.take() {
            if self.anew != connection {
                connection = self.anew;
                first = 0;
                value(Listed::FromTheFirst)?;
            }
            let name = if first == 0 {
                attribute.to_owned()
            } else {
                format!("{attribute};range={first}-*")
            };
            let search = Search {
                base: dn,
                scope: Scope::Base,
                filter: &filter,
                attributes: &[name],
            };
            let mut more_from = None;
            let mut is_bare = true;
            self.search(&search, &tried, |seen| {
                let Seen::Entry(entry) = seen else { return Ok(()) };
                let values = entry
                    .values(attribute)
                    .map_err(|error| failed(&host, &format!("{tried}: {error}")))?;
                more_from = values.more_from;
                is_bare &= values.list.is_empty();
                values
                    .list
                    .into_iter()
                    .try_for_each(|bytes| value(Listed::Value(bytes)))
            })
            .await?;
            if self.anew != connection {
                from = Some(0);
                continue;
            }
            // More was announced.
            if is_bare && first > 0 {
                return Err(failed(
                    &self.host,
                    &format!(
                        "{tried}: the list breaks off at number {first}, so nobody knows what else is in it; hint: run it again, \
                         somebody may have changed the list meanwhile"
                    ),
                ));
            }
            if more_from.is_some_and(|next| next <= first) {
                return Err(failed(
                    &self.host,
                    &format!("{tried}: the server does not get on with the list"),
                ));
            }
            from = more_from;
        }
        Ok(())
    }

    /// An error where an entry is not there.
    pub(crate) async fn is_there(&mut self, dn: &str, tried: &str) -> Result<(), Failure> {
        let filter = everything();
        let search = Search {
            base: dn,
            scope: Scope::Base,
            filter: &filter,
            attributes: &["1.1".to_owned()],
        };
        self.search(&search, tried, |_| Ok(())).await
    }

    /// The names the server knows, unless it does not tell.
    pub(crate) async fn schema(&mut self, log: &Log) -> Result<Option<Schema>, Failure> {
        let root = self.texts("", &["subschemaSubentry"]).await?;
        let Some([subentry]) = root.as_deref().and_then(|lists| lists.first()).map(Vec::as_slice) else {
            log.debug("ldap", "the server does not say where its schema is");
            return Ok(None);
        };
        let lists = self.texts(subentry, &["attributeTypes", "objectClasses"]).await?;
        let Some([attributes, classes]) = lists.as_deref() else {
            log.debug("ldap", "the schema cannot be read");
            return Ok(None);
        };
        let schema = Schema::new(
            attributes.iter().map(String::as_str),
            classes.iter().map(String::as_str),
        );
        Ok(Some(schema).filter(Schema::is_readable))
    }

    /// The values of some attributes of an entry; `None` when it cannot be read.
    async fn texts(&mut self, dn: &str, attributes: &[&str]) -> Result<Option<Vec<Vec<String>>>, Failure> {
        let tried = format!("reading `{dn}`");
        let (filter, names): (_, Vec<String>) = (
            everything(),
            attributes.iter().map(|&name| name.to_owned()).collect(),
        );
        let search = Search {
            base: dn,
            scope: Scope::Base,
            filter: &filter,
            attributes: &names,
        };
        let mut lists: Vec<Vec<String>> = vec![Vec::new(); attributes.len()];
        let mut rest = Vec::new();
        let mut found = false;
        let id = self.link.wire.id();
        let request = message::search(id, &search, None);
        self.link
            .wire
            .send(&request)
            .await
            .map_err(|error| broken(&self.host, &tried, &error))?;
        loop {
            let answer = self.link.wire.next().await;
            let answer = answer.map_err(|error| broken(&self.host, &tried, &error))?;
            if answer.id != id {
                continue;
            }
            match read(&answer).map_err(|error| broken(&self.host, &tried, &error.into()))? {
                Answer::Entry(entry) => {
                    found = true;
                    for (list, name) in lists.iter_mut().zip(attributes) {
                        let values = entry
                            .values(name)
                            .map_err(|error| broken(&self.host, &tried, &error.into()))?;
                        list.extend(
                            values
                                .list
                                .iter()
                                .map(|v| String::from_utf8_lossy(v).into_owned()),
                        );
                        rest.extend(values.more_from.map(|from| (*name, from)));
                    }
                }
                // Whoever may not look there does without.
                Answer::Done(outcome, _) if outcome.code != 0 => return Ok(None),
                Answer::Done(..) => break,
                Answer::Reference(_) | Answer::Other => {}
            }
        }
        for (name, from) in rest {
            let mut more = Vec::new();
            let mut is_all = false;
            Box::pin(self.values(dn, name, from, |listed| {
                match listed {
                    Listed::FromTheFirst => {
                        is_all = true;
                        more.clear();
                    }
                    Listed::Value(bytes) => more.push(String::from_utf8_lossy(bytes).into_owned()),
                }
                Ok(())
            }))
            .await?;
            if let Some((list, _)) = lists
                .iter_mut()
                .zip(attributes)
                .find(|(_, known)| **known == name)
            {
                if is_all {
                    list.clear();
                }
                list.append(&mut more);
            }
        }
        Ok(found.then(|| mem::take(&mut lists)))
    }

    /// Says goodbye. Nothing depends on it any more.
    pub(crate) async fn close(mut self) {
        let others = self.others.take();
        let open = others.into_iter().flat_map(Others::into_links);
        for mut link in std::iter::once(self.link).chain(open) {
            let id = link.wire.id();
            let _ = link.wire.send(&message::unbind(id)).await;
        }
    }
}

/// The values of an attribute of the server itself, which tells them to anybody.
#[cfg(feature = "gssapi")]
pub(crate) async fn root_values(
    wire: &mut Wire<'_>,
    host: &str,
    attribute: &str,
) -> Result<Vec<String>, Failure> {
    const TRIED: &str = "asking the server for its name";
    let (filter, names) = (everything(), [attribute.to_owned()]);
    let search = Search {
        base: "",
        scope: Scope::Base,
        filter: &filter,
        attributes: &names,
    };
    let id = wire.id();
    wire.send(&message::search(id, &search, None))
        .await
        .map_err(|error| connection(host, TRIED, &error, "hint: check that this is an LDAP server"))?;
    let mut found = Vec::new();
    loop {
        let answer = wire.next().await;
        let answer = answer
            .map_err(|error| connection(host, TRIED, &error, "hint: check that this is an LDAP server"))?;
        if answer.id != id {
            continue;
        }
        match read(&answer).map_err(|error| broken(host, TRIED, &error.into()))? {
            Answer::Entry(entry) => {
                let values = entry.values(attribute).unwrap_or_default();
                found.extend(
                    values
                        .list
                        .iter()
                        .map(|v| String::from_utf8_lossy(v).into_owned()),
                );
            }
            // Whoever does not tell is asked under the name in the settings.
            Answer::Done(..) => return Ok(found),
            Answer::Reference(_) | Answer::Other => {}
        }
    }
}

/// What a search comes upon.
pub(crate) enum Seen<'e, 'b> {
    /// An entry.
    Entry(&'e Entry<'b>),
    /// The last entry of a page was before this.
    PageEnd,
}

/// What reading a list comes upon.
pub(crate) enum Listed<'v> {
    /// All values that have come are to be forgotten, and those that were there before: what follows is the whole list.
    FromTheFirst,
    /// A value.
    Value(&'v [u8]),
}

/// A search among many.
struct Waiting {
    /// What it was sent as over the connection; nothing until it is.
    id: Option<i32>,
    /// The number of its base.
    at: usize,
    /// What it has found while earlier ones were under way.
    held: Vec<Vec<u8>>,
    /// What other servers have of it.
    references: Vec<Reference>,
    /// How it ended.
    found: Option<Found>,
}

impl Waiting {
    fn new(at: usize) -> Self {
        Self {
            id: None,
            at,
            held: Vec::new(),
            references: Vec::new(),
            found: None,
        }
    }
}

/// Whether an entry is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    Yes,
    No,
}

enum Answer<'b> {
    Entry(Entry<'b>),
    /// Something that other servers hold, as URLs that are as good as each other.
    Reference(Vec<String>),
    /// The end, and the cookie of the next page where something is said of pages.
    Done(Outcome, Option<Vec<u8>>),
    Other,
}

fn read<'b>(message: &Message<'b>) -> Result<Answer<'b>, Malformed> {
    Ok(match message.tag {
        ENTRY => Answer::Entry(Entry::parse(message.body)?),
        REFERENCE => {
            let mut list = Reader::new(message.body);
            let mut urls = Vec::new();
            while !list.is_empty() {
                urls.push(list.text("a reference")?);
            }
            Answer::Reference(urls)
        }
        SEARCH_DONE => {
            let outcome = Outcome::parse(message.body)?;
            Answer::Done(outcome, message.cookie()?.map(<[u8]>::to_vec))
        }
        _ => Answer::Other,
    })
}
