//! Who has asked how often: the windows of every client and of all together, in memory.
//!
//! The arithmetic is `roster_core::throttle`; here is only which counter a request belongs to.

use std::collections::HashMap;
use std::sync::Mutex;

use roster_core::throttle::{WINDOW_MS, Window, retry_after_seconds};

use crate::config::Throttle;

/// The endpoint classes of umapi.md 2.8, each with counters of its own, and that of the token endpoints (ims.md 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// `POST action`.
    Action,
    /// `GET users/{org}/{page}`.
    Users,
    /// `GET users/{org}/{page}/{groupName}`.
    UsersByGroup,
    /// `GET organizations/{org}/users/{userString}`.
    User,
    /// `GET groups/{org}/{page}`.
    Groups,
    /// Deprecated `GET {org}/users`.
    OldUsers,
    /// Deprecated `{org}/user-groups`: list, single, POST, PUT, DELETE.
    OldUserGroups,
    /// Deprecated `{org}/user-groups/{id}/users` and `/admins`.
    OldUserGroupMembers,
    /// Deprecated `GET {org}/products` and `{productId}`.
    OldProducts,
    /// Deprecated profile list and single profile.
    OldProfiles,
    /// Deprecated profile `users` and `admins`.
    OldProfileMembers,
    /// Deprecated `POST` of a profile and of product administrators.
    OldWrites,
    /// Deprecated invites.
    OldInvites,
    /// Requests for access tokens.
    Token,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::Action,
        Self::Users,
        Self::UsersByGroup,
        Self::User,
        Self::Groups,
        Self::OldUsers,
        Self::OldUserGroups,
        Self::OldUserGroupMembers,
        Self::OldProducts,
        Self::OldProfiles,
        Self::OldProfileMembers,
        Self::OldWrites,
        Self::OldInvites,
        Self::Token,
    ];

    /// The documented limits per minute: per client, over all clients; 0 is none.
    pub fn documented(self) -> (u32, u32) {
        match self {
            Self::Action => (10, 100),
            Self::Users
            | Self::UsersByGroup
            | Self::User
            | Self::OldUsers
            | Self::OldUserGroupMembers
            | Self::OldProfileMembers => (25, 100),
            Self::Groups | Self::OldProducts | Self::OldProfiles => (5, 100),
            Self::OldUserGroups | Self::OldWrites | Self::OldInvites => (5, 50),
            Self::Token => (60, 0),
        }
    }

    /// The name in settings and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Users => "users",
            Self::UsersByGroup => "users_by_group",
            Self::User => "user",
            Self::Groups => "groups",
            Self::OldUsers => "deprecated_users",
            Self::OldUserGroups => "deprecated_user_groups",
            Self::OldUserGroupMembers => "deprecated_user_group_members",
            Self::OldProducts => "deprecated_products",
            Self::OldProfiles => "deprecated_profiles",
            Self::OldProfileMembers => "deprecated_profile_members",
            Self::OldWrites => "deprecated_writes",
            Self::OldInvites => "deprecated_invites",
            Self::Token => "token",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }
}

/// The counters in force.
#[derive(Debug)]
pub(crate) struct Counters {
    limits: Throttle,
    sync_min_interval_ms: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<(Class, String), Window>,
    global: HashMap<Class, Window>,
    /// Wrong secrets, by client: apart from what the client itself asks, so that nobody uses up another's share.
    failures: HashMap<String, Window>,
    sync_starts: HashMap<String, u64>,
    swept_at: u64,
}

/// A request that has to wait, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) u64);

impl Counters {
    pub(crate) fn new(limits: Throttle, sync_min_interval_ms: u64) -> Self {
        Self {
            limits,
            sync_min_interval_ms,
            state: Mutex::default(),
        }
    }

