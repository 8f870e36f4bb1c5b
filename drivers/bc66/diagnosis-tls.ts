import { type CodeTable, diagnosis, type DiagnosisRule } from "../../modules/diagnosis/table.js";

const SUITES =
  "AES256-SHA256, AES256-SHA, AES128-SHA256 and AES128-SHA (0x003D, 0x0035, 0x003C, 0x002F), all with static RSA and CBC";
const HOST_TLS = "use TLS on the ESP32 (route host-tls), which has ECDHE with GCM";

/**
 * Result codes of `+QSSLOPEN:` and `+QSSLSEND:` (Quectel BC66&BC66-NA SSL Application Note V1.0): there
 * are no others, and no -8. The note gives each a word; what lies behind is known from the field.
 */
export const TLS_CODES: CodeTable = Object.freeze({
  [-1]: diagnosis(
    "exception in the module's TLS",
    "The module gives no reason; most often it is out of memory: each connection takes two buffers of 16 KB.",
    "Have one TLS connection at a time. If it stays, restart the module; " + HOST_TLS + ".",
  ),
  [-2]: diagnosis(
    "TCP connection below TLS failed",
    "Nobody accepted the connection, or it broke: wrong host or port, an unknown name, a firewall, no bearer, or a server that hung up without a word.",
    "Open the same host and port as plain TCP (AT+QIOPEN). If that works, the server ends the handshake, as some do with a client certificate that they do not know: compare the device's certificate with what the server accepts; its log says why.",
  ),
  [-3]: diagnosis(
    "certificate refused",
    "The server's chain does not end in the CA certificate that the module was given, the certificate has expired or names another host, or a stored one cannot be read. The handshake had come as far as the server's certificate: server and module have a suite in common.",
    "Give the root that the chain ends in: openssl s_client -connect host:port -showcerts shows the chain. See that the module's clock is right (AT+CCLK?).",
  ),
  [-4]: diagnosis(
    "key refused",
    "The client's key cannot be used: no RSA key, encrypted, or not the one of the client certificate.",
    "Use an RSA key of 2,048 bits, and check that it belongs to the certificate: both must show the same modulus.",
  ),
  [-5]: diagnosis(
    "no cipher suite in common",
    "The module offers " +
      SUITES +
      ": no ECDHE, no GCM, no TLS 1.3. Azure IoT Hub dropped all of them in August 2025; AWS IoT Core takes them only where the security policy of its endpoint still has static RSA; a server whose certificate has an EC key never does.",
    "On a broker of your own allow AES128-SHA256 and give it an RSA certificate; for others " +
      HOST_TLS +
      ".",
  ),
  [-6]: diagnosis(
    "wrong state",
    "The connection was open already, or being closed.",
    "Close it with AT+QSSLCLOSE, then open again.",
  ),
  [-7]: diagnosis(
    "handshake timed out",
    "It was not finished in the time that is set (90 seconds, at most 300), or the server never answered. Over NB-IoT a handshake takes 8 to 20 seconds with a good signal, minutes with a weak one.",
    "Look at the signal (AT+CESQ); let the server send short chains; see that the port speaks TLS.",
  ),
  [-9]: diagnosis(
    "TLS failed without a reason",
    'The note says "other errors". It fits TLS context 2 or 3, which the commands take and which do not work; a server that has no suite in common with the module, or wants TLS 1.3; one that refuses the client certificate; and one that splits its chain over records, which the module\'s library does not take. Certificates that did not arrive whole are ruled out: their bytes were counted.',
    "Use TLS context 1. Try openssl s_client -tls1_2 -cipher AES128-SHA256 -connect host:port: if that fails, " +
      HOST_TLS +
      "; if it works, look at the server's log for the client certificate.",
  ),
});

