//! The presentation after parts were converted.

use cedrat_message::{Body, Content, Part, PartKind, Structure, TransferEncoding};
use cedrat_wire_mms::{
    quirks::Refs,
    smil::{Aliases, Names, Presentation, references},
};
use proptest::prelude::*;

use super::super::{Showing, present, rename};
use super::*;
use crate::Interface;

fn part(media_type: &str, name: Option<&str>, id: Option<&str>, location: Option<&str>) -> Part {
    let kind = match media_type {
        "text/plain" => PartKind::Text,
        "application/smil" => PartKind::Presentation,
        _ => PartKind::Media,
    };
    Part {
        kind,
        media_type: media_type.to_owned(),
        charset: None,
        parameters: Vec::new(),
        name: name.map(ToOwned::to_owned),
        content_id: id.map(ToOwned::to_owned),
        location: location.map(ToOwned::to_owned),
        disposition: None,
        body: Body { encoded: Bytes::from_static(b"x"), encoding: TransferEncoding::SevenBit },
        damaged: false,
    }
}

fn smil(octets: &str) -> Part {
    let mut part = part("application/smil", None, Some("0.smil"), None);
    part.body.encoded = octets.as_bytes().to_vec().into();
    part
}

fn content(parts: Vec<Part>) -> Content {
    Content { structure: Structure::Related, parts, original: None }
}

fn shown(content: &Content) -> Presentation {
    let part = content.parts.iter().find(|part| part.kind == PartKind::Presentation).unwrap();
    Presentation::read(&part.body.encoded)
}

/// Every reference is the location or the Content-ID of a part, to the octet.
fn resolves(content: &Content) -> bool {
    shown(content).media().all(|medium| {
        content.parts.iter().any(|part| {
            part.location.as_ref() == Some(&medium.src)
                || part.content_id.as_ref().is_some_and(|id| format!("cid:{id}") == medium.src)
        })
    })
}

#[test]
fn references_and_names_follow_a_converted_part_together() {
    let mut content = content(Vec::from([
        smil(
            "<par dur='3s'><img src='cid:photo1'/><text src='hello.txt'/></par><par><video src='clip.mov'/></par><par><audio src='gone.amr'/></par>",
        ),
        part("image/jpeg", Some("Foto M\u{e4}rz.HEIC"), Some("photo1"), None),
        part("text/plain", Some("hello.txt"), None, None),
        part("video/3gpp", None, None, Some("clip.mov")),
    ]));
    let showing = Showing {
        screen: Some((240, 320)),
        durations: &[(3, 9_920)],
        sizes: &[(1, (640, 480)), (3, (176, 144))],
        ..Showing::default()
    };
    let mut loss = Loss::outbound(Interface::Mm4);
    present(&mut content, &showing, &mut loss);
    let names: Vec<_> = content
        .parts
        .iter()
        .map(|part| (part.name.as_deref(), part.content_id.as_deref(), part.location.as_deref()))
        .collect();
    assert_eq!(
        names,
        [
            (None, Some("0.smil"), Some("0.smil")),
            (Some("FotoMrz.jpg"), Some("FotoMrz.jpg"), Some("FotoMrz.jpg")),
            (Some("hello.txt"), Some("hello.txt"), Some("hello.txt")),
            (Some("clip.3gp"), Some("clip.3gp"), Some("clip.3gp")),
        ]
    );
    let presentation = shown(&content);
    let slides: Vec<(Option<u64>, Vec<&str>)> = presentation
        .slides
        .iter()
        .map(|slide| (slide.duration, slide.media.iter().map(|medium| medium.src.as_str()).collect()))
        .collect();
    assert_eq!(
        slides,
        [(Some(3_000), Vec::from(["FotoMrz.jpg", "hello.txt"])), (Some(9_920), Vec::from(["clip.3gp"]))]
    );
    assert_eq!(presentation.root, Some((240, 320)));
    assert_eq!(loss.entries.len(), 1, "{:?}", loss.entries);
    assert_eq!(loss.entries[0].value.as_deref(), Some("gone.amr"));
    // Nothing is left to do.
    let before = content.clone();
    present(&mut content, &showing, &mut loss);
    assert_eq!(content, before);
    assert_eq!(loss.entries.len(), 1);
}

#[test]
fn a_notice_takes_the_place_of_the_medium() {
    let mut notice = part("text/plain", Some("clip.mp4"), None, Some("clip.mp4"));
    notice.kind = PartKind::Text;
    let mut content =
        content(Vec::from([notice, smil("<par dur='2s'><video src='clip.mp4' region='Image'/></par>")]));
    present(&mut content, &Showing::default(), &mut Loss::outbound(Interface::Mm4));
    let written = core::str::from_utf8(&content.parts[1].body.encoded).unwrap();
    assert!(
        written.contains("<par dur=\"2000ms\">\r\n<text src=\"clip.txt\" region=\"Text\"/>"),
        "{written}"
    );
}

#[test]
fn a_presentation_is_made_where_none_is_and_takes_nobodys_name() {
    let mut content = content(Vec::from([part("image/png", Some("presentation.smil"), None, None)]));
    content.structure = Structure::Mixed;
    present(
        &mut content,
        &Showing { refs: Refs::Cid, ..Showing::default() },
        &mut Loss::outbound(Interface::Mm4),
    );
    assert_eq!(content.structure, Structure::Related);
    assert_eq!(content.parts[0].kind, PartKind::Presentation);
    assert_eq!(content.parts[1].name.as_deref(), Some("presentation.png"));
    let sources: Vec<_> = references(&content.parts[0].body.encoded).into_iter().map(|one| one.src).collect();
    assert_eq!(sources, ["cid:presentation.png"]);
}

