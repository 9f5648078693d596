// SPDX-License-Identifier: BSL-1.0
// The hello server on Go's net/http, on one processor.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
)

func main() {
	runtime.GOMAXPROCS(1)
	port := "0"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_http:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	hello := []byte("Hello, world!\n")
	http.HandleFunc("/", func(to http.ResponseWriter, _ *http.Request) {
		to.Header().Set("Content-Type", "text/plain")
		to.Write(hello)
	})
	fmt.Fprintln(os.Stderr, "go_http:", http.Serve(listener, nil))
	os.Exit(1)
}
