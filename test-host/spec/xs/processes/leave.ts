import { createEngine } from "../../../xs/index.js";
import { XsEngine } from "../../../xs/xs-engine.js";
import { PROGRAMS } from "../support.js";

/** Makes an engine, prints its process id and ends without stopping it. */
const engine = await createEngine({ engine: "xs", entry: `${PROGRAMS}/echo` });
await engine.turn({ kind: "start" }, { nowMs: 0, moduleStatus: false, transmitRoom: 0 });
console.log(engine instanceof XsEngine ? engine.processId : "no process");
