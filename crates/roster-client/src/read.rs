//! Reading people and groups, page by page, as the server cuts them.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{ClientError, excerpt};
use crate::observe::Signal;
use crate::transport::{Answer, Ask, Client, header};

/// Everything but letters, digits and the unreserved marks, `/` included.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'@');

/// Which people to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserQuery {
    /// Only members of this group.
    pub group: Option<String>,
    /// Only accounts of this domain.
    pub domain: Option<String>,
    /// Shows direct memberships only, not those that a user group passes on.
    pub direct_only: bool,
}

impl UserQuery {
    /// Everybody, with direct memberships.
    pub fn everybody() -> Self {
        Self {
            group: None,
            domain: None,
            direct_only: true,
        }
    }

    /// The members of one group, with direct memberships.
    pub fn members_of(group: &str) -> Self {
        Self {
            group: Some(group.to_owned()),
            ..Self::everybody()
        }
    }
}

/// A person as listed. What the server leaves out is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[non_exhaustive]
pub struct User {
    /// The id of the account.
    pub id: Option<String>,
    /// `adobeID`, `enterpriseID`, `federatedID`, or what the server says instead.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The username; often the e-mail address.
    pub username: Option<String>,
    /// The domain of the account.
    pub domain: Option<String>,
    /// The first name.
    pub firstname: Option<String>,
    /// The last name.
    pub lastname: Option<String>,
    /// Two letters.
    pub country: Option<String>,
    /// `active` in listings.
    pub status: Option<String>,
    /// Names of groups, profiles and admin groups.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub groups: Vec<String>,
    /// Tags such as `edu`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tags: Vec<String>,
}

/// A group as listed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Group {
    /// The name.
    pub group_name: String,
    /// The id.
    pub group_id: Option<u64>,
    /// `USER_GROUP`, `PRODUCT_PROFILE`, `PRODUCT_ADMIN_GROUP` and so on.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How many people are in it.
    pub member_count: Option<u64>,
    /// The name of the group of its administrators.
    pub admin_group_name: Option<String>,
    /// The product, for profiles and product administrators.
    pub product_name: Option<String>,
    /// Seats; a number or `UNLIMITED`.
    pub license_quota: Option<serde_json::Value>,
}

/// A page of people.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserPage {
    /// The people, as many as the server puts on a page.
    pub users: Vec<User>,
    /// From 0.
    pub number: u32,
    /// How many people there are in all, where the server says so.
    pub total: Option<u64>,
}

/// A page of groups.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GroupPage {
    /// The groups.
    pub groups: Vec<Group>,
    /// From 0.
    pub number: u32,
    /// How many groups there are in all, where the server says so.
    pub total: Option<u64>,
}

/// The pages of a list of people, fetched as they are asked for.
#[derive(Debug)]
pub struct UserPages {
    walk: Walk,
}

/// The pages of the list of groups.
#[derive(Debug)]
pub struct GroupPages {
    walk: Walk,
}

impl UserPages {
    /// The next page, or `None` after the last. A list that does not exist has no pages.
    pub async fn next(&mut self) -> Result<Option<UserPage>, ClientError> {
        let Some((page, number, total)) = self.walk.next::<UsersBody>().await? else {
            return Ok(None);
        };
        Ok(Some(UserPage {
            users: page.users.unwrap_or_default(),
            number,
            total,
        }))
    }

    /// The same pages of a list that has to be there: an error where the server says that there is none.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.walk.required = true;
        self
    }

    /// How many people the server counts, by the latest answer that says so, and has not shown on the pages so far. Adobe
    /// counts technical accounts, which it never shows.
    pub fn unlisted(&self) -> u64 {
        let total = self.walk.total.unwrap_or(0);
        total.saturating_sub(self.walk.shown)
    }
}

impl GroupPages {
    /// The next page, or `None` after the last.
    pub async fn next(&mut self) -> Result<Option<GroupPage>, ClientError> {
        let Some((page, number, total)) = self.walk.next::<GroupsBody>().await? else {
            return Ok(None);
        };
        Ok(Some(GroupPage {
            groups: page.groups.unwrap_or_default(),
            number,
            total,
        }))
    }

    /// The same pages of a list that has to be there: an error where the server says that there is none.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.walk.required = true;
        self
    }
}

