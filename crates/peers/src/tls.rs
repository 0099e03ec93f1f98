//! TLS 1.3 both ways: who may come, whom one dials, and whom a stranger trusts.

use crate::{
    authority::{Identity, fingerprint},
    names::{ANY_NODE, ClusterId},
};
use evenkeel_log_raft::NodeId;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::WebPkiClientVerifier,
    version::TLS13,
};
use std::sync::Arc;

/// For who is dialled: members prove themselves; strangers may come, and are told apart by showing nothing.
pub(crate) fn of_porch(identity: &Identity) -> Result<Arc<ServerConfig>, rustls::Error> {
    let roots = roots(&identity.authority())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .allow_unauthenticated()
        .build()
        .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain(), identity.key())?;
    // Nobody resumes: a member that was removed must not live on in a ticket.
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// For who dials a member.
pub(crate) fn of_link(identity: &Identity) -> Result<Arc<ClientConfig>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .with_root_certificates(roots(&identity.authority())?)
        .with_client_auth_cert(identity.chain(), identity.key())?;
    Ok(Arc::new(config))
}

/// For a stranger, who knows only the fingerprint of the authority.
pub(crate) fn of_stranger(fingerprint: [u8; 32]) -> Result<Arc<ClientConfig>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { fingerprint }))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The name under which a node is dialled.
pub(crate) fn name_of(cluster: ClusterId, node: NodeId) -> Option<ServerName<'static>> {
    cluster.name_of(node).try_into().ok()
}

/// The name under which any node is dialled.
pub(crate) fn any_node() -> Option<ServerName<'static>> {
    ANY_NODE.try_into().ok()
}

/// The node that a certificate was issued to, which TLS has verified.
pub(crate) fn node_of(cluster: ClusterId, certificate: &CertificateDer<'_>) -> Option<NodeId> {
    let certificate = webpki::EndEntityCert::try_from(certificate).ok()?;
    certificate.valid_dns_names().find_map(|name| cluster.node_of(name))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn roots(authority: &CertificateDer<'static>) -> Result<Arc<RootCertStore>, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone())?;
    Ok(Arc::new(roots))
}

/// Trusts the authority of that fingerprint, which the other side shows beside its own certificate.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let authority = intermediates.iter().find(|shown| fingerprint(shown) == self.fingerprint);
        let Some(authority) = authority else { return Err(CertificateError::UnknownIssuer.into()) };
        let roots = roots(&authority.clone().into_owned())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
