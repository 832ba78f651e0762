//! Identifiers: types of their own, never bare numbers; and the seed from which new ones are drawn.

use std::fmt::Write as _;

use crate::value::Key;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number!(
    /// The number of an organization inside one installation. 0 is reserved: it owns all Adobe IDs.
    OrgNo
);
number!(
    /// An account: the owner's number in the upper bits, the owner's counter below, so that accounts of
    /// one organization lie together and the owner is known without a look-up.
    AccountId
);
number!(
    /// A directory (the auth source of its accounts); 0 is the one of all Adobe IDs.
    DirectoryId
);
number!(
    /// A user group, profile, admin or developer group: `groupId` on the wire, 1 … 2^53−1, never reused.
    GroupId
);
number!(
    /// A product.
    ProductId
);
number!(
    /// A place in the order of events of one organization: who joined earlier has the smaller number.
    Seq
);

impl OrgNo {
    /// The reserved owner of all Adobe IDs.
    pub const ADOBE_ID: Self = Self(0);
}

impl DirectoryId {
    /// The auth source of all Adobe IDs.
    pub const ADOBE_ID: Self = Self(0);
}

impl AccountId {
    const SHIFT: u32 = 40;

    /// The account number `serial` of `owner`.
    pub fn new(owner: OrgNo, serial: Seq) -> Self {
        Self((owner.0 << Self::SHIFT) | serial.0)
    }

    /// The organization that owns the account's row.
    pub fn owner(self) -> OrgNo {
        OrgNo(self.0 >> Self::SHIFT)
    }
}

/// Checks an organization id as it stands in a URL (umapi.md 1): `^[0-9A-Za-z]{1,64}@AdobeOrg$`, letter case
/// irrelevant. Returns its key.
pub fn parse_org_id(text: &str) -> Option<Key> {
    let (hex, tail) = text.split_once('@')?;
    let fine = (1..=64).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_alphanumeric());
    (fine && tail.eq_ignore_ascii_case("AdobeOrg")).then(|| Key::new(text))
}

/// A source of chance that is an input: the same seed gives the same identifiers, so a decision asked twice
/// answers the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u128);

impl Seed {
    /// Takes 128 random bits drawn by the caller.
    pub fn new(bits: u128) -> Self {
        Self(bits)
    }

    /// The `n`-th stream derived from this seed: one per command, so that the order of commands is what
    /// decides, not how much each of them draws.
    #[must_use]
    pub fn derive(self, n: u64) -> Self {
        let mut inner = Self(
            self.0
                ^ (u128::from(n) << 64 | u128::from(n))
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        );
        let high = inner.next();
        let low = inner.next();
        Self(u128::from(high) << 64 | u128::from(low))
    }

    /// The next 64 bits (two rounds of SplitMix64 over both halves; not for secrets).
    #[allow(
        clippy::should_implement_trait,
        reason = "an endless stream is no iterator here"
    )]
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the halves of 128 bits are wanted"
    )]
    pub fn next(&mut self) -> u64 {
        let high = mix(((self.0 >> 64) as u64).wrapping_add(0x9e37_79b9_7f4a_7c15));
        let low = mix((self.0 as u64).wrapping_add(high | 1));
        self.0 = u128::from(high) << 64 | u128::from(low.rotate_left(17) ^ high);
        low
    }

    /// `digits` random hexadecimal digits, upper case.
    pub fn hex(&mut self, digits: usize) -> String {
        let mut text = String::with_capacity(digits + 16);
        while text.len() < digits {
            let bits = self.next();
            // Writing to a string cannot fail.
            let _ = write!(text, "{bits:016X}");
        }
        text.truncate(digits);
        text
    }

    /// A group id: 53 random bits, never 0.
    pub fn group_id(&mut self) -> GroupId {
        loop {
            let bits = self.next() >> 11;
            if let Ok(id @ 1..) = i64::try_from(bits) {
                return GroupId(id);
            }
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_knows_its_owner() {
        let id = AccountId::new(OrgNo(7), Seq(123_456));
        assert_eq!(id.owner(), OrgNo(7));
        assert_eq!(AccountId::new(OrgNo(0), Seq(5)).0, 5);
    }

    #[test]
    fn org_ids_are_checked_and_folded() {
        assert_eq!(parse_org_id("1A2B@AdobeOrg"), parse_org_id("1a2b@adobeORG"));
        for bad in [
            "1A2B",
            "@AdobeOrg",
            "1A-2B@AdobeOrg",
            "1A2B@Adobe",
            &format!("{}@AdobeOrg", "A".repeat(65)),
        ] {
            assert!(parse_org_id(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_seed_repeats_itself_and_its_streams_differ() {
        let seed = Seed::new(42);
        let (mut a, mut b, mut c) = (seed.derive(0), seed.derive(0), seed.derive(1));
        let (a, b, c) = (a.hex(24), b.hex(24), c.hex(24));
        assert_eq!(a, b);
        assert_ne!(a, c);
        let mut stream = seed.derive(2);
        let ids: std::collections::BTreeSet<_> = (0..10_000).map(|_| stream.group_id()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.0 > 0 && id.0 < 1 << 53));
    }
}
