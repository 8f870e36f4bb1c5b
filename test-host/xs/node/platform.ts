import type { EngineAction, EngineEvent, EngineInputs } from "../../simulator/engine.js";
import type { TlsCallback } from "../service-types.js";
import { messageReceived, random } from "./board.js";
import { Serial } from "./serial.js";
import { inputs, rooms, setup, takeActions } from "./state.js";
import { dateNow, timerFired } from "./timer.js";
import { TlsEngine } from "./tls.js";

/** The context's side of the Node stand-in: its clock and chance, its frozen built-ins, its turns. */

/** `Date` shows the simulated time, `Math.random` follows the seed. */
function replaceAmbient(): void {
  const RealDate = Date;
  const SimulatedDate = new Proxy(RealDate, {
    construct(target, values: unknown[], newTarget): object {
      const made: unknown = Reflect.construct(target, values.length ? values : [dateNow()], newTarget);
      return Object(made) as object;
    },
    apply: () => new RealDate(dateNow()).toString(),
  });
  RealDate.now = dateNow;
  Object.defineProperty(RealDate.prototype, "constructor", { value: SimulatedDate });
  Object.defineProperty(globalThis, "Date", { value: SimulatedDate, writable: true, configurable: true });
  Math.random = random;
}

/** Built-ins lie in flash on a device: nothing reachable from the globals may change. */
function freezeBuiltIns(): void {
  const seen = new Set<object>([globalThis]);
  const queue: object[] = [];
  const add = (value: unknown): void => {
    if ((typeof value === "object" || typeof value === "function") && value !== null && !seen.has(value)) {
      seen.add(value);
      queue.push(value);
    }
  };
  const addProperties = (owner: object): void => {
    for (const key of Reflect.ownKeys(owner)) {
      const property = Reflect.getOwnPropertyDescriptor(owner, key);
      add(property?.value);
      add(property?.get);
      add(property?.set);
    }
  };
  addProperties(globalThis);
  // Prototypes that no global leads to.
  for (const hidden of [
    [][Symbol.iterator](),
    ""[Symbol.iterator](),
    new Map()[Symbol.iterator](),
    new Set()[Symbol.iterator](),
    function* () {},
    async () => {},
    async function* () {},
  ])
    add(Object.getPrototypeOf(hidden));
  for (let owner = queue.pop(); owner; owner = queue.pop()) {
    Object.freeze(owner);
    addProperties(owner);
    add(Object.getPrototypeOf(owner));
  }
}

replaceAmbient();
freezeBuiltIns();

/** The module `mc/config`: deeply frozen. */
export const config: unknown = JSON.parse(setup.configText, (_key, value: unknown) => Object.freeze(value));

/** Runs one event; `start` is the firmware's main function. Returns what it did. */
export function dispatch(event: EngineEvent, told: EngineInputs, start: () => void): void {
  inputs.nowMs = told.nowMs;
  inputs.moduleStatus = told.moduleStatus;
  rooms[0] = told.consoleRoom ?? 0;
  rooms[1] = told.transmitRoom;
  switch (event.kind) {
    case "start":
      start();
      break;
    case "readable":
      Serial.readable(event.port ?? 1, event.bytes, event.count);
      break;
    case "writable":
      Serial.writable(event.port ?? 1, event.room);
      break;
    case "overrun":
      Serial.overrun(event.port ?? 1);
      break;
    case "timer":
      timerFired(event.id);
      break;
    case "message":
      messageReceived(event.text);
      break;
  }
}

/** Runs one callback of a TLS engine, in the turn that caused it. */
export function callBack(callback: TlsCallback): void {
  TlsEngine.callBack(callback);
}

export function actionsOfTurn(): EngineAction[] {
  return takeActions();
}

export { flashOf } from "./flash.js";
export { endOfRun } from "./state.js";
export { dateEpoch } from "./timer.js";
