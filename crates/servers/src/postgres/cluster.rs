//! The files of a Postgres: made by `initdb` once, or copied from a template for tests.

use std::{
    fs::{self, Permissions},
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::{self, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use super::USER;
use crate::{Error, Result, Version, directory, find::Found, process::wrapped, random, user::RunAs};

/// Root's clusters live here when the data directory is closed to the user that Postgres runs as.
const SYSTEM_DIRECTORY: &str = "/var/lib/alluvium";
const PASSWORD_BYTES: usize = 24;

/// A cluster that is ready to be started.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub directory: PathBuf,
    pub password: Option<String>,
    pub run_as: Option<RunAs>,
}

impl Cluster {
    /// Takes the cluster below `parent`, or makes one. The caller holds the lock of `parent`.
    pub fn prepare(parent: &Path, program: &Found, run_as: Option<RunAs>, durable: bool) -> Result<Self> {
        let link = parent.join("cluster");
        let directory = match (fs::read_link(&link), run_as) {
            (Ok(elsewhere), _) => elsewhere,
            (Err(_), Some(user)) if !open_to(parent, user)? => elsewhere(parent, &link)?,
            (Err(_), _) => link,
        };
        let password_file = parent.join("password");
        if !directory.join("PG_VERSION").exists() {
            remove(&directory)?;
            if durable {
                initdb(program, &directory, run_as, Some(&new_password(&password_file)?))?;
            } else {
                from_template(program, &directory, run_as)?;
            }
        }
        check_version(&directory, program.version)?;
        let password = if durable {
            Some(
                fs::read_to_string(&password_file)
                    .map_err(|source| Error::io(format!("reading {}", password_file.display()), source))?,
            )
        } else {
            None
        };
        Ok(Self { directory, password, run_as })
    }
}

/// Whether `user` can reach and use `directory` (by its parents' rights), after it is given the directory's own rights.
fn open_to(directory: &Path, user: RunAs) -> Result<bool> {
    // Others may pass through, not look around.
    set_mode(directory, 0o711)?;
    let status = wrapped(Path::new("test"), Some(user), None)?
        .arg("-x")
        .arg(directory)
        .stdin(Stdio::null())
        .status()
        .map_err(|source| Error::io(format!("testing who may use {}", directory.display()), source))?;
    Ok(status.success())
}

/// A place for the cluster that any user can reach, and a link to it where it would have been. A cluster left there by a
/// data directory that has since been deleted is removed: what it held was rebuilt from a log that is gone.
fn elsewhere(parent: &Path, link: &Path) -> Result<PathBuf> {
    let name: String =
        parent.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let system = Path::new(SYSTEM_DIRECTORY);
    directory::create(system)?;
    set_mode(system, 0o711)?;
    let target = system.join(format!("postgres{name}"));
    remove(&target)?;
    std::os::unix::fs::symlink(&target, link)
        .map_err(|source| Error::io(format!("linking {}", link.display()), source))?;
    Ok(target)
}

/// Runs `initdb` beside the place and moves the result there, so that a half-made cluster is never taken for a whole one.
fn initdb(program: &Found, directory: &Path, run_as: Option<RunAs>, password: Option<&str>) -> Result<()> {
    let making = beside(directory);
    remove(&making)?;
    directory::create(&making)?;
    set_mode(&making, 0o700)?;
    if let Some(user) = run_as {
        user.own(&making)?;
    }
    let mut command = wrapped(&program.path.with_file_name("initdb"), run_as, Some("KILL"))?;
    command.arg("-D").arg(&making).args(["-U", USER, "--encoding=UTF8", "--locale=C", "--no-instructions"]);
    let password_file = password.map(|text| PasswordFile::write(beside(directory), text, run_as)).transpose()?;
    match &password_file {
        Some(file) => command.arg("--auth=scram-sha-256").arg("--pwfile").arg(&file.0),
        None => command.args(["--auth=trust", "--no-sync", "--wal-segsize=1"]),
    };
    let output = command.stdin(Stdio::null()).output().map_err(|source| Error::io("running initdb", source))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        let output_text = String::from_utf8_lossy(&said).trim().to_owned();
        return Err(Error::Initdb { status: output.status.to_string(), output: output_text });
    }
    rename(&making, directory)
}

