//! Whom a walk has shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whom a walk has shown, page by page. Cheap to clone: clones share what they hold.
///
/// In a list that is merged from several ranges somebody's position may change: who loses the way by which they came
/// first stands from then on where the next one puts them, and would be shown again. A profile's list of one range becomes
/// such a list with its first link, and stands in another order once it has a quota. The other lists need none of this, and
/// nothing is kept for them.
#[derive(Debug, Clone, Default)]
pub struct Shown(Arc<Mutex<Pages>>);

#[derive(Debug, Default)]
struct Pages {
    /// Everybody on any page: a bit for each account, 64 to a word.
    words: HashMap<i64, u64>,
    /// The accounts on each page, in order.
    by_page: BTreeMap<u64, Vec<i64>>,
    /// The order that the walk goes by.
    order: Option<ListOrder>,
}

/// What a list is ordered by: positions of one order mean nothing in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListOrder {
    /// By when people joined.
    Joined,
    /// By how people stand in the queue for a profile's seats; a quota turns one into the other.
    Queue,
}

impl Shown {
    /// Leaves out of `accounts` who was shown on another page than `page`.
    pub(super) fn retain_new<T>(&self, page: u64, people: &mut Vec<T>, account: impl Fn(&T) -> i64) {
        let pages = self.lock();
        if pages.words.is_empty() {
            return;
        }
        let own = pages.by_page.get(&page).map_or(&[][..], Vec::as_slice);
        people.retain(|one| {
            let account = account(one);
            !pages.holds(account) || own.binary_search(&account).is_ok()
        });
    }

    /// Says whom a page shows now, in place of those it showed before: a client that asks again did not get that answer.
    pub(super) fn set(&self, page: u64, mut accounts: Vec<i64>) {
        accounts.sort_unstable();
        let mut pages = self.lock();
        pages.forget_page(page);
        for account in &accounts {
            *pages.words.entry(account >> 6).or_default() |= bit(*account);
        }
        pages.by_page.insert(page, accounts);
    }

    /// Whether the list stands in another order than the walk goes by. What it stands in when this is first asked is what the
    /// walk begins with.
    pub fn turned(&self, order: ListOrder) -> bool {
        *self.lock().order.get_or_insert(order) != order
    }

    /// From now on the walk goes by this order.
    pub fn go_by(&self, order: ListOrder) {
        self.lock().order = Some(order);
    }

    /// What was read as a page was not shown after all.
    pub fn forget(&self, page: u64) {
        let mut pages = self.lock();
        if !pages.words.is_empty() {
            pages.forget_page(page);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn holds(&self, account: i64) -> bool {
        let word = self.words.get(&(account >> 6));
        word.is_some_and(|word| word & bit(account) != 0)
    }

    fn forget_page(&mut self, page: u64) {
        for account in self.by_page.remove(&page).unwrap_or_default() {
            if let Some(word) = self.words.get_mut(&(account >> 6)) {
                *word &= !bit(account);
            }
        }
    }
}

fn bit(account: i64) -> u64 {
    1 << (account & 63)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(shown: &Shown, page: u64, people: &[i64]) -> Vec<i64> {
        let mut people = people.to_vec();
        shown.retain_new(page, &mut people, |account| *account);
        people
    }

    #[test]
    fn a_list_has_turned_until_the_walk_goes_by_its_order() {
        let shown = Shown::default();
        let asked = |order| shown.turned(order);
        assert_eq!(
            (asked(ListOrder::Joined), asked(ListOrder::Joined)),
            (false, false)
        );
        assert_eq!((asked(ListOrder::Queue), asked(ListOrder::Queue)), (true, true));
        shown.go_by(ListOrder::Queue);
        assert_eq!((asked(ListOrder::Queue), asked(ListOrder::Joined)), (false, true));
    }

    #[test]
    fn who_was_shown_is_new_only_on_their_page() {
        let shown = Shown::default();
        assert_eq!(new(&shown, 1, &[70, 6, 5]), [70, 6, 5]);
        shown.set(0, vec![70, 5]);
        assert_eq!(new(&shown, 0, &[70, 6, 5]), [70, 6, 5], "asked again");
        assert_eq!(new(&shown, 1, &[70, 6, 5]), [6]);
        shown.set(0, vec![5]);
        assert_eq!(new(&shown, 1, &[70, 6, 5]), [70, 6], "the second answer counts");
        shown.forget(0);
        assert_eq!(new(&shown, 1, &[70, 6, 5]), [70, 6, 5], "there was none");
    }
}
