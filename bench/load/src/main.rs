//! Load generator: N sessions, each on one connection that stays open, send MM4_forward.REQ messages one after the
//! other and wait for every reply. It reports one JSON object: how many were accepted, how fast, and how long the
//! peer took from the end of DATA to its 250.
//!
//! The octets are plain SMTP, so the same load goes to any mail server. One thread per session, blocking, without
//! PIPELINING: what is measured is the peer, and the cost here stays small and the same for every peer.

mod message;
mod session;

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use message::Template;
use session::Session;

const USAGE: &str = "usage: load --to HOST:PORT [--sessions N] [--messages N | --seconds N] [--octets N]
            [--mail-from ADDRESS] [--rcpt ADDRESS] [--tag TEXT] [--rate PER_SECOND]

  --messages N   stop after N messages in all      --seconds N  stop after N seconds (the default: 10)
  --octets N     size of one message (10000)       --tag TEXT   first part of every identifier
  --rate N       messages per second in all; without it as fast as the peer answers
  --print        write one message to standard output and stop";

/// What the command line asks for.
struct Plan {
    to: String,
    sessions: u64,
    messages: u64,
    duration: Duration,
    octets: usize,
    mail_from: String,
    rcpt: String,
    tag: String,
    rate: Option<f64>,
    print: bool,
}

fn main() -> ExitCode {
    let plan = match parse(std::env::args().skip(1)) {
        Ok(plan) => plan,
        Err(fault) => {
            eprintln!("load: {fault}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if plan.print {
        let mut template = Template::new(plan.octets, &plan.mail_from, &plan.rcpt, &plan.tag);
        print!("{}", String::from_utf8_lossy(template.with_number(0)));
        return ExitCode::SUCCESS;
    }
    let outcome = run(&plan);
    println!("{}", outcome.to_json());
    if outcome.failed_sessions == 0 && outcome.refused == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Plan, String> {
    let mut plan = Plan {
        to: String::new(),
        sessions: 1,
        messages: u64::MAX,
        duration: Duration::from_secs(10),
        octets: 10_000,
        mail_from: "+15550120001/TYPE=PLMN@mms.peer.test".into(),
        rcpt: "anna@mail.test".into(),
        tag: "load".into(),
        rate: None,
        print: false,
    };
    while let Some(name) = arguments.next() {
        if name == "--print" {
            plan.print = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u64>().map_err(|_| format!("{name}: not a number: {value}"));
        match name.as_str() {
            "--to" => plan.to = value,
            "--sessions" => plan.sessions = number()?.max(1),
            "--messages" => {
                plan.messages = number()?;
                plan.duration = Duration::from_secs(24 * 3600);
            }
            "--seconds" => plan.duration = Duration::from_secs(number()?),
            "--octets" => plan.octets = usize::try_from(number()?).map_err(|fault| fault.to_string())?,
            "--mail-from" => plan.mail_from = value,
            "--rcpt" => plan.rcpt = value,
            "--tag" => plan.tag = value,
            "--rate" => {
                plan.rate = Some(value.parse().map_err(|_| format!("{name}: not a number: {value}"))?)
            }
            _ => return Err(format!("unknown option {name}")),
        }
    }
    if plan.to.is_empty() && !plan.print {
        return Err("--to is missing".into());
    }
    Ok(plan)
}

/// What all sessions together saw.
#[derive(Default)]
struct Outcome {
    accepted: u64,
    refused: u64,
    failed_sessions: u64,
    first_fault: Option<String>,
    seconds: f64,
    /// Time from the end of DATA to its reply, one entry per accepted message, sorted.
    acks: Vec<Duration>,
}

impl Outcome {
    fn to_json(&self) -> String {
        let ack = |permille: usize| {
            let last = self.acks.len().saturating_sub(1);
            let at = (self.acks.len() * permille / 1000).min(last);
            self.acks.get(at).map_or(0.0, |ack| ack.as_secs_f64() * 1000.0)
        };
        format!(
            "{{\"accepted\":{},\"refused\":{},\"failed_sessions\":{},\"fault\":{},\"seconds\":{:.3},\"rate\":{:.1},\
             \"ack_ms\":{{\"p50\":{:.2},\"p90\":{:.2},\"p99\":{:.2},\"max\":{:.2}}}}}",
            self.accepted,
            self.refused,
            self.failed_sessions,
            self.first_fault.as_deref().map_or("null".into(), |fault| format!("{fault:?}")),
            self.seconds,
            self.accepted as f64 / self.seconds.max(0.001),
            ack(500),
            ack(900),
            ack(990),
            ack(1000),
        )
    }
}

/// The numbers of the messages still to send, shared by all sessions, and when each may start.
struct Work {
    next: AtomicU64,
    messages: u64,
    duration: Duration,
    rate: Option<f64>,
}

impl Work {
    /// Takes the next number, after a pause when a rate is set; `None` when the run is over.
    fn take(&self, begin: Instant) -> Option<u64> {
        if begin.elapsed() >= self.duration {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.messages {
            return None;
        }
        if let Some(rate) = self.rate {
            let due = Duration::from_secs_f64(number as f64 / rate);
            if due >= self.duration {
                return None;
            }
            std::thread::sleep(due.saturating_sub(begin.elapsed()));
        }
        Some(number)
    }
}

fn run(plan: &Plan) -> Outcome {
    let work = Arc::new(Work {
        next: AtomicU64::new(0),
        messages: plan.messages,
        duration: plan.duration,
        rate: plan.rate,
    });
    let template = Template::new(plan.octets, &plan.mail_from, &plan.rcpt, &plan.tag);
    // Every session is connected before the clock starts.
    let start =
        Arc::new(Barrier::new(usize::try_from(plan.sessions).unwrap_or(usize::MAX).saturating_add(1)));
    let threads: Vec<_> = (0..plan.sessions)
        .map(|_| {
            let (work, start, mut template) = (Arc::clone(&work), Arc::clone(&start), template.clone());
            let (to, mail_from, rcpt) = (plan.to.clone(), plan.mail_from.clone(), plan.rcpt.clone());
            std::thread::spawn(move || {
                let session = Session::open(&to);
                start.wait();
                let begin = Instant::now();
                let mut outcome = Outcome::default();
                let result = session.and_then(|mut session| {
                    while let Some(number) = work.take(begin) {
                        match session.send(&mail_from, &rcpt, template.with_number(number))? {
                            Ok(ack) => {
                                outcome.accepted += 1;
                                outcome.acks.push(ack);
                            }
                            Err(reply) => {
                                outcome.refused += 1;
                                outcome.first_fault.get_or_insert(reply);
                            }
                        }
                    }
                    session.quit()
                });
                if let Err(fault) = result {
                    outcome.failed_sessions += 1;
                    outcome.first_fault.get_or_insert(fault.to_string());
                }
                outcome
            })
        })
        .collect();
    start.wait();
    let begin = Instant::now();
    let mut total = Outcome::default();
    for thread in threads {
        match thread.join() {
            Ok(outcome) => {
                total.accepted += outcome.accepted;
                total.refused += outcome.refused;
                total.failed_sessions += outcome.failed_sessions;
                total.first_fault = total.first_fault.or(outcome.first_fault);
                total.acks.extend(outcome.acks);
            }
            Err(_) => total.failed_sessions += 1,
        }
    }
    total.seconds = begin.elapsed().as_secs_f64();
    total.acks.sort_unstable();
    total
}
