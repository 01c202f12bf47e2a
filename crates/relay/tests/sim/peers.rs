//! Peers as they are: one that behaves, and one for each way in which others do not.

use cedrat_message::{DeliveryStatus, Reason};

/// How a next hop behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Manner {
    /// Never accepts a connection.
    Dead,
    /// Reports before it answers.
    Early,
    /// Answers, and reports the next minute.
    Good,
    /// Lets every second connection fail.
    Flaky,
    /// Internet mail with DSN: reports to the sender itself.
    Mail,
    /// Internet mail without DSN.
    PlainMail,
    /// Refuses a third for now, by SMTP or by answer, and some for good.
    Refusing,
    /// Takes everything and never answers.
    Silent,
    /// Takes half a minute for everything.
    Slow,
    /// Answers and reports twice, and contradicts itself the second time.
    Twice,
    /// Answers, and never reports.
    Unreporting,
}

/// What happens to one attempt, and what the peer sends later.
#[derive(Debug, Clone, Default)]
pub(crate) struct Behaviour {
    /// Milliseconds until the attempt is over.
    pub(crate) takes_ms: i64,
    /// The connection does not come about.
    pub(crate) fails: bool,
    /// The reply to the message, when not 250.
    pub(crate) refused: Option<Reason>,
    /// Answers: after so many milliseconds, refused with.
    pub(crate) answers: Vec<(i64, Option<Reason>)>,
    /// Reports: after so many milliseconds, status.
    pub(crate) reports: Vec<(i64, DeliveryStatus)>,
}

impl Manner {
    pub(crate) const ALL: &'static [Self] = &[
        Self::Dead,
        Self::Early,
        Self::Good,
        Self::Flaky,
        Self::Mail,
        Self::PlainMail,
        Self::Refusing,
        Self::Silent,
        Self::Slow,
        Self::Twice,
        Self::Unreporting,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Early => "early",
            Self::Good => "good",
            Self::Flaky => "flaky",
            Self::Mail => "mail",
            Self::PlainMail => "plain-mail",
            Self::Refusing => "refusing",
            Self::Silent => "silent",
            Self::Slow => "slow",
            Self::Twice => "twice",
            Self::Unreporting => "unreporting",
        }
    }

    pub(crate) fn is_mail(self) -> bool {
        matches!(self, Self::Mail | Self::PlainMail)
    }

    /// `lot` decides what is left to chance. `first` = the peer has not taken this request before.
    pub(crate) fn behave(self, lot: u64, first: bool) -> Behaviour {
        let quick = Behaviour { takes_ms: 20 + (lot % 200) as i64, ..Behaviour::default() };
        let outcome = match lot / 1000 % 20 {
            0 => DeliveryStatus::Expired,
            1 => DeliveryStatus::Rejected,
            2 => DeliveryStatus::Indeterminate,
            _ => DeliveryStatus::Retrieved,
        };
        let reports = if first { vec![(60_000, outcome)] } else { Vec::new() };
        match self {
            Self::Dead => Behaviour { fails: true, takes_ms: 30_000, ..quick },
            Self::Flaky if (lot / 7).is_multiple_of(2) => Behaviour { fails: true, ..quick },
            Self::Good | Self::Flaky => Behaviour { answers: vec![(1_000, None)], reports, ..quick },
            Self::Early => {
                let reports = if first { vec![(1_000, outcome)] } else { Vec::new() };
                Behaviour { answers: vec![(90_000, None)], reports, ..quick }
            }
            Self::Mail | Self::PlainMail | Self::Silent => quick,
            Self::Refusing => match lot / 11 % 6 {
                0 => Behaviour { refused: Some(Reason::CongestedThere), ..quick },
                1 => Behaviour { answers: vec![(500, Some(Reason::NetworkProblem))], ..quick },
                2 => Behaviour { answers: vec![(500, Some(Reason::ContentNotAccepted))], ..quick },
                3 => Behaviour { refused: Some(Reason::RecipientUnknown), ..quick },
                _ => Behaviour { answers: vec![(500, None)], reports, ..quick },
            },
            Self::Slow => Behaviour { takes_ms: 30_000, answers: vec![(250_000, None)], reports, ..quick },
            Self::Twice => {
                let mut reports = reports;
                reports.extend(reports.first().map(|_| (70_000, DeliveryStatus::Rejected)));
                let answers = vec![(1_000, None), (2_000, Some(Reason::Rejected))];
                Behaviour { answers, reports, ..quick }
            }
            Self::Unreporting => Behaviour { answers: vec![(1_000, None)], ..quick },
        }
    }
}
