//! Counters and gauges in Prometheus' text format. Every name begins with `cedrat_`; no number,
//! address or message id is ever a label.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::{Event, Kind};

static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

fn recorder() -> &'static PrometheusHandle {
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // A second recorder in one process (tests) keeps the first.
        drop(metrics::set_global_recorder(recorder));
        describe();
        handle
    })
}

fn describe() {
    metrics::describe_counter!("cedrat_messages_received_total", "Messages stored and acknowledged");
    metrics::describe_counter!("cedrat_messages_rejected_total", "Messages that were not taken");
    metrics::describe_counter!("cedrat_messages_duplicate_total", "Messages that came again");
    metrics::describe_counter!("cedrat_messages_delivered_total", "Recipients served");
    metrics::describe_counter!("cedrat_messages_failed_total", "Recipients that will not get their message");
    metrics::describe_counter!("cedrat_delivery_attempts_total", "Attempts by result");
    metrics::describe_counter!(
        "cedrat_deliveries_uncertain_total",
        "Deliveries that may have happened twice"
    );
    metrics::describe_counter!("cedrat_responses_total", "Answers of MM4 peers by status");
    metrics::describe_counter!("cedrat_reports_total", "Reports received and made");
    metrics::describe_counter!(
        "cedrat_mapping_lossy_total",
        "Fields that a translation could not carry as they were"
    );
    metrics::describe_counter!("cedrat_sessions_total", "Sessions opened");
    metrics::describe_counter!("cedrat_sessions_refused_total", "Connections turned away");
    metrics::describe_counter!("cedrat_config_reloads_total", "Reloads of the configuration");
    metrics::describe_counter!("cedrat_faults_total", "Faults of what the gateway depends on");
    metrics::describe_counter!(
        "cedrat_workers_started_total",
        "Starts of the process that forks the workers"
    );
    metrics::describe_counter!("cedrat_workers_lost_total", "Workers that ended in the middle of their work");
    metrics::describe_counter!("cedrat_http_requests_total", "Requests to the HTTP doors by outcome");
    metrics::describe_counter!("cedrat_http_octets_total", "Octets of bodies at the HTTP doors");
    metrics::describe_histogram!("cedrat_http_request_seconds", "From the head of a request to its answer");
    metrics::describe_gauge!("cedrat_sessions", "Sessions open now");
    metrics::describe_gauge!("cedrat_queue_depth", "Deliveries in the queue");
    metrics::describe_gauge!("cedrat_queue_oldest_age_seconds", "Age of the oldest delivery");
    metrics::describe_histogram!("cedrat_end_to_end_seconds", "From acknowledgement to delivery");
    metrics::gauge!("cedrat_up").set(1.0);
    metrics::gauge!("cedrat_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

/// What `/metrics` answers.
pub fn render() -> String {
    recorder().render()
}

/// Sets the depth of one queue.
pub fn queue(destination: &str, state: &'static str, depth: u64, oldest_age_seconds: f64) {
    recorder();
    metrics::gauge!("cedrat_queue_depth", "queue" => destination.to_owned(), "state" => state)
        .set(depth as f64);
    metrics::gauge!("cedrat_queue_oldest_age_seconds", "queue" => destination.to_owned())
        .set(oldest_age_seconds);
}

pub(super) fn count(event: &Event) {
    recorder();
    match event {
        Event::Reception { peer, protocol, kind, loss, .. } => {
            lossy(loss);
            metrics::counter!("cedrat_messages_received_total", "peer" => peer.clone(), "protocol" => protocol.token(), "kind" => kind.token()).increment(1);
        }
        Event::Rejection { peer, protocol, reason, .. } => {
            metrics::counter!("cedrat_messages_rejected_total", "peer" => peer.clone(), "protocol" => protocol.token(), "reason" => reason.code).increment(1);
        }
        Event::Duplicate { peer, .. } => {
            metrics::counter!("cedrat_messages_duplicate_total", "peer" => peer.clone()).increment(1);
        }
        Event::Delivery { peer, protocol, kind, uncertain, age_ms, loss, .. } => {
            lossy(loss);
            metrics::counter!("cedrat_messages_delivered_total", "peer" => peer.clone(), "protocol" => protocol.token(), "kind" => kind.token()).increment(1);
            metrics::counter!("cedrat_delivery_attempts_total", "peer" => peer.clone(), "result" => "delivered").increment(1);
            metrics::histogram!("cedrat_end_to_end_seconds").record(*age_ms as f64 / 1000.0);
            if *uncertain {
                metrics::counter!("cedrat_deliveries_uncertain_total", "peer" => peer.clone()).increment(1);
            }
        }
        Event::TransientFailure { peer, .. } => {
            metrics::counter!("cedrat_delivery_attempts_total", "peer" => peer.clone(), "result" => "transient").increment(1);
        }
        Event::Failure { peer, protocol, reason, .. } => {
            metrics::counter!("cedrat_delivery_attempts_total", "peer" => peer.clone(), "result" => "permanent").increment(1);
            metrics::counter!("cedrat_messages_failed_total", "peer" => peer.clone(), "protocol" => protocol.token(), "reason" => reason.code).increment(1);
        }
        Event::Response { peer, status, .. } => {
            metrics::counter!("cedrat_responses_total", "peer" => peer.clone(), "status" => status.clone())
                .increment(1);
        }
        Event::ReportReceived { peer, kind, status, message, .. } => {
            metrics::counter!("cedrat_reports_total", "peer" => peer.clone(), "type" => kind.token(), "direction" => "received",
                "status" => status.clone(), "matched" => if message.is_some() { "yes" } else { "no" }).increment(1);
        }
        Event::ReportMade { peer, kind, status, .. } => {
            metrics::counter!("cedrat_reports_total", "peer" => peer.clone(), "type" => kind.token(), "direction" => "made",
                "status" => status.clone(), "matched" => "yes").increment(1);
        }
        Event::Loss { loss, .. } => lossy(loss),
        Event::SessionOpened { peer, protocol, .. } => {
            metrics::counter!("cedrat_sessions_total", "peer" => peer.clone(), "protocol" => protocol.token()).increment(1);
            metrics::gauge!("cedrat_sessions", "peer" => peer.clone(), "protocol" => protocol.token())
                .increment(1.0);
        }
        Event::SessionClosed { peer, protocol, .. } => {
            metrics::gauge!("cedrat_sessions", "peer" => peer.clone(), "protocol" => protocol.token())
                .decrement(1.0);
        }
        Event::SessionRefused { protocol, reason, .. } => {
            metrics::counter!("cedrat_sessions_refused_total", "protocol" => protocol.token(), "reason" => reason.code).increment(1);
        }
        Event::ConfigReload { faults, .. } => {
            metrics::counter!("cedrat_config_reloads_total", "result" => if faults.is_empty() { "ok" } else { "refused" }).increment(1);
        }
        Event::WorkersStarted { sandbox, .. } => {
            metrics::counter!("cedrat_workers_started_total", "sandbox" => *sandbox).increment(1);
        }
        Event::WorkerLost { class, reason, .. } => {
            metrics::counter!("cedrat_workers_lost_total", "class" => *class, "reason" => *reason)
                .increment(1);
        }
        Event::Fault { what, .. } => metrics::counter!("cedrat_faults_total", "what" => *what).increment(1),
        Event::HttpRequest { client, operation, octets_in, octets_out, ms, outcome, .. } => {
            metrics::counter!("cedrat_http_requests_total", "client" => client.clone(), "operation" => *operation, "outcome" => *outcome).increment(1);
            metrics::counter!("cedrat_http_octets_total", "operation" => *operation, "direction" => "in")
                .increment(*octets_in);
            metrics::counter!("cedrat_http_octets_total", "operation" => *operation, "direction" => "out")
                .increment(*octets_out);
            metrics::histogram!("cedrat_http_request_seconds", "operation" => *operation)
                .record(*ms as f64 / 1000.0);
        }
        Event::Handoff { state, outcome, .. } => {
            metrics::counter!("cedrat_handoff_steps_total", "state" => *state, "outcome" => *outcome)
                .increment(1);
        }
        Event::AdminAction { action, .. } => {
            metrics::counter!("cedrat_admin_actions_total", "action" => *action).increment(1);
        }
        Event::Started { .. }
        | Event::Stopping { .. }
        | Event::Recovered { .. }
        | Event::Authentication { .. }
        | Event::Awaiting { .. } => {}
    }
}

fn lossy(loss: &[super::LossNote]) {
    for note in loss {
        metrics::counter!("cedrat_mapping_lossy_total", "from" => note.from, "to" => note.to, "field" => note.field)
            .increment(1);
    }
}

impl Kind {
    /// As in labels and tables.
    pub const fn token(self) -> &'static str {
        match self {
            Self::DeliveryReport => "delivery-report",
            Self::Message => "message",
            Self::ReadReport => "read-report",
            Self::Response => "response",
        }
    }
}
