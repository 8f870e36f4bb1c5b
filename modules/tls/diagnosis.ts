import { type CodeTable, diagnosis, type DiagnosisRule } from "../diagnosis/table.js";

const CERTIFICATE_FIX =
  "Compare the issuer of the device's certificate with the CA that the broker is told to accept, its dates, and whether it is registered and active there.";
const SUITES_FIX =
  "Have the broker allow TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256 (or ECDHE-ECDSA-AES128-GCM-SHA256); send the host name (SNI) if many brokers share the address.";

/** Alerts of the server (RFC 5246, 7.2; RFC 8446, 6): what it says of us. */
const RECEIVED: CodeTable = Object.freeze({
  0: diagnosis("close_notify", "The broker ended the connection in good order.", "Look at the broker's log."),
  10: diagnosis(
    "unexpected_message",
    "The broker did not expect the message that it got at this point.",
    "Report it with a trace: either side's TLS is at fault.",
  ),
  20: diagnosis(
    "bad_record_mac",
    "A record arrived changed: a byte was lost or changed on the serial line, or the keys differ.",
    "Look for lost bytes on the UART; lower the baud rate or use the buffered serial class.",
  ),
  22: diagnosis(
    "record_overflow",
    "A record was longer than what was agreed.",
    "Switch the maximum fragment length off on both sides.",
  ),
  40: diagnosis(
    "handshake_failure",
    "The broker found no version, cipher suite, curve or signature in common; or it wants a client certificate and got none.",
    "If the broker asks for a client certificate (mosquitto: require_certificate), store one with its key. Otherwise: " +
      SUITES_FIX,
  ),
  42: diagnosis("bad_certificate", "The broker could not use the device's certificate.", CERTIFICATE_FIX),
  43: diagnosis(
    "unsupported_certificate",
    "The broker does not take this kind of certificate or key.",
    "Use an RSA-2048 or P-256 key as the broker's documents ask; check the certificate's usage for client authentication.",
  ),
  44: diagnosis(
    "certificate_revoked",
    "The broker knows the device's certificate as revoked.",
    CERTIFICATE_FIX,
  ),
  45: diagnosis(
    "certificate_expired",
    "To the broker's clock the device's certificate is not valid now.",
    "Renew the certificate, and compare its dates with the broker's clock.",
  ),
  46: diagnosis(
    "certificate_unknown",
    "The broker does not accept the device's certificate: it is not registered, or not active.",
    CERTIFICATE_FIX,
  ),
  47: diagnosis("illegal_parameter", "A field of the handshake is out of range for the broker.", SUITES_FIX),
  48: diagnosis(
    "unknown_ca",
    "The broker does not know the CA that issued the device's certificate.",
    "Give the broker that CA's certificate (mosquitto: cafile), or use a certificate of a CA that it knows.",
  ),
  49: diagnosis(
    "access_denied",
    "The certificate is valid, but the broker does not let this device in.",
    "Attach a policy that allows it.",
  ),
  50: diagnosis(
    "decode_error",
    "The broker could not read a message: it arrived damaged.",
    "Look for lost bytes on the UART.",
  ),
  51: diagnosis(
    "decrypt_error",
    "The broker could not verify the device's signature: key and certificate do not belong together.",
    "Store the key that the certificate was issued for.",
  ),
  70: diagnosis(
    "protocol_version",
    "The broker does not speak TLS 1.2, the version of this client; it may take TLS 1.3 alone.",
    "Allow TLS 1.2 on the broker (AWS: a policy with TLS 1.2; mosquitto: tls_version tlsv1.2 or none).",
  ),
  71: diagnosis(
    "insufficient_security",
    "The broker wants stronger cipher suites than those offered.",
    SUITES_FIX,
  ),
  80: diagnosis("internal_error", "The broker failed for reasons of its own.", "Look at the broker's log."),
  86: diagnosis(
    "inappropriate_fallback",
    "The broker takes the offered version for a downgrade.",
    SUITES_FIX,
  ),
  90: diagnosis("user_canceled", "The broker gave the handshake up.", "Look at the broker's log."),
  109: diagnosis("missing_extension", "The broker misses an extension in the ClientHello.", SUITES_FIX),
  112: diagnosis(
    "unrecognized_name",
    "The broker does not serve the host name that was indicated (SNI).",
    "Use the name that stands in the broker's address, not its IP address or an alias.",
  ),
  115: diagnosis(
    "unknown_psk_identity",
    "The broker expects a pre-shared key.",
    "Use certificates on both sides.",
  ),
  116: diagnosis(
    "certificate_required",
    "The broker wants a client certificate and got none.",
    "Store the device's certificate and key.",
  ),
  120: diagnosis(
    "no_application_protocol",
    "The broker wants another application protocol (ALPN).",
    "Use the port on which the broker speaks MQTT without ALPN, usually 8883.",
  ),
});

function rule(detail: string, name: string, cause: string, remedy: string): DiagnosisRule {
  return Object.freeze<DiagnosisRule>({
    kinds: ["tls"],
    commands: ["TLS"],
    detail,
    always: diagnosis(name, cause, remedy),
  });
}

