//! `[[route]]` → [`Rule`].

use cedrat_message::{Origin, Reason};
use cedrat_relay::{
    limit::StatedLimits,
    route::{Action, Match, Rule, Target},
};
use toml::de::DeValue;

use super::load::{from_str, small, values};
use super::read::{Table, hint};

pub(super) fn rule(table: Table<'_, '_>) -> Rule {
    let id = table.text("id").map(|at| at.value);
    let order = table.number("order").map_or(100, |at| small(at.value));
    let when = conditions(table.table("match"));
    let targets = targets(&table);
    let id = id.unwrap_or_else(|| named_after(&targets, &table));
    let reject = table.parsed("reject", |text| {
        let tokens: Vec<&str> = Reason::ALL.iter().map(|reason| reason.token()).collect();
        Reason::read(text).ok_or_else(|| {
            format!("{text:?} is not a reason{}; the reasons: {}", hint(text, &tokens), tokens.join(", "))
        })
    });
    let hold = table.flag("hold").unwrap_or(false);
    let action = match (targets.is_empty(), reject, hold) {
        (false, None, false) => Action::Deliver(targets),
        (true, Some(reason), false) => Action::Reject(reason.value),
        (true, None, true) => Action::Hold,
        _ => {
            table.fault(format!(
                "`route` {id:?} needs exactly one of `to = [\"peer\"]`, `reject = \"reason\"` and `hold = true`"
            ));
            Action::Hold
        }
    };
    table.finish();
    Rule { id, order, when, action, limits: StatedLimits::default() }
}

/// The name of a rule that has none: where it leads to.
fn named_after(targets: &[Target], table: &Table<'_, '_>) -> String {
    match targets.first() {
        Some(first) => format!("to-{}", first.to),
        None => table.required("id", "\"to-op-b\"").value,
    }
}

fn conditions(table: Table<'_, '_>) -> Match {
    let when = Match {
        prefix: values(table.parsed_list("prefix", from_str)),
        number: values(table.parsed_list("pattern", from_str)),
        domain: values(table.parsed_list("domain", from_str)),
        from_prefix: values(table.parsed_list("from_prefix", from_str)),
        from_domain: values(table.parsed_list("from_domain", from_str)),
        peer: table.texts("peer").into_iter().map(|at| at.value).collect(),
        interface: values(table.parsed_list("origin", |text| match text {
            "mail" => Ok(Origin::Mail),
            "mm4" => Ok(Origin::Mm4),
            other => Err(format!("{other:?} is not one of mail, mm4")),
        })),
        min_octets: table.octets("min_octets").map(|at| at.value),
        max_octets: table.octets("max_octets").map(|at| at.value),
    };
    table.finish();
    when
}

/// `to = ["a", { peer = "b", weight = 2, order = 1 }]`: plain names are an order of failover,
/// tables of one order share the load.
fn targets(table: &Table<'_, '_>) -> Vec<Target> {
    let mut targets = Vec::new();
    for (position, (value, at)) in table.list("to").into_iter().enumerate() {
        let place = u16::try_from(position).unwrap_or(u16::MAX);
        match value {
            DeValue::String(name) => targets.push(Target { to: name.to_string(), order: place, weight: 1 }),
            DeValue::Table(map) => {
                let entry = table.below("to", map, at);
                let order = entry.number("order").map_or(0, |v| u16::try_from(v.value).unwrap_or(u16::MAX));
                let weight = entry.number("weight").map_or(1, |v| u16::try_from(v.value).unwrap_or(u16::MAX));
                targets.push(Target { to: entry.required("peer", "\"op-b\"").value, order, weight });
                entry.finish();
            }
            other => table.fault_at(
                at,
                format!(
                    "`route.to` holds names of peers or {{ peer = \"a\", weight = 2 }}, not {}",
                    other.type_str()
                ),
            ),
        }
    }
    targets
}
