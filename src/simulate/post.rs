//! What a simulated peer sends by itself, answers and reports: in order, each when it is due, over
//! connections of its own, tried again a few times.

use std::{collections::VecDeque, time::Duration};

use cedrat_wire_mail::smtp::client::{Delivery, Transaction};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use super::send::{self, Source, verdict};

/// Letters that may wait; whoever makes more waits, and so does the sender of what they answer.
pub const MOST_WAITING: usize = 10_000;

/// How long a connection stays open for the next letter.
const IDLE: Duration = Duration::from_secs(2);

/// How often a letter is tried.
const TRIES: u32 = 5;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

/// Something to send.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What it is, as a person reads it.
    pub what: String,
    /// It.
    pub transaction: Transaction,
    /// Not before.
    pub due: Instant,
    tries: u32,
}

impl Letter {
    /// A letter that is due after `wait`.
    pub fn new(what: impl Into<String>, transaction: Transaction, wait: Duration) -> Self {
        Self { what: what.into(), transaction, due: Instant::now() + wait, tries: 0 }
    }
}

/// What became of a letter.
#[derive(Debug, Clone)]
pub struct Sent {
    /// The letter.
    pub what: String,
    /// The reply to it, or why there is none.
    pub outcome: Result<String, String>,
}

/// Sends every letter to `to` until nobody makes any more.
pub async fn run(mut letters: mpsc::Receiver<Letter>, to: String, helo: String, told: mpsc::Sender<Sent>) {
    let mut round = Round { letters: &mut letters, held: VecDeque::new(), current: None, told: &told };
    loop {
        if round.held.is_empty() {
            match round.letters.recv().await {
                Some(letter) => round.held.push_back(letter),
                None => return,
            }
        }
        if let Some(first) = round.held.front() {
            sleep_until(first.due).await;
        }
        if let Err(fault) = send::send(&to, &helo, &mut round).await
            && let Some(letter) = round.held.pop_front()
        {
            round.again(letter, fault);
        }
    }
}

struct Round<'a> {
    letters: &'a mut mpsc::Receiver<Letter>,
    /// What waits for its time or its next try; at most the current letter and one more.
    held: VecDeque<Letter>,
    current: Option<Letter>,
    told: &'a mpsc::Sender<Sent>,
}

impl Round<'_> {
    fn again(&mut self, mut letter: Letter, why: String) {
        letter.tries += 1;
        if letter.tries >= TRIES {
            return self.tell(letter, Err(why));
        }
        letter.due = Instant::now() + PAUSE;
        self.held.push_front(letter);
    }

    fn tell(&self, letter: Letter, outcome: Result<String, String>) {
        // Told for information: when nobody reads fast enough, a line is missing.
        drop(self.told.try_send(Sent { what: letter.what, outcome }));
    }
}

impl Source for Round<'_> {
    async fn next(&mut self) -> Option<Transaction> {
        let letter = match self.held.pop_front() {
            Some(letter) => letter,
            None => timeout(IDLE, self.letters.recv()).await.ok().flatten()?,
        };
        if letter.due > Instant::now() + IDLE {
            self.held.push_front(letter);
            return None;
        }
        sleep_until(letter.due).await;
        let transaction = letter.transaction.clone();
        self.current = Some(letter);
        Some(transaction)
    }

    fn outcome(&mut self, recipients: Vec<Delivery>) {
        let Some(letter) = self.current.take() else { return };
        match verdict(&recipients) {
            Ok(words) => self.tell(letter, Ok(words)),
            Err(words) if recipients.iter().any(|one| matches!(one, Delivery::Permanent { .. })) => {
                self.tell(letter, Err(words));
            }
            Err(words) => self.again(letter, words),
        }
    }
}
