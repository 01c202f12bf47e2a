//! `cedrat demo`: a gateway, an MMS operator and a mail host on loopback, in a temporary directory. An
//! MMS becomes an e-mail, an e-mail becomes an MMS, their reports find the way back, media are made to
//! fit in both directions, and all of it is shown. Nothing leaves the machine and nothing stays on it.

mod folder;
mod media;
mod page;
mod samples;
mod sealed;
mod stage;
mod story;

use tokio::signal::unix::{SignalKind, signal};

use self::{
    folder::Folder,
    page::Page,
    samples::Samples,
    sealed::Keys,
    stage::{NUMBERS, Seen, Stage, Who},
    story::Story,
};
use super::{Failure, runtime, simulate};
use crate::simulate::{mm4::System, view};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  cedrat demo           shows the samples, then everything that you send yourself, until Ctrl-C
  cedrat demo --once    exits when all samples and their reports have arrived; 1 when one is missing
                        after a minute")]
pub(super) struct Args {
    /// Exit when all samples and their reports have arrived
    #[arg(long)]
    once: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let folder = Folder::make()?;
    runtime()?.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).map_err(|fault| fault.to_string())?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(|fault| fault.to_string())?;
        let keys = Keys::make(&folder).await?;
        let more = keys.as_ref().map(Keys::configuration).unwrap_or_default();
        let mut stage = Stage::set(&folder, &more).await?;
        let played = tokio::select! {
            played = play(&mut stage, keys.as_ref(), args.once) => played,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        };
        stage.end().await;
        played
    })
}

async fn play(stage: &mut Stage, keys: Option<&Keys>, once: bool) -> Result<(), Failure> {
    let page = Page::new();
    page.line("cedrat demo: a gateway, an MMS operator and a mail host, all on this machine");
    page.line("");
    page.field("gateway", &format!("MM4 on {}, mail on {}", stage.mm4, stage.mail));
    page.field("MMS operator", &format!("MM4 on {} for {}", stage.operator, stage::OPERATOR));
    page.field("mail host", &format!("SMTP on {} for example.test", stage.mail_host));
    page.field("log of the gateway", &stage.log.display().to_string());

    let samples = Samples::begin();
    let mut story = Story::new(page);
    story.mms_to_mail(stage).await?;
    story.mail_to_mms(stage).await?;
    let photo = story.media(stage, samples).await?;
    story.sealed(stage, keys, photo).await?;
    let told = story.end();
    if once {
        return told;
    }
    if let Err(Failure(lines)) = told {
        lines.iter().for_each(|line| page.line(line));
    }
    listen(page, stage).await;
    Ok(())
}

/// Shows everything that arrives, for ever.
async fn listen(page: Page, stage: &mut Stage) {
    page.chapter("Now you");
    page.line(&format!(
        "
  cedrat simulate mm4 send --to {mm4} --rcpt bob@example.test --ack --delivery-report
  cedrat simulate smtp send --to {mail} --rcpt +447700900002@{NUMBERS}
  swaks --server {mail} --from bob@example.test --to '\"+447700900002\"@{NUMBERS}'

  What arrives at the operator and at the mail host is shown here. Ctrl-C ends it.
",
        mm4 = stage.mm4,
        mail = stage.mail,
    ));
    while let Some(Seen { who, arrival, view, .. }) = stage.next().await {
        page.line(&match who {
            Who::MailHost => format!("mail host {}", simulate::mail_as_text(&arrival, &Ok(view))),
            Who::Operator => {
                let line = simulate::pdu_as_line(&arrival, &System::read(&arrival.content));
                view::shortened(&format!("operator  {line}"), page::WIDTH)
            }
        });
    }
}
