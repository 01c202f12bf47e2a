//! The jobs of one request: each target is one conversion, a few of them at a time, and what is
//! wrong with one is in its own result.

use std::{collections::BTreeMap, time::Instant};

use bytes::Bytes;
use cedrat_mime::Node;
use cedrat_plan::facts::{Claim, Facts};
use futures_util::{StreamExt as _, stream};

use super::{
    codes::{Code, ReturnResult},
    request::{Job, Source, Target},
};
use crate::{
    adapters::http::{
        auth::Caller,
        core::{Core, One},
    },
    config::http::Http,
};

/// The attachments of a request, by Content-ID.
pub type Attachments<'m> = BTreeMap<&'m str, &'m Node>;

/// What a run needs.
#[derive(Clone, Copy)]
pub struct Run<'a> {
    /// Profiles and conversions.
    pub core: &'a dyn Core,
    /// Bounds and the profile of targets that name none.
    pub config: &'a Http,
    /// Who asks.
    pub caller: &'a Caller<'a>,
    /// The sources.
    pub attachments: &'a Attachments<'a>,
}

/// What became of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobResult {
    /// The job.
    pub id: String,
    /// Its result.
    pub main: ReturnResult,
    /// What else is to be said.
    pub more: Vec<ReturnResult>,
    /// How long it took, milliseconds.
    pub ms: u64,
    /// One for each target that has a result, in their order.
    pub outputs: Vec<Output>,
}

/// One result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The octets.
    pub octets: Bytes,
    /// What the source was.
    pub from: Facts,
    /// What it is now.
    pub facts: Facts,
}

/// One conversion, done.
struct Done {
    job: usize,
    results: Vec<ReturnResult>,
    output: Option<Output>,
    ms: u64,
}

impl Run<'_> {
    /// Runs the jobs; the results are in the order of the jobs.
    pub async fn jobs(self, jobs: &[Job]) -> Vec<JobResult> {
        let targets = jobs
            .iter()
            .enumerate()
            .flat_map(|(index, job)| job.targets.iter().map(move |target| (index, job, target)));
        let running = targets.map(|(index, job, target)| self.target(index, &job.source, target));
        let mut done: Vec<Vec<Done>> = jobs.iter().map(|_| Vec::new()).collect();
        let mut octets = 0u64;
        // Boxed: a stream of borrowing futures is more than the compiler can prove to be Send.
        let running: Vec<futures_util::future::BoxFuture<'_, Done>> =
            running.map(futures_util::FutureExt::boxed).collect();
        let mut finished = stream::iter(running).buffered(self.config.max_jobs_at_once);
        while let Some(mut one) = finished.next().await {
            if let Some(output) = &one.output {
                octets = octets.saturating_add(output.octets.len() as u64);
                if octets > self.config.max_octets {
                    octets = octets.saturating_sub(output.octets.len() as u64);
                    one.output = None;
                    one.results = vec![ReturnResult::new(
                        Code::TooLarge,
                        format!(
                            "all results together have more than {} octets (http.max_octets)",
                            self.config.max_octets
                        ),
                    )];
                }
            }
            if let Some(list) = done.get_mut(one.job) {
                list.push(one);
            }
        }
        jobs.iter().zip(done).map(|(job, done)| summary(&job.id, done)).collect()
    }

    async fn target(
        self,
        job: usize,
        source: &Result<Source, ReturnResult>,
        target: &Result<Target, ReturnResult>,
    ) -> Done {
        let begin = Instant::now();
        let made = match (source, target) {
            (Err(result), _) | (_, Err(result)) => Err(result.clone()),
            (Ok(source), Ok(target)) => self.convert(source, target).await.map(|one| (one, &target.ignored)),
        };
        let ms = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        match made {
            Ok((one, ignored)) => {
                let results = results(&one, ignored);
                let output = Output { octets: one.octets, from: one.from, facts: one.facts };
                Done { job, results, output: Some(output), ms }
            }
            Err(result) => Done { job, results: vec![result], output: None, ms },
        }
    }

    async fn convert(self, source: &Source, target: &Target) -> Result<One, ReturnResult> {
        let name = target.profile.as_deref().unwrap_or(&self.config.profile);
        if !self.caller.may_use(name) {
            return Err(ReturnResult::new(
                Code::ProfileNotAllowed,
                format!("this client may not use the profile {:?}", short(name)),
            ));
        }
        let Some(mut profile) = self.core.profile(name) else {
            let names: Vec<_> =
                self.core.profiles().into_iter().filter(|name| self.caller.may_use(name)).collect();
            return Err(ReturnResult::new(
                Code::UnknownProfile,
                format!("there is no profile {:?}; there are {}", short(name), names.join(", ")),
            ));
        };
        target.wanted.lay(&mut profile, "sti");
        let Some(node) = self.attachments.get(source.cid.as_str()) else {
            return Err(ReturnResult::new(
                Code::MediaReading,
                format!("the request has no attachment with the Content-ID <{}>", short(&source.cid)),
            ));
        };
        let decoded = node.decoded();
        if decoded.damage.is_some() {
            return Err(ReturnResult::new(
                Code::MediaReading,
                format!("the attachment <{}> is not valid {}", short(&source.cid), node.encoding.token()),
            ));
        }
        if decoded.octets.len() as u64 > self.config.max_attachment_octets {
            return Err(ReturnResult::new(
                Code::TooLarge,
                format!(
                    "the attachment <{}> has {} octets; {} are allowed (http.max_attachment_octets)",
                    short(&source.cid),
                    decoded.octets.len(),
                    self.config.max_attachment_octets
                ),
            ));
        }
        let claim = Claim {
            media_type: source.content_type.as_deref().unwrap_or(&node.content_type.essence),
            name: node.filename(),
            charset: source.charset.as_deref().or_else(|| node.content_type.parameter("charset")),
        };
        self.core
            .convert(decoded.octets, claim, &profile, target.wanted.octets)
            .await
            .map_err(|fault| ReturnResult::new(Code::of_fault(fault.kind), fault.detail))
    }
}

