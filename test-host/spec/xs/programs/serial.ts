import type { SerialPort } from "../../../../modules/io/serial.js";
import type { SimulationHost } from "../../../xs/index.js";

interface Command {
  readonly call: string;
  readonly bytes?: readonly number[];
  readonly count?: number;
  readonly format?: string;
  readonly view?: boolean;
}

/** The whole surface of the SDK's class, wider than what the channel uses. */
interface WidePort extends SerialPort {
  format: string;
  readonly target?: unknown;
  read(view: Uint8Array | ArrayBuffer): number | undefined;
  read(count?: number): ArrayBuffer | number | undefined;
  write(data: ArrayBuffer | Uint8Array | number): void;
}

function describe(value: ArrayBuffer | number | undefined): string {
  if (value === undefined) return "undefined";
  if (typeof value === "number") return `number ${value}`;
  return `${value instanceof ArrayBuffer ? "ArrayBuffer" : "?"} ${new Uint8Array(value).join(" ")}`;
}

/** Does with the port what messages ask for, and reports results and errors. */
export default function start(host: SimulationHost): void {
  const open = (): WidePort =>
    new host.serial.io({
      ...host.serial,
      ...{ target: "target" },
      onReadable(count) {
        host.report("readable", count, this === port);
      },
    }) as WidePort;
  let port = open();

  const run = ({ call, bytes, count, format, view }: Command): string => {
    const array = Uint8Array.from(bytes ?? []);
    switch (call) {
      case "open":
        port = open();
        return "opened";
      case "close":
        port.close();
        return "closed";
      case "format":
        port.format = String(format);
        return port.format;
      case "target":
        return String(port.target);
      case "headroom":
        return String(port.receiveHeadroom);
      case "write":
        port.write(view ? array : array.buffer);
        return "written";
      case "writeByte":
        port.write(count ?? 0);
        return "written";
      case "fill": {
        const target = new Uint8Array(count ?? 0);
        const length = port.read(target);
        return `${length}: ${target.join(" ")}`;
      }
      case "readCount":
        return describe(port.read(count));
      default:
        return describe(port.read());
    }
  };

  host.listen(text => {
    try {
      host.report("result", run(JSON.parse(text) as Command));
    } catch (error) {
      host.report("thrown", String(error), error instanceof Error);
    }
  });
}
