//! The ways of real servers, each in a short dialog: Dovecot, Cyrus, Gmail, Exchange.

use super::harness::{config, dialog, logged_in};
use crate::client::Config;
use alloc::string::ToString;

#[test]
fn dovecot_tells_everything_without_being_asked() {
    let config = Config { enable: ["CONDSTORE", "QRESYNC"].map(ToString::to_string).to_vec(), ..config() };
    dialog(
        &config,
        "C: * OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE LITERAL+ AUTH=PLAIN] Dovecot (Debian) ready.
         S: c1 AUTHENTICATE PLAIN *
         C: c1 OK [CAPABILITY IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT MULTIAPPEND UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE LITERAL+ NOTIFY SPECIAL-USE] Logged in
         S: c2 ENABLE CONDSTORE QRESYNC
         C: * ENABLED CONDSTORE QRESYNC
         C: c2 OK Enabled (0.001 + 0.000 secs).
         E: ready
         A: select INBOX
         S: c3 SELECT INBOX (CONDSTORE)
         C: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $MDNSent)
         C: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $MDNSent \\*)] Flags permitted.
         C: * 1 EXISTS
         C: * 1 RECENT
         C: * OK [UNSEEN 1] First unseen.
         C: * OK [UIDVALIDITY 1730000000] UIDs valid
         C: * OK [UIDNEXT 2] Predicted next UID
         C: * OK [HIGHESTMODSEQ 4] Highest
         C: c3 OK [READ-WRITE] Select completed (0.001 + 0.000 secs).
         E: Flags(*
         E: Ok Some(PermanentFlags(*
         E: Exists(1)
         E: Recent(1)
         E: Ok Some(Unseen(1)) *
         E: Ok Some(UidValidity(1730000000)) *
         E: Ok Some(UidNext(2)) *
         E: Ok Some(HighestModSeq(4)) *
         E: done 1 INBOX exists 1 validity Some(1730000000) next Some(2) modseq Some(4)
         A: list *
         S: c4 LIST \"\" \"*\" RETURN (SPECIAL-USE CHILDREN SUBSCRIBED)
         C: * LIST (\\Subscribed \\HasNoChildren \\Sent) \".\" Sent
         C: * LIST (\\HasChildren) \".\" INBOX
         C: c4 OK List completed (0.001 + 0.000 secs).
         E: List(*\\\\Sent*name: \"Sent\"*
         E: List(*name: \"INBOX\"*
         E: done 2",
    );
}

#[test]
fn cyrus_answers_in_its_own_order_and_with_literals() {
    logged_in(
        &config(),
        "LITERAL+ ID UIDPLUS CONDSTORE",
        "A: select INBOX
         S: c1 SELECT INBOX (CONDSTORE)
         C: * 2 EXISTS
         C: * 0 RECENT
         C: * FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen)
         C: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen \\*)] Ok
         C: * OK [UIDVALIDITY 1150000000] Ok
         C: * OK [UIDNEXT 3] Ok
         C: * OK [HIGHESTMODSEQ 6] Ok
         C: * OK [URLMECH INTERNAL] Ok
         C: * OK [ANNOTATIONS 65536] Ok
         C: c1 OK [READ-WRITE] Completed
         E: Exists(2)
         E: Recent(0)
         E: Flags(*
         E: Ok Some(PermanentFlags(*
         E: Ok Some(UidValidity(1150000000)) Ok
         E: Ok Some(UidNext(3)) Ok
         E: Ok Some(HighestModSeq(6)) Ok
         E: Ok Some(Other(\"URLMECH\", \"INTERNAL\")) Ok
         E: Ok Some(Other(\"ANNOTATIONS\", \"65536\")) Ok
         E: done 1 INBOX exists 2 validity Some(1150000000) next Some(3) modseq Some(6)
         A: fetch 1:2
         S: c2 *
         C: * 1 FETCH (FLAGS (\\Recent) UID 1 ENVELOPE (\"Mon, 2 Nov 2026 10:00:00 +0000\" {9}
         C| \"q\" (x) { ((NIL NIL \"a\" \"mail.test\")) NIL NIL NIL NIL NIL NIL \"<1@mail.test>\") BODY[] {3}\\r\\n
         C| abc)\\r\\n
         C: * 2 FETCH (FLAGS (\\Seen) UID 2 BODY[] NIL)
         C: c2 OK Completed (0.000 sec)
         E: begins 1 uid Some(1) * 3
         E: chunk abc
         E: ends
         E: fetch 1 uid Some(1) flags Some([Recent]) *
         E: fetch 2 uid Some(2) * sections [Nil] *
         E: done 2",
    );
}

#[test]
fn gmail_adds_items_and_has_labels() {
    logged_in(
        &config(),
        "UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS COMPRESS=DEFLATE ENABLE MOVE CONDSTORE ESEARCH UTF8=ACCEPT LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE APPENDLIMIT=35651584",
        "A: select [Gmail]/Gesendet
         S: c1 SELECT \"[Gmail]/Gesendet\" (CONDSTORE)
         C: * FLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing)
         C: * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Draft \\Deleted \\Seen $NotPhishing $Phishing \\*)] Flags permitted.
         C: * OK [UIDVALIDITY 5] UIDs valid.
         C: * 1 EXISTS
         C: * 0 RECENT
         C: * OK [UIDNEXT 8] Predicted next UID.
         C: * OK [HIGHESTMODSEQ 1234]
         C: c1 OK [READ-WRITE] [Gmail]/Gesendet selected. (Success)
         E: Flags(*
         E: Ok Some(PermanentFlags(*
         E: Ok Some(UidValidity(5)) *
         E: Exists(1)
         E: Recent(0)
         E: Ok Some(UidNext(8)) *
         E: Ok Some(HighestModSeq(1234)) 
         E: done 1 [Gmail]/Gesendet exists 1 validity Some(5) next Some(8) modseq Some(1234)
         A: flags 7
         S: c2 UID FETCH 7 (UID FLAGS)
         C: * 1 FETCH (X-GM-THRID 1278455344230334865 X-GM-LABELS (\"\\\\Inbox\" \"Muy Importante\" foo) UID 7 FLAGS (\\Seen $NotPhishing))
         C: c2 OK Success
         E: fetch 1 uid Some(7) flags Some([Seen, Keyword(\"$NotPhishing\")]) * other [\"X-GM-THRID\", \"X-GM-LABELS\"]
         E: done 2",
    );
}

#[test]
fn exchange_leaves_words_out_and_tells_flags_when_nobody_asks() {
    logged_in(
        &config(),
        "UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
        "A: select INBOX
         S: c1 SELECT INBOX
         C: * 2 EXISTS
         C: * 0 RECENT
         C: * FLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)
         C: * OK [PERMANENTFLAGS (\\Seen \\Answered \\Flagged \\Deleted \\Draft $MDNSent)] Permanent flags
         C: * OK [UIDVALIDITY 14] UIDVALIDITY value
         C: * OK [UIDNEXT 12] The next unique identifier value
         C: c1 OK [READ-WRITE] SELECT completed.
         E: Exists(2)
         E: Recent(0)
         E: Flags(*
         E: Ok Some(PermanentFlags(*
         E: Ok Some(UidValidity(14)) *
         E: Ok Some(UidNext(12)) *
         E: done 1 INBOX exists 2 validity Some(14) next Some(12) modseq None
         A: fetch 11
         S: c2 *
         C: * 1 FETCH (BODY[] {3}
         C| abc FLAGS (\\\\Seen) UID 11)\\r\\n
         C: * 1 FETCH (FLAGS (\\Seen))
         C: c2 OK
         E: begins 1 uid None * 3
         E: chunk abc
         E: ends
         E: fetch 1 uid Some(11) *
         E: fetch 1 uid None flags Some([Seen]) *
         E: done 2
         A: flags 12
         S: c3 *
         C: * OK
         C: * BAD
         C: c3 OK
         E: Ok None 
         E: Bad None 
         E: done 3",
    );
}
