import { type CodeTable, diagnosis } from "../../modules/diagnosis/table.js";
import { SHARED_TCPIP_CODES } from "../quectel/diagnosis-tcpip.js";

/**
 * Result codes of `+QIOPEN:`, `+QIURC: "dnsgip"` and AT+QIGETERROR. The texts stand in firmware
 * BC66NBR01A10, the numbers are those of the family: a note on TCP/IP is not public.
 */
export const TCPIP_CODES: CodeTable = Object.freeze({
  ...SHARED_TCPIP_CODES,
  550: diagnosis(
    "unknown error",
    "The module gives no reason.",
    "Close the connection; if it stays, switch the radio off and on (AT+CFUN=0, AT+CFUN=1), then restart the module.",
  ),
  552: diagnosis(
    "invalid parameters",
    "A parameter of the command is out of its range or of the wrong kind.",
    "Connect ids are 0 to 4, the context is 1; host names of up to 150 characters are known to work.",
  ),
  554: diagnosis(
    "socket could not be created",
    "All five sockets are taken, or the module has no address.",
    "Close ended connections (AT+QICLOSE), those that failed to open too, and see whether AT+CGPADDR=1 gives an address.",
  ),
  555: diagnosis(
    "operation not supported",
    "This firmware does not have the function, or not for this kind of connection.",
    "Ask ATI for the version.",
  ),
  556: diagnosis(
    "socket bind failed",
    "The local port is in use already, or the module has lost its address.",
    "Use local port 0, which lets the module choose, and check AT+CGPADDR=1.",
  ),
  561: diagnosis(
    "data connection not there",
    "The module has no bearer, or another context than 1 was named.",
    "Use context 1; wait for +IP. If it does not come, compare the access point (AT+QCGDEFCONT?).",
  ),
  562: diagnosis(
    "data connection could not be closed",
    "The network did not confirm that the bearer was deactivated.",
    "Switch the radio off and on: AT+CFUN=0, AT+CFUN=1.",
  ),
  563: diagnosis(
    "connect id in use",
    "An earlier connection still holds this id; one that ended or failed to open keeps it until it is closed here.",
    "Send AT+QICLOSE for the id, then open again.",
  ),
  569: diagnosis(
    "operation timed out",
    "The other side did not answer: no route to the server, packets dropped by a firewall, or radio conditions that let nothing through.",
    "Look at the signal (AT+CESQ, AT+QENG=0). If it is good, the address or port is filtered: try from another network.",
  ),
  570: diagnosis(
    "data connection broke down",
    "The network or the module dropped the bearer while the operation ran.",
    "It comes back by itself; AT+CFUN=0 and AT+CFUN=1 begin the attach anew.",
  ),
  572: diagnosis(
    "operation not allowed",
    "The command does not fit the connection's state or access mode: reading in direct push mode, or sending before the connection stands.",
    "Wait for the open result, and read with AT+QIRD in buffer access mode alone.",
  ),
  573: diagnosis(
    "access point not configured",
    "The module has no access point, and the network gave none.",
    "Set the operator's with AT+QCGDEFCONT; it counts after a restart.",
  ),
});
