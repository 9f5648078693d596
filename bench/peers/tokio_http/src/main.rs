// SPDX-License-Identifier: BSL-1.0
// The hello server on hyper, tokio's HTTP, on the current-thread runtime.
use hyper::header::{HeaderValue, CONTENT_TYPE};
use hyper::server::conn::Http;
use hyper::service::service_fn;
use hyper::{Body, Request, Response};
use std::convert::Infallible;
use tokio::net::TcpSocket;

async fn hello(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    let mut answer = Response::new(Body::from("Hello, world!\n"));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    Ok(answer)
}

async fn serve(port: u16) -> std::io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(std::net::SocketAddr::from(([127, 0, 0, 1], port)))?;
    let listener = socket.listen(4096)?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (peer, _) = listener.accept().await?;
        peer.set_nodelay(true)?;
        tokio::spawn(async move {
            let _ = Http::new().http1_only(true).serve_connection(peer, service_fn(hello)).await;
        });
    }
}

fn main() -> std::io::Result<()> {
    let port = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(serve(port))
}
