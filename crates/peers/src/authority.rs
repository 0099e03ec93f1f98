//! The cluster's own certificate authority, made by its first node. Every node holds it, so that any of them can let others in: it is worth as
//! much as the data, which every node holds as well.
//!
//! Certificates end in the year 4096. A node leaves the cluster by a change of its members, not by a date: a wrong clock must not part nodes.

use crate::names::{ANY_NODE, ClusterId};
use evenkeel_log_raft::NodeId;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Why an authority cannot be made or used: what was kept of it is not what was made.
#[derive(Debug, thiserror::Error)]
#[error("the cluster's certificate authority: {0}")]
pub struct AuthorityError(String);

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        Self(error.to_string())
    }
}

/// The authority: its certificate, and the key that signs those of nodes.
#[derive(Clone)]
pub struct Authority {
    cluster: ClusterId,
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new one, for a cluster of that name.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn new(cluster: ClusterId) -> Result<Self, AuthorityError> {
        let key = KeyPair::generate()?;
        let certificate = params(cluster).self_signed(&key)?.der().to_vec();
        Ok(Self { cluster, certificate, key: Zeroizing::new(key.serialize_der()) })
    }

    /// The one that these were kept of.
    ///
    /// # Errors
    /// The key is none.
    pub fn of(cluster: ClusterId, certificate: Vec<u8>, key: Vec<u8>) -> Result<Self, AuthorityError> {
        let authority = Self { cluster, certificate, key: Zeroizing::new(key) };
        authority.issuer()?;
        Ok(authority)
    }

    /// Whose it is.
    #[must_use]
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Its certificate, in DER.
    #[must_use]
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// Its key, in PKCS #8.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// What its certificate is known by: SHA-256.
    #[must_use]
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(&self.certificate)
    }

    /// A new certificate for a node, with a key of its own.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn issue(&self, node: NodeId) -> Result<Identity, AuthorityError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(vec![self.cluster.name_of(node), ANY_NODE.to_owned()])?;
        params.distinguished_name = named(&format!("Evenkeel node {node}"));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(&key, &self.issuer()?)?;
        Ok(Identity {
            cluster: self.cluster,
            node,
            certificate: certificate.der().to_vec(),
            key: Zeroizing::new(key.serialize_der()),
            authority: self.certificate.clone(),
        })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, AuthorityError> {
        let key = KeyPair::try_from(&PrivatePkcs8KeyDer::from(self.key.as_slice()))?;
        Ok(Issuer::new(params(self.cluster), key))
    }
}

/// What a node proves itself with.
#[derive(Clone)]
pub struct Identity {
    pub(crate) cluster: ClusterId,
    pub(crate) node: NodeId,
    certificate: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    authority: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("cluster", &self.cluster).field("node", &self.node).finish_non_exhaustive()
    }
}

impl Identity {
    /// The node's certificate, and the authority's, so that who knows only its fingerprint can see it.
    pub(crate) fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone().into(), self.authority()]
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.to_vec()).into()
    }

    pub(crate) fn authority(&self) -> CertificateDer<'static> {
        self.authority.clone().into()
    }
}

pub(crate) fn fingerprint(certificate: &[u8]) -> [u8; 32] {
    Sha256::digest(certificate).into()
}

fn params(cluster: ClusterId) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(&format!("Evenkeel cluster {cluster}"));
    // It signs nodes, and no further authorities.
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}
