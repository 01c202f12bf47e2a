//! Randomness of the operating system.

use getrandom::SysRng;
use rand_core::UnwrapErr;

/// The operating system's generator. Ends the process when there is none: no key is made from less.
#[must_use]
pub const fn system() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
