import type { Link } from "../link.js";
import type { Network } from "../network.js";
import type { Scheduler } from "../scheduler.js";
import { socketErrors } from "./socket-errors.js";

export interface PingHost {
  readonly scheduler: Scheduler;
  readonly link: Link;
  readonly network: Network;
  readonly power: { readonly boots: number };
  urc(text: string): void;
}

export interface PingOptions {
  readonly host: string;
  readonly timeoutMs: number;
  readonly count: number;
}

/** Bytes of an echo that +QPING shows. */
const shownBytes = 32;

/** What follows the OK of AT+QPING: a line for every echo, and their sum. */
export function ping(module: PingHost, { host, timeoutMs, count }: PingOptions): void {
  const { scheduler, link, network } = module;
  const boot = module.power.boots;
  const times: number[] = [];
  const finish = (): void => {
    const lost = count - times.length;
    const [least, most] = times.length > 0 ? [Math.min(...times), Math.max(...times)] : [0, 0];
    const mean = times.length > 0 ? Math.floor(times.reduce((sum, time) => sum + time, 0) / times.length) : 0;
    module.urc(`+QPING: 0,${[count, times.length, lost, least, most, mean].join(",")}`);
  };
  const round = (address: string, left: number): void => {
    if (boot !== module.power.boots) return;
    if (left === 0) {
      finish();
      return;
    }
    const sentMs = scheduler.nowMs;
    if (!network.reaches(address)) {
      scheduler.after(timeoutMs, () => {
        module.urc(`+QPING: ${String(socketErrors.timeout)}`);
        round(address, left - 1);
      });
      return;
    }
    link.exchange(1, 60, 60, () => {
      const time = Math.round(scheduler.nowMs - sentMs);
      times.push(time);
      module.urc(`+QPING: 0,"${address}",${String(shownBytes)},${String(time)},255`);
      round(address, left - 1);
    });
  };
  link.exchange(network.resolve(host)?.[0] === host ? 0 : 1, 70, 120, () => {
    const address = network.resolve(host)?.[0];
    if (boot !== module.power.boots) return;
    if (address === undefined) module.urc(`+QPING: ${String(socketErrors.dnsFailed)}`);
    else round(address, count);
  });
}
