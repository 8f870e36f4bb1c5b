import { type CodeTable, type Diagnosis, diagnosis, type DiagnosisRule } from "../diagnosis/table.js";
import { CERTIFICATE_FIX, RECEIVED, SENT, SUITES_FIX } from "./alerts.js";
import type { HandshakeCause } from "./conclusion.js";

const TRANSPORT_FIX =
  "Look at signal and registration, and in the trace at the module's sends and their confirmations. If it always ends at the same byte, report the trace.";
const PORT_FIX = "Check host and port: the broker's port for TLS is usually 8883.";

function rule(detail: string, found: Diagnosis, codes?: CodeTable): DiagnosisRule {
  return Object.freeze<DiagnosisRule>({
    kinds: ["tls"],
    commands: ["TLS"],
    detail,
    ...(codes === undefined ? undefined : { codes }),
    always: found,
  });
}

function ending(cause: HandshakeCause, name: string, why: string, fix: string): DiagnosisRule {
  return rule(cause, diagnosis(name, why, fix));
}

/** The verdict on the broker's certificates in the words of the engines: the SDK's, Node's, our own check. */
const VERDICTS: readonly DiagnosisRule[] = Object.freeze([
  ["subjectAltName", "not for servers", "is not for ", "does not match certificate"].map(words =>
    rule(
      words,
      diagnosis(
        "name in the certificate",
        "The broker's certificate does not name the host that was connected to, or is not meant for servers.",
        "Connect by a name that stands in the certificate, or have one issued for this host.",
      ),
    ),
  ),
  ["date validation", "expired", "not yet valid", "not valid"].map(words =>
    rule(
      words,
      diagnosis(
        "dates of a certificate",
        "By the device's clock a certificate of the broker's chain, or the trusted one, has expired or is not valid yet.",
        "Renew the certificate; compare the time that the device took from the network with the true one.",
      ),
    ),
  ),
  [
    "signed by the trusted one",
    "lead to the trusted",
    "issuer certificate",
    "self-signed",
    "signature of the chain",
    "invalid CA certificate",
    "auth err",
  ].map(words =>
    rule(
      words,
      diagnosis(
        "issuer of the broker's certificate",
        "The certificates that the broker sent do not lead to the CA that the device trusts.",
        "Store the CA certificate that the broker's chain ends in, and have the broker send its intermediate certificates.",
      ),
    ),
  ),
]).flat();

