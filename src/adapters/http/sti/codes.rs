//! Return codes of STI 1.0. The classes are the standard's (1000 info, 2000 success, 2001 warning,
//! 4000 client, 5000 server); so are the numbers below x100. Where the standard leaves a case
//! without a number ours begin at x100, so that the two are told apart at a glance.

use cedrat_plan::job::{FaultKind, Note};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $token:literal, $text:literal;)*) => {
        /// A return code. Numbers and tokens are stable.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The number.
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// As in events and metrics.
            pub const fn token(self) -> &'static str {
                match self { $(Self::$name => $token,)* }
            }

            /// What it means, where there is nothing more to say.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// Standard.
    OriginalReturned = 1003, "kept", "the original content is returned, unchanged";
    /// Standard.
    Success = 2000, "converted", "success";
    /// Standard.
    SomeJobsFailed = 2001, "some-jobs-failed", "one or more jobs failed";
    /// A parameter could not be followed and was passed over.
    ParameterIgnored = 2100, "parameter-ignored", "a parameter was ignored";
    /// The end was cut off.
    Cut = 2101, "cut", "the end was cut off";
    /// One picture of an animation is left.
    FirstFrame = 2102, "first-frame", "only the first picture of an animation is left";
    /// Some pictures of an animation are left out.
    FramesDropped = 2103, "frames-dropped", "some pictures of an animation were left out";
    /// The source ended early.
    DamagedPart = 2104, "damaged-part", "the source ended early; what could be read is there";
    /// No sound is left.
    SoundDropped = 2105, "sound-dropped", "the sound was dropped";
    /// Every job is done and at least one with a warning.
    Warnings = 2106, "warnings", "one or more jobs are done with a warning";
    /// Some targets of a job failed.
    SomeTargetsFailed = 2107, "some-targets-failed", "one or more targets failed";
    /// Standard: the source could not be read; the attachment is missing or broken.
    MediaReading = 4007, "media-reading", "the source cannot be read";
    /// Standard: the result could not be put where it was asked to be.
    MediaSaving = 4011, "media-saving", "results are returned as attachments only";
    /// Standard.
    NoProfile = 4014, "no-profile", "neither profileID nor transcodingParams is there";
    /// The request is no TranscodingRequest that can be read.
    BadRequest = 4100, "bad-request", "the request cannot be read";
    /// A jobID is missing or there twice.
    JobIdentifier = 4101, "job-id", "a jobID is missing or not unique";
    /// A profileID that nobody knows.
    UnknownProfile = 4102, "unknown-profile", "there is no such profile";
    /// A profileID that this client may not name.
    ProfileNotAllowed = 4103, "profile-not-allowed", "this client may not use this profile";
    /// A source elsewhere: it is never fetched.
    LocationRefused = 4104, "location-refused", "a source is an attachment, named by cid:; locations are never fetched";
    /// More jobs or targets than one request may have.
    TooManyJobs = 4105, "too-many-jobs", "the request has too many jobs or targets";
    /// An attachment, or all results together, beyond a bound.
    TooLarge = 4106, "too-large", "there are too many octets";
    /// A parameter that is not of its type.
    BadParameter = 4107, "bad-parameter", "a parameter cannot be read";
    /// A format or codec that is not read, or a target that is not written.
    Unsupported = 4110, "unsupported", "the media or the target are of a kind that is not converted";
    /// Cut, broken, or not what it looks like.
    Damaged = 4111, "damaged", "the media are damaged";
    /// Encrypted or under DRM.
    Encrypted = 4112, "encrypted", "the media are encrypted";
    /// Beyond a bound on what is decoded.
    BeyondBounds = 4113, "beyond-bounds", "the media are beyond a bound";
    /// Does not fit, however small it is made.
    CannotFit = 4114, "cannot-fit", "the media do not fit";
    /// Standard.
    Internal = 5000, "internal", "internal server error";
    /// Standard.
    AllJobsFailed = 5009, "all-jobs-failed", "all the jobs failed";
    /// No worker could be had.
    NoWorker = 5100, "no-worker", "no converter could be had; try again";
    /// The worker died.
    Crashed = 5101, "crashed", "the converter failed on this media";
    /// Took longer than a job may.
    TooSlow = 5102, "too-slow", "the conversion took too long; try again";
    /// Needed more memory than a job may have.
    OutOfMemory = 5103, "out-of-memory", "the conversion needed more memory than it may have";
}

impl Code {
    /// Whether there is a result.
    pub const fn is_success(self) -> bool {
        self.number() < 4000
    }

    /// Whether a receiver would want to know.
    pub const fn is_warning(self) -> bool {
        self.number() > 2000 && self.number() < 3000
    }

    /// What a conversion failed of.
    pub const fn of_fault(kind: FaultKind) -> Self {
        match kind {
            FaultKind::CannotFit => Self::CannotFit,
            FaultKind::Crashed => Self::Crashed,
            FaultKind::Damaged => Self::Damaged,
            FaultKind::Encrypted => Self::Encrypted,
            FaultKind::NoWorker => Self::NoWorker,
            FaultKind::OutOfMemory => Self::OutOfMemory,
            FaultKind::TooLarge => Self::BeyondBounds,
            FaultKind::TooSlow => Self::TooSlow,
            FaultKind::Unsupported => Self::Unsupported,
        }
    }

    /// What a conversion warns of.
    pub const fn of_note(note: Note) -> Self {
        match note {
            Note::Cut { .. } => Self::Cut,
            Note::Damaged => Self::DamagedPart,
            Note::FirstFrame => Self::FirstFrame,
            Note::FramesDropped { .. } => Self::FramesDropped,
            Note::SoundDropped => Self::SoundDropped,
        }
    }
}

/// A code with what it means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnResult {
    /// The code.
    pub code: Code,
    /// For a person.
    pub text: String,
}

impl ReturnResult {
    /// With its own words.
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl From<Code> for ReturnResult {
    fn from(code: Code) -> Self {
        Self { code, text: code.text().into() }
    }
}

/// The code of a request from those of its jobs.
pub fn main_of(jobs: impl Iterator<Item = Code> + Clone) -> Code {
    let failed = jobs.clone().filter(|code| !code.is_success()).count();
    let all = jobs.clone().count();
    if failed == all && all == 1 {
        // The one job says more than "all".
        jobs.last().unwrap_or(Code::Internal)
    } else if failed == all {
        Code::AllJobsFailed
    } else if failed > 0 {
        Code::SomeJobsFailed
    } else if jobs.clone().any(Code::is_warning) {
        Code::Warnings
    } else {
        Code::Success
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_and_are_in_the_range_of_the_standard() {
        let numbers: Vec<u16> = Code::ALL.iter().map(|code| code.number()).collect();
        assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(numbers.iter().all(|number| (1000..6000).contains(number) && !(3000..4000).contains(number)));
    }

    #[test]
    fn the_code_of_a_request_follows_from_its_jobs() {
        use Code::*;
        let main = |jobs: &[Code]| main_of(jobs.iter().copied());
        assert_eq!(main(&[Success, Success]), Success);
        assert_eq!(main(&[Success, Cut]), Warnings);
        assert_eq!(main(&[Success, Damaged]), SomeJobsFailed);
        assert_eq!(main(&[Damaged]), Damaged);
        assert_eq!(main(&[Damaged, NoWorker]), AllJobsFailed);
    }
}
