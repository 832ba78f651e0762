//! `connector-ldap.yml`.

use std::fs;
use std::path::PathBuf;
use std::str::FromStr;

use encoding_rs::Encoding;
use roster_client::Secret;
use roster_core::value::IdentityType;

use crate::config::codec;
use crate::config::credential::{self, SecretStore};
use crate::config::files::resolve;
use crate::config::main_file::{identity_type, unknown_type};
use crate::config::section::{Problems, Section};
use crate::config::yaml::{Node, Place, Value};
use crate::read::ldap::dn::Dn;
use crate::read::ldap::filter::{self, EVERYTHING, Filter};
use crate::read::ldap::host::Host;
use crate::read::ldap::security::Security;
#[cfg(feature = "gssapi")]
use crate::read::ldap::ticket::Ticket;
use crate::read::ldap::ticket::{self, TicketFiles};
use crate::read::template::Template;

/// Enabled people of an Active Directory.
const ALL_USERS: &str =
    "(&(objectClass=user)(objectCategory=person)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))";
const GROUP: &str =
    "(&(|(objectCategory=group)(objectClass=groupOfNames)(objectClass=posixGroup))(cn={group}))";
const MEMBERS: &str = "(memberOf={group_dn})";
/// What user-sync really does; its manual says 1000.
const PAGE_SIZE: i32 = 200;

/// The settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Servers with the same directory, tried in this order.
    pub(crate) hosts: Vec<Host>,
    pub(crate) login: Login,
    pub(crate) security: Security,
    /// People in one answer; 0 for all of them.
    pub(crate) page_size: i32,
    /// Where people are looked for.
    pub(crate) user_bases: Vec<String>,
    /// Where groups are looked for.
    pub(crate) group_bases: Vec<String>,
    /// `all_users_filter` with parentheses around it.
    pub(crate) all_users: String,
    pub(crate) group_filter: Template,
    pub(crate) members: Members,
    /// Whether other servers are asked where one says that they have the answer.
    pub(crate) follow_referrals: bool,
    /// Whether the primary group of Active Directory counts as well.
    pub(crate) primary_group: bool,
    /// `dynamic_group_member_attribute`.
    pub(crate) dynamic: Option<String>,
    pub(crate) formats: Formats,
    /// `user_identity_type`.
    pub(crate) default_type: Option<IdentityType>,
    /// For values that are not UTF-8.
    pub(crate) encoding: &'static Encoding,
}

/// Who asks.
#[derive(Debug)]
pub(crate) enum Login {
    /// Nobody in particular; `instead` when the settings name another method and no user.
    Anonymous {
        /// Whether that has to be said.
        instead: bool,
    },
    /// A name and its password, as they are.
    Simple {
        /// A DN, a UPN or `DOMAIN\user`.
        username: String,
        /// The password.
        password: Secret,
    },
    /// NTLM within SASL.
    Ntlm {
        /// `DOMAIN\user` or a UPN.
        username: String,
        /// The password, or `LMHASH:NTHASH`.
        password: Secret,
    },
    /// A ticket; that of whoever runs the program, unless the settings name another.
    #[cfg(feature = "gssapi")]
    Kerberos(Ticket),
}

/// How the people of a group are found.
#[derive(Debug)]
pub(crate) enum Members {
    /// By asking for people who are in it.
    Filter(Template),
    /// By asking the group for its members, then for each of them.
    TwoSteps {
        /// The attribute with the members' names.
        attribute: String,
        /// Whether members may be groups.
        nested: bool,
    },
}

/// What the values of people are made of.
#[derive(Debug)]
pub(crate) struct Formats {
    pub(crate) email: Template,
    pub(crate) username: Option<Template>,
    pub(crate) domain: Option<Template>,
    pub(crate) given_name: Template,
    pub(crate) surname: Template,
    pub(crate) country: Template,
    pub(crate) identity_type: Option<Template>,
}