/** By how the connection ended and how far the handshake had come. */
const ENDINGS: readonly DiagnosisRule[] = Object.freeze([
  ending(
    "closed before ClientHello",
    "closed before the ClientHello",
    "The connection was open, and was closed before the TLS engine had written its first byte.",
    PORT_FIX,
  ),
  ending(
    "closed in ClientHello",
    "closed within the ClientHello",
    "The connection was closed before the module had confirmed the first message: the network or the module dropped it, the broker cannot have judged anything.",
    TRANSPORT_FIX,
  ),
  ending(
    "closed after ClientHello",
    "closed after the ClientHello",
    "The broker got the first message and closed without an answer: what listens there speaks no TLS, or not for this host name (SNI), or has no version or cipher suite in common and does not say so.",
    `${PORT_FIX} ${SUITES_FIX}`,
  ),
  ending(
    "closed in server flight",
    "closed within the broker's first flight",
    "The broker's certificates did not arrive whole when the connection was closed: the network broke, the broker stopped, or the module's receive buffer ran over (a BC66 loses what does not fit).",
    `Look in the trace for "buff full" and for late reads; use a shorter chain on the broker. ${TRANSPORT_FIX}`,
  ),
  ending(
    "closed after server flight",
    "closed while the device was computing",
    "The broker's first flight was complete, and the connection was closed before the device had answered it: the broker waits less long than the device needs.",
    "Raise the broker's time for handshakes; look at what else the device does meanwhile.",
  ),
  ending(
    "closed in client flight",
    "closed before our Certificate was delivered",
    "The connection was closed when a part of our flight, but not all of our Certificate, had been confirmed by the module: the broker cannot have judged the certificate. That is the network or the module.",
    TRANSPORT_FIX,
  ),
  ending(
    "closed after Certificate",
    "closed after our Certificate",
    "The device's certificate was delivered whole, the rest of its flight was not, and the broker closed: it does not know or accept the certificate, and does not say so (AWS IoT does this).",
    CERTIFICATE_FIX,
  ),
  ending(
    "closed after Finished",
    "closed after our Certificate and Finished",
    "All of the device's flight was delivered, its certificate in it, and the broker closed instead of finishing: it does not know or accept the certificate, and does not say so (AWS IoT does this).",
    CERTIFICATE_FIX,
  ),
  ending(
    "closed without Certificate",
    "closed, since there is no client certificate",
    "The broker asked for a certificate of the device, and none is stored.",
    "Store the device's certificate and its key, or let the broker take clients without one.",
  ),
  ending(
    "closed after client flight",
    "closed after our flight",
    "Everything of ours was delivered, and the broker closed instead of finishing: it does not accept what it was sent.",
    "Look at the broker's log of that moment. With TLS 1.3 it may be the client certificate, which is sent protected.",
  ),
  ending(
    "closed in server finish",
    "closed within the broker's last flight",
    "The broker accepted everything and began its last flight, which did not arrive whole.",
    TRANSPORT_FIX,
  ),
  ending(
    "lost before ClientHello",
    "reset before the ClientHello",
    "The connection was reset before the TLS engine had written its first byte: a firewall, or a broker that refuses at once.",
    PORT_FIX,
  ),
  ending(
    "lost in ClientHello",
    "lost within the ClientHello",
    "The connection was lost before the module had confirmed the first message: the network does not carry what is sent.",
    TRANSPORT_FIX,
  ),
  ending(
    "lost after ClientHello",
    "reset after the ClientHello",
    "The first message was delivered and the connection reset: a firewall that looks at the host name (SNI), or a service that speaks no TLS.",
    `${PORT_FIX} Ask the operator whether the SIM may reach it.`,
  ),
  ending(
    "lost in server flight",
    "lost within the broker's first flight",
    "The connection was lost while the broker's certificates came: the network broke, or the broker was stopped.",
    TRANSPORT_FIX,
  ),
  ending(
    "lost after server flight",
    "lost while the device was computing",
    "The connection was lost between the broker's first flight and the device's answer.",
    TRANSPORT_FIX,
  ),
  ending(
    "lost in client flight",
    "lost before our Certificate was delivered",
    "The connection was reset or lost before the module had confirmed all of our Certificate: the network does not carry larger sends, or breaks under them.",
    TRANSPORT_FIX,
  ),
  ending(
    "lost after Certificate",
    "reset after our Certificate",
    "The device's certificate was delivered, and the connection was reset: a broker that closes while bytes of ours are still unread resets, so that it most probably does not accept the certificate; a gateway may do it too.",
    CERTIFICATE_FIX,
  ),
  ending(
    "lost after Finished",
    "reset after our Certificate and Finished",
    "All of the device's flight was delivered, its certificate in it, and the connection was reset: most probably the broker does not accept the certificate, or failed over it.",
    CERTIFICATE_FIX,
  ),
  ending(
    "lost without Certificate",
    "reset, since there is no client certificate",
    "The broker asked for a certificate of the device, none is stored, and it reset the connection.",
    "Store the device's certificate and its key, or let the broker take clients without one.",
  ),
  ending(
    "lost after client flight",
    "reset after our flight",
    "Everything of ours was delivered, and the connection was reset instead of finished.",
    "Look at the broker's log of that moment, and at signal and registration.",
  ),
  ending(
    "lost in server finish",
    "lost within the broker's last flight",
    "The broker accepted everything; the connection was lost while its last flight came.",
    TRANSPORT_FIX,
  ),
  ending(
    "silent before ClientHello",
    "no ClientHello",
    "The TLS engine wrote nothing in the time for the handshake.",
    "Report it: the engine of this platform does not work.",
  ),
  ending(
    "silent in ClientHello",
    "silence within the ClientHello",
    "The module did not confirm the first message in the time for the handshake.",
    TRANSPORT_FIX,
  ),
  ending(
    "silent after ClientHello",
    "silence after the ClientHello",
    "The first message was delivered and nothing came back: what listens there waits for something else than TLS, or the way back is blocked.",
    `${PORT_FIX} Ask the operator whether the SIM may reach it.`,
  ),
  ending(
    "silent in server flight",
    "silence within the broker's first flight",
    "The broker's certificates did not arrive whole in the time for the handshake: the network is slow or gone, or bytes were lost in the module (a BC66 loses what its receive buffer does not hold).",
    `Look in the trace for "buff full" and for reads that brought nothing; use a shorter chain on the broker. ${TRANSPORT_FIX}`,
  ),
  ending(
    "silent after server flight",
    "no answer of the device",
    "The broker's first flight came whole, and the TLS engine did not answer it in the time for the handshake.",
    "Allow more time for the handshake; report how long it takes.",
  ),
  ending(
    "silent in client flight",
    "silence before our Certificate was delivered",
    "The module did not confirm our Certificate in the time for the handshake: what is sent does not get through.",
    TRANSPORT_FIX,
  ),
  ending(
    "silent after Certificate",
    "silence after our Certificate",
    "The device's certificate was delivered, the rest of its flight was not confirmed any more: the network is gone.",
    TRANSPORT_FIX,
  ),
  ending(
    "silent after Finished",
    "silence after our Certificate and Finished",
    "All of the device's flight was delivered and nothing came back: a broker that refuses the certificate would close, so that the network is gone, or the broker is busy with something (an authorizer that does not answer).",
    `${TRANSPORT_FIX} Look at the broker's log of that moment.`,
  ),
  ending(
    "silent without Certificate",
    "silence, without a client certificate",
    "The broker asked for a certificate of the device, none is stored, and nothing came back.",
    "Store the device's certificate and its key, or let the broker take clients without one.",
  ),
  ending(
    "silent after client flight",
    "silence after our flight",
    "Everything of ours was delivered, and nothing came back in the time for the handshake.",
    `Allow more time for the handshake. ${TRANSPORT_FIX}`,
  ),
  ending(
    "silent in server finish",
    "silence within the broker's last flight",
    "The broker accepted everything, but its last flight did not arrive whole in the time for the handshake.",
    TRANSPORT_FIX,
  ),
]);

