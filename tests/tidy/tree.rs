//! The tree as the gates see it: path -> text, with the code of each Rust file apart from its comments
//! and literals. In memory, so that a gate can be shown a tree that breaks it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::scan;

/// A broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The file, from the root of the tree.
    pub path: String,
    /// The line, from 1; 0 = the file as a whole.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

/// One file.
#[derive(Debug)]
pub struct File {
    /// Everything.
    pub text: String,
    /// For Rust: the text with comments, strings and characters blanked, of the same length and lines.
    /// For other files: empty.
    pub code: String,
    /// For Rust: the lines (from 1, ranges inclusive) that are compiled for tests only.
    pub tests: Vec<(usize, usize)>,
}

impl File {
    /// The code with its test-only lines blanked too.
    pub fn shipped(&self) -> String {
        let lines = self.code.split_inclusive('\n').enumerate().map(|(at, line)| {
            let of_test = self.tests.iter().any(|(from, to)| (*from..=*to).contains(&(at + 1)));
            if of_test { "\n" } else { line }
        });
        lines.collect()
    }
}

/// All files, by path from the root with `/` between the parts.
#[derive(Debug, Default)]
pub struct Tree {
    /// The files.
    pub files: BTreeMap<String, File>,
}

impl Tree {
    /// A tree of these files: what the tests of the gates are made from.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let mut tree = Tree::default();
        for (path, text) in files {
            tree.add((*path).to_string(), (*text).to_string());
        }
        tree
    }

    /// The real tree: every file under `root` except `target`, hidden folders other than `.ci`, and files
    /// that are not text.
    pub fn read(root: &Path) -> Tree {
        let mut tree = Tree::default();
        tree.walk(root, "");
        tree
    }

    fn walk(&mut self, folder: &Path, prefix: &str) {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            let path = format!("{prefix}{name}");
            if entry.file_type().unwrap().is_dir() {
                let skipped = name == "target" || (name.starts_with('.') && name != ".ci");
                if !skipped {
                    self.walk(&entry.path(), &format!("{path}/"));
                }
            } else if let Ok(text) = fs::read_to_string(entry.path()) {
                self.add(path, text);
            }
        }
    }

    fn add(&mut self, path: String, text: String) {
        let code = if path.ends_with(".rs") { scan::code(&text) } else { String::new() };
        let tests = scan::test_lines(&code);
        self.files.insert(path, File { text, code, tests });
    }

    /// The Rust files whose path starts with one of `folders`.
    pub fn rust<'a>(&'a self, folders: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a File)> {
        self.files
            .iter()
            .filter(|(path, _)| {
                path.ends_with(".rs") && folders.iter().any(|folder| path.starts_with(folder))
            })
            .map(|(path, file)| (path.as_str(), file))
    }

    /// The text of a file, if there is one.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|file| file.text.as_str())
    }

    /// True if there is such a file, or a folder with files.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.files.contains_key(path)
            || self.files.range(folder.clone()..).next().is_some_and(|(at, _)| at.starts_with(&folder))
    }
}

/// The line (from 1) of byte `offset` in `text`.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}
