//! The way of a message through the conversion: from the port where it is taken to the peer that
//! gets it, with the real workers.

use bytes::Bytes;
use cedrat::simulate::picture;
use cedrat_mime::transfer::{decode, encode_base64};
use cedrat_plan::{
    facts::{self, Claim, Detail, Facts},
    format::Format,
    limits::Limits,
};

use crate::harness::{Gateway, Received, Script, Sink, worker};

const NUMBER: &str = "+447700900003";
const TO: &str = "+447700900003@mms.gw.test";

/// A gateway that converts; `None` where there is no worker.
async fn gateway(peer: &Sink, host: &Sink, of_peer: &str, more: &str) -> Option<Gateway> {
    let program = worker()?;
    let more = format!("{more}\n[media]\nworker = {:?}\nworkers = 2\n", program.display().to_string());
    Some(Gateway::with(peer.address, host.address, "", of_peer, &more).await)
}

/// A part to send.
struct Given {
    kind: &'static str,
    name: &'static str,
    octets: Vec<u8>,
}

fn given(kind: &'static str, name: &'static str, octets: Vec<u8>) -> Given {
    Given { kind, name, octets }
}

/// Headers of a multipart/mixed with a text first, and its body.
fn mixed(text: &str, parts: &[Given]) -> String {
    let mut out = format!(
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n"
    );
    for Given { kind, name, octets } in parts {
        let mut encoded = Vec::new();
        encode_base64(octets, &mut encoded);
        out.push_str(&format!(
            "--b\r\nContent-Type: {kind}; name=\"{name}\"\r\nContent-Disposition: attachment; filename=\"{name}\"\r\n\
             Content-Transfer-Encoding: base64\r\n\r\n{}\r\n",
            std::str::from_utf8(&encoded).unwrap().trim_end()
        ));
    }
    out + "--b--\r\n"
}

fn mail(to: &str, parts: &[Given]) -> String {
    format!(
        "From: alice@example.test\r\nTo: {to}\r\nSubject: See\r\nMessage-ID: <see@example.test>\r\n\
         Date: Tue, 24 Nov 2026 04:00:00 +0000\r\n{}",
        mixed("Look at this", parts)
    )
}

fn forward(to: &str, more: &str, parts: &[Given]) -> String {
    format!(
        "From: +15550120001/TYPE=PLMN\r\nTo: {to}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n\
         X-Mms-3GPP-MMS-Version: 5.5.0\r\nX-Mms-Message-Type: MM4_forward.REQ\r\n\
         X-Mms-Transaction-ID: \"t-m\"\r\nX-Mms-Message-ID: \"m\"\r\n{more}{}",
        mixed("Look at this", parts)
    )
}

const FROM: &str = "+15550120001/TYPE=PLMN@mmsc.op-b.test";