    /// Admits a request of `client` at `now` (monotonic milliseconds), or says how long it has to wait. A refused
    /// request counts nowhere.
    pub(crate) fn admit(&self, class: Class, client: &str, now: u64) -> Result<(), Wait> {
        let (per_client, global) = self.limits.limits(class);
        if per_client == 0 && global == 0 {
            return Ok(());
        }
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.sweep(now);
        let all = state.global.entry(class).or_default().wait_ms(now, global);
        let own = state
            .clients
            .entry((class, client.to_owned()))
            .or_default()
            .wait_ms(now, per_client);
        if let Some(wait) = all.max(own) {
            return Err(Wait(retry_after_seconds(wait)));
        }
        if global > 0 {
            state.global.entry(class).or_default().admit(now);
        }
        if per_client > 0 {
            state
                .clients
                .entry((class, client.to_owned()))
                .or_default()
                .admit(now);
        }
        Ok(())
    }

    /// Counts a wrong secret for `client`, of which as many are answered as it may have tokens. However many there were, its
    /// right secret is never refused for them.
    pub(crate) fn admit_failure(&self, client: &str, now: u64) -> Result<(), Wait> {
        let (limit, _) = self.limits.limits(Class::Token);
        if limit == 0 {
            return Ok(());
        }
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.sweep(now);
        let failed = state.failures.entry(client.to_owned()).or_default();
        if let Some(wait) = failed.wait_ms(now, limit) {
            return Err(Wait(retry_after_seconds(wait)));
        }
        failed.admit(now);
        Ok(())
    }

    /// Admits the marked start of a sync, where a least time between two of one client is set.
    pub(crate) fn admit_sync(&self, client: &str, now: u64) -> Result<(), Wait> {
        if self.sync_min_interval_ms == 0 {
            return Ok(());
        }
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = state
            .sync_starts
            .get(client)
            .map(|at| at + self.sync_min_interval_ms);
        match next {
            Some(next) if next > now => Err(Wait(retry_after_seconds(next - now))),
            _ => {
                state.sync_starts.insert(client.to_owned(), now);
                Ok(())
            }
        }
    }
}

impl State {
    /// Forgets clients that have not asked for a whole window, once in a window.
    fn sweep(&mut self, now: u64) {
        if now < self.swept_at + WINDOW_MS {
            return;
        }
        self.swept_at = now;
        self.clients.retain(|_, window| !window.is_idle(now));
        self.failures.retain(|_, window| !window.is_idle(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented() -> Counters {
        let limits = Throttle {
            documented: true,
            ..Throttle::default()
        };
        Counters::new(limits, 0)
    }

    #[test]
    fn each_class_and_client_counts_for_itself() {
        let counters = documented();
        for _ in 0..5 {
            assert_eq!(counters.admit(Class::Groups, "a", 1_000), Ok(()));
        }
        assert_eq!(counters.admit(Class::Groups, "a", 2_000), Err(Wait(59)));
        assert_eq!(counters.admit(Class::Groups, "b", 2_000), Ok(()));
        assert_eq!(counters.admit(Class::Users, "a", 2_000), Ok(()));
        assert_eq!(
            counters.admit(Class::Groups, "a", 61_000),
            Ok(()),
            "after exactly the announced wait"
        );
    }

    #[test]
    fn all_clients_together_have_a_limit_of_their_own() {
        let counters = documented();
        for n in 0..100 {
            assert_eq!(counters.admit(Class::Action, &format!("client {n}"), 0), Ok(()));
        }
        assert_eq!(counters.admit(Class::Action, "one more", 0), Err(Wait(60)));
    }

    #[test]
    fn idle_clients_are_forgotten() {
        let counters = documented();
        for n in 0..50 {
            let _ = counters.admit(Class::Users, &n.to_string(), 0);
        }
        let _ = counters.admit(Class::Users, "later", 120_000);
        assert_eq!(counters.state.lock().unwrap().clients.len(), 1);
    }

    #[test]
    fn syncs_can_be_held_apart() {
        let counters = Counters::new(Throttle::default(), 7_200_000);
        assert_eq!(counters.admit_sync("a", 0), Ok(()));
        assert_eq!(counters.admit_sync("a", 7_199_000), Err(Wait(1)));
        assert_eq!(counters.admit_sync("b", 1), Ok(()));
        assert_eq!(counters.admit_sync("a", 7_200_000), Ok(()));
    }

    #[test]
    fn names_are_read_back() {
        for class in Class::ALL {
            assert_eq!(Class::parse(class.name()), Some(class));
        }
    }
}
