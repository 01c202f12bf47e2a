use alloc::string::String;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn to(octets: &[u8], version: &str) -> (String, Vec<Loss>) {
    let (octets, losses) = convert_vcard(octets, version, Some(1_000)).unwrap();
    (String::from_utf8(octets).unwrap(), losses)
}

/// Names, numbers and addresses of every card, without escapes.
fn people(octets: &[u8]) -> Vec<(String, String)> {
    let lines = read(octets, &Limits::DEFAULT).unwrap();
    let wanted =
        lines.iter().filter(|line| ["FN", "N", "TEL", "EMAIL", "ORG", "ADR"].contains(&line.name.as_str()));
    wanted
        .map(|line| {
            let all: Vec<String> = components(Some(line)).iter().map(|list| list.join(",")).collect();
            (line.name.clone(), all.join(";").trim_end_matches(';').into())
        })
        .collect()
}

const FOUR: &str = "BEGIN:VCARD\r\nVERSION:4.0\r\nKIND:individual\r\nN:M\u{fc}ller;J\u{f6}rg;Hans,Peter;Dr.;\r\n\
FN;PREF=1:Dr. J\u{f6}rg M\u{fc}ller\r\nNICKNAME:J,Jo\r\nGENDER:M\r\n\
item1.TEL;VALUE=uri;TYPE=\"voice,cell\";PREF=1:tel:+447700900001;ext=42\r\nitem1.X-ABLabel:private\r\n\
TEL;TYPE=work,text:+44 7700 900 002\r\nEMAIL;TYPE=home:mailto:joerg@mail.test\r\n\
ADR;TYPE=work;LABEL=\"Weg 1^nStadt\":;;Weg 1\\, Hof;Stadt;;12345;\r\nORG:Firma\\, GmbH;Einkauf\r\n\
NOTE:one\\ntwo\\; three\\\\\r\nGEO:geo:37.386013,-122.082932\r\nBDAY:--0412\r\nANNIVERSARY:20090808\r\n\
PHOTO:data:image/jpeg;base64,/9j/4AAQ\r\n /9j/4AAQ\r\nURL:https://host.test/a;b\r\nEND:VCARD\r\n";

#[test]
fn a_control_character_does_not_pass_behind_a_backslash() {
    for version in ["2.1", "3.0"] {
        let (card, _) = to(b"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:J\\\0o\\\x07\r\nEND:VCARD\r\n", version);
        assert!(card.contains("FN:J\\\\o\\\\\r\n"), "{card}");
    }
}

#[test]
fn a_card_of_4_0_becomes_one_of_2_1() {
    let (card, losses) = to(FOUR.as_bytes(), "2.1");
    let wanted = "BEGIN:VCARD\r\nVERSION:2.1\r\n\
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;Hans,Pet=\r\ner;Dr.;\r\n\
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Dr. J=C3=B6rg M=C3=BCller\r\n\
TEL;VOICE;CELL;PREF:+447700900001p42\r\nTEL;WORK:+44 7700 900 002\r\nEMAIL;HOME:joerg@mail.test\r\n\
ADR;WORK:;;Weg 1, Hof;Stadt;;12345;\r\nLABEL;WORK;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Weg 1=0D=0AStadt\r\n\
ORG:Firma, GmbH;Einkauf\r\n\
NOTE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:one=0D=0Atwo\\; three\\\\\r\n\
GEO:37.386013,-122.082932\r\nX-ANNIVERSARY:20090808\r\nPHOTO;TYPE=JPEG;ENCODING=BASE64:\r\n /9j/4AAQ/9j/4AAQ\r\n\r\n\
URL:https://host.test/a;b\r\nEND:VCARD\r\n";
    assert_eq!(card, wanted);
    let names = ["NICKNAME", "GENDER", "BDAY without a year"];
    assert_eq!(losses, names.map(|name| Loss::Dropped(name.into())));
}

