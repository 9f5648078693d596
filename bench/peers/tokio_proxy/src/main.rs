// SPDX-License-Identifier: BSL-1.0
// tokio_proxy PORT UPSTREAM: the proxy of bench/proxy_fiber.cpp on tokio's current-thread runtime.
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

async fn pass_on(mut client: TcpStream, upstream: SocketAddr) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let mut bytes = vec![0u8; 16384];
    loop {
        let count = client.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        let message = &mut bytes[..count];
        server.write_all(message).await?;
        server.read_exact(message).await?;
        client.write_all(message).await?;
    }
}

async fn serve(port: u16, upstream: SocketAddr) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let listener = socket.listen(4096)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            let _ = pass_on(client, upstream).await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let ports: Vec<u16> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    if ports.len() != 2 {
        eprintln!("usage: tokio_proxy PORT UPSTREAM");
        std::process::exit(2);
    }
    let upstream = SocketAddr::from(([127, 0, 0, 1], ports[1]));
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(ports[0], upstream))
}
