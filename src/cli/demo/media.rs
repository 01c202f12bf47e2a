//! A photograph, a voice note and a video clip, from mail to a handset and from the handset back to
//! mail: what was sent beside what arrived, as the octets at both ends say it.

use cedrat_plan::{format::Kind as Medium, profile::Profile};
use cedrat_wire_mms::mm4::Kind;

use super::{
    samples::Samples,
    stage::{MAIL_HOST, MAIL_PEER, NUMBERS, OPERATOR, OPERATOR_PEER, Stage, Who},
    story::{ALICE, HANDSET, Story, identifier, is, is_message},
};
use crate::{
    cli::Failure,
    simulate::{
        sample::{Attachment, Letter, Mms},
        send,
        view::{PartView, View},
    },
    workers,
};

impl Story {
    /// Alice sends large media to a handset, which sends on to her what it got. Returns the photograph.
    pub(super) async fn media(
        &mut self,
        stage: &mut Stage,
        samples: Option<Samples>,
    ) -> Result<Option<Attachment>, Failure> {
        let page = self.page;
        page.chapter("Media are made to fit, both ways");
        let Some(samples) = samples else {
            page.line(&format!("\nLeft out: the program {} is not there; build it.", workers::PROGRAM));
            return Ok(None);
        };
        page.line("\nA photograph, a voice note and a video clip are being made, which takes seconds.");
        let attachments = samples.made().await?;
        let photo = attachments.first().cloned();
        let letter = Letter {
            from: format!("Alice Example <{ALICE}>"),
            to: vec![format!("{HANDSET}@{NUMBERS}")],
            subject: "At the lake".to_owned(),
            text: "What it looks like, how it sounds, and all of it at once.".to_owned(),
            attachments: attachments.clone(),
            notify: None,
        };
        let transaction = letter.transaction(&identifier())?;
        let given = View::of(&transaction.content)?;
        let sent = self.send();
        send::one(&stage.mail.to_string(), MAIL_HOST, transaction).await?;
        let what = "MM4_forward.REQ with media at the operator";
        let Some(got) = self.wait(stage, what, is(Kind::ForwardReq)).await else { return Ok(photo) };
        page.section("Alice sends an e-mail, and the handset gets", Some(got.at - sent));
        self.compare(&given, &got.view, &stage.profile(OPERATOR_PEER, HANDSET)?);

        let mms = Mms {
            from: HANDSET.to_owned(),
            to: vec![ALICE.to_owned()],
            domain: OPERATOR.to_owned(),
            subject: Some("Re: At the lake".to_owned()),
            text: "This is what I got.".to_owned(),
            attachments: media(&got.view).map(attached).collect(),
            ack: false,
            delivery_report: false,
            read_report: false,
        };
        let transaction = mms.transaction(&identifier())?;
        let given = View::of(&transaction.content)?;
        let sent = self.send();
        send::one(&stage.mm4.to_string(), OPERATOR, transaction).await?;
        let what = "the e-mail with media at the mail host";
        let Some(got) = self.wait(stage, what, is_message(Who::MailHost)).await else { return Ok(photo) };
        page.section("The handset sends them back, and Alice gets", Some(got.at - sent));
        self.compare(&given, &got.view, &stage.profile(MAIL_PEER, ALICE)?);
        Ok(photo)
    }

    /// The table of what was sent and what arrived of it.
    pub(super) fn compare(&self, sent: &View, got: &View, most: &Profile) {
        let rows: Vec<_> = media(sent)
            .map(|before| {
                (before, media(got).find(|after| stem(after).is_some_and(|it| Some(it) == stem(before))))
            })
            .collect();
        let sum = |view: &View| view.parts.iter().map(|part| part.octets.len()).sum();
        self.page.became(&rows, [sum(sent), sum(got)], most);
    }
}

/// The parts that are seen or heard.
fn media(view: &View) -> impl Iterator<Item = &PartView> {
    let is_medium = |part: &&PartView| {
        matches!(part.facts().format.kind(), Medium::Picture | Medium::Sound | Medium::Video)
    };
    view.parts.iter().filter(is_medium)
}

/// The name without its suffix, which says the format.
fn stem(part: &PartView) -> Option<&str> {
    let name = part.name.as_deref()?;
    Some(name.rsplit_once('.').map_or(name, |(stem, _)| stem))
}

fn attached(part: &PartView) -> Attachment {
    Attachment {
        name: part.name.clone().unwrap_or_default(),
        media_type: part.media_type.clone(),
        octets: part.octets.clone(),
    }
}
