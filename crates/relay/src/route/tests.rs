#![allow(clippy::unwrap_used, clippy::panic)]

use core::cmp::Reverse;

use super::*;
use alloc::{collections::BTreeMap, string::ToString as _, vec};
use proptest::prelude::*;

fn address(text: &str) -> Address {
    Address::parse(text).unwrap()
}

fn rule(id: &str, order: u32, when: Match) -> Rule {
    let action = Action::Deliver(vec![Target { to: format!("hop-{id}"), order: 0, weight: 1 }]);
    Rule { id: id.into(), order, when, action, limits: StatedLimits::default() }
}

fn prefix(text: &str) -> Match {
    Match { prefix: vec![text.parse().unwrap()], ..Match::default() }
}

fn query<'a>(recipient: &'a Address) -> Query<'a> {
    Query {
        message_id: "m1",
        sender: None,
        recipient,
        peer: None,
        peer_numbers: None,
        interface: Origin::Mm4,
        octets: 0,
    }
}

fn table(rules: Vec<Rule>) -> RouteTable {
    RouteTable::new(NumberRules::default(), rules).unwrap()
}

#[test]
fn order_comes_first_and_then_the_longest_prefix() {
    let table = table(vec![
        rule("default", 100, Match::default()),
        rule("uk", 10, prefix("+44")),
        rule("uk-mobile", 10, prefix("+4477")),
        rule("first", 1, prefix("+44770090")),
    ]);
    let to = |text: &str| table.route(&query(&address(text))).rule.unwrap();
    assert_eq!(to("+447700900001"), "first");
    assert_eq!(to("+447710000001"), "uk-mobile");
    assert_eq!(to("+441632960001"), "uk");
    assert_eq!(to("a@b.example"), "default");
}

#[test]
fn domains_senders_peers_interfaces_and_sizes_are_matched() {
    let table = table(vec![
        rule("below", 1, Match { domain: vec!["*.b.example".parse().unwrap()], ..Match::default() }),
        rule("exact", 1, Match { domain: vec!["x.b.example".parse().unwrap()], ..Match::default() }),
        rule(
            "big",
            2,
            Match { min_octets: Some(1000), from_domain: vec!["*".parse().unwrap()], ..Match::default() },
        ),
        rule(
            "op-a",
            3,
            Match { peer: vec!["op-a".into()], interface: vec![Origin::Mm4], ..Match::default() },
        ),
        rule("short", 4, Match { number: vec!["72??".parse().unwrap()], ..Match::default() }),
    ]);
    let sender = address("s@t.example");
    let (x, y, number) = (address("a@x.b.example"), address("a@y.b.example"), address("7255"));
    assert_eq!(table.route(&query(&x)).rule.as_deref(), Some("exact"));
    assert_eq!(table.route(&query(&y)).rule.as_deref(), Some("below"));
    let big = Query { octets: 1000, sender: Some(&sender), ..query(&number) };
    assert_eq!(table.route(&big).rule.as_deref(), Some("big"));
    let from = Query { peer: Some("op-a"), ..query(&number) };
    assert_eq!(table.route(&from).rule.as_deref(), Some("op-a"));
    let mail = Query { interface: Origin::Mail, ..from };
    assert_eq!(table.route(&mail).rule.as_deref(), Some("short"));
}

#[test]
fn what_no_rule_wants_has_no_route() {
    let table = table(vec![rule("uk", 0, prefix("+44"))]);
    let decision = table.route(&query(&address("+15550120001")));
    assert!(matches!(decision.verdict, Verdict::Reject(refusal) if refusal.reason == Reason::NoRoute));
}

