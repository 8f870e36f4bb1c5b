import assert from "node:assert/strict";
import fc from "fast-check";
import { AtBench } from "./at-bench.js";

describe("commands of the simulated BG95", () => {
  /** Lines typed one after another into a registered module with a context, each with its whole answer. */
  const sessions: readonly [title: string, exchanges: readonly (readonly [string, string])[]][] = [
    [
      "identify the module",
      [
        ["AT+CGMI", "\r\nQuectel\r\n\r\nOK\r\n"],
        ["AT+CGMM", "\r\nBG95-M3\r\n\r\nOK\r\n"],
        ["AT+CGMR", "\r\nBG95M3LAR02A03\r\n\r\nOK\r\n"],
        ["AT+QGMR", "\r\nBG95M3LAR02A03_01.011.01.011\r\n\r\nOK\r\n"],
        ["AT+GSN", "\r\n866425030000014\r\n\r\nOK\r\n"],
        ["AT+CGSN=?", "\r\nOK\r\n"],
      ],
    ],
    [
      "show and set the interface",
      [
        ["AT+CMEE=?", "\r\n+CMEE: (0-2)\r\n\r\nOK\r\n"],
        ["AT+CMEE=3", "\r\nERROR\r\n"],
        ["AT+IPR=1234", "\r\nERROR\r\n"],
        ["AT+ICF?", "\r\n+ICF: 3,3\r\n\r\nOK\r\n"],
        ["AT+ICF=3", "\r\nOK\r\n"],
        ["AT+ICF=1", "\r\nERROR\r\n"],
        ["AT+IFC?", "\r\n+IFC: 0,0\r\n\r\nOK\r\n"],
        ["AT+IFC=2,2", "\r\nOK\r\n"],
        ["AT+IFC?", "\r\n+IFC: 2,2\r\n\r\nOK\r\n"],
        ["AT+IFC=1,1", "\r\nERROR\r\n"],
        ["ATS3?", "\r\n013\r\n\r\nOK\r\n"],
        ["ATS0=0", "\r\nOK\r\n"],
        ["AT&C1&D1X4", "\r\nOK\r\n"],
      ],
    ],
    [
      "set the profile back",
      [
        ["AT+CMEE=2;+CEREG=2", "\r\nOK\r\n"],
        ["AT&F", "\r\nOK\r\n"],
        ["ATE0", "ATE0\r\r\nOK\r\n"],
        ["AT+CMEE?;+CEREG?", "\r\n+CMEE: 1\r\n\r\n+CEREG: 0,1\r\n\r\nOK\r\n"],
        ["AT&W", "\r\nOK\r\n"],
        ["ATV0", "0\r"],
        ["ATZ", "\r\nOK\r\n"],
        ["AT", "\r\nOK\r\n"],
      ],
    ],
    [
      "tell of SIM and start",
      [
        ["AT+QCCID", "\r\n+QCCID: 89490200001000000017\r\n\r\nOK\r\n"],
        ["AT+CIMI", "\r\n262010000000017\r\n\r\nOK\r\n"],
        ["AT+QSIMSTAT?", "\r\n+QSIMSTAT: 0,1\r\n\r\nOK\r\n"],
        ["AT+QSIMSTAT=1;+QSIMSTAT?", "\r\n+QSIMSTAT: 1,1\r\n\r\nOK\r\n"],
        ["AT+QSIMDET?", "\r\n+QSIMDET: 0\r\n\r\nOK\r\n"],
        ["AT+QINISTAT", "\r\n+QINISTAT: 3\r\n\r\nOK\r\n"],
        ["AT+CPIN=1234", "\r\n+CME ERROR: 3\r\n"],
      ],
    ],
    [
      "choose where and which URCs come",
      [
        ['AT+QURCCFG="urcport"', '\r\n+QURCCFG: "urcport","uart1"\r\n\r\nOK\r\n'],
        ['AT+QURCCFG="urcport","usbmodem"', "\r\nOK\r\n"],
        ['AT+QURCCFG="urcport"', '\r\n+QURCCFG: "urcport","usbmodem"\r\n\r\nOK\r\n'],
        ['AT+QURCCFG="urcport","uart9"', "\r\nERROR\r\n"],
        ['AT+QURCCFG="other"', "\r\nERROR\r\n"],
        ['AT+QINDCFG="csq",0', "\r\nOK\r\n"],
        ['AT+QINDCFG="csq"', '\r\n+QINDCFG: "csq",0\r\n\r\nOK\r\n'],
        ['AT+QINDCFG="nothing"', "\r\nERROR\r\n"],
        ["AT+CGEREP=2,1;+CGEREP?", "\r\n+CGEREP: 2,1\r\n\r\nOK\r\n"],
      ],
    ],
    [
      "leave and join the network",
      [
        ["AT+CGATT?", "\r\n+CGATT: 1\r\n\r\nOK\r\n"],
        ["AT+CGATT=0", "\r\nOK\r\n"],
        ["AT+CGATT?;+CEREG?", "\r\n+CGATT: 0\r\n\r\n+CEREG: 0,0\r\n\r\nOK\r\n"],
        ["AT+QNWINFO", "\r\n+QNWINFO: No Service\r\n\r\nOK\r\n"],
        ["AT+CGATT=1", "\r\nOK\r\n"],
        ["AT+QNWINFO", '\r\n+QNWINFO: "eMTC","26201","LTE BAND 20",6300\r\n\r\nOK\r\n'],
        ["AT+QSPN", '\r\n+QSPN: "Simulated","Sim","Simulated",0,"26201"\r\n\r\nOK\r\n'],
        ["AT+COPS=3,2;+COPS?", '\r\n+COPS: 0,2,"26201",8\r\n\r\nOK\r\n'],
        ['AT+COPS=1,2,"99999"', "\r\n+CME ERROR: 30\r\n"],
        ['AT+COPS=4,2,"99999"', "\r\nOK\r\n"],
        ["AT+COPS=2", "\r\nOK\r\n"],
        ["AT+COPS?", "\r\n+COPS: 2\r\n\r\nOK\r\n"],
        ["AT+COPS=0", "\r\nOK\r\n"],
        ["AT+QCSCON?", "\r\n+QCSCON: 0\r\n\r\nOK\r\n"],
      ],
    ],
    [
      "show contexts in the forms of 3GPP",
      [
        ["AT+CGACT?", "\r\n+CGACT: 1,1\r\n\r\nOK\r\n"],
        ["AT+CGACT=1,1", "\r\nOK\r\n"],
        ["AT+CGACT=0,1", "\r\nOK\r\n"],
        ["AT+CGPADDR=1", "\r\n+CGPADDR: 1\r\n\r\nOK\r\n"],
        ["AT+CGPADDR", "\r\nOK\r\n"],
        ["AT+CGACT=1,1", "\r\nOK\r\n"],
        ['AT+CGDCONT=2,"PPP","x"', "\r\nERROR\r\n"],
        ['AT+QICSGP=1,1,"other"', "\r\nERROR\r\n"],
        ["AT+QIDEACT=1", "\r\nOK\r\n"],
        ['AT+QICSGP=1,2,"six"', "\r\nOK\r\n"],
        ["AT+CGDCONT?", '\r\n+CGDCONT: 1,"IPV6","six","0.0.0.0",0,0,0\r\n\r\nOK\r\n'],
      ],
    ],
    [
      "keep the radio's configuration",
      [
        ['AT+QCFG="nwscanmode"', '\r\n+QCFG: "nwscanmode",0\r\n\r\nOK\r\n'],
        ['AT+QCFG="nwscanmode",3,1', "\r\nOK\r\n"],
        ['AT+QCFG="NWSCANMODE"', '\r\n+QCFG: "nwscanmode",3\r\n\r\nOK\r\n'],
        ['AT+QCFG="nwscanmode",2', "\r\nERROR\r\n"],
        ['AT+QCFG="nwscanseq",020301', "\r\nOK\r\n"],
        ['AT+QCFG="nwscanseq",04', "\r\nERROR\r\n"],
        ['AT+QCFG="iotopmode",0,1', "\r\nOK\r\n"],
        ['AT+QCFG="band",f,80000,0x80000,1', "\r\nOK\r\n"],
        ['AT+QCFG="band"', '\r\n+QCFG: "band",0xf,0x80000,0x80000\r\n\r\nOK\r\n'],
        ['AT+QCFG="band",f,xyz,0', "\r\nERROR\r\n"],
        ['AT+QCFG="risignaltype","physical"', "\r\nOK\r\n"],
        ['AT+QCFG="risignaltype"', '\r\n+QCFG: "risignaltype","physical"\r\n\r\nOK\r\n'],
        ['AT+QCFG="nonsense"', "\r\nERROR\r\n"],
        ['AT+QCFGEXT="dnsc_timeout",30', "\r\nOK\r\n"],
        ['AT+QCFGEXT="dnsc_timeout"', '\r\n+QCFGEXT: "dnsc_timeout",30\r\n\r\nOK\r\n'],
      ],
    ],
    [
      "keep settings of sleep",
      [
        ["AT+QSCLK=1;+QSCLK?", "\r\n+QSCLK: 1\r\n\r\nOK\r\n"],
        ["AT+CPSMS?;+QPSMS?", "\r\n+CPSMS: 0\r\n\r\n+QPSMS: 0\r\n\r\nOK\r\n"],
        ['AT+CPSMS=1,,,"00100001","00000101"', "\r\nOK\r\n"],
        ["AT+CPSMS?", '\r\n+CPSMS: 1,,,"00100001","00000101"\r\n\r\nOK\r\n'],
        ["AT+QPSMS?", '\r\n+QPSMS: 1,,,"3600","10"\r\n\r\nOK\r\n'],
        ['AT+CPSMS=1,,,"0010000","00000101"', "\r\nERROR\r\n"],
        ["AT+CPSMS=0", "\r\nOK\r\n"],
        ["AT+QPSMCFG=20,15;+QPSMCFG?", "\r\n+QPSMCFG: 20,15\r\n\r\nOK\r\n"],
        ["AT+QPSMCFG=19", "\r\nERROR\r\n"],
        ["AT+QPSMEXTCFG=14,2,120,5,120,15;+QPSMEXTCFG?", "\r\n+QPSMEXTCFG: 14,2,120,5,120,15\r\n\r\nOK\r\n"],
        ['AT+CEDRXS=1,4,"0101"', "\r\nOK\r\n"],
        ["AT+CEDRXS?", '\r\n+CEDRXS: 4,"0101"\r\n+CEDRXS: 5,"0000"\r\n\r\nOK\r\n'],
        ["AT+CEDRXRDP", '\r\n+CEDRXRDP: 4,"0101","0101","0000"\r\n\r\nOK\r\n'],
        ["AT+CEDRXS=0", "\r\nOK\r\n"],
        ["AT+CEDRXRDP", "\r\n+CEDRXRDP: 0\r\n\r\nOK\r\n"],
      ],
    ],
    [
      "keep options of sockets until a restart",
      [
        ['AT+QICFG="transpktsize"', '\r\n+QICFG: "transpktsize",1024\r\n\r\nOK\r\n'],
        ['AT+QICFG="transpktsize",1460', "\r\nOK\r\n"],
        ['AT+QICFG="transpktsize",1461', "\r\nERROR\r\n"],
        ['AT+QICFG="tcp/keepalive"', '\r\n+QICFG: "tcp/keepalive",0\r\n\r\nOK\r\n'],
        ['AT+QICFG="tcp/keepalive",1,2,30,5', "\r\nOK\r\n"],
        ['AT+QICFG="tcp/keepalive"', '\r\n+QICFG: "tcp/keepalive",1,2,30,5\r\n\r\nOK\r\n'],
        ['AT+QICFG="tcp/retranscfg"', '\r\n+QICFG: "tcp/retranscfg",12,600\r\n\r\nOK\r\n'],
        ['AT+QICFG="nonsense",1', "\r\nERROR\r\n"],
        ["AT+QIGETERROR", "\r\n+QIGETERROR: 552, invalid parameters\r\n\r\nOK\r\n"],
        ['AT+QIDNSCFG=1,"1.1.1.1"', "\r\nOK\r\n"],
        ["AT+QIDNSCFG=1", '\r\n+QIDNSCFG: 1,"1.1.1.1","0.0.0.0"\r\n\r\nOK\r\n'],
        ["AT+QISDE=1;+QISDE?", "\r\n+QISDE: 1\r\n\r\nOK\r\n"],
      ],
    ],
    [
      "tell the time",
      [
        ['AT+CCLK="26/13/01,00:00:00+00"', "\r\nERROR\r\n"],
        ['AT+CCLK="26/01/02,03:04:05-32"', "\r\nOK\r\n"],
        ["AT+CCLK?", '\r\n+CCLK: "26/01/02,03:04:05-32"\r\n\r\nOK\r\n'],
        ["AT+CTZU=3;+CTZU?", "\r\n+CTZU: 3\r\n\r\nOK\r\n"],
        ["AT+CTZR=3", "\r\nERROR\r\n"],
      ],
    ],
  ];
  for (const [title, exchanges] of sessions) {
    it(title, async () => {
      const bench = await AtBench.memory().ready();
      for (const [line, answer] of exchanges) {
        bench.type(line + "\r");
        assert.equal(await bench.pass(100), answer, line);
      }
    });
  }

  it("end every command once, whatever its arguments", async () => {
    const names = [...(await AtBench.memory().ready()).modem.commandNames].filter(
      name => !/^(E|V|Q|S3|S4|S5|\+IPR|Z|&F|\+QPOWD|\+CFUN)$/.test(name),
    );
    const argument = fc.oneof(
      fc.integer({ min: 0, max: 20 }).map(String),
      fc.constantFrom(
        '"a"',
        '"broker.test"',
        '"TCP"',
        '"*"',
        '""',
        "",
        "0xff",
        '"nwscanmode"',
        '"sni"',
        '"IP"',
        "99999",
      ),
    );
    const suffix = fc.oneof(
      fc.constantFrom("", "?", "=?", "="),
      fc.array(argument, { minLength: 1, maxLength: 8 }).map(list => `=${list.join(",")}`),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(...names), suffix), { maxLength: 12 }),
        async lines => {
          const bench = await AtBench.memory({ link: "lte-m" }).ready();
          bench.network.serve(7, () => undefined);
          for (const [name, rest] of lines) {
            bench.type(`AT${name}${rest}\r`);
            await bench.pass(400_000);
            // Prompts and uploads end by ESC, by their timeout or by bytes enough.
            if (bench.modem.port.carriesData) {
              bench.type("\x1b");
              await bench.pass(100_000_000);
            }
            if (bench.modem.port.carriesData) {
              bench.type(new Uint8Array(1_500));
              await bench.pass(400_000);
            }
            assert.ok(!bench.modem.port.isBusy, `AT${name}${rest}`);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
