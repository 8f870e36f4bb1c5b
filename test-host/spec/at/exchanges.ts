import type { Command, Parameter } from "../../../modules/at/command.js";

/** One command and everything that the module said to it, as field logs and manuals show them. */
export interface Exchange {
  readonly line: string;
  /** Pieces between which a report may come. */
  readonly answer: readonly string[];
  readonly payload?: string;
  readonly prefix?: string;
  readonly final?: "SEND OK";
  readonly prompt?: ">" | "CONNECT";
  readonly raw?: true;
  /** Information lines behind their prefix, or the kind and code of the failure. */
  readonly result: readonly string[] | readonly [kind: string, code?: number];
  readonly fails?: true;
  readonly reports?: readonly string[];
}

export interface Log {
  /** Where it comes from. */
  readonly source: string;
  readonly exchanges: readonly Exchange[];
}

const ok = "\r\nOK\r\n";
const line = (text: string): string => "\r\n" + text + "\r\n";

/** As the terminal programs of the logs show it: echo, then each line framed. */
function echoed(text: string, ...lines: string[]): readonly string[] {
  return [text + "\r", ...lines.map(line)];
}

const simple = (text: string, answer: readonly string[] = [ok]): Exchange => ({
  line: text,
  answer,
  result: [],
});

/** A query whose one information line is given. */
function ask(text: string, prefix: string, rest: string, answer?: readonly string[]): Exchange {
  return { line: text, prefix, answer: answer ?? [line(prefix + " " + rest), ok], result: [rest] };
}

