import type { FirmwareConfig, ModuleName } from "../../hosts/firmware/config.js";
import { bc66Mqtt } from "../../drivers/bc66/mqtt.js";
import { bg95Mqtt } from "../../drivers/bg95/mqtt.js";
import { PUSH_BYTES } from "../../drivers/bc66/tls.js";
import type { RouteName } from "../../drivers/quectel/route.js";
import { losesBurst } from "../../drivers/quectel/uart.js";
import { esp32Cost } from "../simulator/simulation.js";
import { bufferedSerial, stockSerial } from "../simulator/uart.js";
import { atLeast, atMost, shown, type Chapter, type Figure } from "./figure.js";
import { nameOf, products, sceneOf, type FirmwareProduct } from "./products.js";
import { Scene, type Identities, type SceneOptions } from "./scene.js";

const RATES = [9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600];
/** Of the buffered class, as it announces it; the FIFO before it is reserve. */
const RING_BYTES = bufferedSerial.receiveCapacity - stockSerial.receiveCapacity;
/** Room behind the interrupt of the stock class. */
const SPARE_BYTES = stockSerial.receiveCapacity - stockSerial.receiveThreshold;
const TOPIC = "commands";

const lineEnds = 4;

/** Reports that a connected module may send without being asked, in their longest form, each once. */
const reports: Readonly<Record<ModuleName, Readonly<Record<RouteName, readonly string[]>>>> = {
  bg95: {
    "module-tls": ['+QSSLURC: "recv",11', '+QSSLURC: "closed",11'],
    "host-tls": ['+QIURC: "recv",11', '+QIURC: "closed",11'],
    "module-mqtt": [...[0, 1, 2, 3, 4].map(place => `+QMTRECV: 0,${String(place)}`), "+QMTSTAT: 0,1"],
  },
  bc66: {
    "module-tls": ['+QSSLURC: "closed",1,5', "+QSSLSEND: 1,5,0"],
    "host-tls": ['+QIURC: "recv",4,1024', '+QIURC: "recv",4,"buff full"', '+QIURC: "closed",4'],
    "module-mqtt": ["+QMTPUB: 0,65535,0", "+QMTSTAT: 0,1"],
  },
};
const common: Readonly<Record<ModuleName, readonly string[]>> = {
  bg95: ['+QIURC: "pdpdeact",1', '+CEREG: 5,"FFFE","0FFFFFFF",8', '+CGREG: 5,"FFFE","0FFFFFFF",8'],
  bc66: ["+CEREG: 5", "+IP: 100.100.100.100"],
};

export function reportBytes({ module, route }: FirmwareProduct): number {
  return [...reports[module][route], ...common[module]].reduce(
    (sum, line) => sum + line.length + lineEnds,
    0,
  );
}

/** Bytes of the longest burst with payload that no read of the driver bounds; 0: there is none. */
export function payloadBurst({ module, route }: FirmwareProduct): number {
  if (route === "module-mqtt") return (module === "bg95" ? bg95Mqtt : bc66Mqtt).burstBytes;
  return module === "bc66" && route === "module-tls"
    ? `\r\n+QSSLURC: "recv",1,5,${String(PUSH_BYTES)},""\r\n`.length + PUSH_BYTES
    : 0;
}

/** Of messages that come, so long that they fill one burst. */
function messageBytes({ module, route }: FirmwareProduct): number {
  return module === "bc66" && route === "module-mqtt" ? 1_000 : 1_200;
}

interface Turns {
  /** The longest that a byte from the module began, and that anything else did; ms, without collections. */
  readonly read: number;
  readonly other: number;
}

function listener(
  product: FirmwareProduct,
  identities: Identities,
  config: Partial<FirmwareConfig>,
): SceneOptions {
  return sceneOf(product, identities, { subscribe: TOPIC, commands: 1_000, attempts: 0, ...config });
}

async function connected(scene: Scene): Promise<void> {
  scene.tolerant = true;
  await scene.expect("subscribed");
  await scene.rest(500);
}

/** Turns of a firmware that publishes and gets messages. */
async function turnsOf(product: FirmwareProduct, identities: Identities): Promise<Turns> {
  let counts = false;
  let read = 0;
  let other = 0;
  const options: SceneOptions = {
    ...listener(product, identities, { count: 40, qos: 1 }),
    cost: { ...esp32Cost, collectionMs: 0 },
    trace: {
      turn(_, { kind }, durationMs) {
        if (!counts) return;
        if (kind === "readable") read = Math.max(read, durationMs);
        else other = Math.max(other, durationMs);
      },
    },
  };
  return Scene.run(options, async scene => {
    await connected(scene);
    counts = true;
    for (let i = 0; i < 5; i++) {
      scene.broker.publish(TOPIC, Buffer.alloc(messageBytes(product), "m"), 2);
      await scene.rest(2_000);
    }
    return { read, other };
  });
}

/** Milliseconds that so many bytes take. */
function byteMs(bytes: number, baud: number): number {
  return (bytes * 10_000) / baud;
}

