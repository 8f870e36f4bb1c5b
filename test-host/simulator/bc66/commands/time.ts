import type { Call, CommandTable, Handler } from "../../modem/call.js";
import { formatTime, parseTime } from "../../modem/clock.js";
import { socketErrors } from "../../modem/socket-errors.js";
import type { Bc66Module } from "../module.js";
import { valueCommand } from "./values.js";

const quarterMs = 900_000;

function shownMs(module: Bc66Module): number {
  const { nowMs, zoneQuarters } = module.clock;
  return module.settings.clockShows === "local" ? nowMs + zoneQuarters * quarterMs : nowMs;
}

/** `2019/05/06,22:10:00GMT+2`: whole hours, no quotes. */
function wideTime(module: Bc66Module): string {
  const [text = ""] = formatTime(shownMs(module), 0, true).split("+");
  const hours = Math.trunc(module.clock.zoneQuarters / 4);
  return `${text}GMT${hours < 0 ? "-" : "+"}${String(Math.abs(hours))}`;
}

function setTime(call: Call, module: Bc66Module): void {
  const typed = call.args.count > 1 ? `${call.args.text(0)},${call.args.rest(1)}` : call.args.text(0);
  const inHours = /^(.*?)GMT([+-])(\d{1,2})$/.exec(typed.replaceAll('"', ""));
  const zone = inHours ? Number(`${inHours[2] ?? "+"}${inHours[3] ?? "0"}`) * 4 : undefined;
  const time = parseTime(inHours?.[1] ?? typed.replaceAll('"', ""));
  if (!time) {
    call.cme(50);
    return;
  }
  const zoneQuarters = zone ?? time.zoneQuarters;
  const isLocal = module.settings.clockShows === "local";
  module.clock.set(isLocal ? time.ms - zoneQuarters * quarterMs : time.ms);
  module.clock.zoneQuarters = zoneQuarters;
  call.ok();
}

const synchronise: Handler<Bc66Module> = (call, module) => {
  call.args.atMost(4);
  const context = call.args.integer(0, 1, 3);
  const host = call.args.string(1);
  call.args.integer(2, 1, 65535, 123);
  const setsClock = call.args.integer(3, 0, 1, 1) === 1;
  if (!module.bearer.isActive || context !== 1) {
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
    module.urc(`+QNTP: 0,"${formatTime(clock.worldMs, clock.zoneQuarters, false)}"`);
  });
};

/** AT Commands Manual V2.1: clock. Its two readings have two formats. */
export const timeCommands: CommandTable<Bc66Module> = {
  "+CCLK": {
    test: [],
    read: (call, module) => {
      call.info(`+CCLK: ${wideTime(module)}`);
      call.ok();
    },
    write: setTime,
  },
  "+QCCLK": {
    test: [],
    read: (call, module) => {
      call.info(`+QCCLK: ${formatTime(shownMs(module), module.clock.zoneQuarters, false)}`);
      call.ok();
    },
    write: setTime,
  },
  "+QNTP": { test: ["+QNTP: (1-3),<server>,(1-65535),(0,1)"], write: synchronise },
  "+CTZR": valueCommand({ name: "+CTZR", least: 0, most: 2, range: "0-2" }),
};
