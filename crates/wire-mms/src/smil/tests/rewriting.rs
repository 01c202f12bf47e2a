use super::*;

/// The slides as text: `5000: img a.jpg, text b.txt`.
fn slides(presentation: &Presentation) -> Vec<String> {
    let slide = |slide: &Slide| {
        let media: Vec<_> =
            slide.media.iter().map(|it| format!("{} {}", it.element.name(), it.src)).collect();
        let duration = slide.duration.map_or_else(|| "-".into(), |it| format!("{it}"));
        format!("{duration}: {}", media.join(", "))
    };
    presentation.slides.iter().map(slide).collect()
}

fn part<'a>(called: &'a str, src: &'a str, element: Element) -> Shown<'a> {
    Shown { src, ..named(called, element) }
}

#[test]
fn the_order_of_the_parts_makes_a_presentation_where_none_is() {
    let parts = [
        named("t1.txt", Element::Text),
        named("t2.txt", Element::Text),
        named("a&b.jpg", Element::Img),
        named("card.vcf", Element::Ref),
        named("v.3gp", Element::Video),
        named("t3.txt", Element::Text),
    ];
    let (made, notes) = rewrite(None, &parts, &Stage::default());
    assert_eq!(notes, []);
    assert_eq!(
        slides(&made),
        ["5000: text t1.txt", "5000: img a&b.jpg, text t2.txt", "-: video v.3gp, text t3.txt"]
    );
    let smil = made.write();
    assert!(smil.contains("<root-layout width=\"100%\" height=\"100%\"/>"));
    assert!(smil.contains("<img src=\"a&amp;b.jpg\" region=\"Image\"/>"));
    // What shows nothing that is there is no presentation either.
    let broken = Presentation::read(b"<smil><body><par><img src=\"gone.jpg\"/></par></body></smil>");
    let (again, notes) = rewrite(Some(&broken), &parts, &Stage::default());
    assert_eq!(slides(&again), slides(&made));
    assert_eq!(notes, [Note::Dangling("gone.jpg".into())]);
}

#[test]
fn references_follow_the_parts() {
    let source = Presentation::read(
        br#"<smil><body><par dur="2s"><img src="photo.HEIC"/><text src="cid:hello"/></par>
        <par dur="1s"><img src="gone.gif"/></par>
        <par dur="3s"><video src="clip.mov"/><audio src="x.wav"/></par></body></smil>"#,
    );
    let mut clip = part("clip.mov", "clip.txt", Element::Text);
    let parts = [
        part("photo.heic", "photo.jpg", Element::Img),
        part("hello", "cid:hello", Element::Text),
        clip,
        part("x.wav", "x.amr", Element::Audio),
        named("late.jpg", Element::Img),
    ];
    let (made, notes) = rewrite(Some(&source), &parts, &Stage::default());
    assert_eq!(
        slides(&made),
        ["2000: img photo.jpg, text cid:hello", "3000: text clip.txt, audio x.amr", "5000: img late.jpg",]
    );
    assert_eq!(notes, [Note::Dangling("gone.gif".into()), Note::Added(4)]);
    // A part that no slide may show leaves no reference.
    clip.element = None;
    let (made, notes) = rewrite(Some(&source), &[parts[0], parts[1], clip, parts[3]], &Stage::default());
    assert_eq!(slides(&made), ["2000: img photo.jpg, text cid:hello", "3000: audio x.amr"]);
    assert_eq!(notes, [Note::Dangling("gone.gif".into()), Note::Dangling("clip.mov".into())]);
}

#[test]
fn two_pictures_are_two_slides_and_texts_keep_their_order() {
    let source = Presentation::read(
        br#"<par dur="4s"><text src="1"/><img src="a"/><img src="b"/><text src="2"/><text src="3"/><audio src="s"/></par>"#,
    );
    let parts = [
        named("1", Element::Text),
        named("2", Element::Text),
        named("3", Element::Text),
        named("a", Element::Img),
        named("b", Element::Img),
        named("s", Element::Audio),
    ];
    let (made, notes) = rewrite(Some(&source), &parts, &Stage::default());
    assert_eq!(slides(&made), ["4000: text 1, img a", "4000: img b, text 2", "4000: text 3, audio s"]);
    assert_eq!(notes, [Note::Split(0)]);
}

#[test]
fn sound_and_video_play_to_their_end() {
    let source = Presentation::read(
        br#"<par dur="2s"><img src="a"/><audio src="s" begin="350ms" end="1s"/></par><par dur="2s"><img src="a" begin="3s" end="1s"/></par>"#,
    );
    let mut sound = named("s", Element::Audio);
    sound.duration = Some(9_100);
    let (made, _) = rewrite(Some(&source), &[named("a", Element::Img), sound], &Stage::default());
    assert_eq!(slides(&made), ["9450: img a, audio s", "2000: img a"]);
    let times: Vec<_> = made.media().map(|it| (it.begin, it.end)).collect();
    assert_eq!(times, [(None, None), (Some(350), None), (None, Some(1_000))]);
}