/** What is known of failures of this module's own TLS; the first rule that fits decides. */
export const bc66TlsDiagnoses: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  { kinds: ["tls"], commands: ["AT+QSSLOPEN"], codes: TLS_CODES },
  {
    kinds: ["network-lost"],
    commands: ["AT+QSSLSEND"],
    codes: TLS_CODES,
    always: diagnosis(
      "TLS send failed",
      "The module did not send the data, or only a part.",
      "The connection is opened again by itself. If it comes often, look at the signal (AT+CESQ).",
    ),
  },
  {
    kinds: ["timeout"],
    commands: ["AT+QSSLOPEN"],
    always: diagnosis(
      "no result of the TLS connection",
      "The module reported neither success nor failure; the report may have been lost on the serial line.",
      "Look at the signal (AT+CESQ). If it stays, restart the module.",
    ),
  },
  {
    kinds: ["timeout"],
    commands: ["AT+QSSLSEND"],
    always: diagnosis(
      "no result of a TLS send",
      "The module took the data and never said what became of them.",
      "The connection is opened again by itself. If it comes often, look at the signal (AT+CESQ).",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QSSLOPEN"],
    always: diagnosis(
      "TLS open refused at once",
      "There is no bearer, the connection is taken, or this firmware has no TLS: BC66NBR01A04 and older do not.",
      "See that AT+CGPADDR=1 gives an address, and ATI a firmware from A10 on.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QSSLSEND"],
    always: diagnosis(
      "connection is gone",
      "The other side had closed it; the module's report of that is thrown away when it falls into a send.",
      "It is opened again by itself. If it comes after a fixed time of silence, use a shorter keep-alive.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QSSLCFG"],
    always: diagnosis(
      "TLS settings refused",
      "This firmware has no TLS (BC66NBR01A04 and older), or the credential is too large for it.",
      "ATI must show A10 or later; a certificate or key may have 3,072 bytes as PEM.",
    ),
  },
  {
    kinds: ["credential"],
    commands: ["AT+QSSLCFG"],
    detail: "module counted 0",
    always: diagnosis(
      "nothing of the credential arrived",
      "Ctrl+Z came before the text: the module stored 0 bytes, and took what followed for commands.",
      "A disturbed serial line does that: check ground, levels and baud rate. After the prompt 500 ms must pass.",
    ),
  },
  {
    kinds: ["credential"],
    commands: ["AT+QSSLCFG"],
    detail: "module counted",
    always: diagnosis(
      "the credential did not arrive whole",
      "The module counted another number of bytes than were sent, twice, with LF and with CR LF at the ends of lines: bytes are lost on the serial line, or it is too large.",
      "Check the wiring, use a lower baud rate, and keep each certificate and key below 3,072 bytes.",
    ),
  },
  {
    kinds: ["credential"],
    commands: ["AT+QSSLCFG"],
    detail: "no RSA key",
    always: diagnosis(
      "key that a BC66 cannot use",
      "Its TLS signs with RSA keys alone; nothing was sent.",
      "Issue the device an RSA certificate, or " + HOST_TLS + ".",
    ),
  },
  {
    kinds: ["limit"],
    commands: ["AT+QSSLCFG"],
    always: diagnosis(
      "credential too large",
      "A BC66 stores 3,072 bytes of PEM for each; nothing was sent.",
      "Give the root alone and not a bundle, a certificate without its chain, and a key of 2,048 bits.",
    ),
  },
  {
    kinds: ["limit"],
    commands: ["AT+QSSLOPEN"],
    detail: "pushes of",
    always: diagnosis(
      "serial port too small for pushed data",
      "A BC66 pushes up to 1,300 bytes of TLS data at once, without flow control. The stock serial class of the ESP32 keeps 128: at 115,200 baud it has 3 ms to react, and what comes later is lost.",
      "Use the buffered serial class, or 9,600 baud (AT+IPR=9600); or " + HOST_TLS + ".",
    ),
  },
  {
    kinds: ["overrun"],
    commands: ["+QSSLURC"],
    detail: "not read yet",
    always: diagnosis(
      "received data found no place",
      "Two pushes of 1,300 bytes find room, and the application had not read. The module cannot be told to wait.",
      "Read all that is there in every readable callback, and let the server send in smaller pieces.",
    ),
  },
  {
    kinds: ["overrun"],
    commands: ["+QSSLURC"],
    always: diagnosis(
      "pushed data were damaged on the serial line",
      "Bytes were lost or changed between module and ESP32. The connection was ended, for the stream would have a gap.",
      "Use the buffered serial class, a lower baud rate, and short wires with a common ground.",
    ),
  },
]);
