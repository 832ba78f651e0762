//! Made-up people: the same number is the same person in every run, in the server as in the floor.
//!
//! Names are spread so that e-mail addresses do not come in the order of their index, as they do not in a directory.

use std::fmt::Write as _;

/// The organization, its integration, and the secret of both sides; nothing of it is secret.
pub(crate) const ORG: &str = "0BE9C4000000000000000001@AdobeOrg";
pub(crate) const CLIENT: &str = "0be9c4000000000000000000000000be";
pub(crate) const SECRET: &str = "p8e-of-the-benchmark-and-of-nothing-else";

/// The user group that is linked, unlinked and deleted, and the most people it gets.
pub(crate) const LARGE: &str = "Large";
pub(crate) const LARGEST: u64 = 200_000;
/// Where the others are.
const REST: &str = "Rest";
/// Profiles to link it to: one without a quota, one whose seats are counted.
pub(crate) const OPEN: &str = "Open";
pub(crate) const SEATS: &str = "Seats";

/// Ordinary user groups, and ordinary profiles; every fourth user group gives one.
pub(crate) const GROUPS: u64 = 200;
pub(crate) const PROFILES: u64 = 20;

/// Numbers of people who come in a run begin here, far from all who were there before.
pub(crate) const NEWCOMERS: u64 = 1 << 32;

const FIRST: [&str; 32] = [
    "Ada", "Ben", "Cai", "Dora", "Emil", "Fatou", "Goran", "Hana", "Ivo", "Jana", "Kofi", "Lena", "Milan",
    "Nia", "Omar", "Pia", "Qiu", "Rosa", "Sven", "Tara", "Uma", "Vera", "Wim", "Xenia", "Yara", "Zoe",
    "Anton", "Bea", "Cleo", "Dario", "Elif", "Finn",
];
const LAST: [&str; 32] = [
    "Okafor", "Ito", "Novak", "Berg", "Costa", "Diallo", "Evans", "Fischer", "Garcia", "Haddad", "Ivanova",
    "Jansen", "Kaya", "Lopez", "Moreau", "Nguyen", "Olsen", "Petrov", "Quinn", "Rossi", "Silva", "Tanaka",
    "Ueda", "Vogel", "Weber", "Xu", "Yilmaz", "Zhang", "Adeyemi", "Brandt", "Chen", "Dubois",
];
const COUNTRIES: [&str; 8] = ["DE", "US", "JP", "BR", "NG", "FR", "IN", "CZ"];

/// Somebody.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    number: u64,
    pub(crate) first: &'static str,
    pub(crate) last: &'static str,
    pub(crate) country: &'static str,
    pub(crate) email: String,
}

impl Person {
    pub(crate) fn new(number: u64) -> Self {
        // Fibonacci hashing: neighbours in number are far from each other in name.
        let spread = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let pick = |list: &[&'static str], bits: u64| {
            let at = usize::try_from(bits).unwrap_or_default() % list.len();
            list.get(at).copied().unwrap_or_default()
        };
        let (first, last) = (pick(&FIRST, spread >> 40), pick(&LAST, spread >> 50));
        let email = format!("{first}.{last}.{number}@example.com").to_lowercase();
        Self {
            number,
            first,
            last,
            country: pick(&COUNTRIES, spread >> 20),
            email,
        }
    }

    /// Where somebody belongs who was there before the run: five memberships.
    pub(crate) fn groups(&self) -> [String; 5] {
        let n = self.number;
        let first = if n < LARGEST {
            LARGE.to_owned()
        } else {
            REST.to_owned()
        };
        [
            first,
            group(n.wrapping_mul(3) % 50),
            group(50 + n.wrapping_mul(7) % 50),
            group(100 + n.wrapping_mul(11) % 100),
            profile(n.wrapping_mul(13)),
        ]
    }

    /// Where somebody is put who comes in the run: two memberships.
    pub(crate) fn new_groups(&self) -> [String; 2] {
        let n = self.number;
        [
            group(n.wrapping_mul(3) % 100),
            group(100 + n.wrapping_mul(7) % 100),
        ]
    }

    /// The command that brings somebody in.
    pub(crate) fn command(&self, groups: &[String]) -> String {
        let Self {
            email,
            first,
            last,
            country,
            ..
        } = self;
        let groups = groups.join(r#"",""#);
        format!(
            r#"{{"user":"{email}","do":[{{"createFederatedID":{{"email":"{email}","country":"{country}","firstname":"{first}","lastname":"{last}"}}}},{{"add":{{"group":["{groups}"]}}}}]}}"#
        )
    }
}

pub(crate) fn group(n: u64) -> String {
    format!("Group {}", n % GROUPS)
}

/// All groups that somebody is in who was there before the run, as a directory names them.
pub(crate) fn directory_groups() -> Vec<String> {
    let ordinary = (0..GROUPS).map(group).chain((0..PROFILES).map(profile));
    [LARGE.to_owned(), REST.to_owned()]
        .into_iter()
        .chain(ordinary)
        .collect()
}

fn profile(n: u64) -> String {
    format!("Profile {}", n % PROFILES)
}

/// The organization file.
pub(crate) fn organization() -> String {
    let mut text = format!(
        "organizations:
  - id: {ORG}
    name: Benchmark
    directories: [{{name: SSO, type: federated, domains: [example.com]}}]
    integrations: [{{name: bench, types: [oauth], client_id: {CLIENT}, client_secret: {SECRET}}}]
    products:
      - {{name: {OPEN}, code: OPEN, profiles: [{{name: {OPEN}}}]}}
      - {{name: {SEATS}, code: SEAT, quota: 1000000, profiles: [{{name: {SEATS}, quota: {}}}]}}
      - name: Studio
        code: STUD
        profiles:\n",
        LARGEST / 2
    );
    for n in 0..PROFILES {
        let _ = writeln!(text, "          - {{name: {}}}", profile(n));
    }
    let _ = writeln!(
        text,
        "    user_groups:\n      - {{name: {LARGE}}}\n      - {{name: {REST}}}"
    );
    for n in 0..GROUPS {
        let linked = if n % 4 == 0 { profile(n / 4) } else { String::new() };
        let _ = writeln!(text, "      - {{name: {}, profiles: [{linked}]}}", group(n));
    }
    text
}