#[test]
fn surplus_slides_share_first_and_hide_last() {
    let parts = [
        named("a", Element::Img),
        named("1", Element::Text),
        named("s", Element::Audio),
        named("b", Element::Img),
        named("c", Element::Img),
    ];
    let stage = |max_slides| Stage { screen: None, max_slides };
    let (made, notes) = rewrite(None, &parts, &stage(3));
    assert_eq!(
        slides(&made),
        ["5000: img a, audio s, text 1", "5000: img b", "5000: img c"]
            .map(|it| it.replace("5000: img a,", "-: img a,"))
    );
    assert_eq!(notes, []);
    let (made, notes) = rewrite(None, &parts, &stage(1));
    assert_eq!(made.slides.len(), 1);
    assert_eq!(notes, [Note::Hidden(3), Note::Hidden(4)]);
}

#[test]
fn the_layout_is_that_of_the_screen_and_keeps_what_is_above() {
    let source = Presentation::read(
        br#"<layout><root-layout width="160" height="160"/><region id="Top" top="0"/><region id="Bottom" top="50%"/></layout>
        <par><img src="a" region="Bottom"/><text src="1" region="Top"/></par>"#,
    );
    let mut picture = named("a", Element::Img);
    picture.size = Some((320, 240));
    let stage = Stage { screen: Some((240, 320)), max_slides: 0 };
    let (made, _) = rewrite(Some(&source), &[picture, named("1", Element::Text)], &stage);
    let smil = made.write();
    for line in [
        "<root-layout width=\"240\" height=\"320\"/>",
        "<region id=\"Image\" left=\"0\" top=\"140\" width=\"240\" height=\"180\" fit=\"meet\"/>",
        "<region id=\"Text\" left=\"0\" top=\"0\" width=\"240\" height=\"140\" fit=\"scroll\"/>",
    ] {
        assert!(smil.contains(line), "{line}\n{smil}");
    }
}

proptest! {
    #[test]
    fn no_reference_dangles_and_no_part_is_invisible(
        source in prop::option::of("(<par( dur='[0-9]s')?>|</par>|<(img|text|audio|ref|video) src='(cid:)?[a-f](.jpg)?'/>){0,30}"),
        parts in prop::collection::vec(("[a-f](\\.jpg)?", prop::option::of(elements()), prop::option::of(0..9_000_u64)), 0..8),
        max_slides in 0..4_u32, screen in prop::option::of(any::<(u32, u32)>()),
    ) {
        let new: Vec<String> = (0..parts.len()).map(|index| format!("new{index}")).collect();
        let parts: Vec<Shown<'_>> = parts.iter().zip(&new).map(|((name, element, duration), src)| Shown {
            called: Names { location: Some(name), ..Names::default() }, src, element: *element, duration: *duration, size: screen,
        }).collect();
        let source = source.map(|smil| Presentation::read(smil.as_bytes()));
        let (made, notes) = rewrite(source.as_ref(), &parts, &Stage { screen, max_slides });
        let read = Presentation::read(made.write().as_bytes());
        prop_assert_eq!(&read, &made);
        for medium in made.media() {
            prop_assert!(new.contains(&medium.src));
        }
        for (index, part) in parts.iter().enumerate() {
            let shown = made.media().any(|medium| medium.src == part.src);
            let must = part.element.is_some_and(|element| element != Element::Ref);
            prop_assert!(shown || !must || notes.contains(&Note::Hidden(index)), "part {}", index);
            prop_assert!(!shown || part.element.is_some());
        }
        prop_assert!(max_slides == 0 || made.slides.len() <= max_slides as usize);
        for slide in &made.slides {
            for slot in [[Element::Img, Element::Video, Element::Animation].as_slice(), &[Element::Text, Element::Textstream], &[Element::Audio]] {
                prop_assert!(slide.media.iter().filter(|medium| slot.contains(&medium.element)).count() <= 1);
            }
        }
        // What is right already stays as it is.
        let (again, notes) = rewrite(Some(&made), &parts.iter().map(|part| Shown {
            called: Names { location: Some(part.src), ..Names::default() }, ..*part }).collect::<Vec<_>>(), &Stage { screen, max_slides });
        if max_slides == 0 {
            prop_assert_eq!(notes, []);
            prop_assert_eq!(again.slides, made.slides);
        }
    }
}
