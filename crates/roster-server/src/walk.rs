//! Walks: clients asking for page 0, 1, 2 … of a list while it changes (umapi.md 3.2).
//!
//! Asking for page 0 fixes where every page of this walk begins; later pages are read between those marks, the last
//! one is open at its end. Lists are in the order of joining, so newcomers come last, and whoever stays is returned
//! exactly once. Where a list is put into another order meanwhile, what is left of the walk goes through all of it, without
//! those who were shown. Nothing here knows what is listed: a [`Source`] reads the rows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use roster_core::page::{Choice, PastEnd, choose};

/// Reads rows between marks, all in one snapshot, and keeps what it read for the answer.
pub(crate) trait Source {
    /// A place in the list.
    type Mark: Copy + PartialEq;
    /// What has to be remembered from page to page, shared by its clones.
    type Memory: Clone + Default;
    /// What can go wrong.
    type Error;

    /// Where each page of `size` rows begins; empty for an empty list.
    fn starts(&mut self, size: u64) -> Result<Vec<Self::Mark>, Self::Error>;
    /// Reads up to `limit` rows from a mark up to (not including) another, as this page of a walk, in place of what was
    /// read before.
    fn read(
        &mut self,
        page: (u64, &Self::Memory),
        from: Self::Mark,
        until: Option<Self::Mark>,
        limit: u64,
    ) -> Result<Rows<Self::Mark>, Self::Error>;
    /// Whether there is any row at or behind a mark.
    fn any(&mut self, from: Self::Mark) -> Result<bool, Self::Error>;
    /// Whether the list stands in another order than the walk with this memory goes by: where pages began means nothing then.
    fn turned(&mut self, memory: &Self::Memory) -> Result<bool, Self::Error>;
    /// Lets the walk go by the order of now: only once the pages begin where they do in it, or a request that fails in between
    /// would leave the walk with places of the other order.
    fn go_by(&mut self, memory: &Self::Memory) -> Result<(), Self::Error>;
    /// Forgets what was read as this page.
    fn clear(&mut self, page: (u64, &Self::Memory));
}

/// How many rows were read, and where the first row behind them stands, if the limit cut it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rows<M> {
    pub(crate) count: u64,
    pub(crate) next: Option<M>,
}

/// What a page is, apart from its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Page {
    /// 0-based.
    pub(crate) index: u64,
    /// Pages of the list.
    pub(crate) pages: u64,
    /// Rows in this page.
    pub(crate) rows: u64,
    /// Whether nothing follows.
    pub(crate) last: bool,
    /// There is no such page.
    pub(crate) missing: bool,
}

/// A request for a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// Who walks through what: client, organization and query.
    pub(crate) walk: &'a str,
    /// The page asked for, 0-based.
    pub(crate) page: u64,
    /// Rows on a page.
    pub(crate) size: u64,
    /// What to do with a page past the end, outside a walk.
    pub(crate) past_end: PastEnd,
    /// Monotonic milliseconds.
    pub(crate) now: u64,
}

/// How long a walk is kept after it was last used.
const KEPT_MS: u64 = 10 * 60 * 1000;
/// How many walks are kept; the one unused for longest gives way.
const CAPACITY: usize = 1024;

/// The walks under way.
#[derive(Debug)]
pub(crate) struct Walks<M, K> {
    walks: Mutex<HashMap<String, Walk<M, K>>>,
    begun: AtomicU64,
}

#[derive(Debug, Clone)]
struct Walk<M, K> {
    /// Tells this walk from a later one under the same key.
    number: u64,
    starts: Vec<M>,
    /// Pages that some answer has promised; at least as many as there are starts.
    announced: usize,
    /// Pages that were asked for: what they hold is no longer up for moving.
    served: Vec<bool>,
    memory: K,
    used_at: u64,
}

impl<M, K> Default for Walks<M, K> {
    fn default() -> Self {
        Self {
            walks: Mutex::default(),
            begun: AtomicU64::new(0),
        }
    }
}

