//! Commands: what is written, what comes back, in which order.

use super::harness::{config, logged_in};
use crate::client::Config;
use alloc::{string::ToString, vec::Vec};

const SELECTED: &str = "A: select INBOX
    S: c1 SELECT INBOX
    C: * FLAGS (\\Answered \\Seen $Forwarded)
    C: * OK [PERMANENTFLAGS (\\Answered \\Seen \\*)] Flags permitted.
    C: * 3 EXISTS
    C: * 0 RECENT
    C: * OK [UIDVALIDITY 3857529045] UIDs valid
    C: * OK [UIDNEXT 4392] Predicted next UID
    C: c1 OK [READ-WRITE] Select completed
    E: Flags(*
    E: Ok Some(PermanentFlags(*
    E: Exists(3)
    E: Recent(0)
    E: Ok Some(UidValidity(3857529045)) UIDs valid
    E: Ok Some(UidNext(4392)) Predicted next UID
    E: done 1 INBOX exists 3 validity Some(3857529045) next Some(4392) modseq None\n";

fn selected(capabilities: &str, text: &str) {
    logged_in(&config(), capabilities, &alloc::format!("{SELECTED}{text}"));
}

#[test]
fn commands_that_do_not_depend_on_each_other_go_together() {
    selected(
        "UIDPLUS",
        "A: flags 1:5
         A: status Sent
         A: store 7 
         S: c2 UID FETCH 1:5 (UID FLAGS)
         S: c3 STATUS Sent (MESSAGES UIDNEXT UIDVALIDITY)
         S: c4 UID STORE 7 +FLAGS.SILENT (\\Seen $MDNSent)
         C: c3 OK second first
         E: done 3
         C: * 1 FETCH (UID 4 FLAGS (\\Seen))
         C: c2 OK
         C: c4 NO [EXPUNGEISSUED] gone
         E: fetch 1 uid Some(4) flags Some([Seen]) *
         E: done 2
         E: failed 4 No Some(ExpungeIssued) gone"
            .replace("store 7 \n", "store 7\n")
            .as_str(),
    );
}

#[test]
fn nothing_runs_beside_select() {
    selected(
        "IDLE",
        "A: flags 1
         A: select Sent
         A: flags 2
         S: c2 UID FETCH 1 (UID FLAGS)
         C: c2 OK
         E: done 2
         S: c3 SELECT Sent
         C: * OK [CLOSED] Previous mailbox closed.
         C: c3 NO [NONEXISTENT] no such mailbox
         E: Ok Some(Closed) Previous mailbox closed.
         E: failed 3 No Some(NonExistent) no such mailbox
         S: c4 UID FETCH 2 (UID FLAGS)
         C: c4 BAD nothing selected
         E: failed 4 Bad None nothing selected
         A: flags 3 => NotSelected",
    );
}

#[test]
fn message_content_is_handed_on_as_it_comes() {
    selected(
        "",
        "A: fetch 42
         S: c2 UID FETCH 42 (UID FLAGS BODY.PEEK[])
         C: * 3 FETCH (UID 42 FLAGS (\\Seen) BODY[] {21}
         C| Subject: x\\r\\n\\r\\n(\"{5}\\r\\n X-GM-MSGID 17 MODSEQ (9))\\r\\n
         E: begins 3 uid Some(42) Section { part: [], text: None, binary: false, origin: None } 21
         E: chunk Subject: x\\r\\n\\r\\n(\\\"{5}\\r\\n
         E: ends
         E: fetch 3 uid Some(42) flags Some([Seen]) modseq Some(9) sections [Streamed(21)] other [\"X-GM-MSGID\"]
         C: c2 OK
         E: done 2",
    );
}

#[test]
fn content_that_is_nil_quoted_or_empty_is_told_the_same_way() {
    selected(
        "",
        "A: fetch 1:9
         S: c2 *
         C: * 1 FETCH (BODY[] NIL UID 1)
         C: * 2 FETCH (BODY[TEXT] \"short\" UID 2)
         C: * 3 FETCH (BODY[1.MIME]<0> {0}
         C:  UID 3)
         C: c2 OK
         E: fetch 1 uid Some(1) * sections [Nil] *
         E: begins 2 uid Some(2) Section { part: [], text: Some(Text), binary: false, origin: None } 5
         E: chunk short
         E: ends
         E: fetch 2 uid Some(2) * sections [Streamed(5)] *
         E: begins 3 uid None Section { part: [1], text: Some(Mime), binary: false, origin: Some(0) } 0
         E: ends
         E: fetch 3 uid Some(3) * sections [Streamed(0)] *
         E: done 2",
    );
}

#[test]
fn binary_is_asked_for_only_where_it_is_offered() {
    selected("", "A: binary 1 => NotOffered(\"BINARY\")");
    selected(
        "BINARY",
        "A: binary 1
         S: c2 UID FETCH 1 (UID BINARY.SIZE[1.2] BINARY.PEEK[1.2]<0.2048>)
         C: * 1 FETCH (UID 1 BINARY.SIZE[1.2] 3 BINARY[1.2]<0> ~{3}
         C| a\\0b)\\r\\n
         C: c2 OK
         E: begins 1 uid Some(1) Section { part: [1, 2], text: None, binary: true, origin: Some(0) } 3
         E: chunk a\\x00b
         E: ends
         E: fetch 1 *
         E: done 2",
    );
}

#[test]
fn messages_are_moved_by_move_or_by_what_it_stands_for() {
    selected(
        "MOVE UIDPLUS",
        "A: move 4:5 Done
         S: c2 UID MOVE 4:5 Done
         C: * OK [COPYUID 1511554416 4:5 1001:1002] Moved UIDs.
         C: * 1 EXPUNGE
         C: c2 OK Done
         E: Ok Some(CopyUid(*
         E: Expunge(1)
         E: done 2 Some(CopyUid { uid_validity: 1511554416, *}) removed true",
    );
    selected(
        "UIDPLUS",
        "A: move 4 Done
         A: noop
         S: c2 UID COPY 4 Done
         S: c3 NOOP
         C: c2 OK [COPYUID 9 4 17] copied
         S: c4 UID STORE 4 +FLAGS.SILENT (\\Deleted)
         C: c3 OK
         C: c4 OK
         E: done 3
         S: c5 UID EXPUNGE 4
         C: * 2 EXPUNGE
         C: c5 OK
         E: Expunge(2)
         E: done 2 Some(CopyUid { uid_validity: 9, *}) removed true",
    );
    selected(
        "",
        "A: move 4 Done
         S: c2 UID COPY 4 Done
         C: c2 OK
         S: c3 UID STORE 4 +FLAGS.SILENT (\\Deleted)
         C: c3 OK
         E: done 2 None removed false",
    );
    selected(
        "",
        "A: move 4 Done
         S: c2 UID COPY 4 Done
         C: c2 NO [TRYCREATE] no such mailbox
         E: failed 2 No Some(TryCreate) no such mailbox",
    );
    selected("", "A: expunge 4 => NotOffered(\"UIDPLUS\")");
}

#[test]
fn an_append_waits_before_its_literal_or_not() {
    let line = "APPEND Sent (\\Seen $Forwarded) \" 2-Nov-2026 10:00:00 +0000\"";
    for (capabilities, marker, go) in
        [("", "{17}", "C: + Ready\n"), ("LITERAL+", "{17+}", ""), ("LITERAL-", "{17+}", "")]
    {
        let text = alloc::format!(
            "A: append Sent\nS: c1 {line} {marker}\n{go}S: Subject: x\nS: \nS: x\nS: \n\
             C: c1 OK [APPENDUID 38505 3955] done\nE: done 1 Some(AppendUid {{ uid_validity: 38505, *"
        );
        logged_in(&config(), capabilities, &text);
    }
    // A refusal instead of the invitation ends the command; the next one is not taken for its content.
    logged_in(
        &config(),
        "",
        "A: append Sent
         A: noop
         S: c1 APPEND *
         C: c1 NO [OVERQUOTA] full
         E: failed 1 No Some(OverQuota) full
         S: c2 NOOP
         C: c2 OK
         E: done 2",
    );
    logged_in(&config(), "APPENDLIMIT=16", "A: append Sent => TooLarge(16)");
    logged_in(
        &config(),
        "APPENDLIMIT=17",
        "A: append Sent\nS: *\nC: + \nS: Subject*\nS: \nS: x\nS: \nC: c1 OK\nE: done 1 None",
    );
    logged_in(&config(), "", "A: append-nul Sent => NeedsBinary");
    logged_in(
        &config(),
        "BINARY LITERAL+",
        "A: append-nul Sent\nS: c1 * ~{3+}\nS: a\0b\nC: c1 OK\nE: done 1 None",
    );
}

#[test]
fn a_message_is_put_together_on_the_server_where_it_can() {
    logged_in(&config(), "", "A: catenate Sent => NotOffered(\"CATENATE\")");
    logged_in(
        &config(),
        "CATENATE",
        "A: catenate Sent
         S: c1 APPEND Sent (\\Seen $Forwarded) \" 2-Nov-2026 10:00:00 +0000\" CATENATE (TEXT {14}
         C: + go
         S: Subject: x
         S: 
         S:  URL /Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER)
         C: c1 NO [BADURL \"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER\"] gone
         E: failed 1 No Some(BadUrl(\"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER\")) gone",
    );
}

#[test]
fn a_search_is_answered_in_ranges_or_in_numbers() {
    selected(
        "ESEARCH",
        "A: search a\"b
         S: c2 UID SEARCH RETURN (ALL COUNT) (UNSEEN SINCE 4-Oct-2024 NOT HEADER Subject \"a\\\"b\")
         C: * ESEARCH (TAG \"c2\") UID COUNT 5 ALL 4:7,9
         C: c2 OK
         E: done 2 4:7,9 of Some(5)",
    );
    selected(
        "",
        "A: search ä
         A: search b
         S: c2 UID SEARCH CHARSET UTF-8 (UNSEEN SINCE 4-Oct-2024 NOT HEADER Subject {2}
         C: + 
         S: ä)
         C: * SEARCH 2 84 3
         C: * SEARCH 882
         C: c2 OK
         E: done 2 2:3,84,882 of Some(4)
         S: c3 *
         C: * SEARCH
         C: c3 OK
         E: done 3  of Some(0)",
    );
}

#[test]
fn a_mailbox_is_resynchronised_where_that_is_enabled() {
    let config = Config { enable: ["QRESYNC".to_string()].to_vec(), ..config() };
    logged_in(
        &config,
        "ENABLE QRESYNC",
        "A: resync INBOX
         S: c2 SELECT INBOX (QRESYNC (67890007 20050715194045000))
         C: * 10003 EXISTS
         C: * OK [UIDVALIDITY 67890007] UIDVALIDITY
         C: * OK [HIGHESTMODSEQ 20060115205545359] Highest
         C: * VANISHED (EARLIER) 41,43:116,118
         C: * 49 FETCH (UID 117 FLAGS (\\Seen) MODSEQ (20060115194045001))
         C: c2 OK [READ-WRITE] mailbox selected
         E: Exists(10003)
         E: Ok Some(UidValidity(67890007)) *
         E: Ok Some(HighestModSeq(20060115205545359)) Highest
         E: Vanished(true, *
         E: fetch 49 uid Some(117) flags Some([Seen]) modseq Some(20060115194045001) *
         E: done 1 INBOX exists 10003 validity Some(67890007) next None modseq Some(20060115205545359)
         A: changes 1:300 20060115194045000
         A: store 9 20060115194045000
         S: c3 UID FETCH 1:300 (UID FLAGS) (CHANGEDSINCE 20060115194045000 VANISHED)
         S: c4 UID STORE 9 (UNCHANGEDSINCE 20060115194045000) +FLAGS.SILENT (\\Seen $MDNSent)
         C: * VANISHED 5:6
         C: c3 OK
         C: c4 OK [MODIFIED 9] Conditional STORE failed
         E: Vanished(false, *
         E: done 2
         E: done 3",
    );
    logged_in(
        &Config { enable: Vec::new(), ..config },
        "QRESYNC",
        "A: resync INBOX => NotOffered(\"QRESYNC\")",
    );
}

#[test]
fn mailbox_names_are_in_modified_utf7_until_utf8_is_enabled() {
    logged_in(
        &config(),
        "",
        "A: create Entwürfe & mehr
         S: c1 CREATE \"Entw&APw-rfe &- mehr\"
         C: c1 OK
         E: done 1
         A: list *
         S: c2 LIST \"\" \"*\"
         C: * LIST (\\HasNoChildren \\Drafts) \"/\" \"Entw&APw-rfe\"
         C: * LIST (\\HasNoChildren) \"/\" \"bad & name\"
         C: c2 OK
         E: List(List { attributes: [\"\\\\HasNoChildren\", \"\\\\Drafts\"], delimiter: Some('/'), mailbox: Mailbox { name: \"Entwürfe\", octets: None }*
         E: List(* mailbox: Mailbox { name: \"bad & name\", octets: Some(*
         E: done 2",
    );
    let config = Config { enable: ["UTF8=ACCEPT".to_string()].to_vec(), ..config() };
    logged_in(
        &config,
        "ENABLE UTF8=ACCEPT",
        "A: create Entwürfe & mehr
         S: c2 CREATE \"Entwürfe & mehr\"
         C: c2 OK
         E: done 1",
    );
}

#[test]
fn a_watched_mailbox_lies_in_idle_which_ends_for_commands_and_begins_again() {
    selected(
        "IDLE",
        "A: watch
         S: c2 IDLE
         C: + idling
         E: watching
         C: * 4 EXISTS
         C: * OK Still here
         E: Exists(4)
         E: Ok None Still here
         A: flags 4:*
         S: DONE
         C: c2 OK Idle completed
         S: c3 UID FETCH 4:* (UID FLAGS)
         C: c3 OK
         E: done 2
         S: c4 IDLE
         C: + idling
         E: watching
         T: 1499999
         T: 1
         S: DONE
         C: c4 OK Idle completed
         S: c5 IDLE
         C: + idling
         E: watching
         A: quit
         S: DONE
         C: c5 OK
         S: c6 LOGOUT
         C: * BYE
         C: c6 OK
         CLOSE",
    );
}

#[test]
fn a_mailbox_is_polled_where_there_is_no_idle_or_it_is_refused() {
    selected(
        "",
        "A: watch
         T: 59999
         T: 60000
         S: c2 NOOP
         C: * 4 EXISTS
         C: c2 OK
         E: Exists(4)
         E: watching
         T: 60001
         S: c3 NOOP
         C: c3 OK
         E: watching
         A: rest
         T: 600000"
            .replace("         T: 59999\n", "")
            .as_str(),
    );
    selected("IDLE", "A: watch\nS: c2 IDLE\nC: c2 BAD not here\nT: 60000\nS: c3 NOOP\nC: c3 OK\nE: watching");
    selected(
        "IDLE",
        "A: watch\nS: c2 IDLE\nC: + idling\nE: watching\nC: c2 OK enough\nT: 60000\nS: c3 NOOP\nC: c3 OK\nE: watching",
    );
}

#[test]
fn notify_names_mailboxes_and_events() {
    selected(
        "NOTIFY",
        "A: notify
         S: c2 NOTIFY SET (selected (MessageNew MessageExpunge FlagChange)) (mailboxes (\"Sent items\") (MessageNew MessageExpunge))
         C: * STATUS \"Sent items\" (UIDVALIDITY 1 UIDNEXT 9 MESSAGES 8 X-NEW (1 2))
         C: c2 OK
         E: MailboxStatus(*uid_next: Some(9)*
         E: done 2",
    );
    selected("", "A: notify => NotOffered(\"NOTIFY\")");
}

#[test]
fn a_server_that_goes_away_leaves_an_outcome_for_each_command() {
    for (turn, cause) in [("END", "Ended"), ("C: * BYE restarting", "Bye(*"), ("T: 300001", "Timeout")] {
        selected(
            "",
            &alloc::format!(
                "A: flags 1\nA: select Sent\nS: c2 *\n{turn}\nE: failed 2 Uncertain\nE: failed 3 NotSent\nE: lost Open {cause}\nCLOSE"
            ),
        );
    }
    selected("", "A: flags 1\nS: c2 *\nA: abort\nE: failed 2 Uncertain\nCLOSE");
}
