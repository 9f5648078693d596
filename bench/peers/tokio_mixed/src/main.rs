// SPDX-License-Identifier: BSL-1.0
// tokio_mixed [PORT]: answers the requests of bench/open_load.cpp on tokio's current-thread runtime.
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

fn computed(rounds: u64) -> u64 {
    let mut x: u64 = 1;
    for _ in 0..rounds {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        unsafe { std::arch::asm!("/* {0} */", inout(reg) x) }; // each round for itself, as everybody computes it
    }
    x | 1
}

async fn answer(mut peer: TcpStream) -> std::io::Result<()> {
    peer.set_nodelay(true)?;
    let mut bytes = [0u8; 64];
    loop {
        peer.read_exact(&mut bytes).await?;
        let rounds = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
        bytes[16..24].copy_from_slice(&computed(rounds).to_le_bytes());
        peer.write_all(&bytes).await?;
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
            let _ = answer(peer).await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(port))
}
