//! Lists and their pages: how rows become a body, and what the paging headers say.
//!
//! Rows go borrowed from the statement into the body; only the frame around them is put on at the end, when it is
//! known whether the page is the last.

use bytes::Bytes;
use http::HeaderName;
use roster_core::listing::{GroupRow, UserRow};
use roster_core::page::PastEnd;
use roster_core::value::OrgNo;
use roster_store::{Beside, GroupList, Position, Reader, Shown, StoreError, UsersQuery};
use roster_umapi::query::groups::{write_group, write_no_such_page, write_old_user_group};
use roster_umapi::query::users::{write_old_group_user, write_old_profile_user, write_old_user, write_user};

use crate::app::App;
use crate::caller::Caller;
use crate::reply::Reply;
use crate::umapi::sheet::Sheet;
use crate::walk::{Ask, Page, Rows, Source, Walks};

/// The walks under way, by what they walk through.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    pub(crate) users: Walks<Position, Shown>,
    pub(crate) groups: Walks<Position, ()>,
    pub(crate) products: Walks<Position, ()>,
}

/// How a page of people or groups is framed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Frame {
    /// `{"lastPage":…,"result":"success","users":[…]}`, with the group's name where there is one.
    Users(Option<String>),
    /// The same with `groups`.
    Groups,
    /// A bare array, as the deprecated endpoints answer.
    Bare,
}

/// The shapes of a person.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UserShape {
    Current,
    Old,
    OldGroup,
    OldProfile,
}

/// The shapes of a group.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GroupShape {
    Current,
    OldUserGroup,
}

/// What was asked for, beside the query itself.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Whose walk this is; the query is added to it.
    pub(crate) walker: String,
    pub(crate) page: u64,
    pub(crate) size: u64,
    pub(crate) past_end: PastEnd,
    /// What the first page is called: 0, but 1 in one deprecated list.
    pub(crate) first: u64,
    /// Monotonic milliseconds.
    pub(crate) now: u64,
}

impl Wanted {
    /// A page of a list that the caller walks through.
    pub(crate) fn new(app: &App, caller: &Caller, page: u64, size: u64, past_end: PastEnd) -> Self {
        Self {
            walker: format!("{} {}", caller.client_id(), caller.org()),
            page,
            size: size.max(1),
            past_end,
            first: 0,
            now: app.config.clock.monotonic_ms(),
        }
    }
}

/// Rows of a page with commas between them. There is room in front for what is known only at the end, so that a page is
/// written once and never moved.
#[derive(Debug)]
pub(crate) struct Written(Sheet);

/// That room: enough for any frame without a group's name, and for most with one.
const ROOM: usize = 128;
/// What a row is taken to need, and for how many rows there is room from the beginning.
const ROW: usize = 384;
const MOST: usize = 4096;

impl Written {
    /// Room for about so many rows.
    pub(crate) fn expecting(rows: u64) -> Self {
        let rows = usize::try_from(rows).unwrap_or_default().min(MOST);
        let mut sheet = Sheet::with_capacity(ROOM + rows * ROW);
        sheet.0.resize(ROOM, 0);
        Self(sheet)
    }

    /// Hands out the buffer for the next row.
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        let bytes = &mut self.0.0;
        if bytes.len() > ROOM {
            bytes.push(b',');
        }
        bytes
    }

    /// Adds the rows of another one.
    fn append(&mut self, other: &Self) {
        let rows = other.0.0.get(ROOM..).unwrap_or_default();
        if !rows.is_empty() {
            self.next().extend_from_slice(rows);
        }
    }

    /// Forgets all rows.
    pub(crate) fn clear(&mut self) {
        self.0.0.truncate(ROOM);
    }

    /// The rows between two texts.
    fn framed(self, head: &[u8], tail: &[u8]) -> Bytes {
        let mut sheet = self.0;
        sheet.0.extend_from_slice(tail);
        let start = ROOM.saturating_sub(head.len());
        sheet.0.splice(start..ROOM, head.iter().copied());
        Bytes::from_owner(sheet).slice(start..)
    }
}

/// A page, ready to be sent.
#[derive(Debug)]
pub(crate) struct Listed {
    rows: Written,
    frame: Frame,
    page: Page,
    total: u64,
    first: u64,
}

impl Listed {
    /// A list that has nobody and nothing in it.
    pub(crate) fn empty(frame: Frame) -> Self {
        Self {
            rows: Written::expecting(0),
            frame,
            page: Page {
                index: 0,
                pages: 1,
                rows: 0,
                last: true,
                missing: false,
            },
            total: 0,
            first: 0,
        }
    }

