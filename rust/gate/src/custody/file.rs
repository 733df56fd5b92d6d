//! Small private files: written whole or not at all, read only when private.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::canonical::Hex;
use super::error::CustodyError;
use super::secret::{Secret, random};

/// A path with something at its end.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Writes a new file that its owner alone may use; never over another one.
///
/// When it returns the file is durable. A crash leaves the whole file or none, and at worst a `.tmp` beside it.
pub(super) fn create(path: &Path, bytes: &[u8]) -> Result<(), CustodyError> {
    let temporary = write_temporary(path, bytes)?;
    // A hard link, unlike a rename, fails where there is a file.
    let linked = fs::hard_link(&temporary, path);
    let _ = fs::remove_file(&temporary);
    match linked {
        Ok(()) => sync_directory(path),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(CustodyError::Exists { path: path.to_owned() }),
        Err(error) => Err(CustodyError::io(path, "link the file to its name", &error)),
    }
}

/// Writes a file in place of one that may be there; else as [`create`].
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CustodyError> {
    let temporary = write_temporary(path, bytes)?;
    let renamed = rename(&temporary, path);
    if renamed.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    renamed
}

/// Gives a file another's name, and is durable when it returns.
pub(super) fn rename(from: &Path, to: &Path) -> Result<(), CustodyError> {
    fs::rename(from, to).map_err(|error| CustodyError::io(to, "rename to this name", &error))?;
    sync_directory(to)
}

/// Reads a private file, up to so many bytes.
pub(super) fn read(path: &Path, bytes_max: usize) -> Result<Secret, CustodyError> {
    let mut file = File::open(path).map_err(|error| CustodyError::io(path, "open", &error))?;
    check_mode(path, &file)?;
    let mut secret = Secret::zeros(bytes_max);
    let mut length = 0;
    while length < bytes_max {
        match file.read(&mut secret.bytes_mut()[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(CustodyError::io(path, "read", &error)),
        }
    }
    secret.bytes_mut().truncate(length);
    Ok(secret)
}

fn write_temporary(path: &Path, bytes: &[u8]) -> Result<PathBuf, CustodyError> {
    let temporary = beside(path, &format!(".{}.tmp", Hex(&random::<8>()?)));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary).map_err(|error| CustodyError::io(&temporary, "create", &error))?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if let Err(error) = written {
        let _ = fs::remove_file(&temporary);
        return Err(CustodyError::io(&temporary, "write", &error));
    }
    Ok(temporary)
}

/// Makes the names in a file's directory durable.
#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), CustodyError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let synced = File::open(parent).and_then(|directory| directory.sync_all());
    synced.map_err(|error| CustodyError::io(parent, "make the directory durable", &error))
}

/// Other systems keep names durable themselves, or cannot be asked to.
#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> Result<(), CustodyError> {
    Ok(())
}

/// Asks the open file, not its name, which could be changed in between.
#[cfg(unix)]
fn check_mode(path: &Path, file: &File) -> Result<(), CustodyError> {
    use std::os::unix::fs::PermissionsExt as _;

    let metadata = file.metadata().map_err(|error| CustodyError::io(path, "read the mode of", &error))?;
    let mode = metadata.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    if of_others == 0 { Ok(()) } else { Err(CustodyError::Mode { path: path.to_owned(), mode }) }
}

/// Other systems keep private files by other means.
#[cfg(not(unix))]
fn check_mode(_path: &Path, _file: &File) -> Result<(), CustodyError> {
    Ok(())
}

/// A directory of its own for one test, removed with it.
#[cfg(test)]
pub(super) struct Scratch(pub(super) PathBuf);

#[cfg(test)]
impl Scratch {
    pub(super) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("gxrisk-custody-{}", Hex(&random::<8>().unwrap())));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_is_private_whole_and_never_written_over() {
        let scratch = Scratch::new();
        let path = scratch.file("a");
        create(&path, b"first").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(create(&path, b"second"), Err(CustodyError::Exists { path: path.clone() }));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        assert_eq!(scratch.names(), ["a"], "nothing is left behind");
    }

    #[test]
    fn a_dangling_link_is_not_followed() {
        let scratch = Scratch::new();
        let path = scratch.file("a");
        std::os::unix::fs::symlink(scratch.file("elsewhere"), &path).unwrap();
        assert_eq!(create(&path, b"first"), Err(CustodyError::Exists { path }));
        assert_eq!(scratch.names(), ["a"]);
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let scratch = Scratch::new();
        let path = scratch.file("a");
        replace(&path, b"first").unwrap();
        replace(&path, b"second").unwrap();
        assert_eq!(read(&path, 100).unwrap().bytes(), b"second");
        assert_eq!(scratch.names(), ["a"]);
    }

    #[test]
    fn a_replacement_that_fails_leaves_nothing() {
        let scratch = Scratch::new();
        let path = scratch.file("a");
        fs::create_dir(&path).unwrap();
        assert!(matches!(replace(&path, b"first"), Err(CustodyError::Io { .. })));
        assert_eq!(scratch.names(), ["a"]);
    }

    #[test]
    fn a_file_that_others_may_use_is_not_read() {
        let scratch = Scratch::new();
        let path = scratch.file("a");
        create(&path, b"first").unwrap();
        for (mode, is_taken) in [
            (0o600, true),
            (0o400, true),
            (0o700, true),
            (0o640, false),
            (0o604, false),
            (0o620, false),
            (0o602, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let seen = read(&path, 100);
            assert_eq!(seen.is_ok(), is_taken, "{mode:o}");
            if let Err(error) = seen {
                let text = error.to_string();
                assert!(text.contains(&format!("its mode is {mode:o}")), "{text}");
                assert!(text.ends_with(&format!("chmod 600 {}", path.display())), "{text}");
            }
        }
    }

    #[test]
    fn reading_is_bounded() {
        let scratch = Scratch::new();
        let path = scratch.file("a");
        create(&path, b"12345").unwrap();
        for (bytes_max, seen) in [(4, &b"1234"[..]), (5, b"12345"), (6, b"12345")] {
            assert_eq!(read(&path, bytes_max).unwrap().bytes(), seen);
        }
        let missing = scratch.file("b");
        assert_eq!(read(&missing, 5).unwrap_err(), CustodyError::Missing { path: missing });
    }
}
