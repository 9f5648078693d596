// SPDX-License-Identifier: BSL-1.0
// Generators and deep calls: an item at a time through a channel, as it is written in Go 1.19, which has no iterators.
package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
)

func countTo(end int) <-chan int {
	items := make(chan int)
	go func() {
		for i := 0; i < end; i++ {
			items <- i
		}
		close(items)
	}()
	return items
}

func generator() {
	several("generator/pull", "ns", func() float64 {
		const pulls = 1_000_000
		sum := 0
		start := time.Now()
		for item := range countTo(pulls) {
			sum += item
		}
		took := time.Since(start)
		expect(sum == pulls*(pulls-1)/2, "not every item came")
		return float64(took.Nanoseconds()) / pulls
	})
	several("generator/life", "ns", func() float64 {
		const lives, items = 200_000, 3
		sum := 0
		start := time.Now()
		for i := 0; i < lives; i++ {
			for item := range countTo(items) {
				sum += item
			}
		}
		took := time.Since(start)
		expect(sum == lives*items*(items-1)/2, "not every item came")
		return float64(took.Nanoseconds()) / lives
	})
}

//go:noinline
func call(depth int) int {
	if depth == 0 {
		runtime.Gosched()
		return 0
	}
	return call(depth-1) + 1
}

func descend(depth int) float64 {
	const descents = 20_000
	var all sync.WaitGroup
	sum := 0 // one processor: no two run at once
	start := time.Now()
	for i := 0; i < 2; i++ {
		all.Add(1)
		go func() {
			mine := 0
			for j := 0; j < descents; j++ {
				mine += call(depth)
			}
			sum += mine
			all.Done()
		}()
	}
	all.Wait()
	took := time.Since(start)
	expect(sum == 2*descents*depth, "not every level was reached")
	return float64(took.Nanoseconds()) / (2 * descents)
}

func deep() {
	values := map[int][]float64{}
	var level []float64
	depths := []int{1, 10, 100}
	for i := 0; i < repeats; i++ {
		for _, depth := range depths {
			values[depth] = append(values[depth], descend(depth))
		}
		level = append(level, (values[100][i]-values[1][i])/99)
	}
	for _, depth := range depths {
		report(fmt.Sprintf("deep/await/%d", depth), "ns", values[depth])
	}
	report("deep/await/level", "ns", level)
}
