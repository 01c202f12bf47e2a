use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::quirks::AddressForm;

fn address(local: &str, kind: AddressKind, domain: Option<&str>) -> MmsAddress {
    MmsAddress { local: local.to_string(), kind, domain: domain.map(ToString::to_string), display: None }
}

fn path(text: &str) -> MmsAddress {
    match envelope(text) {
        Envelope::Address(address) => address,
        Envelope::Null => panic!("{text} is no null path"),
    }
}

#[test]
fn every_envelope_shape_seen_is_read() {
    use AddressKind::{Ipv4, Ipv6, Mail, Plmn, Unspecified};
    assert_eq!(envelope("<>"), Envelope::Null);
    assert_eq!(envelope(" < > "), Envelope::Null);
    for (text, wanted) in [
        ("<7255>", address("7255", Unspecified, None)),
        ("<7255/TYPE=PLMN>", address("7255", Plmn, None)),
        ("7255/type=plmn", address("7255", Plmn, None)),
        ("<+15550120001/TYPE=PLMN@mms.peer.test>", address("+15550120001", Plmn, Some("mms.peer.test"))),
        ("<\"+15550120001/TYPE=PLMN\"@mms.peer.test>", address("+15550120001", Plmn, Some("mms.peer.test"))),
        ("<+15550120001@mms.peer.test>", address("+15550120001", Unspecified, Some("mms.peer.test"))),
        ("<user@host.test>", address("user", Mail, Some("host.test"))),
        ("<\"john doe\"@host.test>", address("john doe", Mail, Some("host.test"))),
        ("<\"a@b\"@host.test>", address("a@b", Mail, Some("host.test"))),
        ("<@relay.test,@hub.test:user@host.test>", address("user", Mail, Some("host.test"))),
        ("system-user", address("system-user", Unspecified, None)),
        ("<192.0.2.7/TYPE=IPv4@mms.peer.test>", address("192.0.2.7", Ipv4, Some("mms.peer.test"))),
        ("<2001:db8::1/Type=IPv6>", address("2001:db8::1", Ipv6, None)),
        ("<sms/x/TYPE=ESN>", address("sms/x", AddressKind::Other("ESN".into()), None)),
    ] {
        assert_eq!(path(text), wanted, "{text}");
    }
}

#[test]
fn header_lists_are_read_in_every_shape() {
    let value = "+15550120001/TYPE=PLMN, +15550120002, \"Doe, Jane\" <+15550120003/TYPE=PLMN@mms.peer.test>,\
        =?utf-8?q?J=C3=BCrgen?= <j@host.test>,, <7255>, +15550120002 (again), PostMaster";
    let all = list(value);
    let locals: Vec<_> = all.iter().map(|one| one.local.as_str()).collect();
    assert_eq!(
        locals,
        ["+15550120001", "+15550120002", "+15550120003", "j", "7255", "+15550120002", "PostMaster"]
    );
    assert_eq!(all[2].display.as_deref(), Some("Doe, Jane"));
    assert_eq!(all[3].display.as_deref(), Some("=?utf-8?q?J=C3=BCrgen?="));
    assert_eq!(all[3].kind, AddressKind::Mail);
}

#[test]
fn a_system_and_party_pair_is_the_party_at_the_system() {
    let one = one("system=mmsc.example.net;party=+12025550100").unwrap();
    assert_eq!(one, address("+12025550100", AddressKind::Unspecified, Some("mmsc.example.net")));
    assert_eq!(list("system=h.test;party=7255/TYPE=PLMN, x@y.test").len(), 2);
}

#[test]
fn a_name_without_brackets_and_a_number_cut_by_a_fold_are_read() {
    let named = one("Jane Doe +15550120001/TYPE=PLMN").unwrap();
    assert_eq!((named.local.as_str(), named.display.as_deref()), ("+15550120001", Some("Jane Doe")));
    assert_eq!(one("\"Doe, J\" j@host.test").unwrap().display.as_deref(), Some("Doe, J"));
    assert_eq!(one("\"A\\\" b\"@host.test"), Some(MmsAddress::mail("A\" b", "host.test")));
    assert_eq!(one("+1555012 0001/TYPE=PLMN"), Some(MmsAddress::plmn("+15550120001")));
    assert_eq!(one("\"+15550120001\"/TYPE=PLMN"), Some(MmsAddress::plmn("+15550120001")));
}

