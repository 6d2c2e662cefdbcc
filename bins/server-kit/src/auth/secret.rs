//! The secrets that sign access tokens: given, or made at the first start and kept.

mod weak;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{NoRandomness, random};
pub use weak::Weakness;

/// The file in the data directory that a generated secret is kept in.
const FILE: &str = "jwt-secret";
/// Most bytes of a file of secrets.
const MAX_FILE: u64 = 64 * 1024;
/// Most secrets that count at once.
const MAX_SECRETS: usize = 16;

/// Where secrets come from. With neither, one is generated.
#[derive(Debug, Clone, Default)]
pub struct SecretSource {
    /// `JWT_SECRET`.
    pub value: Option<SecretString>,
    /// `JWT_SECRET_FILE`.
    pub file: Option<PathBuf>,
}

/// Where the secrets were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// In `JWT_SECRET`.
    Variable,
    /// In the file that `JWT_SECRET_FILE` names.
    File,
    /// In the data directory, generated at an earlier start.
    Kept,
    /// In the data directory, generated just now: worth a line in the log.
    Generated,
}

/// The secrets that count. The first signs, the others only verify tokens that were signed before it came: put a new
/// one above the old ones, and drop these once their last tokens have ended (an hour later).
#[derive(Debug, Clone)]
pub struct JwtSecrets(Vec<SecretString>);

/// No secret to sign with. What is said names the variable or file, never the secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Two sources contradict each other.
    #[error("set JWT_SECRET or JWT_SECRET_FILE, not both")]
    Both,
    /// Somebody could guess it.
    #[error(
        "{place}: the secret {weakness}; use at least 32 random bytes, as `openssl rand -base64 48` gives"
    )]
    Weak {
        /// The variable or file.
        place: String,
        /// Why.
        weakness: Weakness,
    },
    /// There are none, or too many.
    #[error("{place}: wants one secret a line, 1 to {MAX_SECRETS} of them")]
    Count {
        /// The variable or file.
        place: String,
    },
    /// Others could read it.
    #[error("{}: others may read it; `chmod 600` it", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// It can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// None can be generated.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl JwtSecrets {
    /// Finds the secrets, or generates one in `data_dir` (mode 0600), where later starts find it.
    ///
    /// # Errors
    /// [`SecretError`]; then don't start.
    pub fn load(source: &SecretSource, data_dir: &Path) -> Result<(Self, Origin), SecretError> {
        match (&source.value, &source.file) {
            (Some(_), Some(_)) => Err(SecretError::Both),
            (Some(value), None) => Ok((Self::parse(value, "JWT_SECRET")?, Origin::Variable)),
            (None, Some(path)) => {
                let place = format!("JWT_SECRET_FILE ({})", path.display());
                let (text, _) = read(path).map_err(at(path))?;
                Ok((Self::parse(&text, &place)?, Origin::File))
            }
            (None, None) => Self::keep(&data_dir.join(FILE)),
        }
    }

    /// Reads secrets, one a line; spaces around them and empty lines don't count. `place` is where they come from,
    /// for the error.
    ///
    /// # Errors
    /// [`SecretError::Weak`], [`SecretError::Count`].
    pub fn parse(text: &SecretString, place: &str) -> Result<Self, SecretError> {
        let lines = text.expose_secret().lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets: Vec<SecretString> = lines.map(SecretString::from).collect();
        if secrets.is_empty() || secrets.len() > MAX_SECRETS {
            return Err(SecretError::Count { place: place.to_owned() });
        }
        match secrets.iter().find_map(|secret| weak::weakness(secret.expose_secret())) {
            Some(weakness) => Err(SecretError::Weak { place: place.to_owned(), weakness }),
            None => Ok(Self(secrets)),
        }
    }

    /// The newest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &SecretString> {
        self.0.iter()
    }

    fn keep(path: &Path) -> Result<(Self, Origin), SecretError> {
        let origin = match fs::symlink_metadata(path) {
            Ok(_) => Origin::Kept,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let fresh = random::secret("")?;
                create(path, &fresh).map_err(at(path))?
            }
            Err(error) => return Err(at(path)(error)),
        };
        let (text, mode) = read(path).map_err(at(path))?;
        if mode & 0o077 != 0 {
            return Err(SecretError::Readable { path: path.to_owned() });
        }
        Ok((Self::parse(&text, &path.display().to_string())?, origin))
    }
}

