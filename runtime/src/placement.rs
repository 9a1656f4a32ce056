//! Which shard runs on which core.

use std::fmt;

use crate::error::RuntimeError;

/// One shard's seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The shard, from 0.
    pub shard: usize,
    /// The core its thread is pinned to.
    pub core: usize,
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {} on core {}", self.shard, self.core)
    }
}

/// Seats `shards` shards (default: one a core) on `cores` (default: all this process may use). More shards
/// than cores are refused unless `oversubscribe`.
pub fn place(
    shards: Option<usize>,
    cores: Option<&[usize]>,
    oversubscribe: bool,
) -> Result<Vec<Placement>, RuntimeError> {
    let allowed = allowed_cores();
    let cores = match cores {
        None => allowed.clone(),
        Some(wanted) => {
            if let Some(missing) = wanted.iter().find(|core| !allowed.contains(core)) {
                return Err(RuntimeError::environment(
                    format!("core {missing} is not among the cores this process may use: {allowed:?}"),
                    "change --cores, or the affinity of the process (taskset, cgroup)",
                ));
            }
            wanted.to_vec()
        }
    };
    let shards = shards.unwrap_or(cores.len());
    if shards == 0 || cores.is_empty() {
        return Err(RuntimeError::environment("no shards to run on", "give --shards 1 or more"));
    }
    if shards > cores.len() && !oversubscribe {
        return Err(RuntimeError::environment(
            format!("{shards} shards on {} cores would take turns and wait for each other", cores.len()),
            "lower --shards, or add --oversubscribe to try it anyway",
        ));
    }
    Ok((0..shards).map(|shard| Placement { shard, core: cores[shard % cores.len()] }).collect())
}

/// Reads a list of cores as `taskset -c` does: `0,2-5`.
pub fn parse_cores(text: &str) -> Result<Vec<usize>, String> {
    let mut cores = vec![];
    for part in text.split(',') {
        let number = |text: &str| {
            text.trim().parse::<usize>().map_err(|_| format!("`{part}` is not a core or a range such as 2-5"))
        };
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        const MOST_CORES: usize = 4096;
        if first > last || last >= MOST_CORES {
            return Err(format!("`{part}` is not a range of cores"));
        }
        for core in first..=last {
            if cores.contains(&core) {
                return Err(format!("core {core} is listed twice"));
            }
            cores.push(core);
        }
    }
    Ok(cores)
}

fn allowed_cores() -> Vec<usize> {
    core_affinity::get_core_ids().unwrap_or_default().into_iter().map(|core| core.id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_core_list_reads_as_taskset_does() {
        assert_eq!(parse_cores("0,2-4"), Ok(vec![0, 2, 3, 4]));
        for wrong in ["", "a", "3-1", "1,1", "0-99999"] {
            assert!(parse_cores(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn more_shards_than_cores_are_refused_unless_asked_for() {
        let cores = allowed_cores();
        let many = cores.len() + 1;
        assert!(place(Some(many), None, false).is_err());
        let placed = place(Some(many), None, true).unwrap();
        assert_eq!(placed.len(), many);
        assert_eq!(placed[many - 1].core, cores[0]);
    }

    #[test]
    fn a_core_outside_the_affinity_mask_is_refused() {
        let error = place(None, Some(&[4000]), false).unwrap_err();
        assert!(error.to_string().contains("core 4000"), "{error}");
    }
}
