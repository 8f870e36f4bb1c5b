import { Channel } from "../../../../modules/at/channel.js";
import { command, query } from "../../../../modules/at/command.js";
import { bg95Urcs } from "../../../../drivers/bg95/urcs.js";
import type { SimulationHost } from "../../../xs/index.js";

// Part of every product, so that its size counts.
export { Trace } from "../../../../modules/at/trace.js";

interface Message {
  readonly run: "signal" | "receive" | "attention" | "memory";
}

const attention = command({ text: "AT", timeoutMs: 1_000 });
const signal = query<number>({
  text: "AT+CSQ",
  timeoutMs: 300,
  prefix: "+CSQ:",
  read: line => line.int(0),
});
const receive = query<number, readonly [id: number, byteLength: number]>({
  text: "AT+QIRD=",
  timeoutMs: 120_000,
  prefix: "+QIRD:",
  raw: line => line.int(0),
  read: line => line.int(0),
});

/** A channel on the host's serial port; reports are counted, commands run on request. */
export default function main(host: SimulationHost): void {
  let reports = 0;
  let received = 0;
  const sink = {
    write(_: Uint8Array, start: number, end: number) {
      received += end - start;
    },
  };
  const transfer = { sink };
  const parameters = [0, 1500] as const;
  const channel = new Channel({
    serial: host.serial,
    timer: host.timer,
    urcs: bg95Urcs,
    onReport: (_, line) => {
      reports += line.int(1);
    },
  });
  const done = (failure: unknown, result: number | undefined): void => {
    host.report("done", failure === undefined, result);
  };
  host.listen(text => {
    const message = JSON.parse(text) as Message;
    if (message.run === "attention")
      channel.run(attention, [], failure => {
        host.report("done", failure === undefined);
      });
    else if (message.run === "signal") channel.run(signal, [], done);
    else if (message.run === "receive") channel.run(receive, parameters, done, transfer);
    else host.report("counts", reports, received, channel.counters.strays, channel.counters.commands);
  });
}
