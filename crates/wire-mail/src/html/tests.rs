use alloc::format;

use proptest::prelude::*;

use super::text;

fn read(html: &str) -> alloc::string::String {
    text(html, 1 << 20)
}

#[test]
fn paragraphs_breaks_and_white_space_are_those_of_a_browser() {
    assert_eq!(read("<p>one\n  two</p><p>three<br>four</p>"), "one two\n\nthree\nfour");
    assert_eq!(read("<div>a</div><div>b</div>c <b>d</b>e"), "a\nb\nc de");
    assert_eq!(read("<pre>a  b\n c</pre>d"), "a  b\n c\n\nd");
    assert_eq!(read("  <br><p>x</p><br>"), "x");
    assert_eq!(read("plain & simple"), "plain & simple");
    assert_eq!(
        read("<p>&nbsp;</p><table><tr><td>&nbsp;<td>a&nbsp;&nbsp;b<tr><td>&nbsp;</table>c"),
        "a  b\n\nc"
    );
}

#[test]
fn what_is_not_for_people_is_dropped() {
    let html = "<html><head><title>t</title><style>p{}</style></head><body>a<script>if (a<b) '</p>'</script><!-- <b>x \
        -->b<![if mso]>c<style>never closed";
    assert_eq!(read(html), "abc");
    assert_eq!(read("<head><meta charset=x><body>text"), "text");
}

#[test]
fn links_say_where_they_lead_unless_their_text_does() {
    assert_eq!(read("<a href='https://x.test/a?b=1&amp;c=2'>see</a>."), "see (https://x.test/a?b=1&c=2).");
    assert_eq!(read("<a href=\"http://www.x.test/\">x.test</a>"), "x.test");
    assert_eq!(
        read("<a href=mailto:a@x.test>a@x.test</a> <a href=mailto:b@x.test>Bob</a>"),
        "a@x.test Bob (b@x.test)"
    );
    assert_eq!(
        read("<a href='#top'>up</a><a href='javascript:x()'>y</a><a href='https://x.test'><img src=x></a>"),
        "upy"
    );
}

#[test]
fn lists_tables_images_and_quotations_keep_their_shape() {
    assert_eq!(read("a<ul><li>b<li>c<ol start=3><li>d</ol></ul>e"), "a\n\n- b\n- c\n  3. d\n\ne");
    assert_eq!(read("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>"), "a b\nc");
    assert_eq!(read("<img alt='a cat' src=x><img src=y alt=''>"), "[a cat]");
    assert_eq!(
        read("yes<blockquote type=cite><p>one</p><p>two</p></blockquote>no"),
        "yes\n\n> one\n\n> two\n\nno",
    );
    assert_eq!(read("<blockquote>indented</blockquote>"), "indented");
}

#[test]
fn entities_are_decoded() {
    assert_eq!(
        read("&lt;b&gt; &auml;&#228;&#xe4;&euro;&nbsp;x &#146; &bogus; & &amp;amp; AT&T &nbsp"),
        "<b> äää€ x ’ &bogus; & &amp; AT&T"
    );
    assert_eq!(read("a&shy;b&zwnj;c &#0; &#xd800; &#99999999999;"), "ab\u{200c}c \u{fffd} &#99999999999;");
}

#[test]
fn broken_markup_costs_linear_time() {
    for unit in [
        "<a href=\"",
        "<",
        "<!--",
        "&",
        "<style>",
        "</",
        "<p title='>",
        "<blockquote><ul>",
        "&#",
        "<a b=c d='>",
    ] {
        let html = unit.repeat(200_000);
        let _ = read(&html);
    }
    assert_eq!(read("<p title='it's>lost</p> <p title=\">shown</p>"), "lost\n\nshown");
}

#[test]
fn a_bracket_among_attributes_does_not_stop_the_reader() {
    assert_eq!(read("<a x'y'>z href='https://x.test'>see</a>"), "z href='https://x.test'>see");
    assert_eq!(read("<a b\"c>d\" href='https://x.test'>see</a>"), "see (https://x.test)");
}

#[test]
fn the_output_is_bounded() {
    assert_eq!(text("grüße", 3), "gr");
    let html = "<blockquote type=cite>".repeat(100) + &"<p>x".repeat(1000);
    assert!(text(&html, 100).len() <= 100);
}

proptest! {
    #[test]
    fn text_without_markup_is_kept(words in prop::collection::vec("[a-z0-9äß€]{1,9}", 1..30)) {
        let plain = words.join(" ");
        prop_assert_eq!(read(&plain), plain.as_str());
        prop_assert_eq!(read(&format!("<div>{plain}</div>")), plain);
    }

    #[test]
    fn no_markup_breaks_the_reader(html in "[<>a-z/'\"=&;!-]{0,80}|\\PC{0,60}", max in 0_usize..50) {
        prop_assert!(text(&html, max).len() <= max);
    }
}
