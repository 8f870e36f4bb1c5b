import { type CodeTable, diagnosis } from "../../modules/diagnosis/table.js";
import { SHARED_TCPIP_CODES } from "../quectel/diagnosis-tcpip.js";

/** Result codes of TCP/IP and TLS commands (Quectel BG95 TCP/IP Application Note V1.1; BG96 SSL manual V1.0). */
export const TCPIP_CODES: CodeTable = Object.freeze({
  ...SHARED_TCPIP_CODES,
  550: diagnosis(
    "unknown error",
    "The module gives no reason; it is seen when a context or socket is in a state that its own software did not expect.",
    "Close the connection, deactivate and activate the data connection (AT+QIDEACT, AT+QIACT); if it stays, restart the module.",
  ),
  554: diagnosis(
    "socket could not be created",
    "All sockets are taken, or the data connection is not active.",
    "Close ended connections (AT+QICLOSE, AT+QSSLCLOSE) and see whether AT+QIACT? still lists the context.",
  ),
  555: diagnosis(
    "operation not supported",
    "This firmware does not have the function, or not for this kind of connection.",
    "Ask AT+QGMR for the version, and compare with its manual.",
  ),
  556: diagnosis(
    "socket bind failed",
    "The local port is in use already, or the context has lost its address.",
    "Use local port 0, which lets the module choose, and check AT+QIACT? for an address.",
  ),
  561: diagnosis(
    "data connection could not be opened",
    "The network refused the packet data context: wrong APN, no data for this SIM, or too many contexts at once (three on LTE-M, two on NB-IoT).",
    "Compare APN, user name and password with what the operator gives, and ask whether data are enabled for the SIM.",
  ),
  562: diagnosis(
    "data connection could not be closed",
    "The network did not confirm that the context was deactivated.",
    "Repeat AT+QIDEACT; after three failures in a row restart the module, as the manual says.",
  ),
  563: diagnosis(
    "connect id in use",
    "An earlier connection still holds this id; one that the other side has ended keeps it until it is closed here.",
    "Send AT+QICLOSE or AT+QSSLCLOSE for the id, then open again.",
  ),
  569: diagnosis(
    "operation timed out",
    "The other side did not answer: no route to the server, packets dropped by a firewall, or radio conditions that let nothing through.",
    "Look at the signal (AT+QCSQ). If it is good, the address or port is filtered somewhere: try from another network.",
  ),
  570: diagnosis(
    "data connection broke down",
    "The network or the module dropped the packet data context while the operation ran.",
    "Deactivate and activate it (AT+QIDEACT, AT+QIACT), then connect again.",
  ),
  572: diagnosis(
    "operation not allowed",
    "The command does not fit the connection's state or access mode: reading in direct push mode, or sending before the connection stands.",
    "Wait for the open result, and read with AT+QIRD or AT+QSSLRECV in buffer access mode alone.",
  ),
  573: diagnosis(
    "APN not configured",
    "The context has no APN.",
    "Set the operator's APN (AT+QICSGP) before activating.",
  ),
});

/** The reasons that hide behind one and the same code of AT+QSSLOPEN, likeliest first. */
const TLS_CAUSES =
  "The module gives this code whether the server could not be reached or the TLS handshake failed, and tells nothing more: " +
  "wrong port or firewall, clock wrong, CA certificate not the one that the server's chain ends in, server name not sent (SNI), " +
  "server's certificate for another name or expired, client certificate and key missing, swapped or not activated, or no cipher suite in common.";

const TLS_REMEDY =
  "Go through it in this order. (1) Open the same host and port as plain TCP: if that fails too, it is the network, the port or a firewall. " +
  "(2) Ask the time (AT+CCLK?): a module without network time is in 1980, when no certificate is valid. " +
  "(3) Give the root that the server's chain ends in: openssl s_client -connect host:port -showcerts shows the chain. " +
  '(4) Use the very host name that stands in the server\'s certificate, with "sni" switched on. ' +
  "(5) Check that client certificate and key belong together and that the broker knows the certificate as active. " +
  "(6) The server must allow TLS 1.2 and a suite that the module has, for example ECDHE-RSA-AES128-GCM-SHA256; " +
  "AES-256-GCM, ChaCha20 and TLS 1.3 alone do not do.";

/** The same codes where they come from AT+QSSLOPEN and mean more. */
export const TLS_CODES: CodeTable = Object.freeze({
  0: diagnosis(
    "reported as opened, then given up",
    "The module reported success, but the connection was closed before it was used: brokers that examine the client certificate only after the handshake end it like this.",
    "Check that the client certificate was issued by an authority that the broker trusts, and that it is active there.",
  ),
  550: diagnosis(
    "unknown error",
    "The TLS context could not be used: a file that it names is missing in the module's storage or is no PEM certificate or key, or the context is in a state that the module did not expect.",
    "See in AT+QFLST whether the files are there with their full size; store the credentials again, then restart the module.",
  ),
  552: diagnosis(
    "invalid parameters",
    "A setting of the TLS context or the host name is not accepted; modules of the same family give it for every open after some twenty TLS connections without a restart.",
    "Try a plain AT+QIOPEN: if it gives 552 too, only switching the module's power off and on helps. Otherwise compare the AT+QSSLCFG settings with the manual.",
  ),
  553: diagnosis(
    "memory not enough",
    "The module has no memory for another TLS connection: certificate chains of 5 kB and more and several connections at once use it up.",
    "Close other TLS connections; use a server chain with fewer or smaller certificates (P-256 instead of RSA).",
  ),
  563: diagnosis(
    "client id in use",
    'An earlier TLS connection still holds this id; after "closed" it does so until AT+QSSLCLOSE.',
    "Send AT+QSSLCLOSE for the id, then open again.",
  ),
  566: diagnosis("connection or handshake failed", TLS_CAUSES, TLS_REMEDY),
  567: diagnosis(
    "closed during the handshake",
    "The server ended the connection while TLS was being set up: it did not accept the client's certificate, found no suite or version in common, or wants the server name (SNI).",
    "Look at the server's log. Check SNI, the client certificate and the suites: TLS 1.2 with, for example, ECDHE-RSA-AES128-GCM-SHA256.",
  ),
  569: diagnosis(
    "handshake timed out",
    "The handshake was begun and not finished in time. It takes 6 to 8 kB in both directions: 3 to 8 seconds on LTE-M, 10 to 30 on NB-IoT, more with a weak signal.",
    'Raise "negotiatetime" (10 to 300 seconds), look at the signal, or use P-256 certificates and a shorter chain.',
  ),
});