/** Whether no payload is lost, by the turns measured and a collection in each. */
function isSafe(burst: number, turns: Turns, baud: number, serial: "stock" | "buffered"): boolean {
  const capacity = serial === "stock" ? stockSerial.receiveCapacity : RING_BYTES;
  const spare = serial === "stock" ? SPARE_BYTES : RING_BYTES;
  const { collectionMs } = esp32Cost;
  return (
    burst <= capacity ||
    (byteMs(spare, baud) >= turns.other + collectionMs && byteMs(capacity, baud) >= turns.read + collectionMs)
  );
}

async function productFigures(product: FirmwareProduct, identities: Identities): Promise<Figure[]> {
  const name = nameOf(product);
  const burst = payloadBurst(product);
  const turns = await turnsOf(product, identities);
  const { collectionMs } = esp32Cost;
  const highest = (serial: "stock" | "buffered"): number =>
    Math.max(...RATES.filter(baud => isSafe(burst, turns, baud, serial)));
  // The driver may be more careful; it must not be less.
  const careless = RATES.filter(
    baud =>
      (!isSafe(burst, turns, baud, "stock") && !losesBurst(burst, undefined, baud)) ||
      (!isSafe(burst, turns, baud, "buffered") && !losesBurst(burst, RING_BYTES, baud)),
  );
  return [
    shown(`${name}: reports, each once and all at a time`, reportBytes(product), "bytes"),
    shown(`${name}: longest burst with payload that the driver cannot bound`, burst, "bytes"),
    shown(`${name}: longest turn that a byte began, with a collection`, turns.read + collectionMs, "ms"),
    shown(`${name}: longest other turn, with a collection`, turns.other + collectionMs, "ms"),
    shown(`${name}: stock class, highest rate without loss`, highest("stock"), "baud"),
    shown(`${name}: buffered class, highest rate without loss`, highest("buffered"), "baud"),
    atMost(`${name}: rates with loss that the driver lets pass unsaid`, careless.length, "", 0),
  ];
}

/** Bytes that messages lose on a stock class of which the firmware does not know. */
async function lostBytes(
  product: FirmwareProduct,
  identities: Identities,
  baud: number,
  seed: number,
): Promise<number> {
  const options: SceneOptions = {
    ...listener(product, identities, { count: 100, qos: 1 }),
    wire: "stock",
    baud,
    seed,
  };
  return Scene.run(options, async scene => {
    await connected(scene);
    const before = scene.count.lost;
    for (let i = 0; i < 8; i++) {
      scene.broker.publish(TOPIC, Buffer.alloc(messageBytes(product), "m"), 1 + ((seed + i) % 3));
      await scene.rest(1_000 + ((seed * 7_919 + i * 104_729) % 3_000));
    }
    return scene.count.lost - before;
  });
}

/** What is called safe loses nothing, what is called unsafe does. */
async function proof(identities: Identities, smoke: boolean): Promise<Chapter> {
  const figures: Figure[] = [];
  const seeds = smoke ? [1] : [1, 2, 3, 4, 5];
  for (const product of products) {
    if (payloadBurst(product) === 0) continue;
    for (const baud of [9_600, 115_200]) {
      let lost = 0;
      for (const seed of seeds) lost += await lostBytes(product, identities, baud, seed);
      const name = `${nameOf(product)}, messages of ${messageBytes(product).toLocaleString("en")} bytes at ${baud.toLocaleString("en")} baud: bytes lost`;
      // A BG95 is asked for each message, and nothing else runs meanwhile: only a collection amid the burst loses any.
      if (baud === 9_600) figures.push(atMost(name, lost, "bytes", 0));
      else
        figures.push(
          product.module === "bg95" ? shown(name, lost, "bytes") : atLeast(name, lost, "bytes", 1),
        );
    }
  }
  return {
    title: "UART: bursts on the stock class at a safe rate and at another",
    note: `A firmware that takes the line for the buffered class, so that it neither refuses nor warns, with an ESP32's heap; ${String(seeds.length)} seeds each.`,
    figures,
  };
}

export async function bursts(identities: Identities, smoke: boolean): Promise<Chapter[]> {
  const figures: Figure[] = [];
  for (const product of products) figures.push(...(await productFigures(product, identities)));
  return [
    {
      title: "UART: how long the engine may be busy while bytes come",
      note: `In a burst that is longer than the class holds (stock: ${String(stockSerial.receiveCapacity)} bytes, buffered: ${RING_BYTES.toLocaleString("en")}), before the first is lost. A shorter burst waits for the engine as long as it takes.`,
      figures: RATES.flatMap(baud => [
        shown(`stock class at ${baud.toLocaleString("en")} baud`, byteMs(SPARE_BYTES, baud), "ms"),
        shown(`buffered class at ${baud.toLocaleString("en")} baud`, byteMs(RING_BYTES, baud), "ms"),
      ]),
    },
    {
      title: "UART: bursts and turns by product",
      note: `Connected, publishing, and getting messages of more than 1 KB. Turns at ${String(esp32Cost.nanosecondsPerStep)} ns a step and ${String(esp32Cost.collectionMs)} ms a collection, an estimate for an ESP32. What is asked for by the driver itself is never longer than the class holds. Reports that are lost are made up for; what counts is payload.`,
      figures,
    },
    await proof(identities, smoke),
  ];
}
