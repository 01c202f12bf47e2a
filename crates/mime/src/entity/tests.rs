#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "how long a refusal takes is measured here"
)]

extern crate std;

use alloc::format;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn parse(octets: &str) -> Message {
    walk(&Bytes::copy_from_slice(octets.as_bytes()), &Limits::default()).unwrap()
}

fn bodies(message: &Message) -> Vec<&str> {
    message.leaves().map(|(_, node)| core::str::from_utf8(&node.body).unwrap()).collect()
}

const NESTED: &str = "Content-Type: multipart/mixed; boundary=abc\r\n\r\npreamble\r\n--abc\r\n\r\none\r\n\
    --abc\r\nContent-Type: multipart/related; boundary=\"abc-d\"\r\n\r\n--abc-d\r\nContent-Type: image/gif\r\n\r\n\
    two\r\n--abc-d--\r\nepilogue of the inner one\r\n--abc\r\nX: y\r\n--abc-- \t\r\nepilogue\r\n";

#[test]
fn parts_are_exact_slices_and_boundaries_may_begin_alike() {
    let message = parse(NESTED);
    assert_eq!(bodies(&message), ["one", "two", ""]);
    let depths: Vec<_> = message.nodes().map(|(_, node)| (node.parent, node.depth)).collect();
    assert_eq!(depths, [(None, 0), (Some(0), 1), (Some(0), 1), (Some(2), 2), (Some(0), 1)]);
    assert!(message.nodes().all(|(_, node)| node.damage.is_none()));
    assert_eq!(&message.node(3).unwrap().octets[..], b"Content-Type: image/gif\r\n\r\ntwo");
    assert_eq!(message.node(4).unwrap().headers.first("x"), Some("y"), "headers may end at a delimiter");
    assert_eq!(message.children(message.root()).count(), 3);
}

#[test]
fn bare_line_feeds_divide_as_well() {
    assert_eq!(bodies(&parse(&NESTED.replace('\r', ""))), ["one", "two", ""]);
}

#[test]
fn the_example_of_rfc_2046_has_its_two_parts() {
    let example = "From: Nathaniel Borenstein <nsb@bellcore.com>\nMIME-Version: 1.0\nContent-type: multipart/mixed; \
        boundary=\"simple boundary\"\n\nThis is the preamble.\n\n--simple boundary\n\nThis is implicitly typed plain \
        US-ASCII text.\nIt does NOT end with a linebreak.\n--simple boundary\nContent-type: text/plain; \
        charset=us-ascii\n\nThis is explicitly typed plain US-ASCII text.\nIt DOES end with a linebreak.\n\n\
        --simple boundary--\n\nThis is the epilogue.  It is also to be ignored.\n";
    let message = parse(example);
    let bodies = bodies(&message);
    assert_eq!(bodies.len(), 2);
    assert!(bodies[0].ends_with("NOT end with a linebreak."));
    assert!(bodies[1].ends_with("DOES end with a linebreak.\n"));
}

#[test]
fn broken_structure_is_read_and_marked() {
    let cut = parse("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntw");
    assert_eq!((bodies(&cut), cut.root().damage), (vec!["one", "tw"], Some(Damage::Unterminated)));
    let inner_cut = parse(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\none\n\
        --b\n\ntwo\n--b--\n",
    );
    assert_eq!(bodies(&inner_cut), ["one", "two"]);
    assert_eq!(inner_cut.node(1).unwrap().damage, Some(Damage::Unterminated));
    assert_eq!(inner_cut.root().damage, None);
    let unnamed = parse("Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n");
    assert_eq!(unnamed.root().damage, Some(Damage::MissingBoundary));
    assert_eq!(bodies(&unnamed), ["--b\n\none\n--b--\n"]);
    let none = parse("Content-Type: multipart/mixed; boundary=b\n\ntext");
    assert_eq!((bodies(&none), none.root().damage), (vec!["text"], Some(Damage::NoParts)));
}

#[test]
fn the_same_boundary_twice_belongs_to_the_inner_one_first() {
    let message = parse(
        "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=b\n\n\
        --b\n\none\n--b--\n--b\n\ntwo\n--b--\n",
    );
    assert_eq!(bodies(&message), ["one", "two"]);
    assert!(message.nodes().all(|(_, node)| node.damage.is_none()));
}

