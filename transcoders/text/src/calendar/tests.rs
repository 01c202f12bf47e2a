use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn to(calendar: &str, version: &str) -> (Vec<String>, Vec<Loss>) {
    let (octets, losses) = convert_calendar(calendar.as_bytes(), version).unwrap();
    let text = String::from_utf8(octets).unwrap();
    (text.split("\r\n").map(ToString::to_string).collect(), losses)
}

const ZONE: &str = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:DAYLIGHT\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n\
DTSTART:19810329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nBEGIN:STANDARD\nTZOFFSETFROM:+0200\n\
TZOFFSETTO:+0100\nDTSTART:19961027T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nEND:VTIMEZONE\n";

fn event(lines: &str) -> String {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\n{ZONE}BEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n")
}

#[test]
fn an_event_becomes_one_of_vcalendar() {
    let (lines, losses) = to(
        &event(
            "UID:1@host.test\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260710T090000\nDURATION:PT1H30M\n\
             SUMMARY:Caf\u{e9}\\, 9 Uhr\nDESCRIPTION:one\\ntwo\nLOCATION:Weg 1\nCATEGORIES:WORK,FUN\nTRANSP:OPAQUE\nSTATUS:CONFIRMED\n\
             RRULE:FREQ=WEEKLY;BYDAY=FR;COUNT=4\nEXDATE;TZID=Europe/Berlin:20260717T090000,20260724T090000\n\
             ORGANIZER;CN=Ann:mailto:ann@mail.test\nATTENDEE;PARTSTAT=NEEDS-ACTION:MAILTO:bob@mail.test\nX-A:b\nCOMMENT:c\n\
             BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nDESCRIPTION:Go\nEND:VALARM\n\
             BEGIN:VALARM\nACTION:EMAIL\nTRIGGER:-PT15M\nEND:VALARM",
        ),
        "1.0",
    );
    assert_eq!(
        lines,
        [
            "BEGIN:VCALENDAR",
            "VERSION:1.0",
            "PRODID:-//cedrat//EN",
            "BEGIN:VEVENT",
            "UID:1@host.test",
            "DTSTART:20260710T070000Z",
            "DTEND:20260710T083000Z",
            "SUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Caf=C3=A9, 9 Uhr",
            "DESCRIPTION;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:one=0D=0Atwo",
            "LOCATION:Weg 1",
            "CATEGORIES:WORK;FUN",
            "TRANSP:0",
            "STATUS:CONFIRMED",
            "RRULE:W1 FR #4",
            "EXDATE:20260717T070000Z;20260724T070000Z",
            "ATTENDEE;ROLE=ORGANIZER:Ann <ann@mail.test>",
            "ATTENDEE;STATUS=NEEDS ACTION:bob@mail.test",
            "X-A:b",
            "DALARM:20260710T064500Z;;;Go",
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        ]
    );
    assert_eq!(losses, ["COMMENT", "VALARM"].map(|name| Loss::Dropped(name.into())));
}

#[test]
fn times_of_a_zone_are_utc_on_both_sides_of_a_change() {
    for (local, utc) in [
        ("20260115T120000", "20260115T110000Z"),
        ("20260329T015959", "20260329T005959Z"),
        ("20260329T030000", "20260329T010000Z"),
        ("20261025T023000", "20261025T003000Z"),
        ("20261025T040000", "20261025T030000Z"),
        ("19700101T000000", "19691231T230000Z"),
    ] {
        let (lines, losses) = to(&event(&format!("DTSTART;TZID=Europe/Berlin:{local}")), "1.0");
        assert!(lines.contains(&format!("DTSTART:{utc}")), "{local} {lines:?}");
        assert_eq!(losses, []);
    }
    let (lines, losses) = to(&event("DTSTART;TZID=Mars/Olympus:20260101T090000"), "1.0");
    assert!(lines.contains(&"DTSTART:20260101T090000".into()));
    assert_eq!(losses, [Loss::Floating("Mars/Olympus".into())]);
    // A Friday there is a Thursday in UTC: the rule would name the wrong day.
    let (lines, losses) =
        to(&event("DTSTART;TZID=Europe/Berlin:20260710T003000\nRRULE:FREQ=WEEKLY;BYDAY=FR"), "1.0");
    assert!(lines.contains(&"DTSTART:20260710T003000".into()) && lines.contains(&"RRULE:W1 FR #0".into()));
    assert_eq!(losses, [Loss::Floating("Europe/Berlin".into())]);
}

#[test]
fn days_are_midnights_and_rules_that_cannot_be_said_are_dropped() {
    let (lines, losses) =
        to(&event("DTSTART;VALUE=DATE:20260710\nRRULE:FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1"), "1.0");
    assert!(
        lines.contains(&"DTSTART:20260710T000000".into()) && lines.contains(&"DTEND:20260711T000000".into())
    );
    assert_eq!(losses, [Loss::Rule("FREQ=MONTHLY;BYDAY=MO;BYSETPOS=-1".into())]);
}

