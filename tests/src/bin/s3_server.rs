//! An object store that speaks S3, over a folder, for tests: `s3-server FOLDER PORT USER PASSWORD [LAST]`. Port 0 =
//! any. Prints the port that it listens on, then a line for each request. Runs until it is killed, or has done a
//! request whose line contains `LAST`; that one is not answered.

#![forbid(unsafe_code)]

use std::error::Error;

use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, port, user, password, last) = match arguments.as_slice() {
        [folder, port, user, password] => (folder, port, user, password, None),
        [folder, port, user, password, last] => (folder, port, user, password, Some(last.clone())),
        _ => return Err("s3-server FOLDER PORT USER PASSWORD [LAST]".into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let files = FileSystem::new(folder).map_err(|error| format!("{folder}: {error:?}"))?;
    let mut builder = S3ServiceBuilder::new(files);
    builder.set_auth(SimpleAuth::from_single(user.as_str(), password.as_str()));
    runtime.block_on(serve(builder.build(), port.parse()?, last))
}

async fn serve(store: S3Service, port: u16, last: Option<String>) -> Outcome {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("{}", listener.local_addr()?.port());
    loop {
        let (socket, _) = listener.accept().await?;
        let (store, last) = (store.clone(), last.clone());
        let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let line = format!("{} {}", request.method(), request.uri().path());
            let is_last = last.as_ref().is_some_and(|own| line.contains(own));
            let answer = Service::call(&store, request);
            async move {
                let answer = answer.await;
                println!("{line} {}", answer.as_ref().map_or(0, |own| own.status().as_u16()));
                if is_last {
                    std::process::exit(0);
                }
                answer
            }
        });
        // A client that goes away is no failure of the server.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
    }
}
