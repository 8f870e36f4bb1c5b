import type { ModuleName } from "../../hosts/firmware/config.js";
import { atMost, shown, type Chapter, type Figure } from "./figure.js";
import { sceneOf } from "./products.js";
import { HOST, MQTT_PORT, MQTTS_PORT, Scene, TCP_PORT, type Identities, type UartCount } from "./scene.js";

const TCP = "test-host/bench/programs/tcp";
const MQTT = "test-host/bench/programs/mqtt";
const HOUR_MS = 3_600_000;
/** The module's last report of its boot comes within 10 s. */
const BOOT_MS = 20_000;

interface Costs {
  readonly open: UartCount;
  readonly send1: UartCount;
  readonly receive1: UartCount;
  readonly send10: UartCount;
  readonly idle: UartCount;
  readonly publish: UartCount;
  readonly publishTls: UartCount;
}

type Operation = keyof Costs;

/** What the best of seven known drivers need, and what the module's commands cannot do without. */
const limits: readonly (readonly [operation: Operation, name: string, commands: number, bytes: number])[] = [
  ["open", "open a TCP connection", 1, 72],
  ["send1", "send 1 KB", 1, 1_056],
  ["receive1", "receive 1 KB", 1, 1_082],
  ["send10", "send 10 KB", 8, 10_494],
  ["publish", "MQTT publish, 200 bytes, QoS 0", 1, 248],
  ["publishTls", "MQTT publish, 200 bytes, QoS 0, module-tls", 1, 250],
  ["idle", "an hour with an open connection", 0, 0],
];

async function tcpCosts(serial: "buffered" | "stock", module: ModuleName = "bg95") {
  return Scene.run({ entry: TCP, serial, module }, async scene => {
    await scene.expect("online");
    await scene.rest(BOOT_MS);
    const open = await scene.cost(async () => {
      scene.send("open", HOST, TCP_PORT);
      await scene.expect("open");
    });
    const send = (byteLength: number): Promise<UartCount> =>
      scene.cost(async () => {
        scene.send("send", byteLength);
        await scene.expect("sent");
      });
    // A BC66 would be sent to in digits at this rate.
    scene.send("way", "prompt");
    const send1 = await send(1_024);
    scene.send("way", "driver");
    const send10 = await send(10_240);
    const receive1 = await scene.cost(async () => {
      scene.peer?.write(new Uint8Array(1_024));
      await scene.expect("received");
    });
    const idle = await scene.cost(() => scene.rest(HOUR_MS));
    return { open, send1, send10, receive1, idle };
  });
}

async function publishCost(
  serial: "buffered" | "stock",
  identities: Identities,
  secure: boolean,
): Promise<UartCount> {
  const broker = { host: HOST, port: secure ? MQTTS_PORT : MQTT_PORT, secure, verify: true };
  return Scene.run({ entry: MQTT, serial, identities, config: { broker } }, async scene => {
    await scene.expect("connected");
    await scene.rest(BOOT_MS);
    return scene.cost(async () => {
      scene.send("bench/device", 200, 0);
      await scene.expect("published");
    });
  });
}

async function costs(serial: "buffered" | "stock", identities: Identities): Promise<Costs> {
  return {
    ...(await tcpCosts(serial)),
    publish: await publishCost(serial, identities, false),
    publishTls: await publishCost(serial, identities, true),
  };
}

/** Commands and bytes on the UART for each operation, both ways together, line ends and reports included. */
export async function uartCost(identities: Identities): Promise<Chapter[]> {
  const buffered = await costs("buffered", identities);
  const stock = await costs("stock", identities);
  const figures = (measured: Costs, bounded: boolean): Figure[] =>
    limits.flatMap(([operation, name, commands, bytes]) => {
      const cost = measured[operation];
      return bounded
        ? [atMost(name, cost.commands, "commands", commands), atMost(name, cost.bytes, "bytes", bytes)]
        : [shown(name, cost.commands, "commands"), shown(name, cost.bytes, "bytes")];
    });
  const lost = limits.reduce((sum, [operation]) => sum + stock[operation].lost, 0);
  return [
    {
      title: "UART cost with the buffered serial class",
      note:
        "BG95 in buffer access mode, plain TCP where nothing else is said; context and connect id of one digit, " +
        "host name of 22 characters, port of 4 digits, topic of 12 bytes. Both directions, counted on the wire.",
      figures: figures(buffered, true),
    },
    {
      title: "UART cost with the stock serial class",
      note: "The same with the 128-byte FIFO of the stock ESP32 class, which bounds each read.",
      figures: [...figures(stock, false), atMost("bytes lost", lost, "bytes", 0)],
    },
  ];
}

/** A module whose reads carry 512 bytes; what its answers add to the payload. */
export async function bc66UartCost(): Promise<Chapter> {
  const { open, send1, send10, receive1, idle } = await tcpCosts("buffered", "bc66");
  return {
    title: "BC66: UART cost with the buffered serial class",
    note:
      "As for the BG95 above. Bytes of a send by prompt are those of a BG95 and the `OK` before `SEND OK`. " +
      "10 KB go as the driver chooses at this rate, in hexadecimal digits.",
    figures: [
      shown("open a TCP connection", open.commands, "commands"),
      shown("open a TCP connection", open.bytes, "bytes"),
      atMost("send 1 KB by prompt", send1.commands, "commands", 1),
      atMost("send 1 KB by prompt", send1.bytes, "bytes", 1_056 + "\r\nOK\r\n".length),
      atMost("receive 1 KB", receive1.commands, "commands", 2),
      shown("receive 1 KB", receive1.bytes, "bytes"),
      shown("send 10 KB", send10.commands, "commands"),
      shown("send 10 KB", send10.bytes, "bytes"),
      atMost("an hour with an open connection", idle.commands, "commands", 0),
    ],
  };
}

/** A TLS connection by the ESP32, left alone: nothing is asked of the module. */
async function idleHostTls(identities: Identities, module: ModuleName): Promise<UartCount> {
  const options = sceneOf({ module, route: "host-tls" }, identities, { keepAlive: 0 });
  return Scene.run(options, async scene => {
    await scene.expect("mqtt");
    await scene.rest(BOOT_MS);
    return scene.cost(() => scene.rest(HOUR_MS));
  });
}

export async function idlePolling(identities: Identities): Promise<Chapter> {
  const figures: Figure[] = [];
  for (const module of ["bg95", "bc66"] as const) {
    const idle = await idleHostTls(identities, module);
    const name = `${module.toUpperCase()}: an hour with an open host-tls connection`;
    figures.push(atMost(name, idle.commands, "commands", 0), atMost(name, idle.bytes, "bytes", 0));
  }
  return { title: "Idle polling on host-tls", note: "MQTT without keep-alive.", figures };
}

/** Engine time of each operation. */
export async function operationSteps(
  identities: Identities,
): Promise<readonly (readonly [string, number])[]> {
  const tcp = await tcpCosts("buffered");
  const command = await Scene.run({ entry: TCP }, async scene => {
    await scene.expect("online");
    await scene.rest(BOOT_MS);
    return scene.cost(async () => {
      scene.send("signal");
      await scene.expect("signal");
    });
  });
  return [
    ["an AT command with its answer", command.steps],
    ["open a TCP connection", tcp.open.steps],
    ["1 KB up", tcp.send1.steps],
    ["1 KB down", tcp.receive1.steps],
    ["10 KB up", tcp.send10.steps],
    ["MQTT publish, 200 bytes, QoS 0", (await publishCost("buffered", identities, false)).steps],
  ];
}
