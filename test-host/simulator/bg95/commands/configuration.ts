import type { Arguments } from "../../modem/at-line.js";
import type { CommandTable } from "../../modem/call.js";
import type { Bg95Module } from "../module.js";

/** An item of AT+QCFG: what the test command shows of it, its factory value, and its arguments. */
interface Item {
  readonly range: string;
  readonly initial: string;
  /** Returns the text that is kept, without the arguments that only say when it takes effect. */
  readonly read: (args: Arguments) => string;
}

function number(range: string, initial: number, allowed: readonly number[], effect = true): Item {
  return {
    range,
    initial: String(initial),
    read: args => {
      args.atMost(effect ? 3 : 2);
      const value = args.integer(1, Math.min(...allowed), Math.max(...allowed));
      if (effect) args.integer(2, 0, 1, 1);
      return allowed.includes(value) ? String(value) : "";
    },
  };
}

function hexadecimal(args: Arguments, index: number): string {
  const text = args.bare(index).replace(/^0x/i, "");
  return /^[0-9a-f]{1,24}$/i.test(text) ? text.toLowerCase() : "";
}

const bands: Item = {
  range: "(0-F),(0-0x100002000000000F0E189F),(0-0x10004200000000090E189F),(0,1)",
  initial: "0xf,0x100002000000000f0e189f,0x100042000000000000081a",
  read: args => {
    args.atMost(5);
    const masks = [1, 2, 3].map(index => hexadecimal(args, index));
    return masks.includes("") ? "" : masks.map(mask => `0x${mask}`).join(",");
  },
};

const scanSequence: Item = {
  range: "(00-010203),(0,1)",
  initial: "00",
  read: args => {
    args.atMost(3);
    const text = args.bare(1);
    return /^(00|(0[123]){1,3})$/.test(text) ? text : "";
  },
};

function words(range: string, initial: string, most: number): Item {
  return {
    range,
    initial,
    read: args => {
      args.atMost(most + 1);
      const parts: string[] = [];
      for (let index = 1; index < args.count; index++) parts.push(args.text(index));
      return parts.map(part => (/^\d+$/.test(part) ? part : `"${part}"`)).join(",");
    },
  };
}

const upTo = (most: number): number[] => Array.from({ length: most + 1 }, (_, value) => value);

/** In the order of a BG95-M3's test answer. */
const items: Readonly<Record<string, Item>> = {
  nwscanmode: number("(0,1,3),(0,1)", 0, [0, 1, 3]),
  servicedomain: number("(1,2),(0,1)", 1, [1, 2]),
  nwscanseq: scanSequence,
  band: bands,
  iotopmode: number("(0-2),(0,1)", 2, [0, 1, 2]),
  celevel: number("(0-2)", 0, [0, 1, 2], false),
  "urc/ri/ring": words(
    '("off","pulse","always","auto","wave"),(1-2000),(1-10000),(1-10000),("off","on"),(1-5)',
    '"pulse",120,1000,5000,"off",1',
    6,
  ),
  "urc/ri/smsincoming": words('("off","pulse","always"),(1-2000),(1-5)', '"pulse",120,1', 3),
  "urc/ri/other": words('("off","pulse"),(1-2000),(1-5)', '"pulse",120,1', 3),
  risignaltype: words('("respective","physical")', '"respective"', 1),
  "urc/delay": number("(0,1)", 0, [0, 1], false),
  ledmode: number("(0,1,3)", 0, [0, 1, 3], false),
  gpio: words("<mode>,<pin>[,[<dir>,<pull>,<drv>]/[<val>][,<save>]]", "", 6),
  airplanecontrol: number("(0,1)", 0, [0, 1], false),
  "cmux/urcport": number("(0-4)", 0, upTo(4), false),
  apready: words("(0,1),(0,1),(100-3000)", "0,0,500", 3),
  nccconf: words("(0-1FF)", "0", 1),
  "psm/enter": number("(0,1)", 0, [0, 1], false),
  "psm/urc": number("(0,1)", 0, [0, 1], false),
  simeffect: number("(0,1)", 1, [0, 1], false),
  lapiconf: words("(0-2),(0,1)", "2,0", 2),
  nasconfig: words("(0-7FFF)", "0", 1),
  "apn/display": number("(0,1)", 0, [0, 1], false),
  "irat/timer": words("(5-300),(5-20)", "5,5", 2),
  "nb1/bandprior": words("<band_priority_seq>", "", 1),
  "bip/auth": number("(0-3)", 0, upTo(3), false),
  timer: words("(3402)", "", 1),
  "cmux/flowctrl": number("(0,1)", 0, [0, 1], false),
  "fast/poweroff": words("<pin>,(0,1)", "", 2),
};

const extended: readonly string[] = [
  '"addgeo",<geoid>,<mode>,<shape>,<lat1>,<lon1>,<lat2>,[<lon2>,[<lat3>,<lon3>[,<lat4>,<lon4>]]]',
  '"deletegeo",<geoid>',
  '"querygeo",<geoid>',
  '"nipdcfg"[,<type>[,<apn>[,<username>,<password>]]]',
  '"nipd"[,<mode>[,<timeout>]]',
  '"nipds"[,<mode>,<data>[,<data_length>[,<rai_flag>]]',
  '"nipdr"[,<read_length>[,<read_mode>]]',
  '"gpio"[,<mode>,<pin>[,[<dir>,<pull>,<drv>]/[<val>][,<save>]]]',
  '"dump"[,(0,1)]',
  '"quecopen"[,(0,1)]',
  '"disusb",(0,1)',
  '"usb/event"',
  '"fota_apn",<iptype>,<apn>[,<username>,<password>]',
  '"dnsc_timeout"[,(2-300)]',
  '"attm2mfeat"[,(0,1)]',
  '"pwm",<pin>[,(0,1)[,(1-99),(293-600000)]]',
  '"usbnet"[,"ecm,modem"]',
];

/** QCFG manual: everything that the module keeps in flash about radio, URCs and pins. */
export const configurationCommands: CommandTable<Bg95Module> = {
  "+QCFG": {
    test: Object.entries(items).map(([name, item]) => `+QCFG: "${name}",${item.range}`),
    write: (call, module) => {
      const name = call.args.string(0).toLowerCase();
      const item = items[name];
      if (!item) {
        call.error();
        return;
      }
      if (call.args.count === 1) {
        const value = module.configuration.get(name) ?? item.initial;
        call.info(`+QCFG: "${name}"${value === "" ? "" : `,${value}`}`);
        call.ok();
        return;
      }
      const value = item.read(call.args);
      if (value === "") {
        call.error();
        return;
      }
      module.configuration.set(name, value);
      call.ok();
    },
  },
  "+QCFGEXT": {
    test: extended.map(item => `+QCFGEXT: ${item}`),
    write: (call, module) => {
      if (call.args.string(0) !== "dnsc_timeout") {
        call.error();
        return;
      }
      if (call.args.has(1)) module.kept.set("dnsc_timeout", call.args.integer(1, 2, 300));
      else call.info(`+QCFGEXT: "dnsc_timeout",${String(module.kept.get("dnsc_timeout") ?? 60)}`);
      call.ok();
    },
  },
  "+QNWCFG": {
    test: [
      '+QNWCFG: "iotdmdo",(1-10),(1-60),(5-120)',
      '+QNWCFG: "activetimer",(0-2),(1-4294967295)',
      '+QNWCFG: "hplmnsearch_ctrl",(0,1)',
      '+QNWCFG: "cqi",(0-15)',
      '+QNWCFG: "cfun_init_mode",(0,1)',
    ],
  },
};