#[test]
fn groups_and_semicolons_separate() {
    assert_eq!(list("undisclosed-recipients:;"), []);
    let members = list("Family: +15550120001, +15550120002;");
    assert_eq!(members.len(), 2);
    assert_eq!(members[0].local, "+15550120001");
    assert_eq!(list("+15550120001; +15550120002").len(), 2);
    assert_eq!(list("fe80::1/TYPE=IPv6")[0].kind, AddressKind::Ipv6);
}

#[test]
fn junk_is_kept_as_text() {
    for text in ["john doe", "@", "/TYPE=PLMN", "a@b c", "\"", "<"] {
        if let Some(one) = one(text) {
            assert!(
                matches!(one.kind, AddressKind::Other(ref token) if token.is_empty())
                    || one.kind == AddressKind::Unspecified,
                "{one:?}"
            );
        }
    }
    assert_eq!(one("john doe").unwrap().local, "john doe");
    assert_eq!(list("\"unclosed, +15550120002").len(), 2);
    assert_eq!(one("  "), None);
}

#[test]
fn the_form_of_the_peer_decides_how_a_number_is_written() {
    let bare = one("+15550120001").unwrap();
    assert_eq!(bare.written(AddressForm::E164, "mms.own.test"), "+15550120001");
    assert_eq!(bare.written(AddressForm::E164Plmn, "mms.own.test"), "+15550120001/TYPE=PLMN");
    assert_eq!(
        bare.written(AddressForm::E164PlmnDomain, "mms.own.test"),
        "+15550120001/TYPE=PLMN@mms.own.test"
    );
    let there = MmsAddress::plmn("+15550120001").at("mms.peer.test");
    assert_eq!(
        there.written(AddressForm::E164PlmnDomain, "mms.own.test"),
        "+15550120001/TYPE=PLMN@mms.peer.test"
    );
    assert_eq!(
        MmsAddress::mail("john doe", "host.test").written(AddressForm::E164, "x"),
        "\"john doe\"@host.test"
    );
    assert_eq!(one("system-user").unwrap().written(AddressForm::E164Plmn, "x"), "system-user");
    assert_eq!(there.envelope(Some("mms.next.test")), "<+15550120001/TYPE=PLMN@mms.next.test>");
    assert_eq!(there.envelope(None), "<+15550120001/TYPE=PLMN>");
    assert_eq!(one("system-user").unwrap().envelope(Some("own.test")), "<system-user@own.test>");
}

#[test]
fn an_address_cannot_leave_its_path() {
    let evil = MmsAddress::mail("a> <b\r\nRCPT TO:", "h.test>\r\nDATA");
    assert_eq!(evil.envelope(None), "<\"a> <bRCPT TO:\"@h.testDATA>");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC{0,120}", near in "[+0-9a-z/=TYPELMN@<>\"\\\\(),;: ]{0,80}") {
        for text in [text, near] {
            let _ = (envelope(&text), list(&text), one(&text));
        }
    }

    #[test]
    fn what_is_written_is_read_back(
        local in "[!-~]([ -~]{0,20}[!-~])?",
        domain in "[a-z]{1,8}\\.test",
        number in "\\+?[0-9]{3,15}",
    ) {
        prop_assume!(!local.to_ascii_lowercase().contains("/type="));
        for one in [
            MmsAddress::plmn(number.clone()),
            MmsAddress::plmn(number.clone()).at(domain.clone()),
            MmsAddress { local: number.clone(), kind: AddressKind::Ipv4, domain: None, display: None },
        ] {
            prop_assert_eq!(path(&one.envelope(one.domain.as_deref())), one.clone());
        }
        let mail = MmsAddress::mail(local, domain);
        prop_assume!(!is_number(&mail.local));
        prop_assert_eq!(path(&mail.envelope(None)), mail.clone());
        prop_assert_eq!(list(&mail.written(AddressForm::E164Plmn, "")), alloc::vec![mail]);
    }
}

#[test]
fn a_quarter_megabyte_of_junk_takes_linear_time() {
    for unit in ["\"", "<", "(", ",", "/TYPE=", "@", "a,\"", "system=;", "\\", "<,", "(,", "\",\"\",\","] {
        let text = unit.repeat((1 << 18) / unit.len());
        let _ = (list(&text), envelope(&text));
    }
}
