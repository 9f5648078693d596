// SPDX-License-Identifier: BSL-1.0
// The echo server on tokio's current-thread runtime: a task for each connection.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

async fn echo(mut peer: TcpStream) -> std::io::Result<()> {
    peer.set_nodelay(true)?;
    let mut bytes = vec![0u8; 16384];
    loop {
        let count = peer.read(&mut bytes).await?;
        if count == 0 {
            return Ok(());
        }
        peer.write_all(&bytes[..count]).await?;
    }
}

async fn serve(port: u16) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], port)))?;
    let listener = socket.listen(4096)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (peer, _) = listener.accept().await?;
        tokio::spawn(async move {
            let _ = echo(peer).await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(port))
}