#[test]
fn an_explanation_names_every_rule_tried_and_why() {
    let numbers = NumberRules::parse("+44,0044,0").unwrap();
    let mut held = rule("held", 2, prefix("+4477"));
    held.action = Action::Hold;
    let when = Match { peer: vec!["op-a".into(), "op-c".into()], ..Match::default() };
    let rules = vec![rule("uk", 2, prefix("+44")), held, rule("us", 1, prefix("+1")), rule("a", 1, when)];
    let table = RouteTable::new(numbers, rules).unwrap();
    let recipient = address("07700900001");
    let query = Query { peer: Some("op-b"), ..query(&recipient) };
    let explanation = table.explain(&query);
    assert_eq!(explanation.normalised, ["07700900001 becomes +447700900001: rules of the table, 0 is +44"]);
    let lines: Vec<String> =
        explanation.trials.iter().map(|t| format!("{} {} {}", t.rule, t.matched, t.why)).collect();
    assert_eq!(
        lines,
        [
            "us false recipient +447700900001 is not +1\u{2026}",
            "a false came from op-b, wants op-a or op-c",
            "uk false matches, but held of the same order says more or stands before it",
            "held true recipient +447700900001 begins with +4477",
        ]
    );
    assert_eq!(explanation.decision.verdict, Verdict::Hold);
    assert_eq!(explanation.decision.recipient.to_string(), "+447700900001");
    assert_eq!(explanation.decision, table.route(&query));
}

#[test]
fn a_peers_number_rules_come_before_those_of_the_table() {
    let table =
        RouteTable::new(NumberRules::parse("+1,1").unwrap(), vec![rule("us", 0, prefix("+1"))]).unwrap();
    let peer = NumberRules::parse("1,91").unwrap();
    let recipient = address("915550120001");
    let decision = table.route(&Query { peer_numbers: Some(&peer), ..query(&recipient) });
    assert_eq!(decision.recipient.to_string(), "+15550120001");
    assert_eq!(decision.rule.as_deref(), Some("us"));
}

#[test]
fn faults_of_a_table_come_all_at_once() {
    let mut empty = rule("b", 0, Match::default());
    empty.action = Action::Deliver(Vec::new());
    let rules = vec![rule("a", 0, Match::default()), rule("a", 1, Match::default()), empty];
    assert_eq!(
        RouteTable::new(NumberRules::default(), rules).unwrap_err(),
        [TableFault::DuplicateRule("a".into()), TableFault::NoTarget("b".into())]
    );
}

#[test]
fn failover_goes_by_order_and_waits_at_the_best() {
    let target = |to: &str, order| Target { to: to.into(), order, weight: 1 };
    let hops = ranked(&[target("c", 2), target("a", 0), target("b", 1)], "m1");
    assert_eq!(hops, ["a", "b", "c"]);
    assert_eq!(choose(&hops, |hop| hop != "a"), Some("b"));
    assert_eq!(choose(&hops, |_| false), Some("a"));
    assert_eq!(choose(&[], |_| true), None);
}

#[test]
fn weights_are_kept_over_many_messages() {
    let target = |to: &str, weight| Target { to: to.into(), order: 0, weight };
    let targets = [target("reserve", 0), target("a", 70), target("b", 20), target("c", 10)];
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    for i in 0..20_000 {
        let hops = ranked(&targets, &format!("<msg-{i}@op-a.example>"));
        assert_eq!(hops.len(), 4);
        assert_eq!(hops.last().unwrap(), "reserve");
        *first.entry(hops.first().unwrap().clone()).or_insert(0) += 1;
        if hops.first().unwrap() == "a" {
            *second.entry(hops.get(1).unwrap().clone()).or_insert(0) += 1;
        }
    }
    let share = |counts: &BTreeMap<String, i32>, hop: &str| counts.get(hop).copied().unwrap_or(0);
    assert!((13_700..14_300).contains(&share(&first, "a")), "{first:?}");
    assert!((3_800..4_200).contains(&share(&first, "b")), "{first:?}");
    let ratio = f64::from(share(&second, "b")) / f64::from(share(&second, "c"));
    assert!((1.8..2.2).contains(&ratio), "{second:?}");
}

#[test]
fn a_message_makes_the_same_choice_again() {
    let target = |to: &str| Target { to: to.into(), order: 0, weight: 1 };
    let targets = [target("a"), target("b"), target("c")];
    assert_eq!(ranked(&targets, "m1"), ranked(&targets, "m1"));
}

fn condition() -> impl Strategy<Value = Match> {
    let prefixes = proptest::collection::vec("\\+?[12]{1,3}", 0..3);
    let numbers = proptest::collection::vec("[12?*]{1,4}", 0..2);
    let domains = proptest::sample::subsequence(vec!["*", "*.b.test", "a.b.test", "b.test"], 0..3);
    (prefixes, numbers, domains, any::<bool>()).prop_map(|(prefixes, numbers, domains, any)| {
        let mut when = Match::default();
        if !any {
            when.prefix = prefixes.iter().map(|text| text.parse().unwrap()).collect();
            when.number = numbers.iter().map(|text| text.parse().unwrap()).collect();
            when.domain = domains.iter().map(|text| text.parse().unwrap()).collect();
        }
        when
    })
}