impl Client {
    /// Lists people.
    pub fn users(&self, query: &UserQuery) -> UserPages {
        let organization = &self.config().organization;
        let head = format!("{}/users/{organization}", self.api_url());
        let mut tail = String::new();
        let is_of_all = query.group.is_none() && query.domain.is_none();
        if let Some(group) = &query.group {
            tail = format!("/{}", utf8_percent_encode(group, SEGMENT));
        }
        let mut parameters = Vec::new();
        if query.direct_only {
            parameters.push("directOnly=true".to_owned());
        }
        if let Some(domain) = &query.domain {
            parameters.push(format!("domain={}", utf8_percent_encode(domain, SEGMENT)));
        }
        if !parameters.is_empty() {
            tail = format!("{tail}?{}", parameters.join("&"));
        }
        UserPages {
            walk: Walk::new(self.clone(), head, tail, is_of_all),
        }
    }

    /// Lists groups, profiles and admin groups.
    pub fn groups(&self) -> GroupPages {
        let head = format!("{}/groups/{}", self.api_url(), self.config().organization);
        GroupPages {
            walk: Walk::new(self.clone(), head, String::new(), false),
        }
    }

    /// Finds one person by e-mail, or by username with the domain; `None` when there is nobody.
    ///
    /// ```no_run
    /// # async fn example(client: roster_client::Client) -> Result<(), roster_client::ClientError> {
    /// if let Some(user) = client.user("ada@example.com", None).await? {
    ///     println!("{:?} is in {:?}", user.id, user.groups);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn user(&self, name: &str, domain: Option<&str>) -> Result<Option<User>, ClientError> {
        let organization = &self.config().organization;
        let mut url = format!(
            "{}/organizations/{organization}/users/{}",
            self.api_url(),
            utf8_percent_encode(name, SEGMENT)
        );
        if let Some(domain) = domain {
            url = format!("{url}?domain={}", utf8_percent_encode(domain, SEGMENT));
        }
        let ask = Ask {
            name: format!("GET {url}"),
            url,
            body: None,
            signal: None,
            once: false,
        };
        let answer = self.send(&ask).await?;
        Ok(read::<UserBody>(&answer, &ask.name)?.map(|body| body.user))
    }
}

/// Walks the pages of one list.
#[derive(Debug)]
struct Walk {
    client: Client,
    head: String,
    tail: String,
    /// Whether it is the list of everything of an organization, which is there even when it is empty.
    is_of_all: bool,
    /// Whether it has to be there although the server says that it is not.
    required: bool,
    next: Option<u32>,
    /// Whether the page before said that the next one is the last of several.
    last_comes: bool,
    /// Whether the page before said in so many words that it is not the last.
    more_comes: bool,
    /// How many pages there are, where the server says so.
    pages: Option<u64>,
    /// How many entries there are, as the last answer that says so has it.
    total: Option<u64>,
    /// How many entries came, each counted once.
    shown: u64,
    /// Digests of what came, so that a list that begins again is noticed.
    came: HashSet<u64>,
    digest: RandomState,
}

/// A list may grow while it is read, but not by this many pages.
const MOST_NEW_PAGES: u64 = 100;

/// What a list ends with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// A page that says that it is the last.
    Named,
    /// A page with nothing on it.
    Empty,
    /// A page that is not there.
    Missing,
}

impl Walk {
    /// The list ends after `count` pages: an error where more was announced.
    fn end(&self, request: &str, count: u32, end: End) -> Result<(), ClientError> {
        let lacks = |problem: String| {
            Err(ClientError::Incomplete {
                request: request.to_owned(),
                problem,
            })
        };
        if let Some(pages) = self.pages.filter(|&pages| u64::from(count) < pages) {
            return lacks(format!("the list ends after {count} of {pages} pages"));
        }
        let all_pages = self.pages.is_some() && end != End::Missing;
        if self.more_comes && !all_pages && end != End::Named {
            return lacks("the page before said that more follow, and nothing does".to_owned());
        }
        // Adobe counts technical accounts in the total and does not list them, so where the pages are counted, too, and have
        // all come, the total says nothing more.
        if let Some(total) = self.total.filter(|&total| self.shown < total)
            && !all_pages
        {
            return lacks(format!("the list has {total} entries and showed {}", self.shown));
        }
        Ok(())
    }

