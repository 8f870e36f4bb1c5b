import Flash from "flash";
import storage from "embedded:storage/flash";
import type { SimulationHost } from "../../../xs/index.js";

/** One operation on a partition; `old`: by the SDK's older module. */
export interface FlashCommand {
  readonly run: "read" | "write" | "erase" | "status" | "map" | "spoil" | "hold" | "held";
  readonly label: string;
  readonly old?: boolean;
  readonly at?: number;
  readonly count?: number;
  readonly bytes?: readonly number[];
}

let held: Uint8Array | undefined;

function hex(bytes: ArrayBuffer | Uint8Array): string {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += byte.toString(16).padStart(2, "0");
  return text;
}

function older(command: FlashCommand): string {
  const { run, label, at = 0, count = 0, bytes = [] } = command;
  const flash = new Flash(label);
  switch (run) {
    case "read":
      return hex(flash.read(at, count));
    case "write":
      flash.write(at, count || bytes.length, Uint8Array.from(bytes));
      return "written";
    case "erase":
      flash.erase(at);
      return "erased";
    case "map":
      return `${flash.map().byteLength} ${hex(new Uint8Array(flash.map(), at, count))}`;
    case "spoil":
      new Uint8Array(flash.map())[at] = 0;
      return "spoilt";
    case "hold":
      held = new Uint8Array(flash.map());
      return `${held.length}`;
    case "held":
      return held ? hex(held.slice(at, at + count)) : "nothing";
    default:
      return `${flash.byteLength} ${flash.blockSize}`;
  }
}

function newer(command: FlashCommand): string {
  const { run, label, at = 0, count, bytes = [] } = command;
  const flash = storage.open({ path: label });
  switch (run) {
    case "read": {
      const view = new Uint8Array(count ?? 0);
      flash.read(view, at);
      return hex(view);
    }
    case "write":
      flash.write(Uint8Array.from(bytes), at);
      return "written";
    case "erase":
      flash.eraseBlock(at, count);
      return "erased";
    default:
      return JSON.stringify(flash.status());
  }
}

/** Does what messages ask for, one or several operations each. */
export default function start(host: SimulationHost): void {
  host.listen(text => {
    for (const command of JSON.parse(text) as FlashCommand[]) {
      try {
        host.report("result", command.old ? older(command) : newer(command));
      } catch (error) {
        host.report("thrown", String(error));
      }
    }
  });
}