/// What of a peer's text is repeated to it.
fn short(text: &str) -> String {
    text.chars().take(80).collect()
}

/// Warnings first, then what is good to know; success stands alone.
fn results(one: &One, ignored: &[String]) -> Vec<ReturnResult> {
    let mut results: Vec<ReturnResult> = one
        .notes
        .iter()
        .map(|note| ReturnResult::new(Code::of_note(*note), crate::adapters::http::report::sentence(note)))
        .collect();
    if !ignored.is_empty() {
        results.push(ReturnResult::new(Code::ParameterIgnored, format!("ignored: {}", ignored.join(", "))));
    }
    if results.is_empty() {
        results.push(Code::Success.into());
    }
    if one.kept {
        results.push(Code::OriginalReturned.into());
    }
    results
}

fn summary(id: &str, done: Vec<Done>) -> JobResult {
    let several = done.len() > 1;
    let failed = done.iter().filter(|one| one.output.is_none()).count();
    let some_failed = failed > 0 && failed < done.len();
    let mut all: Vec<ReturnResult> = Vec::new();
    let mut outputs = Vec::new();
    let mut ms = 0;
    for (index, one) in done.into_iter().enumerate() {
        for mut result in one.results {
            if several {
                result.text = format!("target {}: {}", index + 1, result.text);
            }
            all.push(result);
        }
        outputs.extend(one.output);
        ms = one.ms.max(ms);
    }
    let main = if some_failed {
        Code::SomeTargetsFailed.into()
    } else if several && failed == 0 && all.iter().all(|result| !result.code.is_warning()) {
        Code::Success.into()
    } else {
        // The worst says most; of equals the first.
        let worst = all
            .iter()
            .enumerate()
            .min_by_key(|(index, result)| (result.code.is_success(), !result.code.is_warning(), *index))
            .map(|(index, _)| index);
        worst.map_or_else(|| Code::Internal.into(), |index| all.remove(index))
    };
    if several {
        all.retain(|result| result.code != Code::Success);
    }
    JobResult { id: id.to_owned(), main, more: all, ms, outputs }
}
