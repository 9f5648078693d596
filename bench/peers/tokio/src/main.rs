// SPDX-License-Identifier: BSL-1.0
// The questions of bench/ asked of tokio: tokio_peer QUESTION, on TOKIO_WORKER_THREADS threads, one unless told.
mod fork_join;
mod memory;
mod report;
mod sync;
mod task;
mod timers;

fn main() {
    let question = std::env::args().nth(1).unwrap_or_default();
    match question.as_str() {
        "yield" => task::turns(),
        "spawn" => task::spawn(),
        "forkjoin" => fork_join::fork_join(),
        "channel" => sync::channel(),
        "event" => sync::event(),
        "mutex" => sync::mutex(),
        "timers" => timers::timers(),
        "memory" => memory::memory(),
        "depth" => memory::depth(),
        _ => {
            eprintln!("usage: tokio_peer yield|spawn|forkjoin|channel|event|mutex|timers|memory|depth");
            std::process::exit(2);
        }
    }
}