const TRANSPORT_FIX =
  "Look at signal and registration, and in the trace of the AT commands at the sends and their confirmations. If it always ends at the same byte, report the trace.";

/** What is known of TLS on this side. The words are those of `concludeHandshake`; the first that fits decides. */
export const tlsDiagnoses: readonly DiagnosisRule[] = Object.freeze([
  Object.freeze<DiagnosisRule>({
    kinds: ["tls"],
    commands: ["TLS"],
    detail: "alert received",
    codes: RECEIVED,
    always: diagnosis(
      "alert of the broker",
      "The broker ended the handshake by an alert whose number is not known or was encrypted.",
      "Look at the broker's log.",
    ),
  }),
  rule(
    "closed before ClientHello",
    "closed before the ClientHello was confirmed",
    "The connection was open, and ended before the module had confirmed any of our bytes: the network or the module dropped it.",
    TRANSPORT_FIX,
  ),
  rule(
    "closed after ClientHello",
    "closed after the ClientHello",
    "The broker read the first message and closed without an answer: what listens there speaks no TLS or not for this host name (SNI), or it has no version or cipher suite in common and does not say so.",
    "Check the port (usually 8883). " + SUITES_FIX,
  ),
  rule(
    "closed in ClientHello",
    "closed within the ClientHello",
    "The connection ended before the first message was delivered: that is the network, not TLS.",
    TRANSPORT_FIX,
  ),
  rule(
    "closed in server flight",
    "closed within the broker's first flight",
    "The broker's certificates did not arrive whole: the connection broke, or the module's receive buffer ran over (BC66: it loses what does not fit).",
    "Look in the trace for `buff full` and for reads that came late; use a shorter chain on the broker. " +
      TRANSPORT_FIX,
  ),
  rule(
    "closed after Finished",
    "closed after our Finished",
    "Everything of ours was delivered, and the broker closed instead of answering: it does not know or accept the device's certificate and does not say so (AWS IoT Core does this).",
    CERTIFICATE_FIX,
  ),
  rule(
    "closed after Certificate",
    "closed after our Certificate",
    "The device's certificate was delivered whole, and the broker closed at once: it does not know or accept it.",
    CERTIFICATE_FIX,
  ),
  rule(
    "closed in Certificate",
    "closed within our Certificate",
    "The connection ended before our certificate was delivered: the broker cannot have judged it. That is the network or the module, not the certificate.",
    TRANSPORT_FIX,
  ),
  rule(
    "closed ",
    "closed in mid-handshake",
    "Part of our second flight was delivered when the connection ended. If the certificate was, the broker may have refused it; otherwise it is the network or the module.",
    CERTIFICATE_FIX + " " + TRANSPORT_FIX,
  ),
  rule(
    "silent before ClientHello",
    "silence before the ClientHello was confirmed",
    "The module did not confirm our first message within the time for the handshake.",
    TRANSPORT_FIX,
  ),
  rule(
    "silent ",
    "silence in mid-handshake",
    "Nothing came any more within the time for the handshake: the network is gone or very slow, or what listens there waits for something else than TLS.",
    "Look at the signal; check the port (usually 8883); if it happens with a good signal, look at the broker's log.",
  ),
  rule(
    "split message",
    "a handshake message split over records",
    "The broker cuts a handshake message into several TLS records, which the TLS of Moddable's SDK cannot put together.",
    "Switch the maximum fragment length off, shorten the broker's chain so that it fits one record, or use the module's TLS.",
  ),
  rule(
    "leaf alone",
    "the broker sends its certificate alone",
    "The broker sent one certificate without its issuer; the TLS of Moddable's SDK compares names only along a chain of two or more.",
    "Have the broker send its intermediate (or root) certificate too (mosquitto: put it behind the certificate in certfile).",
  ),
  rule(
    "record too large",
    "a record longer than TLS allows",
    "The length in a record's header is beyond 16,384 bytes and its protection: bytes were lost or changed on the way, or this is no TLS.",
    "Look for lost bytes on the UART; check the port.",
  ),
  rule(
    "no TLS",
    "no TLS",
    "What came from the other side does not begin as a TLS record does: what listens there speaks another protocol, or bytes were lost.",
    "Use the broker's TLS port (usually 8883), or connect without TLS.",
  ),
  rule(
    "date validation",
    "a certificate's dates",
    "By the device's clock a certificate of the broker's chain has expired or is not valid yet.",
    "Renew the broker's certificate; compare the time that the device took from the network.",
  ),
  rule(
    "subjectAltName",
    "the name in the certificate",
    "The broker's certificate does not name the host that was connected to.",
    "Connect by a name that stands in the certificate, or have one issued for this host.",
  ),
  rule(
    "signed by the trusted one",
    "the broker's issuer",
    "No certificate that the broker sent was issued by the CA that the device trusts.",
    "Store the CA certificate that the broker's chain ends in.",
  ),
]);
