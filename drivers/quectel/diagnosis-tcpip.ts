import { type CodeTable, diagnosis } from "../../modules/diagnosis/table.js";

/** Result codes of TCP/IP commands that mean the same on every module of the family, and need no command of one to cure. */
export const SHARED_TCPIP_CODES: CodeTable = Object.freeze({
  551: diagnosis(
    "operation blocked",
    "Another operation on the same connection is still running.",
    "Send the next command only after the final result of the one before.",
  ),
  552: diagnosis(
    "invalid parameters",
    "A parameter of the command is out of its range or of the wrong kind; a module that gives this for every open, even valid ones, has run its network stack into the ground.",
    "Compare the command with the manual. If a plain AT+QIOPEN that worked before fails too, switch the module's power off and on.",
  ),
  553: diagnosis(
    "memory not enough",
    "The module has no memory left for another connection or TLS context.",
    "Close connections that are not needed, those that the other side has ended too: each needs its own close command.",
  ),
  557: diagnosis(
    "socket listen failed",
    "The module could not wait for connections on this port.",
    "Use another local port, and close an older listener first.",
  ),
  558: diagnosis(
    "socket write failed",
    "Data could not be handed to the connection: it has been closed or the network is gone.",
    "Close it and connect again.",
  ),
  559: diagnosis(
    "socket read failed",
    "Data could not be taken from the connection: it has been closed or the network is gone.",
    "Close it and connect again; data that had not been read are lost.",
  ),
  560: diagnosis(
    "socket accept failed",
    "An incoming connection could not be taken, most often because all connect ids are in use.",
    "Close connections that have ended.",
  ),
  564: diagnosis(
    "name server busy",
    "The module is still resolving another name.",
    "Wait for its result (up to 60 seconds) before asking for the next.",
  ),
  565: diagnosis(
    "host name not resolved",
    "The name is misspelt or does not exist, or the operator's name servers did not answer.",
    "Try the same name on a computer. If it resolves there, set other name servers with AT+QIDNSCFG, or use an address.",
  ),
  566: diagnosis(
    "connection failed",
    "Nobody accepted the connection: wrong host or port, a firewall between, the server is down, or the SIM's operator allows only certain addresses.",
    "Try host and port from a computer with mobile data instead of your own network; ask the operator whether the SIM has restrictions.",
  ),
  567: diagnosis(
    "socket was closed",
    "The connection had ended before the command came.",
    "Close the id and connect again; read what is buffered before closing.",
  ),
  568: diagnosis(
    "operation busy",
    "The module is still occupied with an earlier operation on this connection.",
    "Wait for its result, then repeat the command.",
  ),
  571: diagnosis(
    "sending cancelled",
    "The data were given up at the prompt, by ESC or because they did not come in time.",
    "Send exactly as many bytes as were announced, at once after the prompt.",
  ),
  574: diagnosis(
    "port busy",
    "The local port is in use.",
    "Let the module choose the local port (0), or wait until the earlier connection has vanished.",
  ),
});
