//! Sealed fields: encrypted under a key of their tenant, project or person that lies outside the log, so that forgetting is
//! destroying the key.
//!
//! No key is kept in memory: each use reads it from the leader, so that a destroyed one is gone for every process at once.

mod cipher;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use alluvium_kernel::sealed::{FORGOTTEN, SealedText};
use alluvium_kernel::{Problem, SigningKey, Timestamp, Token};
use alluvium_messaging::{SealedBy, SealedField};
use async_nats::jetstream;
use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use cipher::{Place, SealKey};
pub use store::Kept;
use store::{Found, Store};

/// Keys asked for at once.
const LOOKUPS_MAX: usize = 32;
/// Attempts to make a key while others make it too.
const ATTEMPTS_MAX: usize = 16;
/// The last part of the subject of a tenant's own key.
const OWN: &str = "own";
/// What digests of persons are told apart by.
const PERSON_PURPOSE: &str = "person";

/// Whose sealed fields are forgotten.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forgotten {
    /// A tenant with all its projects and persons, for ever.
    Tenant,
    /// A person, by digest, for ever.
    Person(String),
    /// A project, up to a moment in microseconds since 1970.
    Project(String, i64),
}

/// A key as it is carried from one installation's bucket to a file and back: still wrapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Where it lay.
    pub subject: String,
    /// When it was put there, in microseconds since 1970.
    pub at: i64,
    /// What it was.
    pub kept: Kept,
}

/// What became of a key that was to be put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restored {
    /// It is there, now or before.
    There,
    /// It is of somebody whom the log says is forgotten.
    Forgotten,
    /// Something else lies in its place.
    Other,
}

/// Seals and opens fields. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Seals {
    store: Store,
    secret: SigningKey,
}

impl Seals {
    /// Over the bucket that the stream files make; keys lie there wrapped under the installation's secret.
    pub fn new(js: jetstream::Context, secret: SigningKey) -> Self {
        Self { store: Store { js }, secret }
    }

    /// What a person is known by on the log: the same for the same name, told from others by nobody without the secret.
    pub fn person(&self, tenant: &Token, name: &str) -> String {
        let name = name.trim().to_lowercase();
        hex::encode(self.secret.derive(PERSON_PURPOSE, &[tenant.as_str().as_bytes(), name.as_bytes()]))
    }

    /// Seals the fields that are in clear, and refuses sealed ones that do not open for where they stand.
    pub async fn seal(&self, tenant: &Token, fields: Vec<SealedField<'_>>) -> Result<(), Problem> {
        for SealedField { place, by, project, text } in fields {
            let at = Place { tenant: tenant.as_str(), field: place, project: &project };
            let Some(sealed) = SealedText::parse(text) else {
                if !text.is_empty() {
                    let owner = match by {
                        SealedBy::Tenant => OWN.to_owned(),
                        SealedBy::Project => token(&project)?,
                        SealedBy::Person => self.person(tenant, text),
                    };
                    *text = self.key(tenant, by, &owner).await?.seal(&at, text)?;
                }
                continue;
            };
            let key = self.known(tenant, sealed.key).await?;
            let opened = key.and_then(|key| key.open(&at, &sealed)).filter(|_| sealed.after.is_empty());
            let owner = opened.as_ref().and_then(|opened| match by {
                SealedBy::Tenant => Some(OWN.to_owned()),
                SealedBy::Project => token(&project).ok(),
                SealedBy::Person => Some(self.person(tenant, opened)),
            });
            let own = owner.is_some_and(|owner| sealed.key.starts_with(&format!("{}.{owner}.", by.name())));
            if !own {
                return Err(broken(place));
            }
        }
        Ok(())
    }

