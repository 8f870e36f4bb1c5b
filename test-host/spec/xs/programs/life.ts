import type { SimulationHost } from "../../../xs/index.js";

/** Which boot this is, from 1, as counted in the journal: a byte each. */
function countBoot({ flash }: SimulationHost): number {
  const view = new Uint8Array(1);
  if (!flash) return 0;
  for (let at = 0; ; at++) {
    flash.read(view, at);
    if (view[0] !== 0xff) continue;
    flash.write(Uint8Array.of(0), at);
    return at + 1;
  }
}

/** Tells of its boot, and does what messages ask: a word and numbers. */
export default function start(host: SimulationHost): void {
  const { watchdog, clock, power } = host;
  const names = [host.sleep && "sleep", host.restart && "restart", watchdog && "watchdog"];
  host.report(
    "boot",
    countBoot(host),
    names.filter(Boolean).join(" "),
    clock.ticks,
    Date.now(),
    host.random(),
  );
  const port = host.console && new host.console.io({ ...host.console });
  host.listen(text => {
    const [word = "", first = "0", second = "0"] = (JSON.parse(text) as string).split(" ");
    const [ms, count] = [Number(first), Number(second)];
    try {
      switch (word) {
        case "sleep":
          host.timer.set(() => host.report("never"), 1);
          host.report("before");
          host.sleep?.(ms);
          host.report("behind");
          break;
        case "restart":
          host.restart?.();
          host.report("behind");
          break;
        case "caught":
          try {
            host.restart?.();
          } finally {
            host.report("finally");
            host.flash?.write(Uint8Array.of(0), 100);
          }
          break;
        case "talk":
          port?.write(new Uint8Array(ms).fill(65));
          host.restart?.();
          break;
        case "feed":
          // As often as `count` says, so far apart.
          for (let at = 0; at < count; at++) host.timer.set(() => watchdog?.feed(), at * ms);
          break;
        case "spin":
          for (let at = 0; at < ms; at++) if (at < 0) break;
          host.report("spun");
          break;
        case "clock":
          clock.set(ms);
          break;
        case "time":
          host.report("time", clock.ticks, Date.now());
          break;
        case "boots":
          host.flash?.write(new Uint8Array(ms), 0);
          break;
        case "fail":
          throw new RangeError("on purpose");
        case "wake":
          power.wake?.(ms === 1);
          break;
        default:
          power.powerKey?.(ms === 1);
          host.report("lines", Object.keys(lines(host)).join(" "), power.status?.());
      }
    } catch (error) {
      if (word === "fail") throw error;
      host.report("thrown", String(error));
    }
  });
}

function lines({ power }: SimulationHost): object {
  return {
    ...(power.powerKey && { powerKey: 1 }),
    ...(power.reset && { reset: 1 }),
    ...(power.status && { status: 1 }),
    ...(power.wake && { wake: 1 }),
  };
}
