import { openLedger } from "../../../certs/ledger/open.js";
import { bring, taken, unit, units } from "./sample.js";

/*
 * A station in a process of its own. `writer.ts way LOCATION SERIAL N`: lists a unit and brings it to the end, and is
 * killed before the Nth statement; without N prints how many there are. `writer.ts drain LOCATION STATION`: brings units
 * of the list to the end until none is left.
 */

let statements = 0;
let last = Infinity;

function counted(): void {
  if (++statements >= last) process.kill(process.pid, "SIGKILL");
}

/** Has every call of a method counted before it is made. */
function watchMethods(holder: unknown, names: readonly string[]): void {
  if (typeof holder !== "object" || holder === null) throw new Error("nothing to watch");
  for (const name of names) {
    const method: unknown = Reflect.get(holder, name);
    if (typeof method !== "function") throw new Error(`no ${name}`);
    Reflect.set(holder, name, function (this: unknown, ...args: unknown[]): unknown {
      counted();
      const result: unknown = Reflect.apply(method, this, args);
      return result;
    });
  }
}

/** Has every statement counted before it runs. Only the library that is used is loaded: there are many starts. */
async function watch(location: string): Promise<void> {
  if (location.startsWith("postgres")) {
    const { default: pg } = await import("pg");
    watchMethods(pg.Client.prototype, ["query"]);
    return;
  }
  const { default: Database } = await import("better-sqlite3");
  const database = new Database(":memory:");
  watchMethods(Object.getPrototypeOf(database.prepare("SELECT 1")), ["run", "all"]);
  watchMethods(Database.prototype, ["exec"]);
  database.close();
}

async function way(location: string, serial: string): Promise<void> {
  const ledger = await openLedger(location, { claimMs: 60_000 });
  await ledger.list([unit(serial)], "p", "units.csv");
  let claim = await taken(ledger, serial);
  claim = await bring(ledger, claim, "issued");
  claim = await ledger.restart(claim, "pulled out");
  await ledger.fail(claim, { code: "silent", what: "no answer" });
  await bring(ledger, await taken(ledger, serial), "done", { name: `${serial} again` });
  await ledger.close();
}

async function drain(location: string, station: string): Promise<void> {
  const ledger = await openLedger(location);
  await ledger.list(units(30), "p", "units.csv");
  for (;;) {
    const claim = await ledger.claim({ by: "next", profile: "p" }, { station, port: "1" });
    if (claim === undefined) break;
    await bring(ledger, claim, "done");
  }
  await ledger.close();
}

async function main(): Promise<void> {
  const [mode = "", location = "", name = "", number] = process.argv.slice(2);
  if (mode === "drain") return drain(location, name);
  await watch(location);
  if (number !== undefined) last = Number(number);
  await way(location, name);
  process.stdout.write(String(statements));
}

void main();
