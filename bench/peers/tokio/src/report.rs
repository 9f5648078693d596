// SPDX-License-Identifier: BSL-1.0
// How the questions are measured and what is said: MEASURE SIDE UNIT VALUE..., as the benches of weft do.
use std::fs;
use tokio::runtime::{Builder, Runtime};

pub const REPEATS: usize = 3;

// As tokio's own macro takes it from there, in later versions.
pub fn workers() -> usize {
    std::env::var("TOKIO_WORKER_THREADS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

pub fn runtime() -> Runtime {
    let mut builder = match workers() {
        1 => Builder::new_current_thread(),
        many => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(many);
            builder
        }
    };
    builder.enable_time().build().expect("there is a runtime")
}

pub fn report(measure: &str, unit: &str, values: &[f64]) {
    let side = match workers() {
        1 => "tokio".to_string(),
        many => format!("tokio-{many}"),
    };
    let texts: Vec<String> = values.iter().map(|value| format!("{value:.4}")).collect();
    println!("{measure} {side} {unit} {}", texts.join(" "));
}

pub fn several(measure: &str, unit: &str, mut once: impl FnMut() -> f64) {
    let values: Vec<f64> = (0..REPEATS).map(|_| once()).collect();
    report(measure, unit, &values);
}

pub fn expect(right: bool, what: &str) {
    if !right {
        eprintln!("not measured: {what}");
        std::process::exit(1);
    }
}

// CPU seconds of the threads that there are.
pub fn cpu_seconds() -> f64 {
    let ran = |task: fs::DirEntry| -> u64 {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let tasks = fs::read_dir("/proc/self/task").expect("there is a /proc");
    tasks.flatten().map(ran).sum::<u64>() as f64 / 1e9
}

// Resident bytes and page tables.
pub fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).unwrap_or(0.0);
    let counts = |line: &&str| line.starts_with("VmRSS:") || line.starts_with("VmPTE:");
    status.lines().filter(counts).map(kib).sum::<f64>() * 1024.0
}
