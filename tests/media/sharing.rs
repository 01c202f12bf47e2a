//! Several messages at once that want the same conversions.

use std::time::Duration;

use bytes::Bytes;
use cedrat::media::{
    Media, Source,
    fit::{self, Fitted, Fitting, Item, Secrecy, Wish},
};
use cedrat_mapping::Tables;
use cedrat_plan::{
    facts::{self, Claim},
    plan::{Frame, Role, Transfer},
};

use super::{path::wave, pool};

fn item(octets: &Bytes, media: &Media) -> Item {
    Item {
        source: Source {
            octets: octets.clone(),
            facts: facts::read(octets, &Claim::default(), &media.limits),
        },
        role: Role::Media,
        header_octets: 200,
        sealed: false,
        anew: false,
        required: false,
        transfer: Transfer::Base64,
    }
}

async fn fitted(media: &Media, parts: &[&Bytes]) -> Fitting {
    let tables = Tables::embedded().unwrap();
    let items: Vec<Item> = parts.iter().map(|octets| item(octets, media)).collect();
    let profile = tables.capability("image-rich").unwrap();
    let wish = Wish { profile, others: &[], frame: Frame::default(), secrecy: Secrecy::Open };
    fit::fit(media, &items, &wish).await
}

#[tokio::test(flavor = "multi_thread")]
async fn two_messages_that_want_what_the_other_is_making_both_end() {
    let Some(workers) = pool(|settings| settings.workers = 1).await else { return };
    let media = Media::new(workers, None);
    let (one, other) = (Bytes::from(wave(2)), Bytes::from(wave(3)));
    let (there, back) = ([&one, &other], [&other, &one]);
    let both = async { tokio::join!(fitted(&media, &there), fitted(&media, &back)) };
    let ended = tokio::time::timeout(Duration::from_secs(30), both).await;
    let (first, second) = ended.expect("they wait for each other");
    for fitting in [first, second] {
        assert!(fitting.parts.iter().all(|part| matches!(part, Fitted::Made { .. })), "{fitting:?}");
    }
}