#[test]
fn a_card_of_4_0_becomes_one_of_3_0() {
    let (card, losses) = to(FOUR.as_bytes(), "3.0");
    for line in [
        "VERSION:3.0",
        "N:M\u{fc}ller;J\u{f6}rg;Hans,Peter;Dr.;",
        "NICKNAME:J,Jo",
        "item1.TEL;TYPE=VOICE,CELL,PREF:+447700900001p42",
        "item1.X-ABLABEL:private",
        "ADR;TYPE=WORK:;;Weg 1\\, Hof;Stadt;;12345;",
        "LABEL;TYPE=WORK:Weg 1\\nStadt",
        "NOTE:one\\ntwo\\; three\\\\",
        "GEO:37.386013;-122.082932",
        "PHOTO;TYPE=JPEG;ENCODING=b:/9j/4AAQ/9j/4AAQ",
    ] {
        assert!(card.contains(&format!("\r\n{line}\r\n")), "{line}\n{card}");
    }
    assert_eq!(losses, ["GENDER", "BDAY without a year"].map(|name| Loss::Dropped(name.into())));
}

#[test]
fn old_cards_of_telephones_are_read() {
    let old = b"BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=\n=F6rg\nTEL;CELL;PREF:+15550120001\n\
        NOTE;QUOTED-PRINTABLE:a=0Ab;c=3D\nPHOTO;JPEG;BASE64:\n/9j/4AAQ\n/9j/4AAQ\n\nURL:C:\\new\nEND:VCARD\n\nbegin:vcard\nversion:2.1\nn:B;A\nagent:\nBEGIN:VCARD\nN:no\nEND:VCARD\nend:vcard";
    let (cards, losses) = to(old, "3.0");
    assert_eq!(
        cards,
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:M\u{fc}ller;J\u{f6}rg\r\nFN:J\u{f6}rg M\u{fc}ller\r\nTEL;TYPE=CELL,PREF:+15550120001\r\n\
         NOTE:a\\nb\\;c=\r\nPHOTO;TYPE=JPEG;ENCODING=b:/9j/4AAQ/9j/4AAQ\r\nURL:C:\\new\r\nEND:VCARD\r\n\
         BEGIN:VCARD\r\nVERSION:3.0\r\nN:B;A\r\nFN:A B\r\nEND:VCARD\r\n"
    );
    assert_eq!(losses, [Loss::Dropped("AGENT".into())]);
}

#[test]
fn pictures_are_kept_while_they_are_small_and_removed_with_a_word() {
    let card = |photo: &str| format!("BEGIN:VCARD\nVERSION:3.0\nFN:A B\n{photo}\nEND:VCARD\n");
    let large = card(&format!("PHOTO;ENCODING=b;TYPE=JPEG:{}", "AAAA".repeat(500)));
    assert_eq!(to(large.as_bytes(), "2.1").1, [Loss::Picture(1_500)]);
    let kept = convert_vcard(large.as_bytes(), "2.1", None).unwrap();
    assert!(kept.1.is_empty() && kept.0.len() > 2_000);
    assert!(kept.0.split(|it| *it == b'\n').all(|line| line.len() <= 77));
    assert_eq!(to(card("PHOTO;ENCODING=b:A*A=").as_bytes(), "2.1").1, [Loss::Damaged("PHOTO".into())]);
    let (linked, losses) = to(card("PHOTO;VALUE=uri:http://host.test/a.jpg").as_bytes(), "2.1");
    assert!(linked.contains("PHOTO;VALUE=URL:http://host.test/a.jpg\r\n") && losses.is_empty());
}

#[test]
fn what_is_no_card_is_refused() {
    let kind = |octets: &[u8], version| convert_vcard(octets, version, None).unwrap_err().kind;
    assert_eq!(kind(b"", "2.1"), FaultKind::Damaged);
    assert_eq!(kind(b"END:VCARD", "3.0"), FaultKind::Damaged);
    assert_eq!(kind(b"BEGIN:VCARD", "4.0"), FaultKind::Unsupported);
    assert_eq!(kind(&std::vec![b'\n'; Limits::DEFAULT.octets + 1], "2.1"), FaultKind::TooLarge);
}

