// SPDX-License-Identifier: BSL-1.0
// What parked goroutines take.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// Resident bytes and page tables.
func resident() int {
	status, _ := os.ReadFile("/proc/self/status")
	sum := 0
	for _, line := range strings.Split(string(status), "\n") {
		var kib int
		if strings.HasPrefix(line, "VmRSS:") || strings.HasPrefix(line, "VmPTE:") {
			fmt.Sscanf(line[6:], "%d", &kib)
			sum += kib * 1024
		}
	}
	return sum
}

func memory() {
	const count = 1_000_000
	var started, all sync.WaitGroup
	started.Add(count)
	all.Add(count)
	end := make(chan struct{})
	before := resident()
	start := time.Now()
	for i := 0; i < count; i++ {
		go func() {
			started.Done()
			<-end
			all.Done()
		}()
	}
	started.Wait()
	took := time.Since(start)
	bytes := resident() - before
	start = time.Now()
	close(end)
	all.Wait()
	took += time.Since(start)
	report("memory/parked", "B", []float64{float64(bytes) / count})
	report("memory/million", "s", []float64{took.Seconds()})
}

// What an ordinary call has before a call and needs after it: 128 bytes.
//
//go:noinline
func below(depth int, there *int, end <-chan struct{}) int {
	var mine [16]int
	for i := range mine {
		mine[i] = depth + i
	}
	sum := 0
	if depth > 1 {
		sum = below(depth-1, there, end)
	} else {
		*there++ // one processor: no two run at once
		<-end
	}
	for _, value := range mine {
		sum += value
	}
	return sum
}

func depth() {
	const count = 10_000
	depths := []int{1, 10, 50}
	end := make(chan struct{})
	var all sync.WaitGroup
	there, expected, sum := 0, 0, 0
	for i, depth := range depths {
		debug.FreeOSMemory() // what a stack left behind as it grew is nobody's
		before := resident()
		for j := 0; j < count; j++ {
			all.Add(1)
			go func(depth int) {
				sum += below(depth, &there, end)
				all.Done()
			}(depth)
		}
		for there < (i+1)*count {
			runtime.Gosched()
		}
		debug.FreeOSMemory()
		report(fmt.Sprintf("memory/below/%d", depth), "B", []float64{float64(resident()-before) / count})
		for first := 1; first <= depth; first++ {
			expected += count * (16*first + 120)
		}
	}
	close(end)
	all.Wait()
	expect(sum == expected, "not every call came back")
}
