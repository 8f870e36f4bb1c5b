import assert from "node:assert/strict";
import { type DeviceRun, runDevice } from "../../esp32/device.js";

/** The compiler is asked once, by whichever file of specs comes first. */
export const BUILD_MS = 180_000;

const PRELUDE = `
import Serial from "hosts/esp32/serial/buffered-serial";
import fillRandom from "hosts/esp32/entropy/hardware-random";
import { deepSleep, restart, wakeCause, address, startWatchdog, feedWatchdog } from "hosts/esp32/system/chip";
import driver from "driver";
const report = (...values) => driver.report(values.length > 1 ? values : values[0]);
const text = data => data && String.fromCharCode(...new Uint8Array(data));
const bytes = string => Uint8Array.from(string, c => c.charCodeAt(0));
const sent = most => text(driver.send(most));
const attempt = work => { try { return work(); } catch (error) { return String(error); } };
const telling = {
  onReadable(count) { report("readable", count); },
  onWritable(count) { report("writable", count); },
  onError() { report("lost"); },
};
const wiring = { port: 1, transmit: 17, receive: 16, baud: 115200 };
const open = options => new Serial({ ...wiring, ...options });
let serial;
`;

/** Runs turns, given as the text of a list of functions, behind what the prelude defines. */
export function turns(source: string): Promise<DeviceRun> {
  return runDevice(`${PRELUDE}\nexport default [\n${source}\n];`);
}

/** What the turns reported; they must come to their end, and leave neither memory nor a task behind. */
export async function reportsOf(source: string): Promise<readonly unknown[]> {
  const { reports, code, failure } = await turns(source);
  assert.equal(`${failure}${code}`, "0");
  return reports;
}
