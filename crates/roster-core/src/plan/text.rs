//! Texts and sets of numbers kept once: what makes a million people fit into memory.
//!
//! Most values of a directory repeat (domains, countries, group lists) or appear on both sides (addresses), so each
//! is stored once and named by a number. Equal numbers mean equal values, so comparing two people compares numbers.
//! The tables hash with a fixed function: nothing here depends on chance, and no order follows from it.

use std::num::TryFromIntError;

use crate::value::Key;

/// A text kept in [`Texts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TextId(u32);

impl TextId {
    /// The empty text.
    pub const EMPTY: Self = Self(0);

    /// Whether it is the empty text.
    pub fn is_empty(self) -> bool {
        self == Self::EMPTY
    }

    /// A number below [`Texts::len`], for tables beside the texts.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The number itself, for members of [`Sets`].
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A set of numbers kept in [`Sets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SetId(u32);

impl SetId {
    /// The empty set.
    pub const EMPTY: Self = Self(0);
}

/// All texts of a run, each once.
#[derive(Debug, Clone)]
pub struct Texts {
    bytes: String,
    ends: Vec<usize>,
    slots: Slots,
}

impl Default for Texts {
    fn default() -> Self {
        let mut texts = Self {
            bytes: String::new(),
            ends: Vec::new(),
            slots: Slots::default(),
        };
        texts.intern("");
        texts
    }
}

impl Texts {
    /// Keeps `text` and returns its number.
    pub fn intern(&mut self, text: &str) -> TextId {
        let hash = hash_bytes(text.as_bytes());
        let found = self.slots.find(hash, |id| self.at(id) == text);
        if let Some(id) = found {
            return TextId(id);
        }
        let id = number(self.ends.len());
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len());
        let (bytes, ends) = (&self.bytes, &self.ends);
        self.slots
            .insert(hash, id, |id| hash_bytes(slice(bytes.as_bytes(), ends, id)));
        TextId(id)
    }

    /// Keeps the folded form of `text` (see [`Key`]).
    pub fn intern_folded(&mut self, text: &str) -> TextId {
        // Most texts are folded already; then nothing needs to be copied.
        let folded = text.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        if folded {
            self.intern(text.trim())
        } else {
            self.intern(Key::new(text).as_str())
        }
    }

    /// The text behind a number.
    pub fn get(&self, id: TextId) -> &str {
        self.at(id.0)
    }

    /// The text with a number that [`TextId::number`] gave.
    pub fn id(&self, number: u32) -> TextId {
        TextId(number)
    }

    /// How many texts there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never: the empty text is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    fn at(&self, id: u32) -> &str {
        let (start, end) = range(&self.ends, id);
        self.bytes.get(start..end).unwrap_or_default()
    }
}

/// All sets of a run, each once, as ascending numbers.
#[derive(Debug, Clone)]
pub struct Sets {
    members: Vec<u32>,
    ends: Vec<usize>,
    slots: Slots,
}

impl Default for Sets {
    fn default() -> Self {
        let mut sets = Self {
            members: Vec::new(),
            ends: Vec::new(),
            slots: Slots::default(),
        };
        sets.intern(&mut Vec::new());
        sets
    }
}

impl Sets {
    /// Keeps the set of `members`, which are put in order for it.
    pub fn intern(&mut self, members: &mut Vec<u32>) -> SetId {
        members.sort_unstable();
        members.dedup();
        let hash = hash_numbers(members);
        let found = self.slots.find(hash, |id| {
            slice(&self.members, &self.ends, id) == members.as_slice()
        });
        if let Some(id) = found {
            return SetId(id);
        }
        let id = number(self.ends.len());
        self.members.extend_from_slice(members);
        self.ends.push(self.members.len());
        let (all, ends) = (&self.members, &self.ends);
        self.slots
            .insert(hash, id, |id| hash_numbers(slice(all, ends, id)));
        SetId(id)
    }

    /// The members, ascending.
    pub fn get(&self, id: SetId) -> &[u32] {
        slice(&self.members, &self.ends, id.0)
    }

    /// The set of what is in either.
    pub fn union(&mut self, a: SetId, b: SetId) -> SetId {
        if a == b || b == SetId::EMPTY {
            return a;
        }
        let mut both = self.get(a).to_vec();
        both.extend_from_slice(self.get(b));
        self.intern(&mut both)
    }
}

fn slice<'a, T>(all: &'a [T], ends: &[usize], id: u32) -> &'a [T] {
    let (start, end) = range(ends, id);
    all.get(start..end).unwrap_or_default()
}

/// Where a value starts and ends: it runs from the end of the one before it.
fn range(ends: &[usize], id: u32) -> (usize, usize) {
    let id = id as usize;
    let start = id
        .checked_sub(1)
        .and_then(|before| ends.get(before))
        .copied()
        .unwrap_or(0);
    (start, ends.get(id).copied().unwrap_or(start))
}

/// Numbers are handed out one by one, so four thousand million of anything do not fit into memory first.
fn number(count: usize) -> u32 {
    let fits: Result<u32, TryFromIntError> = u32::try_from(count);
    fits.expect("fewer than 2^32 different values")
}

/// An open-addressing table from hashes to numbers; the values themselves are the caller's.
#[derive(Debug, Clone, Default)]
struct Slots {
    /// 0: free; otherwise a number plus one. The length is a power of two.
    slots: Vec<u32>,
    used: usize,
}

impl Slots {
    fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        for at in Probe::new(hash, self.slots.len()) {
            match self.slots.get(at).copied().unwrap_or(0) {
                0 => return None,
                taken if same(taken - 1) => return Some(taken - 1),
                _ => {}
            }
        }
        None
    }

    fn insert(&mut self, hash: u64, id: u32, hash_of: impl Fn(u32) -> u64) {
        if (self.used + 1) * 3 > self.slots.len() * 2 {
            let old = std::mem::take(&mut self.slots);
            self.slots = vec![0; (old.len() * 2).max(16)];
            for taken in old.into_iter().filter(|&taken| taken != 0) {
                self.place(hash_of(taken - 1), taken);
            }
        }
        self.place(hash, id + 1);
        self.used += 1;
    }

    fn place(&mut self, hash: u64, taken: u32) {
        for at in Probe::new(hash, self.slots.len()) {
            if let Some(slot) = self.slots.get_mut(at)
                && *slot == 0
            {
                *slot = taken;
                return;
            }
        }
    }
}

/// The places where a hash may stand, nearest first.
struct Probe {
    at: usize,
    mask: usize,
    left: usize,
}

impl Probe {
    fn new(hash: u64, slots: usize) -> Self {
        let mask = slots.wrapping_sub(1);
        // The upper half is mixed best.
        let at = usize::try_from(hash >> 32).unwrap_or(0) & mask;
        Self {
            at,
            mask,
            left: slots,
        }
    }
}

impl Iterator for Probe {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        self.left = self.left.checked_sub(1)?;
        let at = self.at;
        self.at = (at + 1) & self.mask;
        Some(at)
    }
}

const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(MIX);
    mixed ^ (mixed >> 29)
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    mix(mix(hash, u64::from_le_bytes(last)), MIX)
}

fn hash_numbers(numbers: &[u32]) -> u64 {
    let start = numbers.len() as u64;
    mix(
        numbers.iter().fold(start, |hash, &n| mix(hash, u64::from(n))),
        MIX,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_have_one_number_and_others_have_others() {
        let mut texts = Texts::default();
        let ids: Vec<TextId> = (0..5000)
            .map(|n| texts.intern(&format!("user{n}@example.com")))
            .collect();
        for (n, id) in ids.iter().enumerate() {
            let text = format!("user{n}@example.com");
            assert_eq!(texts.intern(&text), *id);
            assert_eq!(texts.get(*id), text);
        }
        assert_eq!(texts.len(), 5001);
        assert!(texts.intern("").is_empty());
        assert_eq!(texts.intern_folded(" Ünal "), texts.intern("ünal"));
    }

    #[test]
    fn equal_sets_have_one_number_whatever_their_order() {
        let mut sets = Sets::default();
        let a = sets.intern(&mut vec![3, 1, 2, 3]);
        let b = sets.intern(&mut vec![2, 3, 1]);
        assert_eq!(a, b);
        assert_eq!(sets.get(a), [1, 2, 3]);
        let c = sets.intern(&mut vec![9]);
        let both = sets.union(a, c);
        assert_eq!(sets.get(both), [1, 2, 3, 9]);
        assert_eq!(sets.intern(&mut Vec::new()), SetId::EMPTY);
    }
}
