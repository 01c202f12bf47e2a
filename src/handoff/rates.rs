//! How often the client of an account may ask, and how many of its questions may stay open: event streams
//! and lists that wait.
//!
//! Accounts are those of the configuration, so what is kept here is bounded. Whoever has no account is
//! refused before, at the cost of a digest.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use cedrat_message::Timestamp;

use crate::adapters::http::problem::{Code, Problem};

/// What a rate counts in, milliseconds.
const MINUTE_MS: i64 = 60_000;

/// Of all accounts.
#[derive(Debug, Default)]
pub struct Rates(Mutex<BTreeMap<String, Rate>>);

#[derive(Debug, Default)]
struct Rate {
    /// When all requests so far would be over if they came evenly, microseconds since 1970.
    due: i64,
    open: usize,
}

/// A question that stays open, until it is dropped.
#[derive(Debug)]
pub struct Open {
    rates: Arc<Rates>,
    account: String,
}

impl Rates {
    fn of<T>(&self, account: &str, work: impl FnOnce(&mut Rate) -> T) -> T {
        let mut rates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match rates.get_mut(account) {
            Some(rate) => work(rate),
            None => work(rates.entry(account.to_owned()).or_default()),
        }
    }

    /// Counts a request of an account that may have so many in a minute, in any order.
    ///
    /// # Errors
    /// 429, with the seconds after which there is room for one.
    pub fn ask(&self, account: &str, most: u32, now: Timestamp) -> Result<(), Problem> {
        let now = now.0.saturating_mul(1000);
        let each = MINUTE_MS * 1000 / i64::from(most.max(1));
        let wait = self.of(account, |rate| {
            // A clock that was set back must not lock anybody out.
            let before = rate.due.clamp(now, now + MINUTE_MS * 1000);
            let due = before + each;
            let wait = due - (now + MINUTE_MS * 1000);
            rate.due = if wait <= 0 { due } else { before };
            wait
        });
        if wait <= 0 {
            return Ok(());
        }
        let detail =
            format!("this account asked {most} times within a minute (handoff.max_account_requests)");
        Err(Problem::new(Code::TooManyRequests, detail).after(wait.unsigned_abs().div_ceil(1_000_000)))
    }

    /// Takes a place for a question that stays open; an account has so many.
    ///
    /// # Errors
    /// 429.
    pub fn open(self: &Arc<Self>, account: &str, most: usize) -> Result<Open, Problem> {
        let there = self.of(account, |rate| {
            let there = rate.open < most;
            rate.open += usize::from(there);
            there
        });
        if there {
            return Ok(Open { rates: self.clone(), account: account.to_owned() });
        }
        let detail = format!(
            "{most} event streams and lists of this account are open already (handoff.max_account_streams)"
        );
        Err(Problem::new(Code::TooManyRequests, detail))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.rates.of(&self.account, |rate| rate.open = rate.open.saturating_sub(1));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use hyper::header::RETRY_AFTER;

    use super::*;

    #[test]
    fn an_account_may_ask_so_often_in_a_minute_and_then_as_time_passes() {
        let rates = Rates::default();
        let ask = |ms: i64| rates.ask("alice", 6, Timestamp(1_000_000 + ms));
        assert!((0..6).all(|_| ask(0).is_ok()), "all at once");
        let refused = ask(0).unwrap_err().response();
        assert_eq!((refused.status().as_u16(), refused.headers()[RETRY_AFTER].as_bytes()), (429, &b"10"[..]));
        assert!(ask(9_000).is_err(), "a refusal costs nothing, and gives nothing");
        assert!(ask(10_000).is_ok());
        assert!(ask(10_000).is_err());
        assert!(rates.ask("bob", 6, Timestamp(1_010_000)).is_ok(), "accounts do not meet");
        assert!(ask(-500_000).is_err(), "a clock that was set back gives nothing");
        assert!(ask(-440_000).is_ok(), "and locks nobody out");
    }

    #[test]
    fn a_place_is_free_again_when_what_had_it_is_gone() {
        let rates = Arc::new(Rates::default());
        let one = rates.open("alice", 2).unwrap();
        let two = rates.open("alice", 2).unwrap();
        assert!(rates.open("alice", 2).is_err());
        drop(one);
        assert!(rates.open("alice", 2).is_ok());
        drop(two);
    }
}
