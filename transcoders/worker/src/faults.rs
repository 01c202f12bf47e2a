//! Misbehaviour on request, for the tests of the gateway: what a codec with a hole would do. Only
//! in a process whose environment says so ([`VARIABLE`]); the gateway starts none that does.

use crate::system;

/// Set in the environment of the zygote: its workers take these requests too.
pub(crate) const VARIABLE: &str = "CEDRAT_WORKER_FAULTS";

/// Does what the datagram asks for, if it asks for a fault.
pub(crate) fn simulate(datagram: &[u8]) {
    match datagram {
        b"\"abort\"" => std::process::abort(),
        b"\"allocate\"" => {
            let mut held: Vec<Vec<u8>> = Vec::new();
            loop {
                held.push(vec![1; 16 << 20]);
            }
        }
        b"\"exec\"" => drop(system::try_exec()),
        b"\"hang\"" => std::thread::sleep(std::time::Duration::from_secs(3600)),
        b"\"panic\"" => std::panic::resume_unwind(Box::new(())),
        b"\"spin\"" => loop {
            std::hint::spin_loop();
        },
        b"\"stack\"" => {
            std::hint::black_box(deeper(1));
        }
        _ => {}
    }
}

#[allow(unconditional_recursion, reason = "until the stack ends")]
fn deeper(depth: u64) -> u64 {
    let place = [depth; 64];
    std::hint::black_box(&place);
    deeper(depth + 1) + place.iter().sum::<u64>()
}