impl Settings {
    /// Reads the file. Everything that is wrong with it is noted.
    pub(crate) fn read(
        node: &Node,
        needs_dynamic: bool,
        store: &dyn SecretStore,
        problems: &Problems,
    ) -> Option<Self> {
        let section = Section::new(node, "", problems)?;
        let reader = Reader {
            section: &section,
            store,
        };
        let hosts = reader.hosts();
        let bases = reader.bases();
        let login = reader.login();
        let security = reader.security(hosts.as_deref().unwrap_or_default());
        let page_size = reader.page_size();
        let follow_referrals = reader
            .word("referrals", &[("ignore", false), ("follow", true)])
            .unwrap_or(false);
        let all_users = reader.all_users();
        let group_filter = reader.filter_template("group_filter_format", GROUP, "group");
        let members = reader.members();
        let primary_group = section.boolean("primary_group").unwrap_or(false);
        let dynamic = reader.dynamic(needs_dynamic);
        let formats = reader.formats();
        let default_type = reader.default_type();
        let encoding = reader.encoding();
        section.get("logger_name");
        section.finish();
        if problems.any() {
            return None;
        }
        let (user_bases, group_bases) = bases?;
        Some(Self {
            hosts: hosts?,
            login: login?,
            security: security?,
            page_size: page_size?,
            user_bases,
            group_bases,
            all_users: all_users?,
            group_filter: group_filter?,
            members: members?,
            follow_referrals,
            primary_group,
            dynamic,
            formats: formats?,
            default_type,
            encoding: encoding?,
        })
    }

    /// What has to be in the environment for the login.
    pub(crate) fn ticket_files(&self) -> TicketFiles {
        match &self.login {
            #[cfg(feature = "gssapi")]
            Login::Kerberos(ticket) => ticket.files.clone(),
            _ => TicketFiles::default(),
        }
    }

    /// All attributes of people that are asked for, each once.
    pub(crate) fn attributes(&self, extended: &[String]) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for name in self.used().chain(extended.iter().map(String::as_str)) {
            if !found.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                found.push(name.to_owned());
            }
        }
        found
    }

    /// The attributes that formats and `dynamic_group_member_attribute` name.
    pub(crate) fn used(&self) -> impl Iterator<Item = &str> {
        let formats = &self.formats;
        let optional = [&formats.username, &formats.domain, &formats.identity_type];
        [
            &formats.email,
            &formats.given_name,
            &formats.surname,
            &formats.country,
        ]
        .into_iter()
        .chain(optional.into_iter().flatten())
        .flat_map(|template| template.names())
        .chain(self.dynamic.as_deref())
    }
}

/// Reads the file key by key.
pub(super) struct Reader<'s, 'n, 'p> {
    pub(super) section: &'s Section<'n, 'p>,
    store: &'s dyn SecretStore,
}