#[test]
fn a_new_name_is_short_ascii_and_nobody_elses() {
    let mut parts = Vec::from([
        part("image/jpeg", Some("photo.HEIC"), None, None),
        part("image/jpeg", Some("PHOTO.jpg"), None, None),
        part("audio/amr", Some("C:\\sounds\\\u{43f}\u{440}\u{438}\u{432}\u{435}\u{442}.opus"), None, None),
        part("audio/amr", Some(&"long".repeat(50)), None, None),
        part("audio/amr", None, None, None),
    ]);
    for (index, extension) in [(0, "jpg"), (2, "amr"), (3, "amr"), (4, "amr"), (9, "amr")] {
        rename(&mut parts, index, extension);
    }
    let names: Vec<_> = parts.iter().map(|part| part.name.as_deref().unwrap()).collect();
    assert_eq!(
        names,
        ["photo-2.jpg", "PHOTO.jpg", "audio.amr", "longlonglonglonglonglonglonglon.amr", "audio-2.amr"]
    );
    assert!(names.iter().all(|name| name.len() <= 40));
}

#[test]
fn presentations_of_real_phones_still_resolve_after_a_conversion() {
    let folder = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/smil");
    let Ok(files) = std::fs::read_dir(&folder) else {
        std::eprintln!("skipped: no {}", folder.display());
        return;
    };
    let mut seen = 0;
    for file in files.flatten().filter(|file| file.path().extension().is_some_and(|end| end == "smil")) {
        let octets = std::fs::read(file.path()).unwrap();
        let mut parts = Vec::from([smil(&String::from_utf8_lossy(&octets))]);
        for one in references(&octets) {
            let id = one.content_id();
            let known = |part: &Part| {
                part.name.as_deref() == Some(&one.src) || part.content_id.as_deref() == id && id.is_some()
            };
            if !parts.iter().any(known) {
                let media_type = match one.element.name() {
                    "text" => "text/plain",
                    "img" => "image/jpeg",
                    "audio" => "audio/amr",
                    "video" => "video/3gpp",
                    _ => "text/x-vcard",
                };
                parts.push(part(media_type, id.is_none().then_some(one.src.as_str()), id, None));
            }
        }
        for refs in [Refs::Location, Refs::Cid, Refs::Both] {
            let mut content = content(parts.clone());
            let mut loss = Loss::outbound(Interface::Mm4);
            present(&mut content, &Showing { refs, ..Showing::default() }, &mut loss);
            assert!(resolves(&content), "{}", file.path().display());
            assert_eq!(
                shown(&content).media().count(),
                references(&octets).len(),
                "{}",
                file.path().display()
            );
            assert_eq!(loss.entries, [], "{}", file.path().display());
        }
        seen += 1;
    }
    assert!(seen >= 19);
}

fn parts() -> impl Strategy<Value = Vec<Part>> {
    const TYPES: [&str; 8] = [
        "text/plain",
        "image/jpeg",
        "image/gif",
        "audio/amr",
        "video/3gpp",
        "text/x-vcard",
        "application/pdf",
        "x",
    ];
    let name = || prop::option::of("[ab](\\.(heic|jpg|amr|TXT|x))?|\\PC{1,60}|<?[ab]@c>?|presentation.smil");
    let one = (prop::sample::select(&TYPES[..]), name(), name(), name());
    let one = one.prop_map(|(media_type, name, id, location)| {
        part(media_type, name.as_deref(), id.as_deref(), location.as_deref())
    });
    prop::collection::vec(one, 0..7)
}

proptest! {
    #[test]
    fn every_reference_is_the_name_of_a_part(
        parts in parts(), source in prop::option::of("(<par>|</par>|<(img|text|audio|ref) src='(cid:)?([ab](.heic|.jpg|.amr)?|[ab]@c)'/>){0,12}"),
        refs in prop::sample::select(&[Refs::Location, Refs::Cid, Refs::Both][..]), max_slides in 0..3_u32, at in 0..7_usize,
    ) {
        let mut parts = parts;
        if let Some(source) = &source {
            parts.insert(at.min(parts.len()), smil(source));
        }
        let count = parts.len();
        let mut content = content(parts);
        let mut loss = Loss::outbound(Interface::Mm4);
        present(&mut content, &Showing { refs, max_slides, ..Showing::default() }, &mut loss);
        if count == 0 {
            prop_assert!(content.parts.is_empty());
            return Ok(());
        }
        prop_assert_eq!(content.parts.len(), count + usize::from(source.is_none()));
        prop_assert!(resolves(&content));
        let key = |name: &Option<String>| name.as_ref().map(|name| name.to_ascii_lowercase()).unwrap();
        let mut locations: Vec<_> = content.parts.iter().map(|part| key(&part.location)).collect();
        let mut ids: Vec<_> = content.parts.iter().map(|part| key(&part.content_id)).collect();
        for names in [&mut locations, &mut ids] {
            prop_assert!(names.iter().all(|name| !name.is_empty() && name.bytes().all(|it| it.is_ascii_graphic())));
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), content.parts.len());
        }
        // Each reference finds the part that it means by anybody's table.
        let called: Vec<_> = content.parts.iter().map(|part| Names { location: part.location.as_deref(), content_id: part.content_id.as_deref(), name: None }).collect();
        let aliases = Aliases::of(&called);
        for medium in shown(&content).media() {
            let found = aliases.find(&medium.src).and_then(|index| content.parts.get(index)).unwrap();
            let means = [found.location.clone(), found.content_id.as_ref().map(|id| format!("cid:{id}"))];
            prop_assert!(means.contains(&Some(medium.src.clone())));
        }
    }
}
