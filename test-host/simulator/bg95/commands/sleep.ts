import type { Call, CommandTable } from "../../modem/call.js";
import type { Arguments } from "../../modem/at-line.js";
import { ArgumentError } from "../../modem/at-line.js";
import { activeTimeSeconds, periodicTimeSeconds, type Bg95Module } from "../module.js";
import { valueCommand } from "./values.js";

function bits(args: Arguments, index: number, width: number, otherwise: string): string {
  const text = args.string(index, otherwise);
  if (!new RegExp(`^[01]{${String(width)}}$`).test(text)) throw new ArgumentError("not a bit string");
  return text;
}

function setPsm(call: Call, module: Bg95Module): void {
  call.args.atMost(5);
  const mode = call.args.integer(0, 0, 2);
  const periodic = bits(call.args, 3, 8, module.psm.periodic || "00101100");
  const active = bits(call.args, 4, 8, module.psm.active || "00001010");
  module.psm = { enabled: mode === 1, periodic, active };
  // The request goes out with a tracking area update.
  if (module.registration.isRegistered) module.link.touch();
  call.ok();
}

/** AT Commands Manual, chapters on PSM and eDRX. */
export const sleepCommands: CommandTable<Bg95Module> = {
  "+QSCLK": valueCommand({ name: "+QSCLK", least: 0, most: 2, initial: 0, store: "volatile" }),
  "+CPSMS": {
    test: ["+CPSMS: (0-2),,,(00000000-11111111),(00000000-11111111)"],
    read: (call, module) => {
      const { enabled, periodic, active } = module.psm;
      call.info(enabled ? `+CPSMS: 1,,,"${periodic}","${active}"` : "+CPSMS: 0");
      call.ok();
    },
    write: setPsm,
  },
  "+QPSMS": {
    test: ["+QPSMS: (0-2),,,(00000000-11111111),(00000000-11111111)"],
    read: (call, module) => {
      const { enabled, periodic, active } = module.psm;
      const granted = `${String(periodicTimeSeconds(periodic))}","${String(activeTimeSeconds(active))}`;
      call.info(enabled ? `+QPSMS: 1,,,"${granted}"` : "+QPSMS: 0");
      call.ok();
    },
    write: setPsm,
  },
  "+QPSMCFG": {
    test: ["+QPSMCFG: (20-4294967295),(0-15)"],
    read: (call, module) => {
      const { kept } = module;
      call.info(
        `+QPSMCFG: ${String(kept.get("psm threshold") ?? 60)},${String(kept.get("psm version") ?? 4)}`,
      );
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(2);
      module.kept.set("psm threshold", call.args.integer(0, 20, 4_294_967_295));
      if (call.args.has(1)) module.kept.set("psm version", call.args.integer(1, 0, 15));
      call.ok();
    },
  },
  "+QPSMEXTCFG": {
    test: ["+QPSMEXTCFG: (0-15),(1-100),(120-4294967295),(1-1000),(1-65535),(1-1000)"],
    read: (call, module) => {
      call.info(`+QPSMEXTCFG: ${module.configuration.get("QPSMEXTCFG") ?? "14,2,120,5,120,3"}`);
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(6);
      const values = [
        call.args.integer(0, 0, 15, 14),
        call.args.integer(1, 1, 100, 2),
        call.args.integer(2, 120, 4_294_967_295, 120),
        call.args.integer(3, 1, 1000, 5),
        call.args.integer(4, 1, 65535, 120),
        call.args.integer(5, 1, 1000, 3),
      ];
      module.configuration.set("QPSMEXTCFG", values.join(","));
      call.ok();
    },
  },
  "+CEDRXS": {
    test: ['+CEDRXS: (0-3),(4,5),("0000"-"1111")'],
    read: (call, module) => {
      call.info(
        ...[4, 5].map(act => `+CEDRXS: ${String(act)},"${module.configuration.get(edrx(act)) ?? "0000"}"`),
      );
      call.ok();
    },
    write: (call, module) => {
      call.args.atMost(3);
      module.kept.set("edrx", call.args.integer(0, 0, 3));
      if (call.args.has(1)) {
        const act = call.args.integer(1, 4, 5);
        module.configuration.set(
          edrx(act),
          bits(call.args, 2, 4, module.configuration.get(edrx(act)) ?? "0010"),
        );
      }
      call.ok();
    },
  },
  "+CEDRXRDP": {
    test: [],
    execute: (call, module) => {
      const act = module.link.profile.accessTechnology === 9 ? 5 : 4;
      const isOn = (module.kept.get("edrx") ?? 0) > 0;
      const value = module.configuration.get(edrx(act)) ?? "0000";
      call.info(isOn ? `+CEDRXRDP: ${String(act)},"${value}","${value}","0000"` : "+CEDRXRDP: 0");
      call.ok();
    },
  },
};

function edrx(act: number): string {
  return `edrx ${String(act)}`;
}
