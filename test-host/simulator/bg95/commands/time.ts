import type { CommandTable, Handler } from "../../modem/call.js";
import { formatTime, parseTime } from "../../modem/clock.js";
import { socketErrors } from "../errors.js";
import type { Bg95Module } from "../module.js";
import { valueCommand } from "./values.js";

const readTime: Handler<Bg95Module> = (call, module) => {
  const { nowMs, zoneQuarters } = module.clock;
  call.info(`+CCLK: "${formatTime(nowMs, zoneQuarters, false)}"`);
  call.ok();
};

const networkTime: Handler<Bg95Module> = (call, module) => {
  const mode = call.args.integer(0, 0, 2, 0);
  const { networkMs, zoneQuarters, worldMs } = module.clock;
  if (networkMs === undefined) call.info('+QLTS: ""');
  else {
    // 0: when it was told; 1: now in UTC; 2: now in local time.
    const base = mode === 0 ? networkMs : worldMs;
    const shown = mode === 2 ? base + zoneQuarters * 900_000 : base;
    call.info(`+QLTS: "${formatTime(shown, zoneQuarters, true)},0"`);
  }
  call.ok();
};

const synchronise: Handler<Bg95Module> = (call, module) => {
  call.args.atMost(4);
  const context = module.contexts.get(call.args.integer(0, 1, 16));
  const host = call.args.string(1);
  call.args.integer(2, 1, 65535, 123);
  const setsClock = call.args.integer(3, 0, 1, 1) === 1;
  if (context.state !== "active") {
    module.lastError = socketErrors.openContextFailed;
    call.error();
    return;
  }
  call.ok();
  const boot = module.power.boots;
  module.link.exchange(2, 100, 150, () => {
    if (boot !== module.power.boots) return;
    if (!module.network.resolve(host)) {
      module.urc(`+QNTP: ${String(socketErrors.dnsFailed)}`);
      return;
    }
    const { clock } = module;
    if (setsClock) clock.set(clock.worldMs);
    module.urc(`+QNTP: 0,"${formatTime(clock.worldMs, clock.zoneQuarters, true)}"`);
  });
};

/** AT Commands Manual 11 and TCP(IP) Application Note (QNTP): clock and network time. */
export const timeCommands: CommandTable<Bg95Module> = {
  "+CCLK": {
    test: [],
    read: readTime,
    write: (call, module) => {
      const time = parseTime(call.args.string(0));
      if (!time) {
        call.error();
        return;
      }
      module.clock.set(time.ms);
      module.clock.zoneQuarters = time.zoneQuarters;
      call.ok();
    },
  },
  "+QLTS": { test: ["+QLTS: (0-2)"], execute: networkTime, write: networkTime },
  "+QNTP": { test: ["+QNTP: (1-16),<server>,(1-65535),(0,1)"], write: synchronise },
  "+CTZU": valueCommand({ name: "+CTZU", least: 0, most: 3, initial: 0, store: "kept" }),
  "+CTZR": valueCommand({ name: "+CTZR", least: 0, most: 2, initial: 0, store: "kept" }),
};