#[test]
fn names_and_ids_come_without_their_wrapping() {
    let message = parse(
        "Content-Type: image/jpeg; Name=\"C:\\pics\\a b.jpg\"\nContent-ID:\"<0.smil>\"\nContent-Location: \"x.jpg\"\n\
        Content-Disposition: ATTACHMENT\nContent-Transfer-Encoding: BASE64\n\nZm9v\n",
    );
    let node = message.root();
    assert_eq!(node.filename(), Some("a b.jpg"));
    assert_eq!(node.content_id.as_deref(), Some("0.smil"));
    assert_eq!(node.content_location.as_deref(), Some("x.jpg"));
    assert!(node.is_attachment());
    assert_eq!(node.decoded().octets, "foo");
}

#[test]
fn a_message_inside_is_entered_only_when_asked() {
    let octets = Bytes::from_static(
        b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: in\nContent-Type: multipart/mixed; boundary=c\n\n\
        --c\n\none\n--c--\n--b--\n",
    );
    let closed = walk(&octets, &Limits::default()).unwrap();
    assert_eq!(closed.leaves().count(), 1);
    assert_eq!(closed.node(1).unwrap().content_type.essence, "message/rfc822");
    let entered = walk_into_messages(&octets, &Limits::default()).unwrap();
    assert_eq!(bodies(&entered), ["one"]);
    assert_eq!(entered.node(2).unwrap().headers.first("subject"), Some("in"));
}

#[test]
fn a_hundred_thousand_levels_are_refused_at_once() {
    let messages = "Content-Type: message/rfc822\n\n".repeat(100_000);
    let multiparts: String = (0..100_000)
        .map(|level| format!("Content-Type: multipart/mixed; boundary=b{level}\n\n--b{level}\n"))
        .collect();
    let started = Instant::now();
    for octets in [Bytes::from(messages), Bytes::from(multiparts)] {
        let error = walk_into_messages(&octets, &Limits::default()).unwrap_err();
        assert_eq!(error.kind, Kind::TooDeep);
    }
    assert!(started.elapsed() < Duration::from_secs(1));
}

#[test]
fn the_other_limits_hold_over_all_parts_together() {
    let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(1001));
    let error = walk(&Bytes::from(parts), &Limits::default()).unwrap_err();
    assert_eq!(error.kind, Kind::TooManyParts);
    let part = ["--b\n", &"X:\n".repeat(900), "\n"].concat();
    let headers = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", part.repeat(20));
    let error = walk(&Bytes::from(headers), &Limits::default()).unwrap_err();
    assert_eq!(error.kind, Kind::TooManyHeaders);
    let part = format!("--b\nX: {}\n\nx\n", "y".repeat(60_000));
    let headers = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", part.repeat(20));
    let error = walk(&Bytes::from(headers), &Limits::default()).unwrap_err();
    assert_eq!(error.kind, Kind::HeadersTooLarge);
}

#[test]
fn lines_that_look_like_delimiters_cost_linear_time() {
    let boundary = "a".repeat(60_000);
    let text = format!("--{}\n", "a".repeat(59_999)).repeat(300);
    let octets = Bytes::from(format!("Content-Type: multipart/mixed; boundary={boundary}\n\n{text}"));
    let started = Instant::now();
    assert_eq!(walk(&octets, &Limits::default()).unwrap().root().damage, Some(Damage::NoParts));
    let octets =
        Bytes::from(format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--\n".repeat(1_000_000)));
    assert!(walk(&octets, &Limits::default()).is_ok());
    assert!(started.elapsed() < Duration::from_secs(20));
}

proptest! {
    #[test]
    fn any_sequence_of_odd_lines_is_walked_within_the_input(lines in prop::collection::vec(prop::sample::select(vec![
        "Content-Type: multipart/mixed; boundary=a", "Content-Type: multipart/digest; boundary=ab",
        "Content-Type: message/rfc822", "Content-Type: text/plain", "", "--a", "--ab", "--a--", "--ab--", "--", " ",
        "text", "X: y", "\u{0}",
    ]), 0..60)) {
        let octets = Bytes::from(lines.join("\n"));
        for result in [walk(&octets, &Limits::default()), walk_into_messages(&octets, &Limits::default())] {
            let Ok(message) = result else { continue };
            for (index, node) in message.nodes() {
                prop_assert!(node.body.len() <= node.octets.len());
                for child in &node.children {
                    let child = message.node(*child).unwrap();
                    prop_assert_eq!(child.parent, Some(index));
                    prop_assert!(child.octets.len() <= node.octets.len());
                }
            }
        }
    }
}