/// A second of silence for each, sixteen bits, one channel.
pub(super) fn wave(seconds: u32) -> Vec<u8> {
    const RATE: u32 = 16_000;
    let data = vec![0_u8; (seconds * RATE * 2) as usize];
    let mut out = b"RIFF".to_vec();
    out.extend((36 + data.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    out.extend(RATE.to_le_bytes());
    out.extend((RATE * 2).to_le_bytes());
    out.extend(b"\x02\0\x10\0data");
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    out
}

/// Frames of silence at 12.2 kbit/s.
fn amr(seconds: usize) -> Vec<u8> {
    let mut frame = vec![0x3C_u8];
    frame.resize(32, 0);
    [b"#!AMR\n".to_vec(), frame.repeat(seconds * 50)].concat()
}

/// What arrived of a message.
struct Part {
    name: String,
    octets: Bytes,
    facts: Facts,
}

fn parts(received: &Received) -> Vec<Part> {
    let content = Bytes::copy_from_slice(received.content.as_bytes());
    let message = cedrat_mime::walk(&content, &cedrat_mime::Limits::default()).unwrap();
    let read = |node: &cedrat_mime::Node| {
        let octets = decode(node.encoding, &node.body).octets;
        let kind = &node.content_type;
        let claim = Claim { media_type: &kind.essence, name: None, charset: kind.parameter("charset") };
        let location = node.headers.first("Content-Location").or_else(|| kind.parameter("name"));
        Part {
            name: location.unwrap_or_default().trim().to_owned(),
            facts: facts::read(&octets, &claim, &Limits::default()),
            octets,
        }
    };
    message.leaves().map(|(_, node)| read(node)).collect()
}

fn of(parts: &[Part], format: Format) -> &Part {
    let found: Vec<_> = parts.iter().map(|part| part.facts.format).collect();
    parts.iter().find(|part| part.facts.format == format).unwrap_or_else(|| panic!("{format:?} in {found:?}"))
}

fn size(part: &Part) -> (u32, u32) {
    let Detail::Picture(picture) = part.facts.detail else { panic!("{:?}", part.facts) };
    picture.shown()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_mail_brings_is_made_to_fit_the_handset_and_what_cannot_is_named() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&peer, &host, "media_profile = \"image-rich\"\n", "").await else { return };
    let sent = [
        given("image/png", "lake.png", picture::png(900)),
        given("audio/wav", "note.wav", wave(4)),
        given("application/zip", "plans.zip", [b"PK\x03\x04".as_slice(), &[7; 40_000]].concat()),
    ];
    let mut script = Script::hello(gateway.mail()).await;
    let reply = script.message("alice@example.test", &[TO], &mail(TO, &sent)).await;
    assert!(reply.starts_with("250"), "{reply}");
    let got = peer.wait_for(1).await.remove(0);
    let parts = parts(&got);

    let shown = parts.iter().find(|part| part.facts.format.media_type().starts_with("image/")).unwrap();
    assert_eq!(size(shown), (480, 480), "within 640x480, upright");
    let voice = of(&parts, Format::Amr);
    // Four seconds at the best rate; a coder may add a frame for what it holds back.
    let frames = (voice.octets.len() - 6) / 32;
    assert!((200..=201).contains(&frames), "{frames}");
    assert!(voice.name.ends_with(".amr"), "{}", voice.name);
    assert!(parts.iter().all(|part| part.facts.format != Format::Zip));
    let texts: String = parts
        .iter()
        .filter(|part| part.facts.format == Format::Text)
        .map(|part| String::from_utf8_lossy(&part.octets))
        .collect();
    assert!(
        texts.contains("Look at this") && texts.contains("[plans.zip (application/zip, 40 kB) is left out"),
        "{texts}"
    );
    let total: usize = parts.iter().map(|part| part.octets.len()).sum();
    assert!(total <= 100 * 1024, "{total} octets");

    let smil = of(&parts, Format::Smil);
    let references = cedrat_wire_mms::smil::references(&smil.octets);
    assert!(references.len() >= 3, "{}", String::from_utf8_lossy(&smil.octets));
    for reference in references {
        assert!(parts.iter().any(|part| part.name == reference.src), "{} dangles", reference.src);
    }
    gateway.wait_for("Delivery", 1).await;
    let told = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap().to_string();
    assert!(told.contains("image/png 900x900") && !told.contains("plans.zip"), "no names in the log: {told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_of_a_handset_becomes_what_a_mail_reader_plays() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let rule = "[[handset]]\nmatch = { domain = [\"example.test\"] }\nprofile = \"mail-common-formats\"\n";
    let Some(gateway) = gateway(&peer, &host, "", rule).await else { return };
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward("alice@example.test", "", &[given("audio/amr", "note.amr", amr(3))]);
    assert!(script.message(FROM, &["alice@example.test"], &content).await.starts_with("250"));
    let parts = parts(&host.wait_for(1).await.remove(0));
    let sound = parts.iter().find(|part| matches!(part.facts.detail, Detail::Sound(_))).unwrap();
    assert!(matches!(sound.facts.format, Format::Mp3 | Format::Mp4Sound), "{:?}", sound.facts);
    let Detail::Sound(facts) = sound.facts.detail else { panic!() };
    // Whole blocks of 1024 samples, and one before them.
    assert!(facts.duration_ms.abs_diff(3000) <= 2 * 1024 * 1000 / u64::from(facts.rate), "{facts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_gets_what_the_own_handset_shows() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let rule = "[[handset]]\nmatch = { prefix = [\"+447700900003\"] }\nprofile = \"classic-2g\"\n";
    let Some(gateway) = gateway(&peer, &host, "media_profile = \"video-rich\"\n", rule).await else { return };
    let other = "+447700900004@mms.gw.test";
    let mut script = Script::hello(gateway.mail()).await;
    let content = mail(&format!("{TO}, {other}"), &[given("image/png", "lake.png", picture::png(800))]);
    assert!(script.message("alice@example.test", &[TO, other], &content).await.starts_with("250"));
    let mut sizes: Vec<(String, (u32, u32))> = peer
        .wait_for(2)
        .await
        .iter()
        .map(|one| {
            let parts = parts(one);
            let shown = parts.iter().find(|part| matches!(part.facts.detail, Detail::Picture(_))).unwrap();
            (one.to.concat(), size(shown))
        })
        .collect();
    sizes.sort();
    assert!(sizes[0].0.contains(NUMBER) && sizes[0].1 == (120, 120), "{sizes:?}");
    assert_eq!(sizes[1].1, (480, 480), "{sizes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_touches_what_one_mms_system_sends_to_another_unless_told_to() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let large = || [given("image/png", "lake.png", picture::png(400))];
    let to = "+15550120002";
    for (rule, same) in
        [("", true), ("[[handset]]\nmatch = { prefix = [\"+1555\"] }\nprofile = \"image-basic\"\n", false)]
    {
        let Some(gateway) = gateway(&peer, &host, "", rule).await else { return };
        let before = peer.all().len();
        let mut script = Script::hello(gateway.mm4()).await;
        let content = forward(&format!("{to}/TYPE=PLMN"), "", &large());
        let reply = script.message(FROM, &[&format!("{to}/TYPE=PLMN@mmsc.gw.test")], &content).await;
        assert!(reply.starts_with("250"), "{reply}");
        let got = peer.wait_for(before + 1).await.remove(before);
        let body = content.split_once("\r\n\r\n").unwrap().1;
        assert_eq!(got.body() == body, same, "rule {rule:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_who_forbids_adaptation_is_obeyed() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let rule = "[[handset]]\nmatch = { prefix = [\"+1555\"] }\nprofile = \"image-rich\"\n";
    let Some(gateway) = gateway(&peer, &host, "", rule).await else { return };
    let mut script = Script::hello(gateway.mm4()).await;
    let content = forward(
        "+15550120002/TYPE=PLMN",
        "X-Mms-Adaptation-Allowed: No\r\n",
        &[given("image/png", "lake.png", picture::png(150))],
    );
    assert!(
        script.message(FROM, &["+15550120002/TYPE=PLMN@mmsc.gw.test"], &content).await.starts_with("250")
    );
    let got = peer.wait_for(1).await.remove(0);
    assert_eq!(got.body(), content.split_once("\r\n\r\n").unwrap().1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_of_a_text_that_is_not_sent_is_not_converted() {
    let (peer, host) = (Sink::start().await, Sink::start().await);
    let Some(gateway) = gateway(&peer, &host, "media_profile = \"image-rich\"\n", "").await else { return };
    let content = format!(
        "From: alice@example.test\r\nTo: {TO}\r\nMessage-ID: <alt@example.test>\r\n\
         Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nas text\r\n\
         --b\r\nContent-Type: text/html\r\n\r\n<p>as HTML {}</p>\r\n--b--\r\n",
        "and more\r\n".repeat(20_000)
    );
    let mut script = Script::hello(gateway.mail()).await;
    assert!(script.message("alice@example.test", &[TO], &content).await.starts_with("250"));
    let got = peer.wait_for(1).await.remove(0);
    assert!(got.body().contains("as text") && !got.body().contains("left out"), "{}", got.content);
    gateway.wait_for("Delivery", 1).await;
    let told = gateway.events().into_iter().find(|event| event["type"] == "Delivery").unwrap().to_string();
    assert!(!told.contains("written again"), "{told}");
}