    /// A bare page.
    pub(crate) fn bare(rows: Written, page: Page, total: u64) -> Self {
        Self {
            rows,
            frame: Frame::Bare,
            page,
            total,
            first: 0,
        }
    }

    /// The answer with its paging headers (umapi.md 2.5).
    pub(crate) fn reply(self) -> Reply {
        let headers = [
            ("x-total-count", self.total),
            ("x-page-count", self.page.pages),
            ("x-current-page", self.page.index + self.first),
            ("x-page-size", self.page.rows),
        ];
        let mut reply = Reply::ok(self.body());
        for (name, value) in headers {
            reply.set(HeaderName::from_static(name), &value.to_string());
        }
        reply
    }

    fn body(self) -> Bytes {
        let mut head = Vec::with_capacity(ROOM);
        let name = match &self.frame {
            Frame::Bare => return self.rows.framed(b"[", b"]"),
            Frame::Groups if self.page.missing => {
                write_no_such_page(&mut head);
                return Bytes::from(head);
            }
            Frame::Groups => "groups",
            Frame::Users(_) => "users",
        };
        head.extend_from_slice(b"{\"lastPage\":");
        head.extend_from_slice(if self.page.last { b"true" } else { b"false" });
        head.extend_from_slice(b",\"result\":\"success\",");
        if let Frame::Users(Some(group)) = &self.frame {
            head.extend_from_slice(b"\"groupName\":");
            head.extend_from_slice(serde_json::Value::from(group.as_str()).to_string().as_bytes());
            head.push(b',');
        }
        head.push(b'"');
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b"\":[");
        self.rows.framed(&head, b"]}")
    }
}

/// Lists people.
pub(crate) fn users(
    lists: &Lists,
    reader: &mut Reader<'_>,
    query: &UsersQuery,
    wanted: &Wanted,
    shape: UserShape,
    frame: Frame,
) -> Result<Listed, StoreError> {
    let total = reader.count_users(query)?;
    let walk = format!("{} {query:?}", wanted.walker);
    let expected = total.min(wanted.size);
    let mut source = UserSource {
        reader,
        query,
        shape,
        expected,
        rows: Written::expecting(expected),
    };
    let page = lists.users.serve(wanted.ask(&walk), &mut source)?;
    Ok(Listed {
        rows: source.rows,
        frame,
        page,
        total,
        first: wanted.first,
    })
}

/// Lists groups.
pub(crate) fn groups(
    lists: &Lists,
    reader: &mut Reader<'_>,
    (org, list): (OrgNo, GroupList),
    wanted: &Wanted,
    shape: GroupShape,
    frame: Frame,
) -> Result<Listed, StoreError> {
    let total = reader.count_groups(org, list)?;
    let walk = format!("{} {list:?}", wanted.walker);
    let mut source = GroupSource {
        reader,
        org,
        list,
        shape,
        rows: Written::expecting(total.min(wanted.size)),
    };
    let page = lists.groups.serve(wanted.ask(&walk), &mut source)?;
    Ok(Listed {
        rows: source.rows,
        frame,
        page,
        total,
        first: wanted.first,
    })
}

impl Wanted {
    pub(crate) fn ask<'a>(&self, walk: &'a str) -> Ask<'a> {
        Ask {
            walk,
            page: self.page,
            size: self.size,
            past_end: self.past_end,
            now: self.now,
        }
    }
}

struct UserSource<'r, 'c> {
    reader: &'r mut Reader<'c>,
    query: &'r UsersQuery,
    shape: UserShape,
    /// About so many people are on the page.
    expected: u64,
    rows: Written,
}

/// A page with fewer people is not worth the way to another thread.
const WORTH_HELP: u64 = 256;

impl UserSource<'_, '_> {
    /// Lets somebody who has nothing else to do read what a page has from a place in its middle on.
    ///
    /// Like the pages of a walk, the parts of a page may come from two moments; nobody is in both, or left out, because
    /// nobody who stays in a list changes their place.
    fn helped(
        &mut self,
        from: Position,
        until: Option<Position>,
    ) -> Result<Option<(Position, Rest)>, StoreError> {
        let Some(until) = until.filter(|_| self.expected >= WORTH_HELP) else {
            return Ok(None);
        };
        let Some(middle) = self.reader.users_halfway(self.query, from, until)? else {
            return Ok(None);
        };
        let (query, shape, expected) = (self.query.clone(), self.shape, self.expected / 2);
        let rest = self.reader.beside(move |reader| {
            let mut rows = Written::expecting(expected);
            let read = reader.users(&query, middle, Some(until), 0, &mut |row| {
                shape.write(rows.next(), row);
            })?;
            Ok((rows, read.count))
        });
        Ok(rest.map(|rest| (middle, rest)))
    }
}