#[test]
fn an_old_event_becomes_one_of_icalendar() {
    let old = "BEGIN:VCALENDAR\r\nVERSION:1.0\r\nBEGIN:VTODO\r\nDTSTART:20260710T090000\r\nDUE:20260711T090000\r\n\
        SUMMARY;CHARSET=ISO-8859-1;QUOTED-PRINTABLE:Caf=E9; now\r\nCATEGORIES:WORK;FUN\r\nDCREATED:20260101T000000Z\r\nRRULE:MP1 2+ FR #0\r\n\
        STATUS:NEEDS ACTION\r\nATTENDEE;STATUS=ACCEPTED:Bob <bob@mail.test>\r\nDALARM:20260710T084500;PT5M;2;Go\r\nEND:VTODO\r\nEND:VCALENDAR\r\n";
    let (lines, losses) = to(old, "2.0");
    for line in [
        "VERSION:2.0",
        "DTSTAMP:20260101T000000Z",
        "DTSTART:20260710T090000",
        "DUE:20260711T090000",
        "SUMMARY:Caf\u{e9}\\; now",
        "CATEGORIES:WORK,FUN",
        "CREATED:20260101T000000Z",
        "RRULE:FREQ=MONTHLY;BYDAY=2FR",
        "STATUS:NEEDS-ACTION",
        "ATTENDEE;CN=\"Bob\";PARTSTAT=ACCEPTED:mailto:bob@mail.test",
        "TRIGGER:-PT900S",
        "DESCRIPTION:Go",
    ] {
        assert!(lines.contains(&line.into()), "{line} {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("UID:")));
    assert_eq!(losses, []);
}

#[test]
fn what_is_no_calendar_is_refused() {
    let kind = |text: &str, version| convert_calendar(text.as_bytes(), version).unwrap_err().kind;
    assert_eq!(kind("BEGIN:VEVENT\nEND:VEVENT", "1.0"), FaultKind::Damaged);
    assert_eq!(kind("BEGIN:VCALENDAR", "3.0"), FaultKind::Unsupported);
}

#[test]
fn calendars_of_others_keep_their_events() {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/media/file-type/fixture.ics");
    let Ok(octets) = std::fs::read(&path) else {
        std::eprintln!("skipped: no {}", path.display());
        return;
    };
    let events = |octets: &[u8]| {
        let lines = read(octets, &Limits::DEFAULT).unwrap();
        let kept = lines.iter().filter(|line| line.says("BEGIN", "VEVENT") || line.is("SUMMARY"));
        kept.map(Line::text).collect::<Vec<_>>()
    };
    for version in ["1.0", "2.0"] {
        assert_eq!(events(&convert_calendar(&octets, version).unwrap().0), events(&octets));
    }
}

#[test]
fn junk_takes_linear_time() {
    for unit in [
        "BEGIN:VEVENT\n",
        "BEGIN:VCALENDAR\nEND:X\n",
        "EXDATE:1,2\n",
        "RRULE:FREQ=DAILY;\n",
        "A:\n",
        "DALARM:;;;\n",
        "EXDATE;TZID=Europe/Berlin:20260717T090000\n",
    ] {
        let junk = event(&unit.repeat((1 << 18) / unit.len()));
        for version in ["1.0", "2.0"] {
            let made = convert_calendar(junk.as_bytes(), version);
            assert!(made.is_err() || made.is_ok_and(|(octets, _)| octets.len() < junk.len() * 8));
        }
    }
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(
        octets in prop::collection::vec(any::<u8>(), 0..100),
        near in "((DTSTART|DTEND|EXDATE|RRULE|DURATION|TRIGGER|RDATE|TZOFFSETTO|ATTENDEE|GEO|DALARM|BEGIN|END)(;TZID=Europe/Berlin|;VALUE=DATE)?:(-?P[0-9]{0,9}[DWT]|[0-9]{8}(T[0-9]{6}Z?)?|FREQ=(YEARLY|MONTHLY)|;BYDAY=-?[0-9]{0,3}MO|VALARM|VTIMEZONE|STANDARD|[-+][0-9]{4}|[MYWD]{1,2}[0-9] #?[0-9]{1,5}|,|;){0,4}\n){0,12}",
    ) {
        for version in ["1.0", "2.0"] {
            prop_assert!(convert_calendar(&octets, version).is_err());
            let first = convert_calendar(event(&near).as_bytes(), version).unwrap().0;
            prop_assert!(first.starts_with(b"BEGIN:VCALENDAR\r\n"));
        }
    }

    #[test]
    fn an_event_comes_back_as_it_was(summary in "[a-z\u{e0}-\u{ff};,\\\\ ]{1,60}", day in 0..20_000_i64, minutes in 0..1_440_i64, length in 1..10_000_i64) {
        let start = Time::Utc(day * DAY + minutes * 60);
        let mut writer = Writer::new(Style::Rfc);
        writer.put("BEGIN", "VCALENDAR");
        writer.put("VERSION", "2.0");
        writer.put("BEGIN", "VEVENT");
        writer.put("UID", "1");
        writer.put("DTSTAMP", &start.old());
        writer.put("DTSTART", &start.old());
        writer.put("DTEND", &start.plus(length * 60).old());
        writer.text("SUMMARY", &summary);
        writer.put("END", "VEVENT");
        writer.put("END", "VCALENDAR");
        let first = writer.finish();
        let (old, losses) = convert_calendar(&first, "1.0").unwrap();
        prop_assert_eq!(losses, []);
        let (back, losses) = convert_calendar(&old, "2.0").unwrap();
        prop_assert_eq!(losses, []);
        let lines = |octets: &[u8]| read(octets, &Limits::DEFAULT).unwrap().into_iter()
            .filter(|line| ["SUMMARY", "DTSTART", "DTEND", "UID"].contains(&line.name.as_str())).map(|line| (line.name.clone(), line.text())).collect::<Vec<_>>();
        prop_assert_eq!(lines(&back), lines(&first));
    }
}
