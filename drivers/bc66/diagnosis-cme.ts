import { type CodeTable, diagnosis } from "../../modules/diagnosis/table.js";
import { SHARED_DEVICE_CODES } from "../quectel/diagnosis-cme.js";

const ASK_OPERATOR = "Ask the operator whether the SIM is active, has NB-IoT and data, and may be used here.";
const NO_COVER =
  "Check antenna and place (AT+CESQ, AT+QENG=0). The first search takes 5 to 10 minutes; AT+QBAND with the operator's band shortens it.";
const COMPARE = "Compare the command with the manual; ATI tells the firmware.";
const WAIT = "Wait a minute and repeat; restart the module if it stays.";

/** +CME ERROR (Quectel BC66&BC66-NA AT Commands Manual V2.1). TCP/IP, TLS and MQTT commands answer plain `ERROR`. */
export const CME_CODES: CodeTable = Object.freeze({
  ...SHARED_DEVICE_CODES,
  3: diagnosis(
    "operation not allowed",
    "The command does not fit the module's present state.",
    "Wait for +CPIN: READY after a start, and for registration before data.",
  ),
  4: diagnosis("operation not supported", "This firmware does not have the function.", COMPARE),
  10: diagnosis(
    "SIM not inserted",
    "The module sees no SIM card: none there, not pushed in, or the holder's contacts are at fault.",
    "Push the SIM in until it holds, and check its direction.",
  ),
  14: diagnosis(
    "SIM busy",
    "The module is still reading the SIM after start-up.",
    "Ask again after a few seconds.",
  ),
  20: diagnosis(
    "memory full",
    "The SIM's storage for this kind of entry is full.",
    "Delete old entries of the SIM.",
  ),
  23: diagnosis(
    "memory failure",
    "The module could not read or write its own memory.",
    "Restart the module. If it comes back, its firmware has to be restored.",
  ),
  24: diagnosis(
    "text string too long",
    "A text parameter is longer than the manual allows: 99 characters for an access point name, 150 for a host.",
    "Shorten the text to what the manual allows.",
  ),
  30: diagnosis(
    "no network service",
    "The module is not registered, or the cell gives it no service.",
    NO_COVER,
  ),
  50: diagnosis(
    "wrong parameters",
    "A parameter of the command is out of its range or of the wrong kind.",
    COMPARE,
  ),
  100: diagnosis(
    "unknown error",
    "The module gives no reason.",
    "Repeat the command; restart the module if it stays.",
  ),
  107: diagnosis("data services not allowed", "The network bars this SIM from packet data.", ASK_OPERATOR),
  111: diagnosis("network not allowed", "This operator does not accept the SIM.", ASK_OPERATOR),
  112: diagnosis("location area not allowed", "The SIM may not be used in this area.", ASK_OPERATOR),
  113: diagnosis("roaming not allowed in this area", "The SIM may not roam here.", ASK_OPERATOR),
  132: diagnosis(
    "service option not supported",
    "The network does not have what was asked for.",
    ASK_OPERATOR,
  ),
  133: diagnosis("service option not subscribed", "The SIM's contract does not include it.", ASK_OPERATOR),
  149: diagnosis(
    "authentication of the data connection failed",
    "User name or password of the access point are wrong, or were given where none are wanted.",
    "Compare the access point's name, user and password with what the operator gives.",
  ),
  584: diagnosis("combined service not allowed", "The network bars calls and data together.", ASK_OPERATOR),
  588: diagnosis("feature not supported", "Module or network do not have the function.", COMPARE),
  591: diagnosis(
    "detached by the network",
    "The network has forgotten the device, most often after long silence.",
    "It registers again by itself. If it comes often, wake more often than the operator's limit.",
  ),
  592: diagnosis("no resources", "Module or cell have no room for another connection.", WAIT),
  596: diagnosis(
    "wrong context",
    "The context named does not exist.",
    "Use context 1: a BC66 carries data in no other.",
  ),
  598: diagnosis("mode out of range", "A mode was named that the command does not have.", COMPARE),
  606: diagnosis("failure in the radio's lower layers", "The radio connection broke down.", WAIT),
  607: diagnosis("failure without a reason", "The module or network gave no reason.", WAIT),
  615: diagnosis("network failure", "The network could not carry it out.", WAIT),
  630: diagnosis("context not defined", "The context has no definition.", "Use context 1 and AT+QCGDEFCONT."),
  631: diagnosis("protocol error", "Module and network did not understand each other.", WAIT),
  639: diagnosis(
    "service not yet available",
    "The module has not finished its start or its registration.",
    "Wait for +CEREG and +IP.",
  ),
  675: diagnosis(
    "IPv4 only",
    "The network gives IPv4 addresses alone.",
    'Use the type "IP" with AT+QCGDEFCONT.',
  ),
  676: diagnosis(
    "IPv6 only",
    "The network gives IPv6 addresses alone.",
    "Ask the operator for an access point with IPv4.",
  ),
  692: diagnosis("LTE service not allowed", "The network bars this SIM from LTE and NB-IoT.", ASK_OPERATOR),
  695: diagnosis("tracking area not allowed", "The SIM may not be used in this area.", ASK_OPERATOR),
  696: diagnosis("roaming not allowed in this tracking area", "The SIM may not roam here.", ASK_OPERATOR),
  697: diagnosis(
    "roaming not allowed in this network",
    "The SIM may not roam with this operator.",
    ASK_OPERATOR,
  ),
  698: diagnosis("no suitable cell", "Cells are there, but none that this SIM may use.", ASK_OPERATOR),
  700: diagnosis(
    "session management failed",
    "The network refused the bearer: most often the access point is wrong.",
    "Compare the access point's name with what the operator gives.",
  ),
  703: diagnosis("congestion", "The cell is too busy.", WAIT),
  704: diagnosis(
    "security capabilities differ",
    "Module and network have no encryption in common.",
    ASK_OPERATOR,
  ),
  705: diagnosis("security mode refused", "The network's encryption was refused.", ASK_OPERATOR),
  709: diagnosis(
    "no bearer",
    "Registered, but without a data connection.",
    "Compare the access point; AT+CFUN=0 and AT+CFUN=1 begin the attach anew.",
  ),
  765: diagnosis("invalid value", "A value of the command is not accepted.", COMPARE),
  766: diagnosis("value or mode not supported", "This firmware does not have the value.", COMPARE),
  767: diagnosis("operation failed", "The module could not carry it out.", WAIT),
  769: diagnosis(
    "part of the module not controllable",
    "The part named cannot be switched by command.",
    COMPARE,
  ),
  770: diagnosis("SIM refused by the network", "The network counts the SIM as invalid.", ASK_OPERATOR),
  772: diagnosis(
    "SIM switched off",
    "The SIM has no power, as with AT+CFUN=0.",
    "Send AT+CFUN=1 and wait for +CPIN.",
  ),
  840: diagnosis("no service", "No cell gives service.", NO_COVER),
  841: diagnosis("cell search under way", "The module is still searching.", NO_COVER),
  842: diagnosis("radio control switched off", "The radio part is off.", "Send AT+CFUN=1."),
  843: diagnosis("change of cell under way", "The module is choosing another cell.", WAIT),
  845: diagnosis(
    "connection being re-established",
    "The radio connection broke and is being set up again.",
    WAIT,
  ),
  846: diagnosis(
    "power saving mode",
    "The radio sleeps (PSM).",
    "Send data or wake the module by PSM_EINT; AT+CPSMS=0 switches the mode off.",
  ),
  847: diagnosis(
    "idle",
    "There is no radio connection at the moment.",
    "Ask again while data are transferred.",
  ),
});