impl<M: Copy + PartialEq, K: Clone + Default> Walks<M, K> {
    /// Serves a page.
    pub(crate) fn serve<S: Source<Mark = M, Memory = K>>(
        &self,
        ask: Ask<'_>,
        source: &mut S,
    ) -> Result<Page, S::Error> {
        let mut walk = match self.resume(ask) {
            Some(walk) => walk,
            None => self.begin(ask, source.starts(ask.size)?),
        };
        if source.turned(&walk.memory)? {
            self.turn(ask, &mut walk, source.starts(ask.size)?);
            source.go_by(&walk.memory)?;
        }
        let asked = usize::try_from(ask.page).unwrap_or(usize::MAX);
        if asked >= walk.starts.len() && asked < walk.announced {
            // Promised, but everybody who was to come has left meanwhile.
            return Ok(Page {
                index: ask.page,
                pages: ask.page + 1,
                rows: 0,
                last: true,
                missing: false,
            });
        }
        match choose(ask.page, walk.starts.len() as u64, ask.past_end) {
            Choice::NotFound => Ok(Page {
                index: ask.page,
                pages: (walk.starts.len() as u64).max(1),
                rows: 0,
                last: true,
                missing: true,
            }),
            Choice::Serve(index) => {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                let to_the_end = index < asked;
                self.read(ask, walk, index, to_the_end, source)
            }
        }
    }

    /// Reads page `index`; with `to_the_end`, goes on to the page that is the last one now.
    fn read<S: Source<Mark = M, Memory = K>>(
        &self,
        ask: Ask<'_>,
        mut walk: Walk<M, K>,
        mut index: usize,
        to_the_end: bool,
        source: &mut S,
    ) -> Result<Page, S::Error> {
        loop {
            let Some(&from) = walk.starts.get(index) else {
                source.clear((index as u64, &walk.memory));
                return Ok(page(index, index + 1, 0, true));
            };
            self.mark_served(ask.walk, walk.number, index);
            let mut end = index + 1;
            let place = (index as u64, &walk.memory);
            let mut rows = source.read(place, from, walk.starts.get(end).copied(), ask.size)?;
            // A page in the middle is never empty, or clients would take it for the end: it takes the rows of
            // those after it, unless somebody has read them already.
            while rows.count == 0
                && let Some(&next) = walk.starts.get(end)
                && !self.is_served(ask.walk, walk.number, end)
            {
                rows = source.read(place, next, walk.starts.get(end + 1).copied(), ask.size)?;
                end += 1;
            }
            if end > index + 1 && !self.take_over(ask.walk, &mut walk, index, end) {
                source.clear((index as u64, &walk.memory));
                return Ok(page(index, walk.starts.len(), 0, false));
            }
            let last = match (walk.starts.get(index + 1), rows.next) {
                (Some(&next), _) => !source.any(next)?,
                (None, Some(next)) => {
                    self.extend(ask.walk, &mut walk, next);
                    false
                }
                (None, None) => true,
            };
            if to_the_end && !last {
                source.clear((index as u64, &walk.memory));
                index += 1;
                continue;
            }
            let pages = if last { index + 1 } else { walk.starts.len() };
            return Ok(page(index, pages, rows.count, last));
        }
    }

    /// The walk under way, unless this is the start of a new one.
    fn resume(&self, ask: Ask<'_>) -> Option<Walk<M, K>> {
        let mut walks = self.lock();
        if ask.page == 0 {
            walks.remove(ask.walk);
            return None;
        }
        let walk = walks.get_mut(ask.walk)?;
        if walk.used_at + KEPT_MS < ask.now {
            walks.remove(ask.walk);
            return None;
        }
        walk.used_at = ask.now;
        Some(walk.clone())
    }