    /// Opens the fields that are sealed. What cannot be opened, because its key is gone, reads as [`FORGOTTEN`].
    pub async fn open(&self, tenant: &Token, fields: Vec<SealedField<'_>>) -> Result<(), Problem> {
        let names: BTreeSet<String> =
            fields.iter().filter_map(|field| Some(SealedText::parse(field.text)?.key.to_owned())).collect();
        let lookups = futures::stream::iter(names).map(|name| async move {
            let key = self.known(tenant, &name).await?;
            Ok::<_, Problem>((name, key))
        });
        let keys: BTreeMap<String, Option<SealKey>> = lookups.buffered(LOOKUPS_MAX).try_collect().await?;
        for SealedField { place, project, text, .. } in fields {
            let Some(sealed) = SealedText::parse(text) else { continue };
            let at = Place { tenant: tenant.as_str(), field: place, project: &project };
            let key = keys.get(sealed.key).and_then(Option::as_ref);
            let opened = key.and_then(|key| key.open(&at, &sealed));
            *text = format!("{}{}", opened.as_deref().unwrap_or(FORGOTTEN), sealed.after);
        }
        Ok(())
    }

    /// The key of an owner, made when there is none yet. A forgotten owner gets none.
    async fn key(&self, tenant: &Token, by: SealedBy, owner: &str) -> Result<SealKey, Problem> {
        let subject = subject(tenant, by.name(), owner);
        for _ in 0..ATTEMPTS_MAX {
            match self.store.find(&subject).await? {
                Some(Found { kept: Kept::Forgotten, .. }) => return Err(forgotten(by)),
                Some(Found { kept: Kept::Key { id, wrapped }, .. }) => {
                    let secret = cipher::unwrap(&self.secret, &subject, &id, &wrapped).ok_or_else(unreadable)?;
                    return Ok(SealKey::new(format!("{}.{owner}.{id}", by.name()), secret));
                }
                None => {}
            }
            if self.is_ended(tenant).await? {
                return Err(forgotten(SealedBy::Tenant));
            }
            let (id, wrapped) = cipher::draw(&self.secret, &subject)?;
            let made = self.store.put(&subject, &Kept::Key { id, wrapped }).await?;
            // Whoever ends the tenant looks for keys after saying so: one of the two sees the other.
            if made && self.is_ended(tenant).await? {
                if let Some(found) = self.store.find(&subject).await? {
                    self.store.erase(&found).await?;
                }
                return Err(forgotten(SealedBy::Tenant));
            }
        }
        Err(Problem::unavailable("platform.log_unavailable", "The key to seal with cannot be made now."))
    }

    /// The key of a name, if it is still there.
    async fn known(&self, tenant: &Token, name: &str) -> Result<Option<SealKey>, Problem> {
        let mut parts = name.splitn(3, '.');
        let (Some(kind), Some(owner), Some(id)) = (parts.next(), parts.next(), parts.next()) else { return Ok(None) };
        // The parts come from a text: they must be what a subject takes.
        let is_kind = [SealedBy::Tenant, SealedBy::Project, SealedBy::Person].iter().any(|by| by.name() == kind);
        if !is_kind || !is_token(owner) {
            return Ok(None);
        }
        let subject = subject(tenant, kind, owner);
        let Some(Found { kept: Kept::Key { id: kept, wrapped }, .. }) = self.store.find(&subject).await? else {
            return Ok(None);
        };
        if kept != id {
            return Ok(None);
        }
        let secret = cipher::unwrap(&self.secret, &subject, id, &wrapped);
        if secret.is_none() {
            tracing::error!(key = %subject, "a key was wrapped under another secret; what it sealed reads as forgotten");
        }
        Ok(secret.map(|secret| SealKey::new(name.to_owned(), secret)))
    }

    async fn is_ended(&self, tenant: &Token) -> Result<bool, Problem> {
        let own = self.store.find(&subject(tenant, SealedBy::Tenant.name(), OWN)).await?;
        Ok(own.is_some_and(|found| found.kept == Kept::Forgotten))
    }

    /// Destroys keys. Again: nothing happens. A key made for a project later stays.
    pub async fn forget(&self, tenant: &Token, what: &Forgotten) -> Result<(), Problem> {
        match what {
            Forgotten::Person(digest) => {
                self.store.end(&subject(tenant, SealedBy::Person.name(), &token(digest)?)).await
            }
            Forgotten::Project(project, until) => {
                let found = self.store.find(&subject(tenant, SealedBy::Project.name(), &token(project)?)).await?;
                match found.filter(|found| found.time <= Timestamp::from_micros(*until)) {
                    Some(found) => self.store.erase(&found).await,
                    None => Ok(()),
                }
            }
            Forgotten::Tenant => {
                self.store.end(&subject(tenant, SealedBy::Tenant.name(), OWN)).await?;
                let (all, mut from) = (format!("$KV.SEALS.{tenant}.>"), 1);
                while let Some(found) = self.store.next(&all, from).await? {
                    if found.kept != Kept::Forgotten {
                        self.store.erase(&found).await?;
                    }
                    from = found.seq + 1;
                }
                Ok(())
            }
        }
    }

