//! A disk that forgets: what was not synced may be torn after a crash, names that were not synced may be the old
//! ones, and writing fails now and then.

use std::collections::BTreeMap;

use crate::choices::Choices;

/// Names and what they stand for.
type Names = BTreeMap<String, usize>;

/// A change of names that is not durable yet.
enum Renaming {
    Made(String, usize),
    Moved(String, String),
    Removed(String),
}

struct File<T> {
    content: Option<T>,
    synced: bool,
}

/// Files whose contents are values.
pub struct Disk<T> {
    files: Vec<File<T>>,
    now: Names,
    durable: Names,
    pending: Vec<Renaming>,
}

/// Why nothing was written.
#[derive(Debug)]
pub struct Full;

impl<T> Disk<T> {
    pub fn new() -> Self {
        Disk { files: vec![], now: Names::new(), durable: Names::new(), pending: vec![] }
    }

    /// Makes a file; it is not durable.
    pub fn create(&mut self, name: &str, content: T) {
        self.files.push(File { content: Some(content), synced: false });
        let file = self.files.len() - 1;
        self.now.insert(name.into(), file);
        self.pending.push(Renaming::Made(name.into(), file));
    }

    /// The same, unless the disk is full.
    pub fn try_create(&mut self, name: &str, content: T, choices: &mut Choices) -> Result<(), Full> {
        const ONE_IN: usize = 10;
        match choices.below(ONE_IN) {
            0 => Err(Full),
            _ => {
                self.create(name, content);
                Ok(())
            }
        }
    }

    /// Makes the content of a file durable.
    pub fn sync(&mut self, name: &str) {
        if let Some(file) = self.now.get(name) {
            self.files[*file].synced = true;
        }
    }

    /// Makes all names durable.
    pub fn sync_names(&mut self) {
        self.durable = self.now.clone();
        self.pending.clear();
    }

    /// False if there is no such file.
    pub fn rename(&mut self, from: &str, to: &str) -> bool {
        let Some(file) = self.now.remove(from) else { return false };
        self.now.insert(to.into(), file);
        self.pending.push(Renaming::Moved(from.into(), to.into()));
        true
    }

    pub fn remove(&mut self, name: &str) {
        if self.now.remove(name).is_some() {
            self.pending.push(Renaming::Removed(name.into()));
        }
    }

    /// The names that begin so, in order.
    pub fn names(&self, prefix: &str) -> Vec<String> {
        self.now.keys().filter(|name| name.starts_with(prefix)).cloned().collect()
    }

    /// What is in a file; `None` = it is torn, or not there.
    pub fn read(&self, name: &str) -> Option<&T> {
        self.files[*self.now.get(name)?].content.as_ref()
    }

    /// The machine stops: names are changed up to some point, what was not synced may be torn.
    pub fn crash(&mut self, choices: &mut Choices) {
        let kept = choices.below(self.pending.len() + 1);
        for own in self.pending.drain(..).take(kept) {
            match own {
                Renaming::Made(name, file) => {
                    self.durable.insert(name, file);
                }
                Renaming::Moved(from, to) => {
                    if let Some(file) = self.durable.remove(&from) {
                        self.durable.insert(to, file);
                    }
                }
                Renaming::Removed(name) => {
                    self.durable.remove(&name);
                }
            }
        }
        self.now = self.durable.clone();
        for file in self.files.iter_mut().filter(|own| !own.synced) {
            if choices.below(2) == 0 {
                file.content = None;
            }
            // What is there after a crash stays.
            file.synced = true;
        }
    }
}
