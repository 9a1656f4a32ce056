//! The binary as Cargo builds it. That this test exists makes `cargo test --workspace` build it, for the
//! end-to-end tests too.

#![forbid(unsafe_code)]

use std::process::Command;

#[test]
fn version_is_the_version_of_the_package() {
    let output = Command::new(env!("CARGO_BIN_EXE_millrace")).arg("version").output();
    let text = output.map(|own| String::from_utf8_lossy(&own.stdout).into_owned()).unwrap_or_default();
    assert!(text.contains(env!("CARGO_PKG_VERSION")), "{text:?}");
}