    fn new(client: Client, head: String, tail: String, is_of_all: bool) -> Self {
        Self {
            client,
            head,
            tail,
            is_of_all,
            required: false,
            next: Some(0),
            last_comes: false,
            more_comes: false,
            pages: None,
            total: None,
            shown: 0,
            came: HashSet::new(),
            digest: RandomState::new(),
        }
    }

    /// How many of the entries have not come before. One without anything to know it by counts as new.
    fn new_ones<B: List>(&mut self, body: &B) -> u64 {
        let (came, digest) = (&mut self.came, &self.digest);
        let new = body
            .names()
            .filter(|names| names.iter().all(Option::is_none) || came.insert(digest.hash_one(names)));
        new.count() as u64
    }

    /// An error where a page is so far behind those that the server counts that no end is in sight.
    fn endless(&self, request: &str, number: u32) -> Result<(), ClientError> {
        let far = |pages: u64| u64::from(number) > pages.saturating_add(MOST_NEW_PAGES);
        match self.pages.filter(|&pages| far(pages)) {
            None => Ok(()),
            Some(pages) => Err(ClientError::Incomplete {
                request: request.to_owned(),
                problem: format!(
                    "the server counts {pages} page(s), and this one, which is far behind them, does not say that it is the last"
                ),
            }),
        }
    }

    /// Whether a page on which nobody is new is how the list ends: servers answer with the last page where there are fewer.
    fn ends_in_repetition<B: List>(&self, body: &B, number: u32) -> bool {
        match body.last() {
            Some(last) => last,
            None => {
                self.pages.is_some_and(|pages| u64::from(number) >= pages)
                    || self.total.is_some_and(|total| self.shown >= total)
            }
        }
    }

    async fn next<B: List>(&mut self) -> Result<Option<(B, u32, Option<u64>)>, ClientError> {
        let Some(number) = self.next.take() else {
            return Ok(None);
        };
        let url = format!("{}/{number}{}", self.head, self.tail);
        let signal = self.last_comes.then_some(Signal::End);
        let ask = Ask {
            name: format!("GET {url}"),
            url,
            body: None,
            signal,
            once: false,
        };
        let answer = self.client.send(&ask).await?;
        let body = read::<B>(&answer, &ask.name)?;
        // Read once more, so only where there is no page.
        let has_to_be_there = || self.required || (self.is_of_all && !speaks_of_lists(&answer));
        let list = B::NAME;
        let problem = match &body {
            None if number == 0 && has_to_be_there() => Some(format!(
                "an organization has a list of {list}, even an empty one, and nothing at this address does; look at host and \
                 endpoint"
            )),
            Some(body) if !body.is_there() && (self.required || self.is_of_all) => Some(format!(
                "it is a page of {list} without `{list}`, and an empty page has an empty list; look at host and endpoint"
            )),
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(ClientError::NotUnderstood {
                request: ask.name,
                status: answer.status,
                problem,
                excerpt: excerpt(&answer.body),
            });
        }
        // A page that is announced and not there is lost; one that is there may have nothing in it. An organization without
        // groups has one page of them, which says that it is the last.
        let mut may_be_empty = body
            .as_ref()
            .is_some_and(|body| B::MAY_END_EMPTY || body.last() == Some(true));
        let end = match &body {
            None => End::Missing,
            Some(body) if body.last() == Some(true) => End::Named,
            Some(_) => End::Empty,
        };
        let mut body = body.filter(|body| body.count() > 0);
        let (current, pages) = (answer.number(header::CURRENT), answer.number(header::PAGES));
        let total = answer.number(header::TOTAL);
        self.pages = pages.or(self.pages);
        self.total = total.or(self.total);
        if let Some(page) = &body {
            let new = self.new_ones(page);
            if new == 0 && !self.ends_in_repetition(page, number) {
                return Err(ClientError::Incomplete {
                    request: ask.name,
                    problem: format!(
                        "all {} {list} of this page have been on pages before, and it does not say that it is the last: the list \
                         begins again and would never end",
                        page.count()
                    ),
                });
            }
            self.shown += new;
            if new == 0 {
                // It stands for no page of its own.
                (body, may_be_empty) = (None, false);
            }
        }
        let Some(body) = body else {
            // An empty page after one that announced it is its end only where the pages are counted.
            let end = if end == End::Named && self.more_comes && self.pages.is_none() {
                End::Empty
            } else {
                end
            };
            return self
                .end(&ask.name, number + u32::from(may_be_empty), end)
                .map(|()| None);
        };
        if end == End::Named {
            self.end(&ask.name, number + 1, end)?;
        } else {
            self.endless(&ask.name, number)?;
        }
        self.more_comes = body.last() == Some(false);
        self.next = (end != End::Named).then_some(number + 1);
        self.last_comes = matches!((current, pages), (Some(at), Some(of)) if of >= 2 && at + 2 == of);
        Ok(Some((body, number, total)))
    }
}

