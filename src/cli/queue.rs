//! `cedrat queue`: what waits, why, and the operator's hand on it. Works on the store beside a
//! running gateway; what a gateway is sending at the moment is never touched.

use std::path::PathBuf;

use serde_json::json;

use super::{Failure, load, runtime, say};
use crate::{
    clock,
    events::{Event, Events},
    record,
    server::store_settings,
    store::{Change, Filter, Op, Role, Row, State, Store, StoreError, Trace},
};

/// Rows fetched at once.
const PAGE: u32 = 500;

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat queue --config cedrat.toml list
  cedrat queue --config cedrat.toml list --dest op-b --state waiting --json
  cedrat queue --config cedrat.toml show 18f3a2
  cedrat queue --config cedrat.toml hold --dest op-b --reason 'peer asked for a pause'
  cedrat queue --config cedrat.toml release --dest op-b --reason 'peer is back'
  cedrat queue --config cedrat.toml retry 18f3a2 --reason 'fixed their address'
  cedrat queue --config cedrat.toml delete 18f3a2 --reason 'sender asked for it'")]
pub(super) struct Args {
    /// The configuration, for the store
    #[arg(long, value_name = "FILE", env = "CEDRAT_CONFIG")]
    config: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Remove deliveries without a report to the sender
    Delete(Selection),
    /// Set waiting deliveries aside
    Hold(Selection),
    /// One line for each delivery: number, state, destination, recipient, tries, when due, why it waits
    List {
        #[command(flatten)]
        filter: Wanted,
        /// One JSON object a line, with whole addresses
        #[arg(long)]
        json: bool,
    },
    /// Let held deliveries go
    Release(Selection),
    /// Try waiting deliveries now
    Retry(Selection),
    /// A message and its life so far; takes the number of a message or of a delivery
    Show {
        /// The number, hexadecimal
        id: String,
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Selection {
    #[command(flatten)]
    filter: Wanted,
    /// Why; kept in the trace of each message
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Really all deliveries, when nothing else selects
    #[arg(long)]
    all: bool,
}

#[derive(Debug, clap::Args)]
struct Wanted {
    /// Numbers of deliveries, hexadecimal
    ids: Vec<String>,
    /// To this destination
    #[arg(long, value_name = "NAME")]
    dest: Option<String>,
    /// To this recipient
    #[arg(long, value_name = "ADDRESS")]
    rcpt: Option<String>,
    /// In this state
    #[arg(long, value_parser = ["waiting", "claimed", "awaiting", "held"])]
    state: Option<String>,
    /// Of this message, hexadecimal
    #[arg(long, value_name = "ID")]
    message: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Result<Filter, Failure> {
        let ids = self.ids.iter().map(|id| number(id)).collect::<Result<Vec<_>, _>>()?;
        Ok(Filter {
            ids: if ids.is_empty() { None } else { Some(ids) },
            dest: self.dest.clone(),
            rcpt: self.rcpt.clone(),
            state: self.state.as_deref().map(|state| match state {
                "claimed" => State::Claimed,
                "awaiting" => State::Awaiting,
                "held" => State::Held,
                _ => State::Waiting,
            }),
            message: self.message.as_deref().map(number).transpose()?,
        })
    }

    fn is_everything(&self) -> bool {
        self.ids.is_empty()
            && self.dest.is_none()
            && self.rcpt.is_none()
            && self.state.is_none()
            && self.message.is_none()
    }
}

fn number(text: &str) -> Result<i64, Failure> {
    i64::from_str_radix(text, 16).map_err(|_| format!("{text:?} is not a number of the queue").into())
}

const fn state_name(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Claimed => "claimed",
        State::Awaiting => "awaiting",
        State::Held => "held",
    }
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let (config, _) = load(&args.config)?;
    runtime()?.block_on(async {
        let mut settings = store_settings(&config).map_err(Failure::from)?;
        settings.role = Role::Operator;
        let store = Store::open(settings).await.map_err(told)?;
        let done = verb(&store, &args.verb).await;
        store.close().await;
        done
    })
}

fn told(fault: StoreError) -> Failure {
    fault.to_string().into()
}

async fn verb(store: &Store, verb: &Verb) -> Result<(), Failure> {
    match verb {
        Verb::List { filter, json } => list(store, &filter.filter()?, *json).await,
        Verb::Show { id, json } => show(store, number(id)?, *json).await,
        Verb::Hold(selection) => change(store, selection, Some(Change::Hold), "hold").await,
        Verb::Release(selection) => change(store, selection, Some(Change::Release), "release").await,
        Verb::Retry(selection) => change(store, selection, Some(Change::Retry), "retry").await,
        Verb::Delete(selection) => change(store, selection, None, "delete").await,
    }
}

async fn list(store: &Store, filter: &Filter, json: bool) -> Result<(), Failure> {
    let mut after = 0;
    loop {
        let rows = store.list(filter, after, PAGE).await.map_err(told)?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.fence.delivery;
        for row in &rows {
            say(&if json { json_row(row).to_string() } else { text_row(row) });
        }
    }
}

fn json_row(row: &Row) -> serde_json::Value {
    json!({
        "delivery": format!("{:x}", row.fence.delivery),
        "message": format!("{:x}", row.message),
        "state": state_name(row.state),
        "dest": row.dest,
        "rcpt": row.rcpt,
        "tries": row.tries,
        "uncertain": row.uncertain,
        "due": cedrat_wire_mms::date::rfc3339(row.due),
        "expires": cedrat_wire_mms::date::rfc3339(row.expires),
        "owner": row.owner,
        "reply": row.reply,
    })
}

fn text_row(row: &Row) -> String {
    format!(
        "{:x}  {:<8}  {}  {}  tries={}  due={}  {}",
        row.fence.delivery,
        state_name(row.state),
        row.dest,
        row.rcpt,
        row.tries,
        cedrat_wire_mms::date::rfc3339(row.due),
        row.reply
    )
}

async fn show(store: &Store, id: i64, json: bool) -> Result<(), Failure> {
    let by_delivery = Filter { ids: Some(vec![id]), ..Filter::default() };
    let delivery = store.list(&by_delivery, 0, 1).await.map_err(told)?.into_iter().next();
    let message = delivery.map_or(id, |row| row.message);
    let stored = store.message(message).await.map_err(told)?;
    let trace = store.trace(message).await.map_err(told)?;
    if stored.is_none() && trace.is_empty() {
        return Err(format!("{id:x} is neither a message nor a delivery here").into());
    }
    if let Some(stored) = &stored {
        let envelope = record::read::<serde_json::Value>(&stored.envelope).unwrap_or_default();
        if json {
            say(&json!({
                "message": format!("{message:x}"), "received": cedrat_wire_mms::date::rfc3339(stored.received),
                "peer": stored.peer, "protocol": stored.protocol, "message_id": stored.message_id,
                "octets": stored.octets, "envelope": envelope,
            }).to_string());
        } else {
            say(&format!(
                "message {message:x} from {} ({}) at {}, {} octets, Message-ID {}",
                stored.peer,
                stored.protocol,
                cedrat_wire_mms::date::rfc3339(stored.received),
                stored.octets,
                stored.message_id
            ));
            say(&format!("  envelope {envelope}"));
        }
    }
    let of_message = Filter { message: Some(message), ..Filter::default() };
    for row in store.list(&of_message, 0, PAGE).await.map_err(told)? {
        say(&if json { json_row(&row).to_string() } else { format!("  {}", text_row(&row)) });
    }
    for one in trace {
        let at = cedrat_wire_mms::date::rfc3339(one.at);
        say(&if json {
            format!("{{\"at\":\"{at}\",\"event\":{}}}", one.event)
        } else {
            format!("  {at}  {}", one.event)
        });
    }
    Ok(())
}

async fn change(
    store: &Store,
    selection: &Selection,
    change: Option<Change>,
    action: &'static str,
) -> Result<(), Failure> {
    if selection.filter.is_everything() && !selection.all {
        return Err(format!("{action} needs a selection; --all means every delivery").into());
    }
    let filter = selection.filter.filter()?;
    let now = clock::now();
    let mut rows = Vec::new();
    let mut after = 0;
    loop {
        let page = store.list(&filter, after, PAGE).await.map_err(told)?;
        let Some(last) = page.last() else { break };
        after = last.fence.delivery;
        rows.extend(page);
    }
    let count = match change {
        Some(change) => store.change(&filter, change, now.0).await.map_err(told)?,
        None => {
            rows = store.delete(&filter).await.map_err(told)?;
            rows.len() as u64
        }
    };
    let mut op = Op::at(now.0);
    for row in &rows {
        let event =
            Event::AdminAction { delivery: row.fence.delivery, action, reason: selection.reason.clone() };
        op = op.trace(Trace { message: row.message, at: now.0, event: Events::trace(&event) });
    }
    if !rows.is_empty() {
        store.submit(op).await.map_err(told)?;
    }
    say(&format!("{count} {action}"));
    Ok(())
}
