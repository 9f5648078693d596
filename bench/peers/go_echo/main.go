// SPDX-License-Identifier: BSL-1.0
// The echo server in Go: a goroutine for each connection, on one processor. Go sets TCP_NODELAY itself, and takes the
// backlog from net.core.somaxconn.
package main

import (
	"fmt"
	"net"
	"os"
	"runtime"
)

func echo(peer net.Conn) {
	defer peer.Close()
	bytes := make([]byte, 16384)
	for {
		count, err := peer.Read(bytes)
		if err != nil {
			return
		}
		if _, err := peer.Write(bytes[:count]); err != nil {
			return
		}
	}
}

func main() {
	runtime.GOMAXPROCS(1)
	port := "0"
	if len(os.Args) > 1 {
		port = os.Args[1]
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:"+port)
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_echo:", err)
		os.Exit(1)
	}
	fmt.Println("listening on", listener.Addr())
	for {
		peer, err := listener.Accept()
		if err != nil {
			fmt.Fprintln(os.Stderr, "go_echo:", err)
			os.Exit(1)
		}
		go echo(peer)
	}
}
