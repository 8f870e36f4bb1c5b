import { type CodeTable, diagnosis } from "../diagnosis/table.js";

export const CERTIFICATE_FIX =
  "Compare the issuer of the device's certificate with the CA that the broker is told to accept, its dates, and whether it is registered and active there (AWS IoT: active, with a policy attached).";
export const SUITES_FIX =
  "Have the broker allow TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256 (ECDHE-ECDSA-AES128-GCM-SHA256 with a P-256 certificate), and connect by its name, so that it can be indicated (SNI).";
const LINE_FIX =
  "Look for lost or changed bytes on the serial line: use the buffered serial class with RTS and CTS, or a lower baud rate.";
const CHAIN_FIX =
  "Store the CA certificate that the broker's chain ends in, and connect by a name that stands in the broker's certificate.";
const SERVER_FIX = "Look at the broker's log of that moment.";

/** Alerts of the broker (RFC 5246, 7.2; RFC 6066, 9; RFC 8446, 6): what it says of the device. */
export const RECEIVED: CodeTable = Object.freeze({
  0: diagnosis("close_notify", "The broker ended the connection in good order.", SERVER_FIX),
  10: diagnosis(
    "unexpected_message",
    "The broker did not expect the message that it got at this point: its TLS and the device's disagree about the protocol.",
    "Report it with the flights of the handshake, and with the broker's kind and version.",
  ),
  20: diagnosis(
    "bad_record_mac",
    "A record arrived changed at the broker: a byte was lost or changed on the way, or the two sides came to different keys.",
    LINE_FIX,
  ),
  21: diagnosis(
    "decryption_failed",
    "A record could not be decrypted by the broker, which is of before 2006: later ones say bad_record_mac.",
    LINE_FIX,
  ),
  22: diagnosis(
    "record_overflow",
    "A record was longer than the broker takes, which happens when it believes that shorter ones were agreed.",
    "Switch the maximum fragment length off on the broker.",
  ),
  30: diagnosis(
    "decompression_failure",
    "The broker tried to decompress data, although compression is never offered: the record was changed on the way.",
    LINE_FIX,
  ),
  40: diagnosis(
    "handshake_failure",
    "The broker found no version, cipher suite, curve or signature in common, or it wants a client certificate and got none.",
    `If the broker asks for a client certificate (mosquitto: require_certificate), store one with its key. Otherwise: ${SUITES_FIX}`,
  ),
  41: diagnosis(
    "no_certificate",
    "The broker speaks SSL 3.0 and misses a certificate; this version is broken since 2014.",
    "Update the broker to TLS 1.2.",
  ),
  42: diagnosis(
    "bad_certificate",
    "The broker could not use the device's certificate: damaged, or with a signature that does not hold.",
    CERTIFICATE_FIX,
  ),
  43: diagnosis(
    "unsupported_certificate",
    "The broker does not take this kind of certificate or key, or the certificate is not meant for clients.",
    "Use an RSA-2048 or P-256 key as the broker's documents ask, and a certificate whose extended key usage has client authentication.",
  ),
  44: diagnosis(
    "certificate_revoked",
    "The broker knows the device's certificate as revoked by its issuer.",
    "Issue a new certificate for the device.",
  ),
  45: diagnosis(
    "certificate_expired",
    "By the broker's clock the device's certificate has expired or is not valid yet.",
    "Renew the certificate, and compare its dates with the broker's clock.",
  ),
  46: diagnosis(
    "certificate_unknown",
    "The broker does not accept the device's certificate, for a reason that it does not tell: not registered, not active, or refused by a rule.",
    CERTIFICATE_FIX,
  ),
  47: diagnosis(
    "illegal_parameter",
    "A field of the device's handshake contradicts another or is out of range, so the broker's TLS and the device's disagree about the protocol.",
    SUITES_FIX,
  ),
  48: diagnosis(
    "unknown_ca",
    "The broker does not know the CA that issued the device's certificate.",
    "Give the broker that CA's certificate (mosquitto: cafile), or use a certificate of a CA that it knows.",
  ),
  49: diagnosis(
    "access_denied",
    "The device's certificate is valid, but the broker does not let its holder in.",
    "Attach a policy or a rule that allows this device.",
  ),
  50: diagnosis("decode_error", "The broker could not take a message apart: it arrived damaged.", LINE_FIX),
  51: diagnosis(
    "decrypt_error",
    "The broker could not verify the device's signature or Finished: key and certificate do not belong together.",
    "Store the key that the certificate was issued for.",
  ),
  60: diagnosis(
    "export_restriction",
    "The broker asks for keys as short as the laws of the 1990s allowed.",
    "Update the broker to TLS 1.2.",
  ),
  70: diagnosis(
    "protocol_version",
    "The broker does not speak TLS 1.2, the version that this client offers; it may take TLS 1.3 alone.",
    "Allow TLS 1.2 on the broker (AWS: a security policy with TLS 1.2; mosquitto: tls_version tlsv1.2, or none).",
  ),
  71: diagnosis(
    "insufficient_security",
    "The broker wants stronger cipher suites or longer keys than those offered.",
    SUITES_FIX,
  ),
  80: diagnosis(
    "internal_error",
    "The broker failed for reasons of its own that have nothing to do with the device.",
    SERVER_FIX,
  ),
  86: diagnosis(
    "inappropriate_fallback",
    "The broker takes the offered version for a downgrade: something between it and the device changed the ClientHello.",
    "Look for a proxy or firewall between the operator's network and the broker.",
  ),
  90: diagnosis("user_canceled", "The broker gave the handshake up without an error.", SERVER_FIX),
  100: diagnosis(
    "no_renegotiation",
    "The broker refuses a second handshake on the same connection, which this client never begins.",
    "Report it with the flights of the handshake.",
  ),
  109: diagnosis(
    "missing_extension",
    "The broker misses an extension in the ClientHello, usually the server's name, since it was connected to by an address.",
    "Connect by the broker's name.",
  ),
  110: diagnosis(
    "unsupported_extension",
    "The broker was told of an extension that it did not offer, which this client never does.",
    "Report it with the flights of the handshake.",
  ),
  111: diagnosis(
    "certificate_unobtainable",
    "The broker could not fetch the device's certificate from an address, which this client never names.",
    SERVER_FIX,
  ),
  112: diagnosis(
    "unrecognized_name",
    "The broker does not serve the host name that was indicated (SNI).",
    "Use the name that stands in the broker's address, not its IP address or an alias.",
  ),
  113: diagnosis(
    "bad_certificate_status_response",
    "The broker could not use a statement about a certificate's revocation, which this client never sends.",
    SERVER_FIX,
  ),
  114: diagnosis(
    "bad_certificate_hash_value",
    "The broker compared a certificate with a hash that does not fit, which this client never sends.",
    SERVER_FIX,
  ),
  115: diagnosis(
    "unknown_psk_identity",
    "The broker expects a pre-shared key and does not know this device's.",
    "Switch certificates on for this port of the broker.",
  ),
  116: diagnosis(
    "certificate_required",
    "The broker wants a client certificate and got none.",
    "Store the device's certificate and its key.",
  ),
  120: diagnosis(
    "no_application_protocol",
    "The broker wants an application protocol to be named (ALPN), as clouds do on port 443.",
    "Use the port on which the broker speaks MQTT without ALPN, usually 8883.",
  ),
});