    /// Begins a walk; one of a single page has nothing to remember.
    fn begin(&self, ask: Ask<'_>, starts: Vec<M>) -> Walk<M, K> {
        let number = self.begun.fetch_add(1, Ordering::Relaxed);
        let walk = Walk {
            number,
            announced: starts.len(),
            served: vec![false; starts.len()],
            starts,
            memory: K::default(),
            used_at: ask.now,
        };
        if walk.starts.len() > 1 {
            let mut walks = self.lock();
            make_room(&mut walks, ask.now);
            walks.insert(ask.walk.to_owned(), walk.clone());
        }
        walk
    }

    fn mark_served(&self, key: &str, number: u64, index: usize) {
        let mut walks = self.lock();
        if let Some(served) = current(&mut walks, key, number).and_then(|w| w.served.get_mut(index)) {
            *served = true;
        }
    }

    fn is_served(&self, key: &str, number: u64, index: usize) -> bool {
        let mut walks = self.lock();
        current(&mut walks, key, number).is_some_and(|w| w.served.get(index).copied().unwrap_or(false))
    }

    /// Lets page `index` hold what the pages up to `end` held. Fails when one of them was asked for meanwhile.
    fn take_over(&self, key: &str, walk: &mut Walk<M, K>, index: usize, end: usize) -> bool {
        let mut walks = self.lock();
        let Some(known) = current(&mut walks, key, walk.number) else {
            // The walk was given up; what was read is right for this answer.
            shift(&mut walk.starts, index, end);
            return true;
        };
        let taken = known
            .served
            .get(index + 1..end)
            .is_some_and(|s| s.iter().any(|s| *s));
        if taken || known.starts != walk.starts {
            return false;
        }
        shift(&mut known.starts, index, end);
        walk.starts.clone_from(&known.starts);
        true
    }

    /// Lets the page asked for, and all that follow, go through the whole list in its new order: the source leaves out
    /// whom it has shown.
    fn turn(&self, ask: Ask<'_>, walk: &mut Walk<M, K>, starts: Vec<M>) {
        let page = usize::try_from(ask.page).unwrap_or(usize::MAX);
        let kept = page.min(walk.starts.len());
        walk.starts.truncate(kept);
        walk.starts.extend(starts);
        walk.announced = walk.announced.max(walk.starts.len());
        walk.served.truncate(kept);
        walk.served.resize(walk.announced, false);
        let mut walks = self.lock();
        if let Some(known) = current(&mut walks, ask.walk, walk.number) {
            known.clone_from(walk);
        }
    }

