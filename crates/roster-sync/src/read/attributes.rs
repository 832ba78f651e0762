//! What a source says about people beyond what records hold: `source_attributes` of hooks. Filled only where there is one.

use roster_core::plan::text::{TextId, Texts};

/// A value as the source has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Attribute {
    /// Nothing.
    None,
    /// Text.
    Text(TextId),
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A moment, in the form `2026-11-24 19:05:00+00:00`.
    Time(TextId),
    /// Bytes that are no text, in base64.
    Bytes(TextId),
    /// Several values: the position of the list.
    List(u32),
}

impl Attribute {
    /// A text, or nothing when it is empty.
    pub(crate) fn text(texts: &mut Texts, text: &str) -> Self {
        Self::from(texts.intern(text))
    }
}

impl From<TextId> for Attribute {
    fn from(text: TextId) -> Self {
        if text.is_empty() {
            Self::None
        } else {
            Self::Text(text)
        }
    }
}

/// The attributes of all records, row by row under the same names.
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    /// The names, each once.
    pub(crate) names: Vec<String>,
    values: Vec<Attribute>,
    lists: Vec<Vec<Attribute>>,
}

impl Attributes {
    /// A table without rows. Of equal names the first counts.
    pub(crate) fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut table = Self::default();
        for name in names {
            if !table.names.iter().any(|known| known == name) {
                table.names.push(name.to_owned());
            }
        }
        table
    }

    /// Adds a row, one value for each name; its number, from 1.
    pub(crate) fn push(&mut self, row: impl IntoIterator<Item = Attribute>) -> u32 {
        let end = self.values.len() + self.names.len();
        self.values.extend(row);
        self.values.resize(end, Attribute::None);
        u32::try_from(end / self.names.len().max(1)).unwrap_or(u32::MAX)
    }

    /// Keeps a list.
    pub(crate) fn list(&mut self, values: Vec<Attribute>) -> Attribute {
        self.lists.push(values);
        Attribute::List(u32::try_from(self.lists.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds to a list.
    pub(crate) fn extend_list(&mut self, list: u32, values: impl IntoIterator<Item = Attribute>) {
        if let Some(known) = self.lists.get_mut(list as usize) {
            known.extend(values);
        }
    }

    /// Takes all out of a list.
    pub(crate) fn clear_list(&mut self, list: u32) {
        if let Some(known) = self.lists.get_mut(list as usize) {
            known.clear();
        }
    }

    /// The values of a list.
    pub(crate) fn members(&self, list: u32) -> &[Attribute] {
        self.lists.get(list as usize).map_or(&[], Vec::as_slice)
    }

    /// The row with a number; empty where there is none.
    pub(crate) fn row(&self, number: u32) -> &[Attribute] {
        let width = self.names.len();
        let start = (number as usize).checked_sub(1).map(|row| row * width);
        start
            .and_then(|start| self.values.get(start..start + width))
            .unwrap_or_default()
    }

    /// Puts the values that `newer` has in the place of those of a row.
    pub(crate) fn replace(&mut self, number: u32, newer: impl IntoIterator<Item = Attribute>) {
        let width = self.names.len();
        let Some(start) = (number as usize).checked_sub(1).map(|row| row * width) else {
            return;
        };
        if let Some(row) = self.values.get_mut(start..start + width) {
            for (old, new) in row.iter_mut().zip(newer) {
                if new != Attribute::None {
                    *old = new;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_under_their_names() {
        let mut texts = Texts::default();
        let mut table = Attributes::new(["a", "b", "a"]);
        assert_eq!(table.names, ["a", "b"]);
        let x = Attribute::text(&mut texts, "x");
        let first = table.push([x, Attribute::Int(3)]);
        let second = table.push([Attribute::text(&mut texts, "")]);
        assert_eq!((first, second), (1, 2));
        assert_eq!(table.row(first), [x, Attribute::Int(3)]);
        assert_eq!(table.row(second), [Attribute::None; 2]);
        table.replace(first, [Attribute::None, Attribute::Int(4)]);
        assert_eq!(table.row(first), [x, Attribute::Int(4)]);
        assert!(table.row(0).is_empty() && table.row(3).is_empty());
        let list = table.list(vec![x]);
        let Attribute::List(at) = list else {
            panic!("{list:?}")
        };
        assert_eq!(table.members(at), [x]);
    }
}