impl Reader<'_, '_, '_> {
    pub(super) fn problems(&self) -> &Problems {
        self.section.problems()
    }

    pub(super) fn place(&self, key: &str) -> Option<Place> {
        Some(self.section.get(key)?.place.clone())
    }

    pub(super) fn error(&self, key: &str, name: &'static str, text: String) {
        let place = self.place(key);
        let place = place.as_ref().unwrap_or(self.section.place());
        self.problems().error(Some(place), name, text);
    }

    /// Text that is not empty.
    pub(super) fn some_text(&self, key: &str) -> Option<String> {
        self.section.text(key).filter(|text| !text.trim().is_empty())
    }

    /// One of a few words, in any letter case; nothing when the key is not there or has another.
    pub(super) fn word<T: Copy>(&self, key: &str, permitted: &[(&str, T)]) -> Option<T> {
        let node = self.section.get(key)?;
        let word = match &node.value {
            // YAML 1.1 reads these words so.
            Value::Bool(false, _) => "off".to_owned(),
            Value::Bool(true, _) => "on".to_owned(),
            _ => self.section.text(key)?,
        };
        let folded = word.trim().to_lowercase();
        if let Some((_, meant)) = permitted.iter().find(|(known, _)| *known == folded) {
            return Some(*meant);
        }
        let words: Vec<&str> = permitted.iter().map(|(known, _)| *known).collect();
        self.error(
            key,
            "ldap-unknown-word",
            format!(
                "`{key}` is one of {}, not `{}`",
                words.join(", "),
                self.typed(key)
            ),
        );
        None
    }

    /// A word as it stands in the file.
    pub(super) fn typed(&self, key: &str) -> &str {
        match self.section.get(key).map(|node| &node.value) {
            Some(Value::Bool(_, word)) => word,
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    /// A file that has to be there, and what is in it.
    pub(super) fn file(&self, key: &str) -> Option<(PathBuf, Vec<u8>)> {
        let node = self.section.get(key)?;
        let name = self.section.text(key)?;
        let path = resolve(&name, &node.place, true, key, self.problems())?;
        match fs::read(&path) {
            Ok(content) => Some((path, content)),
            Err(error) => {
                let text = format!("`{key}`: `{}` cannot be read: {error}", path.display());
                self.error(key, "ldap-file", text);
                None
            }
        }
    }

    fn hosts(&self) -> Option<Vec<Host>> {
        let text = self.section.required_text("host")?;
        // Blanks of any kind are between several servers.
        if let Some(place) = self.place("host") {
            self.section
                .check_plain("host", &text.replace(['\n', '\t'], " "), &place);
        }
        let mut hosts = Vec::new();
        for word in text.split_whitespace() {
            match Host::from_str(word) {
                Ok(host) => hosts.push(host),
                Err(error) => self.error("host", "ldap-host", format!("`host`: `{word}` {error}")),
            }
        }
        if text.trim().is_empty() {
            self.error(
                "host",
                "ldap-host",
                "`host` is empty; it names a server, as in `ldaps://dc1.example.com`".to_owned(),
            );
        }
        Some(hosts)
    }

    /// Where people and groups are looked for.
    fn bases(&self) -> Option<(Vec<String>, Vec<String>)> {
        let base = self.section.required_text("base_dn");
        if let Some(base) = &base {
            self.check_dn("base_dn", base, self.place("base_dn").as_ref());
        }
        let list = |key: &str| {
            let texts = self.section.texts(key).filter(|texts| !texts.is_empty())?;
            for (text, place) in &texts {
                self.check_dn(key, text, Some(place));
            }
            Some(texts.into_iter().map(|(text, _)| text).collect())
        };
        let (users, groups) = (list("user_base_dn"), list("group_base_dn"));
        let base = base?;
        Some((
            users.unwrap_or_else(|| vec![base.clone()]),
            groups.unwrap_or_else(|| vec![base]),
        ))
    }

    fn check_dn(&self, key: &str, text: &str, place: Option<&Place>) {
        if let Some(place) = place {
            self.section.check_plain(key, text, place);
        }
        if let Err(error) = Dn::parse(text) {
            self.problems()
                .error(place, "ldap-base", format!("`{key}`: `{text}`: {error}"));
        }
    }

    fn login(&self) -> Option<Login> {
        let section = self.section;
        let method = section.text("authentication_method");
        let method = method.as_deref().unwrap_or("simple").trim().to_lowercase();
        let username = self.some_text("username");
        if let (Some(name), Some(place)) = (&username, self.place("username")) {
            section.check_plain("username", name, &place);
            if credential::is_placeholder(name) {
                self.problems().error(
                    Some(&place),
                    "credential-placeholder",
                    format!("The connector file of LDAP still has `{name}` for `username`, as the example does: put the real one there"),
                );
            }
        }
        let password = self.password(username.as_deref());
        let known = matches!(method.as_str(), "simple" | "ntlm" | "kerberos" | "anonymous");
        self.check_ticket_keys(&method);
        let has_user = username.is_some() || section.get("password").is_some();
        if !known || (matches!(method.as_str(), "kerberos" | "anonymous") && has_user) {
            let mut keys = Vec::new();
            let mut sentences = Vec::new();
            if !known {
                keys.push("ldap-method");
                sentences.push(format!(
                    "LDAP Authentication Method is not supported: `{method}`; there are simple, ntlm, kerberos and anonymous"
                ));
            }
            if has_user {
                keys.push("ldap-credentials-not-wanted");
                sentences.push(format!(
                    "'username' and 'password' are not allowed with the method `{method}`"
                ));
            }
            let text = sentences.join(". ");
            let place = self.place("authentication_method");
            self.problems().add(place.as_ref(), keys, text, false);
            return None;
        }
        match (method.as_str(), username) {
            #[cfg(feature = "gssapi")]
            ("kerberos", _) => Some(Login::Kerberos(ticket::read(section))),
            #[cfg(not(feature = "gssapi"))]
            ("kerberos", _) => self.no_kerberos(),
            ("anonymous", _) => Some(Login::Anonymous { instead: false }),
            (_, None) if password.is_some() => {
                self.error(
                    "password",
                    "credential-missing",
                    "a `password` goes with a `username`: must contain setting for `username`".to_owned(),
                );
                None
            }
            (_, None) => Some(Login::Anonymous { instead: true }),
            (method, Some(username)) => {
                let Some(password) = password else {
                    // Without a password many servers take any name, and let in nobody in particular.
                    let is_told = section.has("secure_password_key")
                        || section
                            .text("password")
                            .as_deref()
                            .is_some_and(credential::is_placeholder);
                    if !is_told {
                        self.error(
                            "password",
                            "credential-missing",
                            "a `username` goes with a `password`: must contain setting for `password`"
                                .to_owned(),
                        );
                    }
                    return None;
                };
                if method == "ntlm" {
                    return Some(Login::Ntlm { username, password });
                }
                Some(Login::Simple { username, password })
            }
        }
    }

    /// What says whose ticket is used says nothing about other logins.
    fn check_ticket_keys(&self, method: &str) {
        for key in ticket::KEYS {
            if self.section.get(key).is_some() && method != "kerberos" {
                self.error(
                    key,
                    "ldap-credentials-not-wanted",
                    format!("`{key}` goes with `authentication_method: kerberos`, not with `{method}`"),
                );
            }
        }
    }

    #[cfg(not(feature = "gssapi"))]
    fn no_kerberos(&self) -> Option<Login> {
        self.error(
            "authentication_method",
            "ldap-method",
            "Kerberos Authentication Method is not supported by this program: it was built without the system's Kerberos \
             library (`cargo build --features gssapi` makes one with it); `ntlm`, or `simple` over `ldaps://`, do without"
                .to_owned(),
        );
        None
    }

    fn password(&self, username: Option<&str>) -> Option<Secret> {
        let key = if self.section.has("password") {
            "password"
        } else {
            "secure_password_key"
        };
        let found = credential::read(
            self.section,
            "password",
            username,
            false,
            self.store,
            &|name, what| {
                self.error(key, name, format!("The connector file of LDAP {what}"));
            },
        );
        found.filter(|password| !password.reveal().is_empty())
    }

    fn page_size(&self) -> Option<i32> {
        if self.section.get("search_page_size").is_none() {
            return Some(PAGE_SIZE);
        }
        let size = self.section.integer("search_page_size")?;
        let found = i32::try_from(size).ok().filter(|size| *size >= 0);
        if found.is_none() {
            self.error(
                "search_page_size",
                "ldap-page-size",
                format!("`search_page_size` is a number of people, or 0 for no pages, not {size}"),
            );
        }
        found
    }

    /// Checks a filter as it will be sent.
    fn check_filter(&self, key: &str, filter: &str) -> Option<Filter> {
        match filter::parse(filter) {
            Ok(filter) => Some(filter),
            Err(error) => {
                let place = self.place(key);
                let place = place.as_ref().unwrap_or(self.section.place());
                self.problems().add(
                    Some(place),
                    vec!["ldap-filter", "ldap-read-failure"],
                    format!("`{key}`: `{filter}` is no filter: {error}"),
                    false,
                );
                None
            }
        }
    }

    fn all_users(&self) -> Option<String> {
        let text = self.some_text("all_users_filter");
        let text = filter::wrapped(text.as_deref().unwrap_or(ALL_USERS));
        self.check_filter("all_users_filter", &text)?;
        Some(text)
    }

    fn template(&self, key: &str, text: &str) -> Option<Template> {
        match Template::parse(text) {
            Ok(template) => Some(template),
            Err(error) => {
                self.error(key, "bad-format", format!("`{key}`: `{text}`: {error}"));
                None
            }
        }
    }

    /// A filter with one placeholder.
    fn filter_template(&self, key: &str, usual: &str, placeholder: &str) -> Option<Template> {
        let text = self.some_text(key).unwrap_or_else(|| usual.to_owned());
        let template = self.template(key, &text)?;
        if let Some(other) = template.names().find(|name| *name != placeholder) {
            self.error(
                key,
                "bad-format",
                format!(
                    "`{key}`: the placeholder `{{{other}}}` is not known here; there is `{{{placeholder}}}`"
                ),
            );
            return None;
        }
        if template.names().next().is_none() {
            self.problems().warning(
                self.place(key).as_ref(),
                "format-without-placeholder",
                format!("`{key}` has no `{{{placeholder}}}` in it, so it finds the same for every group"),
            );
        }
        let sample = template.fill(|_| Some("x".to_owned())).unwrap_or_default();
        self.check_filter(key, &filter::wrapped(&sample))?;
        Some(template)
    }

    fn members(&self) -> Option<Members> {
        let by_filter = self.some_text("group_member_filter_format");
        if self.section.get("two_steps_lookup").is_none() {
            return self
                .filter_template("group_member_filter_format", MEMBERS, "group_dn")
                .map(Members::Filter);
        }
        if by_filter.is_some() {
            self.error(
                "group_member_filter_format",
                "ldap-two-ways",
                "Cannot define both 'group_member_attribute_name' in 'two_steps_lookup' and 'group_member_filter_format'; \
                 take one of them out"
                    .to_owned(),
            );
        }
        let steps = self.section.section("two_steps_lookup")?;
        let attribute = steps.required_text("group_member_attribute_name");
        let nested = steps.boolean("nested_group").unwrap_or(false);
        steps.finish();
        Some(Members::TwoSteps {
            attribute: attribute?.trim().to_owned(),
            nested,
        })
    }

    fn dynamic(&self, needed: bool) -> Option<String> {
        let found = self.some_text("dynamic_group_member_attribute");
        if found.is_none() && needed {
            self.problems().error(
                Some(self.section.place()),
                "additional-groups-without-attribute",
                "`additional_groups` of the main file need `dynamic_group_member_attribute`, for instance `memberOf`",
            );
        }
        found.map(|name| name.trim().to_owned())
    }

    fn formats(&self) -> Option<Formats> {
        let given = |key: &str| {
            let text = self.section.text(key)?;
            Some(self.template(key, &text))
        };
        let with_default = |key: &str, usual: &str| given(key).unwrap_or_else(|| self.template(key, usual));
        let email = with_default("user_email_format", "{mail}");
        let username = given("user_username_format");
        let domain = given("user_domain_format");
        let given_name = with_default("user_given_name_format", "{givenName}");
        let surname = with_default("user_surname_format", "{sn}");
        let country = with_default("user_country_code_format", "{c}");
        let identity_type = given("user_identity_type_format");
        Some(Formats {
            email: email?,
            username: username.flatten(),
            domain: domain.flatten(),
            given_name: given_name?,
            surname: surname?,
            country: country?,
            identity_type: identity_type.flatten(),
        })
    }

    fn default_type(&self) -> Option<IdentityType> {
        let word = self.section.text("user_identity_type")?;
        let found = identity_type(&word);
        if found.is_none() {
            let place = self.place("user_identity_type");
            let place = place.as_ref().unwrap_or(self.section.place());
            unknown_type(self.problems(), place, "user_identity_type", &word);
        }
        found
    }

    fn encoding(&self) -> Option<&'static Encoding> {
        let name = self.section.text("string_encoding");
        let name = name.as_deref().unwrap_or("utf8");
        let found = codec::find(name);
        if found.is_none() {
            self.error(
                "string_encoding",
                "unknown-encoding",
                format!("`string_encoding`: unknown encoding `{name}`; `utf-8` and `latin-1` are examples"),
            );
        }
        found
    }
}

/// The filter that everything fits, as it is sent.
pub(crate) fn everything() -> Vec<u8> {
    filter::parse(EVERYTHING)
        .map(|filter| filter.bytes)
        .unwrap_or_default()
}