/// The second half of a page, being written: its rows, and how many.
type Rest = Beside<(Written, u64)>;

impl Source for UserSource<'_, '_> {
    type Mark = Position;
    type Memory = Shown;
    type Error = StoreError;

    fn starts(&mut self, size: u64) -> Result<Vec<Position>, StoreError> {
        self.reader.user_page_starts(self.query, size)
    }

    fn read(
        &mut self,
        walk: (u64, &Shown),
        from: Position,
        until: Option<Position>,
        limit: u64,
    ) -> Result<Rows<Position>, StoreError> {
        self.rows.clear();
        let helped = self.helped(from, until)?;
        let (rows, shape) = (&mut self.rows, self.shape);
        let until = helped.as_ref().map_or(until, |(middle, _)| Some(*middle));
        let range = (from, until, limit);
        let read = self.reader.users_of_walk(self.query, range, walk, &mut |row| {
            shape.write(rows.next(), row);
        })?;
        let mut count = read.count;
        if let Some((_, rest)) = helped {
            let (written, found) = rest.wait()?;
            rows.append(&written);
            count += found;
        }
        Ok(Rows {
            count,
            next: read.next,
        })
    }

    fn any(&mut self, from: Position) -> Result<bool, StoreError> {
        self.reader.has_users(self.query, from)
    }

    fn turned(&mut self, shown: &Shown) -> Result<bool, StoreError> {
        Ok(shown.turned(self.reader.users_order(self.query)?))
    }

    fn go_by(&mut self, shown: &Shown) -> Result<(), StoreError> {
        shown.go_by(self.reader.users_order(self.query)?);
        Ok(())
    }

    fn clear(&mut self, (page, shown): (u64, &Shown)) {
        self.rows.clear();
        shown.forget(page);
    }
}

struct GroupSource<'r, 'c> {
    reader: &'r mut Reader<'c>,
    org: OrgNo,
    list: GroupList,
    shape: GroupShape,
    rows: Written,
}

impl Source for GroupSource<'_, '_> {
    type Mark = Position;
    type Memory = ();
    type Error = StoreError;

    fn starts(&mut self, size: u64) -> Result<Vec<Position>, StoreError> {
        self.reader.group_page_starts(self.org, self.list, size)
    }

    fn read(
        &mut self,
        _: (u64, &()),
        from: Position,
        until: Option<Position>,
        limit: u64,
    ) -> Result<Rows<Position>, StoreError> {
        let (rows, shape) = (&mut self.rows, self.shape);
        rows.clear();
        let read = self
            .reader
            .groups(self.org, self.list, from, until, limit, &mut |row| {
                shape.write(rows.next(), row);
            })?;
        Ok(Rows {
            count: read.count,
            next: read.next,
        })
    }

    fn any(&mut self, from: Position) -> Result<bool, StoreError> {
        self.reader.has_groups(self.org, self.list, from)
    }

    fn turned(&mut self, (): &()) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn go_by(&mut self, (): &()) -> Result<(), StoreError> {
        Ok(())
    }

    fn clear(&mut self, _: (u64, &())) {
        self.rows.clear();
    }
}

impl UserShape {
    fn write(self, out: &mut Vec<u8>, row: &UserRow<'_>) {
        match self {
            Self::Current => write_user(out, row),
            Self::Old => write_old_user(out, row),
            Self::OldGroup => write_old_group_user(out, row),
            Self::OldProfile => write_old_profile_user(out, row),
        }
    }
}

impl GroupShape {
    fn write(self, out: &mut Vec<u8>, row: &GroupRow<'_>) {
        match self {
            Self::Current => write_group(out, row),
            Self::OldUserGroup => write_old_user_group(out, row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_any_length_fit() {
        let rows = || {
            let mut rows = Written::expecting(1);
            rows.next().extend_from_slice(b"gone");
            rows.clear();
            rows.next().extend_from_slice(b"{}");
            rows.next().extend_from_slice(b"{}");
            rows
        };
        for length in [0, 1, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let head = "x".repeat(length);
            let framed = rows().framed(head.as_bytes(), b"]}");
            assert_eq!(framed, format!("{head}{{}},{{}}]}}"));
        }
    }
}
