import type { SerialPort } from "../../../../modules/io/serial.js";
import type { SimulationHost } from "../../../xs/index.js";

/** Opens the port and sends back what comes in. */
export default function start(host: SimulationHost): void {
  const view = new Uint8Array(64);
  host.report("starting");
  new host.serial.io({
    ...host.serial,
    baud: 9600,
    onReadable(this: SerialPort, count: number) {
      host.report("readable", count);
      const length = this.read(view) ?? 0;
      this.write(view.subarray(0, length));
    },
    onWritable(count: number) {
      host.report("writable", count);
    },
    onError() {
      host.report("error");
    },
  });
  host.report("opened");
}