export const logs: readonly Log[] = [
  {
    source: "BG96, byte counts of a host library: start, activation, DNS servers",
    exchanges: [
      simple("AT", ["AT\r", ok]),
      simple("ATE0", ["ATE0\r", ok]),
      simple("AT"),
      simple("AT+CMEE=1"),
      simple('AT+QMTCFG="ssl",0,1,2'),
      simple("AT+QSSLSTATE"),
      ask("AT+CPIN?", "+CPIN:", "READY"),
      ask("AT+CFUN?", "+CFUN:", "1"),
      ask("AT+QICSGP=1", "+QICSGP:", '1,"","","",0'),
      { line: "AT+QIDNSCFG=1", answer: ["\r\nERROR\r\n"], result: ["error"], fails: true },
      { line: "AT+QIACT?", prefix: "+QIACT:", answer: [ok], result: [] },
      simple("AT+QIACT=1"),
      ask("AT+QIACT?", "+QIACT:", '1,1,1,"10.0.0.160"'),
      ask("AT+QIDNSCFG=1", "+QIDNSCFG:", '1,"100.0.0.10","100.0.0.10"'),
      simple("AT+QICLOSE=0"),
    ],
  },
  {
    source: "BG96 with damaged identity storage",
    exchanges: [
      {
        line: "ATI",
        prefix: "",
        answer: [
          line("RDY"),
          line("APP RDY"),
          "ATI\r",
          line("Quectel") + "BG96\r\n",
          "Revision: BG96MAR02A07M1G\r\n",
          ok,
        ],
        result: ["Quectel", "BG96", "Revision: BG96MAR02A07M1G"],
        reports: ["boot()", "ready()"],
      },
      {
        line: "AT+QGMR",
        prefix: "",
        answer: echoed("AT+QGMR", "BG96MAR02A07M1G_01.019.01.019", "OK"),
        result: ["BG96MAR02A07M1G_01.019.01.019"],
      },
      {
        line: "AT+CGSN",
        prefix: "",
        answer: echoed("AT+CGSN", "+CME ERROR: 23"),
        result: ["cme", 23],
        fails: true,
      },
      { line: "AT+CFUN=1", answer: echoed("AT+CFUN=1", "+CME ERROR: 0"), result: ["cme", 0], fails: true },
    ],
  },
  {
    source: "BG96, terminal log: TCP client in buffer access mode",
    exchanges: [
      ask("AT+CREG?", "+CREG:", "0,1", echoed("AT+CREG?", "+CREG: 0,1", "OK")),
      simple(
        'AT+QICSGP=1,1,"airtelgprs.com","","",0',
        echoed('AT+QICSGP=1,1,"airtelgprs.com","","",0', "OK"),
      ),
      simple('AT+QIOPEN=1,0,"TCP","220.180.239.212",8009,0,0', [
        'AT+QIOPEN=1,0,"TCP","220.180.239.212",8009,0,0\r',
        ok,
        line("+QIOPEN: 0,0"),
      ]),
      {
        line: "AT+QISEND=0,2",
        prompt: ">",
        final: "SEND OK",
        payload: "ho",
        answer: ["AT+QISEND=0,2\r", "\r\n> ", line("SEND OK")],
        result: [],
      },
      ask("AT+QISEND=0,0", "+QISEND:", "4,2,2", echoed("AT+QISEND=0,0", "+QISEND: 4,2,2", "OK")),
      {
        line: "AT+QISEND=0,0",
        prefix: "+QISEND:",
        answer: [line('+QIURC: "recv",0'), "AT+QISEND=0,0\r", line("+QISEND: 4,4,0"), ok],
        result: ["4,4,0"],
        reports: ["socket(recv|0)"],
      },
      {
        line: "AT+QIRD=0",
        prefix: "+QIRD:",
        raw: true,
        answer: ["AT+QIRD=0\r", "\r\n+QIRD: 2\r\nho\r\n", ok],
        result: ["2", "ho"],
      },
      {
        line: "AT+QIRD=2",
        prefix: "+QIRD:",
        raw: true,
        answer: echoed("AT+QIRD=2", "+QIRD: 0", "OK"),
        result: ["0", ""],
      },
    ],
  },
  {
    source: "BG95-M5: certificate upload, then MQTT over TLS that fails",
    exchanges: [
      {
        line: 'AT+QFUPL="client.pem",5,100',
        prefix: "+QFUPL:",
        prompt: "CONNECT",
        payload: "-----",
        answer: [line("CONNECT"), "+QFUPL: 5,21c\r\n", ok],
        result: ["5,21c"],
      },
      simple('AT+QSSLCFG="ciphersuite",2,0XFFFF'),
      ask("AT+COPS?", "+COPS:", '0,0,"Orange F",0'),
      {
        line: 'AT+QMTOPEN=0,"x-ats.iot.us-east-1.amazonaws.com",8883',
        answer: [line("+QMTOPEN: 0,-1"), "\r\nERROR\r\n"],
        result: ["error"],
        fails: true,
      },
    ],
  },
  {
    source: "BG96: files; EDGE with quoted technology; lower case",
    exchanges: [
      {
        line: 'AT+QFLST="*"',
        prefix: "+QFLST:",
        answer: [
          line('+QFLST: "amazonca.pem",1544'),
          '+QFLST: "herer2.pem",1260\r\n',
          '+QFLST: "sectigca.pem",2166\r\n',
          ok,
        ],
        result: ['"amazonca.pem",1544', '"herer2.pem",1260', '"sectigca.pem",2166'],
      },
      ask("AT+CGREG?", "+CGREG:", '4,5,"66C0","1042","0",,,,"00000000","01100000","00000000"'),
      ask("at+qcsq=?", "+QCSQ:", '"NOSERVICE","GSM","CAT-M1","CAT-NB1"'),
    ],
  },
  {
    source: "reports within answers: boot banner in front of the echo, in front of the result",
    exchanges: [
      { line: "AT", answer: [line("RDY"), "AT\r", ok], result: [], reports: ["boot()"] },
      {
        line: "AT+CPIN?",
        prefix: "+CPIN:",
        answer: [line("APP RDY"), line("+CPIN: READY"), ok],
        result: ["READY"],
        reports: ["ready()"],
      },
    ],
  },
];

/** The command of an exchange: its result is the list of its information lines. */
export function commandOf(exchange: Exchange): Command<readonly string[], readonly Parameter[]> {
  const { prefix, final, prompt, raw } = exchange;
  return {
    text: exchange.line,
    timeoutMs: 1_000,
    empty: [],
    read: (line, sofar) => [...(sofar ?? []), line.whole()],
    ...(prefix === undefined ? undefined : { prefix }),
    ...(final === undefined ? undefined : { final }),
    ...(prompt === undefined ? undefined : { prompt }),
    ...(raw ? { raw: line => line.int(0) } : undefined),
  };
}
