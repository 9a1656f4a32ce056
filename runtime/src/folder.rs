//! A folder of files that must survive a crash, used by the main thread: every call blocks.

#![allow(clippy::disallowed_methods, reason = "the room of the disk")]

use std::fs::{DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::DiskError;

/// A folder that one process owns.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held as long as the folder is owned.
    _lock: Option<File>,
}

/// What a file is called until it is complete.
const ASIDE: &str = ".new";

impl Folder {
    /// Makes the folder if it is missing, and takes it for this process. An `io::ErrorKind::WouldBlock`: another
    /// process has it.
    pub fn own(path: &Path) -> Result<Folder, DiskError> {
        std::fs::create_dir_all(path).map_err(DiskError::at(path))?;
        let lock = path.join("lock");
        let file = File::options().create(true).truncate(false).write(true).open(&lock);
        let file = file.map_err(DiskError::at(&lock))?;
        file.try_lock().map_err(io::Error::from).map_err(DiskError::at(&lock))?;
        Ok(Folder { path: path.to_path_buf(), _lock: Some(file) })
    }

    /// Like [`Folder::own`], for a place where all users may write: nobody else gets at what is in the folder. An
    /// `io::ErrorKind::PermissionDenied`: it is there, and others do.
    pub fn own_private(path: &Path) -> Result<Folder, DiskError> {
        let owned = || {
            match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            let (found, own) = (std::fs::symlink_metadata(path)?, std::fs::metadata("/proc/self")?);
            match found.is_dir() && found.uid() == own.uid() && found.mode() & 0o077 == 0 {
                true => Ok(()),
                false => Err(io::Error::new(
                    io::ErrorKind::PermissionDenied,
                    "it is not a folder that only this user can open",
                )),
            }
        };
        owned().map_err(DiskError::at(path))?;
        Folder::own(path)
    }

    /// A folder that another process may own: to read. An error if there is none.
    pub fn look(path: &Path) -> Result<Folder, DiskError> {
        std::fs::metadata(path).map_err(DiskError::at(path))?;
        Ok(Folder { path: path.to_path_buf(), _lock: None })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names in it, in order.
    pub fn names(&self) -> Result<Vec<String>, DiskError> {
        names(&self.path)
    }

    /// The bytes of a file in it.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, DiskError> {
        let path = self.path.join(name);
        std::fs::read(&path).map_err(DiskError::at(&path))
    }

    /// Makes a folder in it.
    pub fn make(&self, name: &str) -> Result<(), DiskError> {
        let path = self.path.join(name);
        std::fs::create_dir_all(&path).map_err(DiskError::at(&path))
    }

    /// Makes the names in one of its folders durable, and its own.
    pub fn sync(&self, name: &str) -> Result<(), DiskError> {
        sync_folder(&self.path.join(name))?;
        sync_folder(&self.path)
    }

    /// Writes a file beside its place and makes it durable.
    pub fn write_aside(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let path = self.path.join(format!("{name}{ASIDE}"));
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(DiskError::at(&path))
    }

    /// Puts a file that was written aside in its place; [`Folder::sync_names`] makes that durable.
    pub fn put(&self, name: &str) -> Result<(), DiskError> {
        let path = self.path.join(name);
        std::fs::rename(self.path.join(format!("{name}{ASIDE}")), &path).map_err(DiskError::at(&path))
    }

    /// Makes the names in it durable.
    pub fn sync_names(&self) -> Result<(), DiskError> {
        sync_folder(&self.path)
    }

    /// Removes a file, or a folder with all that is in it. No error if it is not there.
    pub fn remove(&self, name: &str) -> Result<(), DiskError> {
        let path = self.path.join(name);
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::at(&path)(error)),
            _ => Ok(()),
        }
    }
}

/// Makes the names in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> Result<(), DiskError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(DiskError::at(path))
}

/// The names in a folder, in order; none if there is no such folder.
pub fn names(path: &Path) -> Result<Vec<String>, DiskError> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries.map_err(DiskError::at(path))?,
    };
    let name = |entry: io::Result<std::fs::DirEntry>| {
        entry.map(|own| own.file_name().to_string_lossy().into_owned())
    };
    let mut names = entries.map(name).collect::<io::Result<Vec<_>>>().map_err(DiskError::at(path))?;
    names.sort_unstable();
    Ok(names)
}

/// Makes a complete file visible under its name, durably. True if it was not visible yet; it may have been
/// taken away since.
pub fn publish(hidden: &Path, complete: &Path) -> Result<bool, DiskError> {
    match std::fs::rename(hidden, complete) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(DiskError::at(hidden)(error)),
    }
    match complete.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(folder) => sync_folder(folder).map(|()| true),
        None => Ok(true),
    }
}

/// Removes a file. No error if it is not there.
pub fn remove_file(path: &Path) -> Result<(), DiskError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::at(path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_when_it_is_put_and_the_folder_has_one_owner() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/b");
        let folder = Folder::own(&path).unwrap();
        assert_eq!(Folder::own(&path).unwrap_err().source.kind(), io::ErrorKind::WouldBlock);
        folder.write_aside("one", b"bytes").unwrap();
        assert!(folder.read("one").is_err());
        folder.put("one").unwrap();
        folder.sync_names().unwrap();
        assert_eq!(folder.read("one").unwrap(), b"bytes");
        folder.make("two").unwrap();
        folder.sync("two").unwrap();
        assert_eq!(folder.names().unwrap(), ["lock", "one", "two"]);
        ["one", "two", "two"].iter().for_each(|name| folder.remove(name).unwrap());
        drop(folder);
        assert_eq!(Folder::own(&path).unwrap().names().unwrap(), ["lock"]);
    }

    #[test]
    fn a_private_folder_is_open_to_nobody_else() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let scratch = tempfile::tempdir().unwrap();
        let [private, link, open] = ["private", "link", "open"].map(|name| scratch.path().join(name));
        drop(Folder::own_private(&private).unwrap());
        assert_eq!(std::fs::metadata(&private).unwrap().mode() & 0o777, 0o700);
        drop(Folder::own_private(&private).unwrap());
        symlink(&private, &link).unwrap();
        std::fs::create_dir(&open).unwrap();
        std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o755)).unwrap();
        for path in [link, open] {
            let error = Folder::own_private(&path).unwrap_err();
            assert_eq!(error.source.kind(), io::ErrorKind::PermissionDenied);
        }
    }

    #[test]
    fn a_hidden_file_is_published_once() {
        let scratch = tempfile::tempdir().unwrap();
        let [hidden, complete] = [".x", "x"].map(|name| scratch.path().join(name));
        std::fs::write(&hidden, "rows").unwrap();
        assert!(publish(&hidden, &complete).unwrap());
        assert!(!publish(&hidden, &complete).unwrap());
        assert_eq!(std::fs::read(&complete).unwrap(), b"rows");
        remove_file(&complete).unwrap();
        remove_file(&complete).unwrap();
        assert_eq!(names(scratch.path()).unwrap(), Vec::<String>::new());
    }
}