fn at(path: &Path) -> impl Fn(io::Error) -> SecretError {
    move |source| SecretError::Io { path: path.to_owned(), source }
}

/// The text of a file, and its mode.
fn read(path: &Path) -> io::Result<(SecretString, u32)> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() || metadata.len() > MAX_FILE {
        return Err(io::Error::new(ErrorKind::InvalidData, "is no file of secrets"));
    }
    let mut text = String::new();
    file.take(MAX_FILE).read_to_string(&mut text)?;
    Ok((text.into(), metadata.permissions().mode()))
}

/// Makes the file, whole or not at all: written beside, then linked into place, which fails if somebody was faster.
fn create(path: &Path, secret: &SecretString) -> io::Result<Origin> {
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let _ = fs::remove_file(&beside); // of a process of that id that was killed here
    let linked = write(&beside, secret).and_then(|()| fs::hard_link(&beside, path));
    fs::remove_file(&beside)?;
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(Origin::Kept),
        Err(error) => return Err(error),
    }
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(Origin::Generated)
}

fn write(path: &Path, secret: &SecretString) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(secret.expose_secret().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "p7Hq2mVx9TzLw4Rk8Nc1Yb6Js3Fd5Ga0";
    const OLD: &str = "Zk3Wv8Qn1Xr6Tb9Lm4Hc7Pd2Gf5Sy0Ju";

    fn texts(secrets: &JwtSecrets) -> Vec<&str> {
        secrets.all().map(ExposeSecret::expose_secret).collect()
    }

    fn refused(value: &str) -> String {
        let source = SecretSource { value: Some(value.into()), file: None };
        let error = JwtSecrets::load(&source, Path::new("/nonexistent")).unwrap_err();
        let shown = format!("{error} {error:?} {source:?}");
        assert!(value.len() < 8 || !shown.contains(value), "{shown}");
        error.to_string()
    }

    #[test]
    fn a_generated_secret_survives_restarts_and_is_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (first, origin) = JwtSecrets::load(&SecretSource::default(), dir.path()).unwrap();
        assert_eq!(origin, Origin::Generated);
        let path = dir.path().join("jwt-secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (again, origin) = JwtSecrets::load(&SecretSource::default(), dir.path()).unwrap();
        assert_eq!((texts(&again), origin), (texts(&first), Origin::Kept));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        assert_eq!(texts(&first)[0].len(), 43);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = JwtSecrets::load(&SecretSource::default(), dir.path()).unwrap_err();
        assert!(matches!(error, SecretError::Readable { .. }), "{error}");
    }

    #[test]
    fn of_two_first_starts_both_get_the_same_secret() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        assert_eq!(create(&path, &GOOD.into()).unwrap(), Origin::Generated);
        assert_eq!(create(&path, &OLD.into()).unwrap(), Origin::Kept);
        assert_eq!(texts(&JwtSecrets::keep(&path).unwrap().0), [GOOD]);
    }

    #[test]
    fn a_file_holds_the_newest_first() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secrets");
        fs::write(&file, format!("\n {GOOD}\r\n{OLD}\n\n")).unwrap();
        let source = SecretSource { value: None, file: Some(file.clone()) };
        let (secrets, origin) = JwtSecrets::load(&source, dir.path()).unwrap();
        assert_eq!((texts(&secrets), origin), (vec![GOOD, OLD], Origin::File));

        fs::write(&file, format!("{GOOD}\nchangeme\n")).unwrap();
        let error = JwtSecrets::load(&source, dir.path()).unwrap_err().to_string();
        assert!(error.starts_with("JWT_SECRET_FILE (") && !error.contains("changeme"), "{error}");
        let missing = SecretSource { value: None, file: Some(dir.path().join("none")) };
        assert!(matches!(JwtSecrets::load(&missing, dir.path()), Err(SecretError::Io { .. })));
        let both = SecretSource { value: Some(GOOD.into()), file: Some(file) };
        assert!(matches!(JwtSecrets::load(&both, dir.path()), Err(SecretError::Both)));
    }

    #[test]
    fn what_is_refused_is_named_and_not_shown() {
        for value in ["", "  \n ", "secret", "changeme", "p7Hq2mVx9TzLw4Rk8Nc1Yb6Js3Fd5Ga"] {
            assert!(refused(value).starts_with("JWT_SECRET: "), "{value}");
        }
        let many = vec![GOOD; MAX_SECRETS + 1].join("\n");
        assert!(refused(&many).contains("1 to 16"));
    }
}
