import { type CodeTable, diagnosis, type DiagnosisRule } from "../../modules/diagnosis/table.js";
import { credentialRules, REGISTRATION_CODES, simRules } from "../quectel/diagnosis.js";
import { bg95MqttDiagnoses } from "../quectel/diagnosis-mqtt.js";
import { CME_CODES, CMS_CODES } from "./diagnosis-cme.js";
import { TCPIP_CODES, TLS_CODES } from "./diagnosis-tcpip.js";

/** Where either kind of code can come. Their numbers do not overlap. */
const RESULT_CODES: CodeTable = Object.freeze({ ...CME_CODES, ...TCPIP_CODES });

/** What is known of failures of this module; the first rule that fits decides. */
export const bg95Diagnoses: readonly DiagnosisRule[] = Object.freeze([
  ...bg95MqttDiagnoses,
  { kinds: ["tls"], codes: TLS_CODES },
  {
    kinds: ["timeout"],
    commands: ["AT+QSSLOPEN"],
    always: diagnosis(
      "no result of the TLS connection",
      "The module reported neither success nor failure within 150 seconds and the handshake time: the network carries almost nothing, or the module's TLS is stuck.",
      "Look at the signal. If plain TCP works meanwhile, restart the module.",
    ),
  },
  {
    kinds: ["timeout"],
    commands: ["AT+QIOPEN"],
    always: diagnosis(
      "no result of the connection",
      "The module reported neither success nor failure within 150 seconds.",
      "Look at the signal; deactivate and activate the data connection (AT+QIDEACT, AT+QIACT).",
    ),
  },
  {
    kinds: ["timeout"],
    commands: ["AT+QIDNSGIP"],
    always: diagnosis(
      "no answer of a name server",
      "The operator's name servers did not answer within 60 seconds.",
      "Set other name servers with AT+QIDNSCFG, or use the server's address.",
    ),
  },
  // Of credentials: "module", which this module's file system alone can keep.
  {
    kinds: ["credential"],
    detail: "the module holds no file",
    always: diagnosis(
      "credential missing in the module",
      "The firmware is told that the credentials are in the module's file system (credentials: module), and AT+QFLST lists no file for this role.",
      "Provision the module again (target modem), or leave credentials out of the configuration where the device's own store holds them.",
    ),
  },
  {
    kinds: ["credential"],
    detail: "which of them counts is unknown",
    always: diagnosis(
      "several credentials in the module",
      "The module's file system holds more than one file for this role: from an earlier provisioning, or from firmware that had credentials of its own.",
      "Provision the module again, which leaves one file for each role, or delete the others by AT+QFDEL.",
    ),
  },
  // Before the upload's own: what the store holds was found before anything was sent.
  ...credentialRules,
  {
    kinds: ["timeout", "malformed", "overrun", "credential"],
    commands: ["AT+QFUPL"],
    codes: CME_CODES,
    always: diagnosis(
      "credential did not arrive unchanged",
      "The module counted other bytes than were sent, or another checksum: bytes were lost or changed on the serial line.",
      "Wire RTS and CTS and switch flow control on (AT+IFC=2,2), or use a lower baud rate; then store it again.",
    ),
  },
  { kinds: ["registration"], codes: REGISTRATION_CODES },
  ...simRules,
  {
    kinds: ["sim"],
    detail: "NOT",
    always: diagnosis(
      "no SIM",
      "The module sees no SIM card, or lost it: not pushed in, or the holder's contacts or the detection pin are at fault.",
      "Push the SIM in until it holds; check its direction, and AT+QSIMDET where the holder has no switch.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QSSLOPEN", "AT+QIOPEN"],
    always: diagnosis(
      "open refused at once",
      "The data connection is not active, or host, port or connect id are not as the manual wants them.",
      "See that AT+QIACT? lists the context with an address, and that the id is not in use.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QSSLCFG"],
    always: diagnosis(
      "TLS setting refused",
      "This firmware does not know the setting or its value; a cipher suite must stand without quotation marks.",
      'Ask AT+QSSLCFG=? for what the firmware knows, and update the firmware if "sni" is missing.',
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QISEND", "AT+QSSLSEND", "AT+QIRD", "AT+QSSLRECV"],
    always: diagnosis(
      "connection is gone",
      "The module knows no open connection under this id any more: it was closed, or the data connection was lost without a report.",
      "It is opened again by itself. If it comes after a fixed time of silence, use a shorter keep-alive.",
    ),
  },
  {
    kinds: ["error", "pdp"],
    commands: ["AT+QIACT"],
    codes: RESULT_CODES,
    always: diagnosis(
      "activation refused",
      "The network refused the data connection, the module is not registered, or the context was active already. Right after registration a first attempt may fail and a second succeed.",
      "Compare the APN, user name and password with what the operator gives; ask whether data are enabled for the SIM.",
    ),
  },
  {
    kinds: ["error", "pdp"],
    commands: ["AT+QICSGP"],
    codes: RESULT_CODES,
    always: diagnosis(
      "APN settings refused",
      "The context is active and cannot be changed, or APN, user name or password hold characters or lengths that the module does not take.",
      "Deactivate the context first (AT+QIDEACT); check the APN's spelling.",
    ),
  },
  { kinds: ["cms"], codes: CMS_CODES },
  { kinds: ["cme", "sim", "credential", "storage", "pdp", "registration"], codes: CME_CODES },
  {
    kinds: ["tls", "connect", "dns", "pdp", "error", "network-lost", "peer-closed", "send-fail"],
    codes: TCPIP_CODES,
  },
]);