#[test]
fn sixteen_bit_files_are_read() {
    let card = "\u{feff}BEGIN:VCARD\r\nVERSION:2.1\r\nN:\u{41f};\u{410}\r\nEND:VCARD\r\n";
    let octets: Vec<u8> = card.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(people(to(&octets, "2.1").0.as_bytes())[0].1, "\u{41f};\u{410}");
}

#[test]
fn cards_of_others_keep_their_names_and_numbers() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/media/file-type");
    let Ok(octets) = std::fs::read(folder.join("fixture.vcf")) else {
        std::eprintln!("skipped: no {}", folder.display());
        return;
    };
    let before = people(&octets);
    assert!(!before.is_empty());
    for version in ["2.1", "3.0"] {
        let after = people(to(&octets, version).0.as_bytes());
        for one in &before {
            assert!(after.contains(one), "{one:?} is not in {after:?}");
        }
    }
}

#[test]
fn junk_takes_linear_time() {
    for unit in [
        "BEGIN:VCARD\n",
        "A",
        ":",
        "N;",
        "N:=\n",
        "N;QUOTED-PRINTABLE:=\n",
        "PHOTO;BASE64:\n",
        " \n",
        "\"",
        "N:;,\\\n",
        "\r",
    ] {
        let junk = format!("BEGIN:VCARD\n{}", unit.repeat((1 << 18) / unit.len()));
        let made = convert_vcard(junk.as_bytes(), "2.1", None);
        assert!(made.is_err() || made.is_ok_and(|(card, _)| card.len() < junk.len() * 8));
    }
    let many: String = (0..90_000).map(|number| format!("A{number}:\n")).collect();
    assert_eq!(
        convert_vcard(format!("BEGIN:VCARD\n{many}").as_bytes(), "2.1", None).unwrap().1.len(),
        90_000
    );
}

proptest! {
    #[test]
    fn any_octets_are_read_without_a_panic(octets in prop::collection::vec(any::<u8>(), 0..200), near in "(BEGIN:VCARD\n|VERSION:2.1\n|N|TEL|PHOTO|;|:|=|\\\\|,|\"|;BASE64|;QUOTED-PRINTABLE|\n| |[a-z]){0,60}") {
        for version in ["2.1", "3.0"] {
            for octets in [octets.as_slice(), near.as_bytes()] {
                let made = convert_vcard(octets, version, Some(10));
                prop_assert!(made.is_err() || made.is_ok_and(|(card, _)| card.starts_with(b"BEGIN:VCARD\r\n")));
            }
        }
    }

    #[test]
    fn names_and_numbers_survive_every_version(
        family in "[a-zA-Z\u{e0}-\u{17f}\u{410}-\u{44f};,\\\\: =\"\n-]{1,90}", given in "[a-z\u{410}-\u{44f};,\\\\'=]{0,90}",
        number in "\\+[0-9 ()-]{3,20}", organisation in "[a-z;,\\\\ =\u{1f600}]{1,60}",
    ) {
        let (family, given) = (family.trim(), given.trim());
        let mut writer = Writer::new(Style::Rfc);
        writer.put("BEGIN", "VCARD");
        writer.put("VERSION", "3.0");
        writer.put("N", &format!("{};{}", writer.escaped(family), writer.escaped(given)));
        writer.text("FN", family);
        writer.text("TEL", &number);
        writer.put("ORG", &writer.escaped(&organisation));
        writer.put("END", "VCARD");
        let first = writer.finish();
        let second = convert_vcard(&first, "2.1", None).unwrap().0;
        let third = convert_vcard(&second, "3.0", None).unwrap().0;
        if !family.is_empty() {
            prop_assert_eq!(people(&first), people(&second));
            prop_assert_eq!(people(&first), people(&third));
        }
        prop_assert!(third.split(|it| *it == b'\n').all(|line| line.len() <= 77));
        prop_assert!(second.is_ascii());
    }
}
