//! How much memory this process may use.

#![allow(clippy::disallowed_methods, reason = "the room of what the kernel says of this process")]

use std::fs::read_to_string;

/// The machine's memory, or less if a control group allows less, in bytes; `None` if the kernel does not say.
pub fn memory_bytes() -> Option<usize> {
    let machine = read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let group = read_to_string("/proc/self/cgroup").ok().and_then(|text| {
        let path = text.lines().find_map(|line| line.strip_prefix("0::"))?.to_string();
        read_to_string(format!("/sys/fs/cgroup{path}/memory.max")).ok()
    });
    machine.into_iter().chain(group.and_then(|text| text.trim().parse().ok())).min()
}

/// The total in `/proc/meminfo`.
fn total(meminfo: &str) -> Option<usize> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_how_much_there_is() {
        assert_eq!(total("MemTotal:       24543128 kB\nMemFree: 1 kB\n"), Some(24_543_128 * 1024));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(memory_bytes().is_some_and(|bytes| bytes > 1 << 20));
    }
}
