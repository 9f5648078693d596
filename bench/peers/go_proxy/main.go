// SPDX-License-Identifier: BSL-1.0
// go_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp in Go, on one processor.
package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
)

func passOn(client net.Conn, upstream string) {
	defer client.Close()
	server, err := net.Dial("tcp4", upstream)
	if err != nil {
		return
	}
	defer server.Close()
	bytes := make([]byte, 16384)
	for {
		count, err := client.Read(bytes)
		if err != nil {
			return
		}
		if _, err := server.Write(bytes[:count]); err != nil {
			return
		}
		if _, err := io.ReadFull(server, bytes[:count]); err != nil {
			return
		}
		if _, err := client.Write(bytes[:count]); err != nil {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go_proxy PORT UPSTREAM")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_proxy:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		client, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "go_proxy:", err)
			os.Exit(1)
		}
		go passOn(client, "127.0.0.1:"+os.Args[2])
	}
}
