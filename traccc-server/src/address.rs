//! Addresses to listen on.

use crate::error::ServerError;
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::{TcpListener, lookup_host};

/// What an address stands for.
#[derive(Debug)]
pub(crate) struct Bound {
    /// A listener for each address.
    pub(crate) listeners: Vec<TcpListener>,
    /// The first address, with the real port, which all have.
    pub(crate) first: SocketAddr,
}

/// Takes all addresses that `HOST:PORT` stands for: `localhost` is 127.0.0.1 and ::1, and a client chooses either.
///
/// Addresses of a family that this machine lacks are left out, as IPv6 in many containers. One that another program has is
/// an error: clients would reach that program.
pub(crate) async fn bind(address: &str) -> Result<Bound, ServerError> {
    let unknown = |source| ServerError::Address { address: address.to_owned(), source };
    let mut bound: Option<Bound> = None;
    let mut lacking = None;
    for mut candidate in lookup_host(address).await.map_err(unknown)? {
        if let Some(Bound { first, .. }) = bound {
            // For port 0 the one that was free.
            candidate.set_port(first.port());
        }
        let in_use = |source| ServerError::Bind { address: candidate, source };
        match TcpListener::bind(candidate).await {
            Ok(listener) => {
                let first = listener.local_addr().map_err(in_use)?;
                let new = || Bound { listeners: Vec::new(), first };
                bound.get_or_insert_with(new).listeners.push(listener);
            }
            Err(source) if is_lacking(&source) => lacking = Some(in_use(source)),
            Err(source) => return Err(in_use(source)),
        }
    }
    bound.ok_or_else(|| lacking.unwrap_or_else(|| unknown(ErrorKind::NotFound.into())))
}

/// Whether the machine has no such address, or nothing of its family.
fn is_lacking(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(libc::EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_is_taken_at_all_its_addresses_with_one_port() {
        let Bound { listeners, first } = bind("localhost:0").await.unwrap();
        let known = lookup_host("localhost:0").await.unwrap().count();
        assert!(!listeners.is_empty() && listeners.len() <= known);
        for listener in &listeners {
            let address = listener.local_addr().unwrap();
            assert!(address.ip().is_loopback() && address.port() == first.port());
        }
        let taken = bind(&format!("localhost:{}", first.port())).await.unwrap_err();
        assert!(matches!(taken, ServerError::Bind { .. }), "{taken}");
    }

    #[tokio::test]
    async fn what_is_no_address_of_this_machine_is_refused() {
        for wrong in ["localhost", "8001", "no-such-host.invalid:1", "localhost:99999"] {
            let error = bind(wrong).await.unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
        // Of a network for documents, which no machine is in.
        let error = bind("192.0.2.1:0").await.unwrap_err();
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
    }
}