const LIMITS: readonly DiagnosisRule[] = Object.freeze([
  ending(
    "unsupported: no TLS",
    "no TLS",
    "What came from the other side does not begin as a TLS record does: what listens there speaks another protocol, or bytes were lost.",
    "Use the broker's TLS port (usually 8883), or connect without TLS; look at the trace of the serial line for lost bytes.",
  ),
  ending(
    "unsupported: record too large",
    "a record longer than TLS allows",
    "The header of a record announces more than 16,384 bytes and its protection: bytes were lost or changed on the way, or this is no TLS.",
    "Look for lost bytes on the serial line; check the port.",
  ),
  ending(
    "unsupported: version",
    "TLS before 1.2",
    "The broker answered with a version of TLS before 1.2, which is not safe any more.",
    "Switch TLS 1.2 on in the broker.",
  ),
  ending(
    "unsupported: suite",
    "a cipher suite that was not offered",
    "The broker chose a cipher suite that the device had not offered: it is broken, or somebody in between changed the ClientHello.",
    SUITES_FIX,
  ),
  ending(
    "unsupported: split message",
    "a handshake message split over records",
    "The broker cuts a handshake message into several records, which the TLS of Moddable's SDK does not put together by itself.",
    "Switch the maximum fragment length off, shorten the broker's chain so that it fits one record, build with the engine that puts messages together, or use the module's TLS.",
  ),
  ending(
    "unsupported: leaf alone",
    "the broker sends its certificate alone",
    "The broker sent one certificate without its issuer's; the TLS of Moddable's SDK compares names only along a chain of two or more.",
    "Have the broker send its intermediate or root certificate too (mosquitto: put it behind its own in certfile).",
  ),
]);

/** What an engine finds out about the device's own certificate and key. */
const OWN: DiagnosisRule = rule(
  "key values mismatch",
  diagnosis(
    "key of another certificate",
    "The private key on the device is not the one that its certificate was issued for.",
    "Store the key that belongs to the certificate: both must show the same modulus (openssl x509 -noout -modulus, openssl rsa -noout -modulus).",
  ),
);

const OTHERS: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  rule(
    "alert received" satisfies HandshakeCause,
    diagnosis(
      "an alert of the broker",
      "The broker ended the connection with an alert whose number has no name in TLS 1.2 and 1.3.",
      "Look at the broker's log of that moment.",
    ),
    RECEIVED,
  ),
  rule(
    "alert sent" satisfies HandshakeCause,
    diagnosis(
      "an alert of the device",
      "The device's TLS refused what the broker sent, for the reason that stands beside it.",
      "Compare the reason with the broker's certificate and settings.",
    ),
    SENT,
  ),
  rule(
    "engine" satisfies HandshakeCause,
    diagnosis(
      "given up by the TLS engine",
      "The device's TLS could not go on, for the reason that stands beside it, and told the broker nothing.",
      "Compare the reason with the credentials on the device and the broker's settings; look for lost bytes on the serial line.",
    ),
  ),
  {
    kinds: ["credential"],
    commands: ["TLS"],
    detail: "is not supported by this TLS",
    always: diagnosis(
      "kind of the client key",
      "The TLS of this platform does not sign with this kind of key; that of Moddable's SDK signs with RSA keys alone.",
      "Use an RSA-2048 key and a certificate for it on this route, or the module's TLS where that signs with P-256.",
    ),
  },
  {
    kinds: ["credential"],
    commands: ["TLS"],
    detail: "none is stored",
    always: diagnosis(
      "missing credential",
      "A certificate or key that the connection needs is not in the device's store: the CA is needed to verify the broker, certificate and key only work together.",
      "Store the one that is named.",
    ),
  },
  {
    kinds: ["credential"],
    commands: ["TLS"],
    detail: "holds unknown",
    always: diagnosis(
      "credential not intact",
      "What is stored is no complete DER certificate or key: it was cut off, something was written over it, or it is PEM text.",
      "Store it again, and compare its length with the file's; xs-cellular converts PEM and checks what it stores.",
    ),
  },
  {
    kinds: ["credential"],
    commands: ["TLS"],
    detail: "holds",
    always: diagnosis(
      "credential in the wrong place",
      "What is stored is not what its place is for: certificate and key were exchanged.",
      "Store each under its own name; xs-cellular tells the two apart.",
    ),
  },
]);

/** What is known of TLS on this side; the first rule that fits decides. For people: no device needs it. */
export const tlsDiagnoses: readonly DiagnosisRule[] = Object.freeze([
  ...LIMITS,
  ...ENDINGS,
  OWN,
  ...VERDICTS,
  ...OTHERS,
]);
