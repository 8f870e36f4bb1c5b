import { diagnosis, type DiagnosisRule } from "../../modules/diagnosis/table.js";
import { credentialRules, REGISTRATION_CODES, simRules } from "../quectel/diagnosis.js";
import { bc66MqttDiagnoses } from "../quectel/diagnosis-mqtt.js";
import { CME_CODES } from "./diagnosis-cme.js";
import { TCPIP_CODES } from "./diagnosis-tcpip.js";
import { bc66TlsDiagnoses } from "./diagnosis-tls.js";

/** What is known of failures of this module; the first rule that fits decides. */
export const bc66Diagnoses: readonly DiagnosisRule[] = Object.freeze<DiagnosisRule[]>([
  ...bc66MqttDiagnoses,
  ...bc66TlsDiagnoses,
  {
    kinds: ["argument"],
    commands: ["context"],
    always: diagnosis(
      "context that a BC66 does not have",
      "Its commands take contexts 1 to 3, but data pass in the first alone; TLS in another ends with -9.",
      "Configure context 1, or none.",
    ),
  },
  {
    kinds: ["limit"],
    commands: ["AT+QCGDEFCONT"],
    always: diagnosis(
      "access point name too long",
      "A BC66 takes up to 99 characters; nothing was sent.",
      "Compare the name with what the operator gives.",
    ),
  },
  {
    kinds: ["overrun"],
    detail: "module buffer full",
    always: diagnosis(
      "data were lost in the module",
      "Received data came faster than they were read: a BC66 keeps about 2 KB of each connection, acknowledges what comes beyond and throws it away. It cannot hold the sender back.",
      "Read in every readable callback, use a higher baud rate, and let the server send in smaller pieces. A TLS chain with P-256 certificates is half as long.",
    ),
  },
  {
    kinds: ["no-answer"],
    always: diagnosis(
      "the module does not answer",
      "It is off, in deep sleep, restarts over and over, or its baud rate is fixed (AT+IPR) to another than the serial port's. It learns rates of up to 115,200.",
      "Wire PWRKEY, and PSM_EINT where it may sleep. Try the rates that it may be fixed to. A boot text that comes again and again means a wrong firmware image.",
    ),
  },
  {
    kinds: ["timeout"],
    commands: ["AT+QIOPEN"],
    always: diagnosis(
      "no result of the connection",
      "The module reported neither success nor failure within 75 seconds.",
      "Look at the signal (AT+CESQ); AT+CFUN=0 and AT+CFUN=1 begin the attach anew.",
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
  ...credentialRules,
  {
    kinds: ["registration"],
    codes: Object.freeze({
      ...REGISTRATION_CODES,
      0: diagnosis(
        "not registered and not searching",
        "The radio is off, or the module has given up for now: no network in any band that is enabled.",
        "See that AT+CFUN? gives 1 and AT+COPS? begins with 0; check the antenna, and with AT+QBAND? which bands are enabled.",
      ),
      2: diagnosis(
        "still searching",
        "No cell was found in time. The first search on a new network takes 5 to 10 minutes.",
        "Check antenna and place (AT+CESQ); AT+QBAND with the operator's band shortens the search. Old networks may want AT+QSPCHSC=1.",
      ),
    }),
  },
  ...simRules,
  {
    kinds: ["error"],
    commands: ["AT+QIOPEN"],
    always: diagnosis(
      "open refused at once",
      "There is no bearer, the id is in use, or host or port are not as the module wants them.",
      "See that AT+CGPADDR=1 gives an address; AT+QIGETERROR tells the module's reason.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+CGATT"],
    always: diagnosis(
      "attach refused",
      "The module is still searching for a network, in which it takes no attach.",
      "Switch the radio off and on: AT+CFUN=0, AT+CFUN=1.",
    ),
  },
  {
    kinds: ["error"],
    commands: ["AT+QISEND", "AT+QISENDEX", "AT+QIRD"],
    always: diagnosis(
      "connection is gone",
      "The module knows no open connection under this id any more.",
      "It is opened again by itself. If it comes after a fixed time of silence, use a shorter keep-alive.",
    ),
  },
  {
    kinds: ["error", "pdp"],
    commands: ["AT+CGACT"],
    codes: CME_CODES,
    always: diagnosis(
      "bearer did not come up",
      "Registered, but the network gave no address: most often the access point is wrong.",
      "Compare the access point with what the operator gives; AT+CFUN=0 and AT+CFUN=1 begin the attach anew.",
    ),
  },
  {
    kinds: ["error", "cme"],
    commands: ["AT+QCGDEFCONT"],
    codes: CME_CODES,
    always: diagnosis(
      "access point refused",
      "Name, user name or password hold characters or lengths that the module does not take; one firmware refuses user name and password altogether.",
      "Try it without user name and password.",
    ),
  },
  { kinds: ["cme", "sim", "pdp", "registration"], codes: CME_CODES },
  {
    kinds: ["connect", "dns", "pdp", "error", "network-lost", "peer-closed", "send-fail"],
    codes: TCPIP_CODES,
  },
]);
