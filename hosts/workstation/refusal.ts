/** What the TLS server's codes mean, for people who look at the broker's side. */
const REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    'the client showed no certificate; with a module: is "seclevel" 2, and are clientcert and clientkey set?',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the client's certificate was issued by an authority that the broker does not trust",
  UNABLE_TO_GET_ISSUER_CERT:
    "the client's certificate was issued by an authority that the broker does not trust",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    "the client's certificate was issued by an authority that the broker does not trust",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the client's certificate is self-signed and not one that the broker trusts",
  SELF_SIGNED_CERT_IN_CHAIN: "the client's chain ends in a root that the broker does not trust",
  CERT_SIGNATURE_FAILURE: "the client's certificate is not signed by the authority that it names",
  CERT_HAS_EXPIRED: "the client's certificate has expired",
  CERT_NOT_YET_VALID: "the client's certificate is not valid yet",
  INVALID_PURPOSE: "the client's certificate is not meant for clients (key usage)",
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA:
    "the client does not trust the broker's certificate: it has another CA certificate than the broker's",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "the client did not accept the broker's certificate",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the client did not accept the broker's certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "the client says that the broker's certificate is not valid today; look at the client's clock too",
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: "the client found no settings in common with the broker",
  ERR_SSL_NO_SHARED_CIPHER:
    "client and broker have no cipher suite in common, or none that fits the kind of the broker's key",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "client and broker have no TLS version in common",
  ERR_SSL_HTTP_REQUEST: "the client spoke HTTP, not TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "the client spoke something else than TLS",
  ERR_SSL_UNKNOWN_PROTOCOL: "the client spoke something else than TLS",
  ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC:
    "a record arrived changed: bytes were lost or altered on the way",
  ERR_SSL_BAD_SIGNATURE: "the client's private key does not belong to its certificate",
  ERR_TLS_HANDSHAKE_TIMEOUT: "the client did not finish the TLS handshake in time",
  ECONNRESET: "the client ended the connection during the TLS handshake without saying why",
  EPIPE: "the client ended the connection during the TLS handshake without saying why",
};

/** A sentence for the code of a TLS server; the error's own text where the code is not known. */
export function refusalReason(code: string, message: string): string {
  return REASONS[code] ?? message;
}
