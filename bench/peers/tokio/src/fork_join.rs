// SPDX-License-Identifier: BSL-1.0
// A recursion with a task for each call. An async function that calls itself needs a box, or it would hold itself.
use crate::report::{expect, runtime, several};
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

type Sum = Pin<Box<dyn Future<Output = u64> + Send>>;

fn fib(n: u64) -> Sum {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let (a, b) = (tokio::spawn(fib(n - 1)), tokio::spawn(fib(n - 2)));
        a.await.unwrap() + b.await.unwrap()
    })
}

fn skynet(first: u64, size: u64) -> Sum {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let part = size / 10;
        let all: Vec<_> = (0..10).map(|i| tokio::spawn(skynet(first + i * part, part))).collect();
        let mut sum = 0;
        for task in all {
            sum += task.await.unwrap();
        }
        sum
    })
}

fn measure(name: &str, calls: f64, right: u64, whole: fn() -> Sum) {
    several(name, "ns", || {
        runtime().block_on(async {
            let start = Instant::now();
            expect(tokio::spawn(whole()).await.unwrap() == right, "the result is wrong");
            start.elapsed().as_nanos() as f64 / calls
        })
    });
}

pub fn fork_join() {
    measure("forkjoin/fib", 635_621.0, 196_418, || fib(27));
    measure("forkjoin/skynet", 1_111_111.0, 499_999_500_000, || skynet(0, 1_000_000));
}
