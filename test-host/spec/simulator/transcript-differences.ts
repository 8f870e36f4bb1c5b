/** Where the simulated module answers something else than the log. */
export interface Difference {
  readonly command: string;
  /** All lines of the simulated answer, masked as the log is. */
  readonly simulated: readonly string[];
  readonly reason: string;
}

function noHttp(command: string, simulated: readonly string[] = ["ERROR"]): Difference {
  return { command, simulated, reason: "the module's own HTTP client is not simulated" };
}

function withResult(command: string, ...lines: string[]): Difference {
  return { command, simulated: [...lines, "OK"], reason: "the author of the log left out the final OK" };
}

function differs(command: string, simulated: readonly string[], reason: string): Difference {
  return { command, simulated, reason };
}

const psmExample = "the manual's examples come from different places and do not follow from one another";
const manualSelection = "the author lists alternatives; here the selection by number took effect";

/** By transcript, in the order of the log. */
export const differences: Readonly<Record<string, readonly Difference[]>> = {
  "bg96-damaged-identity": [
    differs("AT+CGSN", ["866425030000014", "OK"], "the module of the log had lost its identity storage"),
    differs("AT+CFUN=1", ["OK"], "the module of the log had lost its identity storage"),
  ],
  "bg96-tcp-buffered": [
    differs(
      "AT+QISEND=0,0",
      ["+QISEND: 2,0,2", "OK", '+QIURC: "recv",0'],
      "the log leaves out an earlier send of 2 bytes",
    ),
    differs("AT+QISEND=0,0", ["+QISEND: 2,2,0", "OK"], "the log leaves out an earlier send of 2 bytes"),
    withResult("AT+QICLOSE=0"),
  ],
  "bg96-context-gone": [
    noHttp("AT+QHTTPURL=59,80"),
    noHttp("http://api.efxnow.com/DEMOWebServices2.8/Service.asmx/Echo?", []),
    noHttp("AT+QHTTPPOST=20,80,80"),
    noHttp("Message=HelloQuectel", []),
    noHttp("AT+QHTTPREAD=80"),
  ],
  "bg95-nb-iot-roaming": [
    withResult("AT+CFUN?", "+CFUN: 1"),
    withResult("AT+QCCID", "+QCCID: <iccid>"),
    differs(
      "AT+COPS=?",
      ['+COPS: (2,"Telekom.de","Telekom.de","26201",9),,(0,1,2,3,4),(0,1,2)', "OK"],
      "the simulated network has one entry for its operator",
    ),
    differs("AT+COPS?", ['+COPS: 1,2,"26201",9', "OK"], manualSelection),
    withResult("AT+CEREG?", "+CEREG: 0,5"),
    withResult("AT+CREG?", "+CREG: 0,5"),
    withResult("AT+CGREG?", "+CGREG: 0,4"),
    withResult("AT+CSQ", "+CSQ: 2,99"),
    differs("AT+COPS?", ['+COPS: 1,2,"26201",9', "OK"], manualSelection),
  ],
  "bg95-test-commands": [
    differs('AT+QMBNCFG="List"', ["ERROR"], "operator profiles are not simulated"),
    noHttp("AT+QHTTPCFG=?"),
  ],
  "bg96-lower-case": [
    differs(
      "at+qcsq=?",
      ['+QCSQ: "NOSERVICE","GSM","eMTC","NBIoT"', "OK"],
      "the BG95 has other names than the BG96",
    ),
  ],
  "bg96-power-saving": [
    differs(
      "AT+QPSMS?",
      ['+QPSMS: 1,,,"2400","30"', "OK"],
      "the simulated network grants what was asked for",
    ),
    differs("AT+QPSMCFG?", ["+QPSMCFG: 60,4", "OK"], psmExample),
    differs("AT+QPSMEXTCFG?", ["+QPSMEXTCFG: 14,2,120,5,120,3", "OK"], psmExample),
    differs(
      'AT+QCFG="psm/urc",1',
      ["OK", "+QPSMTIMER: 2400,30", "PSM POWER DOWN"],
      "the times asked for, and the line of the BG95",
    ),
  ],
  "bg96-edge": [
    withResult("AT+CPIN?", "+CPIN: READY"),
    withResult("AT+QSIMSTAT?", "+QSIMSTAT: 0,1"),
    withResult("AT+COPS?", '+COPS: 0,0,"T-Mobile Hologram",0'),
    withResult("AT+CGREG?", "+CGREG: 0,5"),
    differs(
      "AT+CGREG?",
      ['+CGREG: 4,5,"66C0","1A2D002",0,,,"",""', "OK"],
      "the manual's form; on EDGE the log quotes the technology, has one field more, and another cell",
    ),
    differs("AT+QNWINFO", ['+QNWINFO: "EDGE","310260","GSM 1800",653', "OK"], "another band and channel"),
    differs(
      "AT+QSPN",
      ['+QSPN: "T-Mobile Hologram","T-Mobile Hologram","T-Mobile Hologram",0,"310260"', "OK"],
      "the simulated operator has one name for all purposes",
    ),
    differs(
      "AT+QIACT?",
      ['+QIACT: 1,1,1,"<address>"', "OK"],
      "the context of the log was lost again at once",
    ),
    differs(
      'AT+QIOPEN=1,1,"TCP","220.180.239.201",8713,0,0',
      ["OK", "+QIOPEN: 1,566"],
      "a slip of the pen in the log, which has +QUOPEN",
    ),
  ],
  "bg96-udp-service": [
    differs(
      "AT+QISTATE=0,1",
      ['+QISTATE: 2,"UDP SERVICE","<address>",0,3030,2,1,2,0,"uart1"', "OK"],
      "the log was taken on the USB port",
    ),
    ...Array.from({ length: 3 }, () =>
      differs("AT+QISEND=2,0", ["+QISEND: 20,20,0", "OK"], "the log leaves out an earlier send of 10 bytes"),
    ),
  ],
};
