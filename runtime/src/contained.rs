//! Code of others that panics where it should return an error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use crate::running::panic_message;

thread_local! {
    static CONTAINED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or the message of its panic, of which nothing is printed. For libraries that read what anybody
/// may have written, and index where they should check. What `work` was changing is of no use after a panic.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !CONTAINED.get() {
                print(panic);
            }
        }));
    });
    let outer = CONTAINED.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    CONTAINED.set(outer);
    outcome.map_err(|payload| panic_message(&*payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_and_what_comes_after_it_goes_on() {
        let empty: Vec<u8> = vec![];
        let said = contained(|| contained(|| empty[7])).unwrap().unwrap_err();
        assert!(said.contains("index is 7"), "{said}");
        assert_eq!(contained(|| 7), Ok(7));
        assert!(!CONTAINED.get());
    }
}
