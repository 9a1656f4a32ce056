//! Files, read and written through the shard's executor.

#![allow(clippy::disallowed_methods, reason = "the room of the disk")]

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::backend::{Executor, OpenFile};
use crate::error::DiskError;

/// Opens files for one shard.
#[derive(Clone)]
pub struct Disk {
    pub(crate) executor: Rc<dyn Executor>,
}

/// A file open for reading.
pub struct ReadFile {
    path: PathBuf,
    file: Box<dyn OpenFile>,
    len: u64,
}

/// A file open for writing, from its start.
pub struct WriteFile {
    path: PathBuf,
    file: Box<dyn OpenFile>,
    len: u64,
}

impl Disk {
    /// Opens a file for reading.
    pub async fn open_read(&self, path: &Path) -> Result<ReadFile, DiskError> {
        let file = self.executor.open(path, false).await.map_err(DiskError::at(path))?;
        let len = file.len().await.map_err(DiskError::at(path))?;
        Ok(ReadFile { path: path.to_path_buf(), file, len })
    }

    /// Makes a file, or empties the one there is.
    pub async fn create(&self, path: &Path) -> Result<WriteFile, DiskError> {
        let file = self.executor.open(path, true).await.map_err(DiskError::at(path))?;
        Ok(WriteFile { path: path.to_path_buf(), file, len: 0 })
    }

    /// Renames a file and makes the new name durable. Metadata: blocks the shard shortly.
    pub async fn rename(&self, from: &Path, to: &Path) -> Result<(), DiskError> {
        std::fs::rename(from, to).map_err(DiskError::at(from))?;
        match to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            Some(folder) => crate::folder::sync_folder(folder),
            None => Ok(()),
        }
    }

    /// Makes the names in a folder durable. Metadata: blocks the shard shortly.
    pub async fn sync_folder(&self, path: &Path) -> Result<(), DiskError> {
        crate::folder::sync_folder(path)
    }

    /// Removes a file. No error if it is not there. Metadata: blocks the shard shortly.
    pub async fn remove(&self, path: &Path) -> Result<(), DiskError> {
        crate::folder::remove_file(path)
    }

    /// Makes a folder and those above it. Metadata: blocks the shard shortly.
    pub async fn create_dir_all(&self, path: &Path) -> Result<(), DiskError> {
        std::fs::create_dir_all(path).map_err(DiskError::at(path))
    }

    /// True if there is something of this name. Metadata: blocks the shard shortly.
    pub async fn exists(&self, path: &Path) -> bool {
        path.exists()
    }
}

impl ReadFile {
    /// Length in bytes when it was opened.
    #[allow(clippy::len_without_is_empty, reason = "a length in bytes, of no collection")]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Up to `len_bytes` bytes from `offset`; fewer only at the end of the file.
    pub async fn read_at(&self, offset: u64, len_bytes: usize) -> Result<Vec<u8>, DiskError> {
        let read = self.file.read_at(offset, len_bytes).await;
        let mut bytes = read.map_err(DiskError::at(&self.path))?;
        while bytes.len() < len_bytes {
            let at = offset + bytes.len() as u64;
            let more = self.file.read_at(at, len_bytes - bytes.len()).await;
            let more = more.map_err(DiskError::at(&self.path))?;
            if more.is_empty() {
                break;
            }
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }
}

impl WriteFile {
    /// Appends all bytes.
    pub async fn append(&mut self, bytes: Vec<u8>) -> Result<(), DiskError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let len = rest.len();
            let (written, unwritten) =
                self.file.write_at(self.len, rest).await.map_err(DiskError::at(&self.path))?;
            if written == 0 && len > 0 {
                let cause = std::io::Error::from(std::io::ErrorKind::WriteZero);
                return Err(DiskError::at(&self.path)(cause));
            }
            self.len += written as u64;
            rest = unwritten;
        }
        Ok(())
    }

    /// Makes what was appended durable and closes the file.
    pub async fn finish(self) -> Result<(), DiskError> {
        self.file.sync().await.map_err(DiskError::at(&self.path))?;
        self.file.close().await.map_err(DiskError::at(&self.path))
    }
}