    /// Adds a page for newcomers at the end.
    fn extend(&self, key: &str, walk: &mut Walk<M, K>, next: M) {
        let mut walks = self.lock();
        walk.starts.push(next);
        if let Some(known) = current(&mut walks, key, walk.number)
            && known.starts.len() + 1 == walk.starts.len()
        {
            known.starts.push(next);
            known.announced = known.announced.max(known.starts.len());
            known.served.resize(known.announced, false);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Walk<M, K>>> {
        self.walks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn page(index: usize, pages: usize, rows: u64, last: bool) -> Page {
    Page {
        index: index as u64,
        pages: pages.max(1) as u64,
        rows,
        last,
        missing: false,
    }
}

fn current<'a, M, K>(
    walks: &'a mut HashMap<String, Walk<M, K>>,
    key: &str,
    number: u64,
) -> Option<&'a mut Walk<M, K>> {
    walks.get_mut(key).filter(|walk| walk.number == number)
}

/// Page `index` reaches up to the start of page `end`; the pages between begin there and are empty.
fn shift<M: Copy>(starts: &mut Vec<M>, index: usize, end: usize) {
    match starts.get(end).copied() {
        Some(next) => {
            for start in starts.iter_mut().take(end).skip(index + 1) {
                *start = next;
            }
        }
        None => starts.truncate(index + 1),
    }
}

fn make_room<M, K>(walks: &mut HashMap<String, Walk<M, K>>, now: u64) {
    if walks.len() < CAPACITY {
        return;
    }
    walks.retain(|_, walk| walk.used_at + KEPT_MS >= now);
    if walks.len() >= CAPACITY
        && let Some(oldest) = walks
            .iter()
            .min_by_key(|(_, w)| w.used_at)
            .map(|(key, _)| key.clone())
    {
        walks.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    /// A list of numbers; who joins gets the next one.
    #[derive(Debug, Clone, Default)]
    struct Crowd {
        rows: BTreeSet<u64>,
        next: u64,
        read: Vec<u64>,
    }

    impl Crowd {
        fn of(n: u64) -> Self {
            Self {
                rows: (0..n).collect(),
                next: n,
                read: Vec::new(),
            }
        }

        fn join(&mut self) {
            self.rows.insert(self.next);
            self.next += 1;
        }
    }

    impl Source for Crowd {
        type Mark = u64;
        type Memory = ();
        type Error = Infallible;

        fn starts(&mut self, size: u64) -> Result<Vec<u64>, Infallible> {
            let size = usize::try_from(size).unwrap();
            Ok(self.rows.iter().step_by(size).copied().collect())
        }

        fn read(
            &mut self,
            _: (u64, &()),
            from: u64,
            until: Option<u64>,
            limit: u64,
        ) -> Result<Rows<u64>, Infallible> {
            let limit = usize::try_from(limit).unwrap();
            let mut found = self
                .rows
                .range(from..)
                .copied()
                .take_while(|n| until.is_none_or(|u| *n < u));
            self.read = found.by_ref().take(limit).collect();
            Ok(Rows {
                count: self.read.len() as u64,
                next: found.next(),
            })
        }

        fn any(&mut self, from: u64) -> Result<bool, Infallible> {
            Ok(self.rows.range(from..).next().is_some())
        }

        fn turned(&mut self, (): &()) -> Result<bool, Infallible> {
            Ok(false)
        }

        fn go_by(&mut self, (): &()) -> Result<(), Infallible> {
            Ok(())
        }

        fn clear(&mut self, _: (u64, &())) {
            self.read.clear();
        }
    }

    fn ask(walks: &Walks<u64, ()>, crowd: &mut Crowd, page: u64, past_end: PastEnd) -> (Page, Vec<u64>) {
        crowd.read.clear();
        let ask = Ask {
            walk: "walk",
            page,
            size: 3,
            past_end,
            now: 0,
        };
        let page = walks.serve(ask, crowd).unwrap();
        (page, crowd.read.clone())
    }

    #[test]
    fn an_unchanged_list_pages_without_gaps() {
        let (walks, mut crowd) = (Walks::default(), Crowd::of(7));
        for (n, wanted) in [vec![0, 1, 2], vec![3, 4, 5], vec![6]].into_iter().enumerate() {
            let (page, rows) = ask(&walks, &mut crowd, n as u64, PastEnd::LastPage);
            assert_eq!(rows, wanted);
            assert_eq!(
                (page.index, page.pages, page.last, page.rows),
                (n as u64, 3, n == 2, wanted.len() as u64)
            );
        }
    }

    #[test]
    fn an_empty_list_is_one_last_page() {
        let (page, rows) = ask(&Walks::default(), &mut Crowd::of(0), 0, PastEnd::NotFound);
        assert_eq!(
            (page.index, page.pages, page.last, page.missing),
            (0, 1, true, false)
        );
        assert_eq!(rows, Vec::<u64>::new());
    }

    #[test]
    fn past_the_end_is_the_last_page_or_none() {
        let (walks, mut crowd) = (Walks::default(), Crowd::of(7));
        let (page, rows) = ask(&walks, &mut crowd, 9, PastEnd::LastPage);
        assert_eq!((page.index, page.last, rows), (2, true, vec![6]));
        let (page, _) = ask(&walks, &mut crowd, 9, PastEnd::NotFound);
        assert!(page.missing && page.index == 9 && page.last);
    }

    #[test]
    fn a_promised_page_whose_people_have_left_is_empty_and_the_last() {
        for past_end in [PastEnd::LastPage, PastEnd::NotFound] {
            let (walks, mut crowd) = (Walks::default(), Crowd::of(6));
            assert!(!ask(&walks, &mut crowd, 0, past_end).0.last);
            crowd.rows.retain(|n| *n < 3);
            let (page, rows) = ask(&walks, &mut crowd, 1, past_end);
            assert_eq!(
                (page.index, page.last, page.missing, page.rows),
                (1, true, false, 0)
            );
            assert!(rows.is_empty());
            let (again, _) = ask(&walks, &mut crowd, 1, past_end);
            assert_eq!(again, page, "asking again changes nothing");
        }
    }

    #[test]
    fn a_page_in_the_middle_takes_the_rows_of_the_next_when_its_own_have_left() {
        let (walks, mut crowd) = (Walks::default(), Crowd::of(12));
        ask(&walks, &mut crowd, 0, PastEnd::LastPage);
        crowd.rows.retain(|n| !(3..9).contains(n));
        let (page, rows) = ask(&walks, &mut crowd, 1, PastEnd::LastPage);
        assert_eq!((page.last, rows), (true, vec![9, 10, 11]));
    }

    #[test]
    fn newcomers_get_a_page_of_their_own() {
        let (walks, mut crowd) = (Walks::default(), Crowd::of(6));
        ask(&walks, &mut crowd, 0, PastEnd::LastPage);
        crowd.join();
        let (page, rows) = ask(&walks, &mut crowd, 1, PastEnd::LastPage);
        assert_eq!((page.last, rows), (false, vec![3, 4, 5]));
        let (page, rows) = ask(&walks, &mut crowd, 2, PastEnd::LastPage);
        assert_eq!((page.last, rows), (true, vec![6]));
    }

    /// A crowd that can be turned round, of which a walk remembers whom it has shown.
    struct Turning {
        rows: Vec<u64>,
        is_turned: bool,
        read: Vec<u64>,
        fails: bool,
    }

    /// Whom each page has shown, and whether the walk goes by the other order.
    type Remembered = std::sync::Arc<Mutex<(BTreeSet<(u64, u64)>, bool)>>;

    impl Source for Turning {
        type Mark = usize;
        type Memory = Remembered;
        type Error = &'static str;

        fn starts(&mut self, size: u64) -> Result<Vec<usize>, &'static str> {
            if std::mem::take(&mut self.fails) {
                return Err("gone for a moment");
            }
            Ok((0..self.rows.len())
                .step_by(usize::try_from(size).unwrap())
                .collect())
        }

        fn read(
            &mut self,
            (page, memory): (u64, &Remembered),
            from: usize,
            until: Option<usize>,
            limit: u64,
        ) -> Result<Rows<usize>, &'static str> {
            let shown = &mut memory.lock().unwrap().0;
            let end = until
                .unwrap_or(self.rows.len())
                .min(from + usize::try_from(limit).unwrap());
            let mut rows: Vec<u64> = self.rows[from..end].to_vec();
            rows.retain(|row| !shown.iter().any(|(on, who)| who == row && *on != page));
            shown.retain(|(on, _)| *on != page);
            shown.extend(rows.iter().map(|row| (page, *row)));
            self.read = rows;
            Ok(Rows {
                count: self.read.len() as u64,
                next: (until.is_none() && end < self.rows.len()).then_some(end),
            })
        }

        fn any(&mut self, from: usize) -> Result<bool, &'static str> {
            Ok(from < self.rows.len())
        }

        fn turned(&mut self, memory: &Remembered) -> Result<bool, &'static str> {
            Ok(memory.lock().unwrap().1 != self.is_turned)
        }