/// What the bodies of answers to reads have in common.
trait Body: DeserializeOwned {
    /// `result`, which must be `success`.
    fn result(&self) -> Option<&str>;
}

/// A page of a list.
trait List: Body {
    /// The name of what it lists.
    const NAME: &'static str;
    /// Whether the last page may have nothing: some accounts are counted and not listed.
    const MAY_END_EMPTY: bool;
    /// `lastPage`, where it is said.
    fn last(&self) -> Option<bool>;
    /// Whether the list is there, with or without entries.
    fn is_there(&self) -> bool;
    /// How many entries are on the page.
    fn count(&self) -> usize;
    /// What the entries are known by.
    fn names(&self) -> impl Iterator<Item = [Option<&str>; 5]>;
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UsersBody {
    result: Option<String>,
    last_page: Option<bool>,
    users: Option<Vec<User>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupsBody {
    result: Option<String>,
    last_page: Option<bool>,
    groups: Option<Vec<Group>>,
}

#[derive(Deserialize)]
struct UserBody {
    result: Option<String>,
    #[serde(default)]
    user: User,
}

impl Body for UsersBody {
    fn result(&self) -> Option<&str> {
        self.result.as_deref()
    }
}

impl List for UsersBody {
    const NAME: &'static str = "users";
    const MAY_END_EMPTY: bool = true;
    fn last(&self) -> Option<bool> {
        self.last_page
    }
    fn is_there(&self) -> bool {
        self.users.is_some()
    }
    fn count(&self) -> usize {
        self.users.as_ref().map_or(0, Vec::len)
    }
    fn names(&self) -> impl Iterator<Item = [Option<&str>; 5]> {
        let users = self.users.iter().flatten();
        users.map(|user| {
            [&user.id, &user.kind, &user.username, &user.domain, &user.email].map(Option::as_deref)
        })
    }
}

impl Body for GroupsBody {
    fn result(&self) -> Option<&str> {
        self.result.as_deref()
    }
}

impl List for GroupsBody {
    const NAME: &'static str = "groups";
    const MAY_END_EMPTY: bool = false;
    fn last(&self) -> Option<bool> {
        self.last_page
    }
    fn is_there(&self) -> bool {
        self.groups.is_some()
    }
    fn count(&self) -> usize {
        self.groups.as_ref().map_or(0, Vec::len)
    }
    fn names(&self) -> impl Iterator<Item = [Option<&str>; 5]> {
        let groups = self.groups.iter().flatten();
        groups.map(|group| {
            [
                Some(group.group_name.as_str()),
                group.kind.as_deref(),
                None,
                None,
                None,
            ]
        })
    }
}

impl Body for UserBody {
    fn result(&self) -> Option<&str> {
        self.result.as_deref()
    }
}

/// Whether a 404 comes from a server that has such lists, and not from one that does not know the path.
fn speaks_of_lists(answer: &Answer) -> bool {
    const NO_SUCH_PATH: &str = "error.api.not_available";
    let body: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
    let result = body.as_ref().and_then(|body| body.get("result")?.as_str());
    result.is_some_and(|result| result != NO_SUCH_PATH)
}

/// Reads an answer; `None` for a 404, which means that there is nothing.
fn read<B: Body>(answer: &Answer, request: &str) -> Result<Option<B>, ClientError> {
    match answer.status {
        404 => return Ok(None),
        200 => {}
        _ => return Err(answer.refusal(request)),
    }
    let not_understood = |problem: String| ClientError::NotUnderstood {
        request: request.to_owned(),
        status: answer.status,
        problem,
        excerpt: excerpt(&answer.body),
    };
    let body: B = serde_json::from_slice(&answer.body).map_err(|e| not_understood(e.to_string()))?;
    match body.result() {
        Some("success") => Ok(Some(body)),
        other => Err(not_understood(format!("`result` is {other:?} and not `success`"))),
    }
}

fn null_is_empty<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default())
}