/** Alerts of the device: what it says of the broker. */
export const SENT: CodeTable = Object.freeze({
  10: diagnosis(
    "unexpected_message",
    "The broker sent a message at a point where TLS 1.2 does not allow it.",
    "Report it with the flights of the handshake, and with the broker's kind and version.",
  ),
  20: diagnosis(
    "bad_record_mac",
    "A record of the broker arrived changed: a byte was lost or changed on the way, or the two sides came to different keys.",
    LINE_FIX,
  ),
  22: diagnosis("record_overflow", "A record or message of the broker is longer than TLS allows.", LINE_FIX),
  40: diagnosis(
    "handshake_failure",
    "The device's TLS does not take what the broker chose: version, cipher suite, curve or signature.",
    SUITES_FIX,
  ),
  42: diagnosis(
    "bad_certificate",
    "The broker's certificate is damaged, is for another name, or one of its signatures does not hold.",
    CHAIN_FIX,
  ),
  43: diagnosis(
    "unsupported_certificate",
    "The device's TLS does not know the kind of the broker's certificate or key.",
    "Give the broker a certificate with an RSA-2048 or P-256 key, signed with SHA-256.",
  ),
  44: diagnosis(
    "certificate_revoked",
    "The broker's certificate is known as revoked.",
    "Have a new certificate issued for the broker.",
  ),
  45: diagnosis(
    "certificate_expired",
    "By the device's clock a certificate of the broker's chain has expired or is not valid yet.",
    "Renew the broker's certificate; compare the time that the device took from the network.",
  ),
  46: diagnosis(
    "certificate_unknown",
    "The device does not accept the broker's certificate, for none of the usual reasons.",
    CHAIN_FIX,
  ),
  47: diagnosis(
    "illegal_parameter",
    "A field of the broker's handshake contradicts another or is out of range.",
    SUITES_FIX,
  ),
  48: diagnosis(
    "unknown_ca",
    "No certificate that the broker sent was issued by the CA that the device trusts.",
    "Store the CA certificate that the broker's chain ends in.",
  ),
  50: diagnosis(
    "decode_error",
    "A message of the broker could not be taken apart: it arrived damaged.",
    LINE_FIX,
  ),
  51: diagnosis(
    "decrypt_error",
    "A signature of the broker does not hold, or its Finished is not that of this handshake: somebody is in between, or bytes were changed on the way.",
    LINE_FIX,
  ),
  70: diagnosis(
    "protocol_version",
    "The broker answered with a version that the device's TLS does not speak.",
    "Allow TLS 1.2 on the broker.",
  ),
  71: diagnosis(
    "insufficient_security",
    "The broker's keys or suites are too weak for the device's TLS.",
    "Give the broker a certificate with an RSA-2048 or P-256 key.",
  ),
  80: diagnosis(
    "internal_error",
    "The TLS engine of the device failed, for the reason that stands beside the alert.",
    "Report it with that reason and the flights of the handshake.",
  ),
  90: diagnosis("user_canceled", "The device gave the handshake up by itself.", SERVER_FIX),
  110: diagnosis(
    "unsupported_extension",
    "The broker answered with an extension that was not offered.",
    "Update the broker, or report it with the flights of the handshake.",
  ),
});