        fn go_by(&mut self, memory: &Remembered) -> Result<(), &'static str> {
            memory.lock().unwrap().1 = self.is_turned;
            Ok(())
        }

        fn clear(&mut self, _: (u64, &Remembered)) {
            self.read.clear();
        }
    }

    #[test]
    fn a_list_that_is_turned_round_is_gone_through_also_when_that_fails_at_first() {
        for at in 1..4 {
            for fails in [false, true] {
                let walks = Walks::default();
                let mut list = Turning {
                    rows: (0..11).collect(),
                    is_turned: false,
                    read: Vec::new(),
                    fails: false,
                };
                let mut seen = Vec::new();
                for page in 0.. {
                    if page == at {
                        list.rows.reverse();
                        (list.is_turned, list.fails) = (true, fails);
                    }
                    let ask = Ask {
                        walk: "walk",
                        page,
                        size: 3,
                        past_end: PastEnd::LastPage,
                        now: 0,
                    };
                    let mut served = walks.serve(ask, &mut list);
                    if page == at && fails {
                        assert_eq!(served, Err("gone for a moment"));
                        served = walks.serve(ask, &mut list);
                    }
                    seen.append(&mut list.read);
                    if served.unwrap().last {
                        break;
                    }
                }
                seen.sort_unstable();
                assert_eq!(
                    seen,
                    (0..11).collect::<Vec<_>>(),
                    "turned before page {at}, fails: {fails}"
                );
            }
        }
    }

    #[test]
    fn a_walk_unused_for_ten_minutes_is_forgotten() {
        let (walks, mut crowd) = (Walks::<u64, ()>::default(), Crowd::of(6));
        ask(&walks, &mut crowd, 0, PastEnd::LastPage);
        assert_eq!(walks.lock().len(), 1);
        let late = Ask {
            walk: "walk",
            page: 1,
            size: 3,
            past_end: PastEnd::LastPage,
            now: KEPT_MS + 1,
        };
        crowd.rows.remove(&0);
        walks.serve(late, &mut crowd).unwrap();
        assert_eq!(crowd.read, [4, 5], "the marks were fixed anew");
    }

    proptest! {
        #[test]
        fn whoever_stays_is_returned_exactly_once(
            start in 0u64..40,
            turns in prop::collection::vec((prop::collection::vec(0u64..60, 0..8), 0usize..5), 0..30),
        ) {
            let (walks, mut crowd) = (Walks::default(), Crowd::of(start));
            let mut stayed = crowd.rows.clone();
            let (mut seen, mut turns) = (Vec::new(), turns.into_iter());
            for page in 0.. {
                let (served, rows) = ask(&walks, &mut crowd, page, PastEnd::LastPage);
                prop_assert_eq!(served.index, page);
                prop_assert!(served.last || !rows.is_empty(), "an empty page ends a walk");
                seen.extend(rows);
                if served.last {
                    break;
                }
                let (leave, join) = turns.next().unwrap_or_default();
                for n in leave {
                    crowd.rows.remove(&n);
                    stayed.remove(&n);
                }
                for _ in 0..join {
                    crowd.join();
                }
            }
            let unique: BTreeSet<u64> = seen.iter().copied().collect();
            prop_assert_eq!(unique.len(), seen.len(), "nobody twice");
            prop_assert!(stayed.is_subset(&unique), "nobody missed");
        }

        #[test]
        fn pages_asked_in_any_order_hold_whoever_stays_once(
            start in 1u64..40,
            gone in prop::collection::vec(0u64..40, 0..40),
            order in any::<u64>(),
        ) {
            let (walks, mut crowd) = (Walks::default(), Crowd::of(start));
            let (first, mut seen) = ask(&walks, &mut crowd, 0, PastEnd::LastPage);
            let mut pages: Vec<u64> = (1..first.pages).collect();
            let turn = usize::try_from(order).unwrap_or(0) % pages.len().max(1);
            pages.rotate_left(turn);
            for (page, leaver) in pages.into_iter().zip(gone.iter().copied().chain(std::iter::repeat(u64::MAX))) {
                crowd.rows.remove(&leaver);
                seen.extend(ask(&walks, &mut crowd, page, PastEnd::LastPage).1);
            }
            let unique: BTreeSet<u64> = seen.iter().copied().collect();
            prop_assert_eq!(unique.len(), seen.len(), "nobody twice");
            prop_assert!(crowd.rows.is_subset(&unique), "nobody missed");
        }
    }
}
