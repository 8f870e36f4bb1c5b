import type { SerialPort } from "../../../../modules/io/serial.js";
import type { SimulationHost } from "../../../xs/index.js";

let host: SimulationHost;
let kept: SerialPort | undefined;

function bytesOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** Reports what was read as text, one report a callback. */
function open(name: "serial" | "console"): SerialPort | undefined {
  const record = host[name];
  if (!record) return undefined;
  let line = "";
  const view = new Uint8Array(64);
  return new record.io({
    ...record,
    onReadable(this: SerialPort) {
      const count = this.read(view) ?? 0;
      for (let at = 0; at < count; at++) {
        const byte = view[at] ?? 0;
        if (byte !== 10) line += String.fromCharCode(byte);
        else {
          const said = line;
          line = "";
          host.report(name, said);
          if (name === "console") obey(said);
        }
      }
    },
    onWritable(count: number) {
      host.report("writable", name, count);
    },
    onError(this: SerialPort) {
      host.report("overrun", name);
    },
  });
}

/** Commands of the console and of messages: a word and a number. */
function obey(line: string): void {
  const [word = "", number = "0"] = line.split(" ");
  const count = Number(number);
  switch (word) {
    case "say":
      console?.write(bytesOf(`${line.slice(4)}\n`));
      break;
    case "modem":
      modem?.write(bytesOf(`${line.slice(6)}\r`));
      break;
    case "burn":
      for (let at = 0; at < count; at++) if (at < 0) break;
      break;
    case "later":
      host.timer.set(() => console?.write(bytesOf("later\n")), count);
      break;
    case "headroom":
      host.report("headroom", modem?.receiveHeadroom, console?.receiveHeadroom);
      break;
    case "close":
      console?.close();
      break;
    case "again":
      kept = open("console");
      host.report("again", kept !== undefined);
      break;
    default:
      host.report("unknown", line);
  }
}

let console: SerialPort | undefined;
let modem: SerialPort | undefined;

/** Opens both ports and does what the console or a message asks for. */
export default function start(given: SimulationHost): void {
  host = given;
  modem = open("serial");
  console = open("console");
  host.report("console", console !== undefined);
  host.listen(text => {
    try {
      obey(String(JSON.parse(text)));
    } catch (error) {
      host.report("thrown", String(error));
    }
  });
}
