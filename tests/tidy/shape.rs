//! How long functions and files may be.

use crate::scan;
use crate::tree::{Tree, Violation};
use crate::{Broken, Gate};

macro_rules! ten_lines {
    () => {
        "\n\n\n\n\n\n\n\n\n\n"
    };
}

macro_rules! sixty_lines {
    () => {
        concat!(ten_lines!(), ten_lines!(), ten_lines!(), ten_lines!(), ten_lines!(), ten_lines!())
    };
}

macro_rules! eight_hundred_lines {
    () => {
        concat!(four_hundred_lines!(), four_hundred_lines!())
    };
}

macro_rules! four_hundred_lines {
    () => {
        concat!(
            sixty_lines!(),
            sixty_lines!(),
            sixty_lines!(),
            sixty_lines!(),
            sixty_lines!(),
            sixty_lines!(),
            ten_lines!(),
            ten_lines!(),
            ten_lines!(),
            ten_lines!()
        )
    };
}

const FUNCTION_LINES: usize = 70;
const FILE_LINES: usize = 800;

/// Functions have at most 70 lines.
pub const FUNCTION_LENGTH: Gate = Gate {
    name: "function-length",
    check: function_length,
    broken: &[Broken {
        files: &[("runtime/src/a.rs", concat!("\nfn long() {\n", sixty_lines!(), ten_lines!(), "}\n"))],
        path: "runtime/src/a.rs",
        line: 2,
    }],
    sound: &[("runtime/src/a.rs", concat!("fn fits() {\n", sixty_lines!(), "\n\n\n\n\n\n\n\n}\n"))],
};

fn function_length(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]) {
        for function in
            scan::functions(&file.code).into_iter().filter(|function| function.lines > FUNCTION_LINES)
        {
            let what =
                format!("fn {} has {} lines; {FUNCTION_LINES} are allowed", function.name, function.lines);
            found.push(Violation { path: path.to_string(), line: function.line, what });
        }
    }
    found
}

/// Files have at most 800 lines.
pub const FILE_LENGTH: Gate = Gate {
    name: "file-length",
    check: file_length,
    broken: &[Broken {
        files: &[("runtime/src/a.rs", concat!(eight_hundred_lines!(), "\n"))],
        path: "runtime/src/a.rs",
        line: 801,
    }],
    sound: &[("runtime/src/a.rs", eight_hundred_lines!())],
};

fn file_length(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, file) in tree.rust(&[""]) {
        let lines = file.text.lines().count();
        if lines > FILE_LINES {
            let what = format!("{lines} lines; {FILE_LINES} are allowed, 400 are wanted: split it by job");
            found.push(Violation { path: path.to_string(), line: FILE_LINES + 1, what });
        }
    }
    found
}