proptest! {
    #[test]
    fn prefix_routing_agrees_with_looking_at_every_rule(
        rules in proptest::collection::vec(("\\+?[12]{0,4}", 0u32..3), 1..30),
        number in "\\+?[12]{1,6}",
    ) {
        let rules: Vec<(String, u32)> = rules.into_iter().filter(|(p, _)| !p.is_empty()).collect();
        let recipient = address(&number);
        let expected = rules
            .iter()
            .enumerate()
            .filter(|(_, (prefix, _))| number.starts_with(prefix.as_str()))
            .min_by_key(|(i, (prefix, order))| (*order, Reverse(prefix.len()), *i))
            .map(|(i, _)| i.to_string());
        let compiled = rules.iter().enumerate().map(|(i, (p, order))| rule(&i.to_string(), *order, prefix(p)));
        let table = table(compiled.collect());
        let explanation = table.explain(&query(&recipient));
        prop_assert_eq!(&explanation.decision, &table.route(&query(&recipient)));
        prop_assert_eq!(explanation.trials.iter().find(|t| t.matched).map(|t| t.rule.clone()), expected.clone());
        prop_assert_eq!(explanation.decision.rule, expected);
    }

    #[test]
    fn the_index_passes_over_no_rule_that_matches(
        conditions in proptest::collection::vec((condition(), 0u32..3), 1..12),
        recipient in proptest::sample::select(vec!["+12", "12", "2", "+2121", "x@a.b.test", "x@b.test", "x@c.test", "Shop"]),
    ) {
        let recipient = address(recipient);
        let query = query(&recipient);
        let rules = conditions.into_iter().enumerate().map(|(i, (when, order))| rule(&i.to_string(), order, when));
        let table = table(rules.collect());
        let slow = table
            .rules()
            .iter()
            .enumerate()
            .filter_map(|(i, rule)| rule.when.weigh(&query).ok().map(|weight| (rule.order, Reverse(weight), i, &rule.id)))
            .min()
            .map(|(.., id)| id.clone());
        prop_assert_eq!(table.route(&query).rule, slow);
    }
}

#[test]
fn a_rule_is_read_as_an_operator_writes_it() {
    let read = |text: &str| toml::from_str::<Rule>(text).map_err(|fault| fault.message().to_string());
    let full = read(
        r#"
        id = "to-op-b"
        order = 10
        match = { prefix = "+44", domain = ["*.b.example", "c.example"], interface = "mail", peer = "op-a" }
        action = { deliver = [{ to = "op-b", weight = 3 }, { to = "hub", order = 1 }] }
        limits = { max_octets = 300000 }
        "#,
    )
    .unwrap();
    assert_eq!(full.when.domain.len(), 2);
    assert_eq!(full.when.interface, [Origin::Mail]);
    assert_eq!(full.limits.max_octets, Some(300_000));
    let hub = Target { to: "hub".into(), order: 1, weight: 1 };
    assert!(matches!(full.action, Action::Deliver(targets) if targets.get(1) == Some(&hub)));
    assert_eq!(read("id = 'x'\naction = 'hold'").unwrap().action, Action::Hold);
    let reject = read("id = 'x'\naction = { reject = 'not-permitted' }").unwrap();
    assert_eq!(reject.action, Action::Reject(Reason::NotPermitted));
    for (text, wanted) in [
        ("id = 'x'\naction = 'hold'\nmatch = { prefx = '+1' }", "unknown field `prefx`"),
        ("id = 'x'\naction = 'hold'\nmatch = { prefix = '+1x' }", "wanted `+` or a digit at position 3"),
        ("id = 'x'\naction = { reject = 'because' }", "`because` is no reason"),
        ("id = 'x'\naction = 'hold'\nmatch = { interface = 'mm9' }", "unknown variant `mm9`"),
        ("id = 'x'\naction = 'hold'\nmatch = { prefix = 1 }", "a text or a list of texts"),
    ] {
        let fault = read(text).unwrap_err();
        assert!(fault.contains(wanted), "{fault}");
    }
}
