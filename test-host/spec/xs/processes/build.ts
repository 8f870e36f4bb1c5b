import { createEngine } from "../../../xs/index.js";
import { PROGRAMS } from "../support.js";

/** Makes an XS engine with the cache folder of its argument and prints what it was told and what the engine did. */
const [, , cacheFolder = ""] = process.argv;
const notices: string[] = [];
const engine = await createEngine({
  engine: "xs",
  entry: `${PROGRAMS}/echo`,
  cacheFolder,
  onNotice: text => notices.push(text),
});
const { actions } = await engine.turn({ kind: "start" }, { nowMs: 0, moduleStatus: false, transmitRoom: 0 });
await engine.stop();
console.log(JSON.stringify({ notices, actions: actions.length }));