    /// Whether what is to be forgotten is.
    pub async fn is_forgotten(&self, tenant: &Token, what: &Forgotten) -> Result<bool, Problem> {
        match what {
            Forgotten::Person(digest) => {
                let found = self.store.find(&subject(tenant, SealedBy::Person.name(), &token(digest)?)).await?;
                Ok(found.is_some_and(|found| found.kept == Kept::Forgotten))
            }
            Forgotten::Project(project, until) => {
                let found = self.store.find(&subject(tenant, SealedBy::Project.name(), &token(project)?)).await?;
                Ok(found.is_none_or(|found| found.time > Timestamp::from_micros(*until)))
            }
            Forgotten::Tenant => {
                let (all, mut from) = (format!("$KV.SEALS.{tenant}.>"), 1);
                while let Some(found) = self.store.next(&all, from).await? {
                    if found.kept != Kept::Forgotten {
                        return Ok(false);
                    }
                    from = found.seq + 1;
                }
                self.is_ended(tenant).await
            }
        }
    }

    /// All keys, as they lie there.
    pub async fn carry(&self) -> Result<Vec<Carried>, Problem> {
        let (mut all, mut from) = (Vec::new(), 1);
        while let Some(Found { kept, seq, subject, time }) = self.store.next("$KV.SEALS.>", from).await? {
            all.push(Carried { subject, at: time.micros(), kept });
            from = seq + 1;
        }
        Ok(all)
    }

    /// Puts a key back, unless it is of somebody who was forgotten, or another lies there. One that was wrapped under another
    /// secret is refused.
    pub async fn put_back(&self, carried: &Carried, gone: &BTreeSet<(String, Forgotten)>) -> Result<Restored, Problem> {
        let parts: Vec<&str> = carried.subject.split('.').collect();
        let ["$KV", "SEALS", tenant, kind, owner] = parts.as_slice() else { return Err(no_key(&carried.subject)) };
        let is_gone = gone.iter().any(|(of, what)| {
            of == tenant
                && match what {
                    Forgotten::Tenant => true,
                    Forgotten::Person(digest) => *kind == SealedBy::Person.name() && digest == owner,
                    Forgotten::Project(project, until) => {
                        let same = token(project).is_ok_and(|project| project == *owner);
                        *kind == SealedBy::Project.name() && same && carried.at <= *until
                    }
                }
        });
        if let Kept::Key { id, wrapped } = &carried.kept {
            cipher::unwrap(&self.secret, &carried.subject, id, wrapped).ok_or_else(unreadable)?;
            if is_gone {
                return Ok(Restored::Forgotten);
            }
        }
        Ok(if self.store.put(&carried.subject, &carried.kept).await? { Restored::There } else { Restored::Other })
    }
}

fn subject(tenant: &Token, kind: &str, owner: &str) -> String {
    format!("$KV.SEALS.{tenant}.{kind}.{owner}")
}

fn token(text: &str) -> Result<String, Problem> {
    let token = Token::encode(text);
    token.map(|token| token.to_string()).map_err(|error| {
        Problem::new("platform.seal_broken", 400, format!("`{text}` cannot be the owner of a key: {error}."))
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-%".contains(&byte))
}

fn forgotten(by: SealedBy) -> Problem {
    let detail =
        format!("The {} that this would be sealed for was forgotten: nothing new is sealed for it.", by.name());
    Problem::new("platform.forgotten", 409, detail)
}

fn broken(place: &str) -> Problem {
    Problem::new(
        "platform.seal_broken",
        400,
        format!("The sealed text for `{place}` does not open there. Send it in clear."),
    )
}

fn unreadable() -> Problem {
    Problem::new("platform.seal_key_unreadable", 500, "The key to seal with was wrapped under another signing key.")
}

fn no_key(subject: &str) -> Problem {
    Problem::new("platform.seal_broken", 400, format!("`{subject}` is no place of a key."))
}
