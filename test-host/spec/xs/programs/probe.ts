import type { SimulationHost } from "../../../xs/index.js";

interface Command {
  readonly run: string;
  readonly count?: number;
  readonly role?: "ca" | "certificate" | "key";
}

class NamedError extends Error {
  constructor() {
    super("named");
    this.name = "NamedError";
  }
}

class FieldError extends Error {
  override readonly name = "FieldError";
}

class Counter {
  static count = 0;
  readonly own = 1;
}

/** Assigns as scripts do: the type system does not know what is frozen. */
function assign(target: object, key: string, value: unknown): void {
  Reflect.getOwnPropertyDescriptor(target, key);
  (target as Record<string, unknown>)[key] = value;
}

let host: SimulationHost;
let kept: unknown[] = [];

function recurse(depth: number): number {
  return depth ? 1 + recurse(depth - 1) : 0;
}

function deepest(): number {
  return 1 + deepest();
}

const ACTIONS: Readonly<Record<string, (command: Command) => void>> = {
  values() {
    host.report("values", String([1, "a", undefined]), 1 / 3, [3, 1, 2].sort().join());
  },
  reportValues() {
    host.report(
      "values",
      "plain",
      'quote " backslash \\ tab \t nul \0 é € 😀 \ud800',
      0.1,
      -7,
      1e21,
      2 ** 53,
      true,
      false,
    );
    host.report("absent", undefined, NaN, Infinity);
  },
  reportObject() {
    const report: unknown = Reflect.get(host, "report");
    if (typeof report === "function") Reflect.apply(report, host, ["object", {}]);
  },
  lines() {
    host.power.powerKey?.(true);
    host.power.powerKey?.(false);
    host.power.reset?.(true);
    host.report("status", host.power.status?.());
  },
  random() {
    for (let i = 0; i < 5; i++) host.report("random", host.random(), Math.random());
  },
  setTimers() {
    const { timer } = host;
    const once = timer.set(() => {
      host.report("once");
    }, 10);
    timer.set(
      () => {
        host.report("repeating");
      },
      20,
      30,
    );
    timer.set(() => {
      host.report("at once");
    });
    timer.clear(once);
    timer.clear(once);
    timer.clear(undefined);
  },
  timerError() {
    host.timer.set(() => {
      throw new RangeError("in a timer");
    }, 5);
  },
  clock() {
    const { clock } = host;
    host.report("before", clock.ticks, clock.now(), new Date().getUTCFullYear());
    clock.set(1_700_000_000);
    host.report("after", clock.ticks, clock.now(), Date.now(), new Date().toISOString());
    host.report("delta", clock.delta(clock.ticks - 5), clock.delta(10, 30));
  },
  ticks() {
    host.report("ticks", host.clock.ticks, host.clock.delta(0x7fffffff, -0x80000000));
  },
  now() {
    host.report("now", Date.now(), new Date().getTime());
  },
  flash() {
    const { flash } = host;
    if (!flash) throw new Error("no flash");
    const view = new Uint8Array(4);
    flash.write(Uint8Array.of(0xf0, 0x0f), 4096);
    flash.write(Uint8Array.of(0x33, 0xff).buffer, 4096);
    host.report("read", flash.read(view, 4096), view.join(" "));
    const { size, blocks, blockLength } = flash.status();
    host.report("status", size, blocks, blockLength);
  },
  flashWrong() {
    const { flash } = host;
    if (!flash) throw new Error("no flash");
    const attempts: readonly (() => void)[] = [
      () => flash.read(new Uint8Array(2), 65535),
      () => flash.read(new Uint8Array(2), -1),
      () => {
        flash.write(new Uint8Array(2), 65535);
      },
      () => {
        flash.eraseBlock(16);
      },
      () => {
        flash.eraseBlock(3, 3);
      },
      () => {
        flash.eraseBlock(-1);
      },
    ];
    for (const attempt of attempts) {
      try {
        attempt();
        host.report("no error");
      } catch (error) {
        host.report("error", String(error));
      }
    }
  },
  erase() {
    host.flash?.eraseBlock(1, 3);
  },
  closeFlash() {
    host.flash?.close();
    host.flash?.status();
  },
  config() {
    host.report("config", JSON.stringify(host.config), Object.isFrozen(host.config));
  },
  changeConfig() {
    assign(host.config, "module", "other");
  },
  credential({ role = "certificate" }) {
    const credential = host.credentials.open(role);
    if (!credential) {
      host.report("no credential");
      return;
    }
    const view = new Uint8Array(16);
    let sum = 0;
    for (let offset = 0; offset < credential.byteLength;) {
      const count = credential.read(view, offset);
      for (let i = 0; i < count; i++) sum += view[i] ?? 0;
      offset += count;
    }
    host.report("credential", credential.byteLength, sum, credential.read(view, credential.byteLength));
  },
  nameInConstructor() {
    throw new NamedError();
  },
  nameAsField() {
    host.report("name", new FieldError("field").name);
  },
  assignToString() {
    assign({}, "toString", () => "");
  },
  extendArray() {
    assign(Array.prototype, "last", 1);
  },
  assignStatic() {
    Counter.count = 1;
  },
  assignGlobal() {
    assign(globalThis, "device", { network: 1 });
    host.report("global", "device" in globalThis);
  },
  allocateBuffers({ count = 1 }) {
    for (let i = 0; i < count; i++) kept.push(new ArrayBuffer(1000));
    host.report("held", kept.length);
  },
  allocateAtOnce({ count = 1 }) {
    kept.push(new ArrayBuffer(count));
    host.report("held", count);
  },
  allocateObjects({ count = 1 }) {
    let list: unknown = kept;
    for (let i = 0; i < count; i++) list = { list };
    kept = [list];
    host.report("held", count);
  },
  garbage({ count = 1 }) {
    for (let i = 0; i < count; i++) new ArrayBuffer(1000);
    host.report("made", count);
  },
  release() {
    kept = [];
  },
  recurse({ count = 1 }) {
    host.report("depth", recurse(count));
  },
  endlessRecursion() {
    deepest();
  },
  endlessLoop() {
    for (let i = 0; ; i++) if (i < 0) break;
  },
  throwError() {
    throw new RangeError("out of reach");
  },
  throwString() {
    const thrown: unknown = "just text";
    throw thrown;
  },
  reject() {
    void Promise.reject(new Error("nobody listens"));
  },
  handledRejection() {
    Promise.reject(new Error("handled")).catch((error: unknown) => {
      host.report("caught", String(error));
    });
  },
  jobs() {
    void Promise.resolve()
      .then(() => {
        host.report("first job");
      })
      .then(() => {
        host.report("second job");
      });
    host.report("turn's end");
  },
};

/** Messages whose errors must leave the callback. */
const UNGUARDED = new Set(["throwError", "throwString", "nameInConstructor"]);

export default function start(given: SimulationHost): void {
  host = given;
  host.listen(text => {
    const command = JSON.parse(text) as Command;
    const action = ACTIONS[command.run];
    if (!action) throw new Error(`no action ${command.run}`);
    if (UNGUARDED.has(command.run)) action(command);
    else {
      try {
        action(command);
      } catch (error) {
        host.report("thrown", String(error));
      }
    }
  });
}
