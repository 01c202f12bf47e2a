//! `GET /api/v1/profiles` and `GET /api/v1/profiles/NAME`: what a client may name, and what that
//! means, every value with its origin.

use cedrat_plan::profile::Profile;
use serde_json::{Value, json};

use super::{
    auth::Caller,
    core::Core,
    problem::{Code, Problem},
};
use crate::config::read::hint;

/// The names that a client may use.
pub fn names(core: &dyn Core, caller: &Caller<'_>) -> Vec<String> {
    core.profiles().into_iter().filter(|name| caller.may_use(name)).collect()
}

/// The list.
pub fn list(core: &dyn Core, caller: &Caller<'_>, default: &str) -> Value {
    json!({ "profiles": names(core, caller), "default": default })
}

/// One profile, as JSON.
///
/// # Errors
/// 403 or 404.
pub fn one(core: &dyn Core, caller: &Caller<'_>, name: &str) -> Result<Value, Problem> {
    Ok(json!({ "name": name, "profile": of(core, caller, name)? }))
}

/// The profile of that name.
///
/// # Errors
/// 403 when it is not the client's to name, 404 with all names when there is none.
pub fn of(core: &dyn Core, caller: &Caller<'_>, name: &str) -> Result<Profile, Problem> {
    if !caller.may_use(name) {
        return Err(Problem::new(
            Code::Forbidden,
            format!("the client {} may not use the profile {name:?}", caller.name()),
        ));
    }
    core.profile(name).ok_or_else(|| {
        let names = names(core, caller);
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        Problem::new(Code::UnknownProfile, format!("there is no profile {name:?}{}", hint(name, &known)))
            .with("profiles", names)
    })
}