/// The password while `initdb` reads it: a file, for it cannot reopen a pipe that another user made.
struct PasswordFile(PathBuf);

impl PasswordFile {
    fn write(path: PathBuf, password: &str, reader: Option<RunAs>) -> Result<Self> {
        write_secret(&path, password)?;
        let file = Self(path);
        reader.map_or(Ok(()), |user| user.own(&file.0))?;
        Ok(file)
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        // The same password stays in the file that is kept; a copy that cannot be removed gives nothing away.
        let _ = fs::remove_file(&self.0);
    }
}

/// Copies a cluster that `initdb` made once for all tests: a tenth of the time.
fn from_template(program: &Found, directory: &Path, run_as: Option<RunAs>) -> Result<()> {
    let Some(cache) = directory::cache_directory() else {
        return initdb(program, directory, run_as, None);
    };
    let template = cache.join("templates").join(format!("postgres-{}", program.version));
    let found = template.join("PG_VERSION").exists();
    if !found {
        initdb(program, directory, run_as, None)?;
        let parent = cache.join("templates");
        directory::create(&parent)?;
        let making = beside(&template);
        remove(&making)?;
        copy(directory, &making, None)?;
        // Another test may have been first; its template is as good.
        if fs::rename(&making, &template).is_err() {
            remove(&making)?;
        }
        return Ok(());
    }
    let making = beside(directory);
    remove(&making)?;
    copy(&template, &making, run_as)?;
    rename(&making, directory)
}

fn copy(from: &Path, to: &Path, owner: Option<RunAs>) -> Result<()> {
    let doing = |source| Error::io(format!("copying {} to {}", from.display(), to.display()), source);
    fs::create_dir(to).map_err(doing)?;
    set_mode(to, 0o700)?;
    for entry in fs::read_dir(from).map_err(doing)? {
        let entry = entry.map_err(doing)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(doing)?.is_dir() {
            copy(&entry.path(), &target, owner)?;
        } else {
            fs::copy(entry.path(), &target).map_err(doing)?;
            if let Some(user) = owner {
                user.own(&target)?;
            }
        }
    }
    owner.map_or(Ok(()), |user| user.own(to))
}

fn check_version(directory: &Path, program: Version) -> Result<()> {
    let path = directory.join("PG_VERSION");
    let cluster =
        fs::read_to_string(&path).map_err(|source| Error::io(format!("reading {}", path.display()), source))?;
    let cluster = cluster.trim().to_owned();
    if cluster == program.major.to_string() {
        return Ok(());
    }
    Err(Error::ClusterVersion { directory: directory.to_owned(), cluster, program })
}

/// Makes a random password and writes it where only we can read it.
fn new_password(file: &Path) -> Result<String> {
    let password = hex::encode(random::<PASSWORD_BYTES>()?);
    write_secret(file, &password)?;
    Ok(password)
}

/// Writes a file that only its owner can read, from its first byte on.
fn write_secret(path: &Path, text: &str) -> Result<()> {
    let write = || -> std::io::Result<()> {
        if path.exists() {
            fs::remove_file(path)?;
        }
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| Error::io(format!("writing {}", path.display()), source))
}

/// A name nobody else uses, in the same file system.
fn beside(path: &Path) -> PathBuf {
    static MADE: AtomicU32 = AtomicU32::new(0);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{}.new", process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
    name.into()
}

fn remove(directory: &Path) -> Result<()> {
    match fs::remove_dir_all(directory) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::io(format!("removing {}", directory.display()), source))
        }
        _ => Ok(()),
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|source| Error::io(format!("moving {} into place", to.display()), source))
}

fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|source| Error::io(format!("changing who may use {}", path.display()), source))
}
