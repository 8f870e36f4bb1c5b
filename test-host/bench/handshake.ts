import type { FirmwareConfig, ModuleName } from "../../hosts/firmware/config.js";
import { atLeast, atMost, shown, type Chapter, type Figure } from "./figure.js";
import { HOST, linkOf, MQTTS_PORT, Scene, type Identities, type SceneOptions } from "./scene.js";

/** What one handshake by the ESP32 cost, from the open connection to its end. */
interface Cost {
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** AT commands that carried it: sends and reads. */
  readonly commands: number;
  readonly uartBytes: number;
  readonly elapsedMs: number;
  readonly reads: number;
  /** Reads that brought nothing. */
  readonly emptyReads: number;
  readonly lost: number;
}

const OPENED = /\+QIOPEN: ?\d+,0\r/;

const config: Partial<FirmwareConfig> = {
  route: "host-tls",
  broker: { host: HOST, port: MQTTS_PORT, secure: true, verify: true },
  count: 1,
  qos: 1,
};

/** Kind of the failure that the handshake ended with; empty: none. */
async function outcome(options: SceneOptions): Promise<string> {
  return Scene.run({ ...options, config }, async scene => {
    const ends = (): boolean => scene.reports.some(([name]) => name === "handshake" || name === "failure");
    await scene.simulation.run({ until: ends, untilMs: scene.nowMs + 600_000 });
    const end = scene.reports.find(([name]) => name === "handshake" || name === "failure");
    return end === undefined ? "silence" : end[0] === "failure" ? String(end[2]) : "";
  });
}

async function handshake(options: SceneOptions): Promise<Cost> {
  return Scene.run({ ...options, config }, async scene => {
    let opened: { bytes: number; commands: number; atMs: number } | undefined;
    let reads = 0;
    let emptyReads = 0;
    let text = "";
    scene.modem.onTap = (direction, bytes, kind) => {
      if (kind !== "text") return;
      text = (text + Buffer.from(bytes).toString("latin1")).slice(-200);
      if (opened === undefined && OPENED.test(text)) {
        const { bytes: before, commands, atMs } = scene.count;
        opened = { bytes: before, commands, atMs };
      }
      if (direction === "to module" && text.endsWith("\r") && /AT\+QIRD=[^\r]*\r$/.test(text)) reads++;
      if (direction === "to host" && /\+QIRD: ?0\b[^\r]*\r\n$/.test(text)) {
        emptyReads++;
        text = "";
      }
    };
    await scene.expect("handshake");
    const report = scene.reports.find(([name]) => name === "handshake");
    const after = scene.count;
    if (opened === undefined || report === undefined) throw new Error("no connection was seen to open");
    return {
      sentBytes: Number(report[2]),
      receivedBytes: Number(report[3]),
      commands: after.commands - opened.commands,
      uartBytes: after.bytes - opened.bytes,
      elapsedMs: after.atMs - opened.atMs,
      reads,
      emptyReads,
      lost: after.lost,
    };
  });
}

const MODELS: Readonly<Record<ModuleName, string>> = { bg95: "BG95", bc66: "BC66" };
const LIMITS: Readonly<Record<ModuleName, number>> = { bg95: 8, bc66: 16 };
/** From a command to its answer on a link that is none of `none`. */
const ANSWER_MS: Readonly<Record<ModuleName, number>> = { bg95: 0, bc66: 30 };
/** What a driver saw; not documented. */
const SEEN_BUFFER_BYTES = 2_168;

/** The least time by the link: two round trips, the bytes at its rates, and the module's answers to the sends. */
function boundMs(module: ModuleName, cost: Cost): number {
  const { rttMs, upBitsPerSecond, downBitsPerSecond, sendMs } = linkOf({
    module,
    link: "nb-iot",
    steady: true,
  });
  const airMs = 8_000 * (cost.sentBytes / upBitsPerSecond + cost.receivedBytes / downBitsPerSecond);
  return 2 * rttMs + airMs + (cost.commands - cost.reads) * (sendMs + ANSWER_MS[module]);
}

function overPercent(cost: Cost): number {
  return 100 * (cost.uartBytes / (cost.sentBytes + cost.receivedBytes) - 1);
}

/** Over a link without a rate the whole flight comes at once; the buffer of a BC66 as seen would run over. */
function unlimited(module: ModuleName): Partial<SceneOptions> {
  return module === "bc66" ? { bufferBytes: Infinity } : {};
}

async function figuresOf(module: ModuleName, identities: Identities): Promise<Figure[]> {
  const cost = await handshake({ module, identities, ...unlimited(module) });
  const slow = await handshake({ module, identities, link: "nb-iot" });
  const steady = await handshake({ module, identities, link: "nb-iot", steady: true });
  const model = MODELS[module];
  const least = boundMs(module, steady);
  return [
    shown(`${model}: TLS bytes up`, cost.sentBytes, "bytes"),
    shown(`${model}: TLS bytes down`, cost.receivedBytes, "bytes"),
    atMost(`${model}: AT commands`, cost.commands, "commands", LIMITS[module]),
    atMost(`${model}: reads that brought nothing`, cost.emptyReads, "commands", 0),
    module === "bg95"
      ? atMost(`${model}: UART bytes over the TLS bytes`, overPercent(cost), "%", 5)
      : shown(`${model}: UART bytes over the TLS bytes`, overPercent(cost), "%"),
    shown(`${model}: elapsed, module answers at once`, cost.elapsedMs, "ms"),
    shown(`${model}: elapsed on nb-iot`, slow.elapsedMs, "ms"),
    shown(`${model}: AT commands on nb-iot`, slow.commands, "commands"),
    shown(`${model}: link and module by themselves on nb-iot, mean delays`, least, "ms"),
    atMost(`${model}: elapsed on nb-iot, mean delays`, steady.elapsedMs, "ms", 1.15 * least),
  ];
}

/** Figures of a handshake by the ESP32 over the module's TCP. */
export async function handshakes(identities: Identities): Promise<Chapter> {
  return {
    title: "TLS handshake by the ESP32 over the module's TCP",
    note:
      "Mutual TLS 1.2, RSA-2048, a chain of three; buffered serial class at 115,200 baud. " +
      "Counted from the module's report that the connection is open to the end of the handshake. " +
      "By themselves: two round trips, the bytes at the link's rates, and the module's answers to the sends.",
    figures: [...(await figuresOf("bg95", identities)), ...(await figuresOf("bc66", identities))],
  };
}

const STOCK_BAUDS = [115_200, 38_400, 9_600];

/** The same handshake with the stock serial class, whose FIFO bounds each read. */
export async function stockHandshakes(identities: Identities): Promise<Chapter> {
  const figures: Figure[] = [];
  for (const module of ["bg95", "bc66"] as const)
    for (const baud of STOCK_BAUDS) {
      const cost = await handshake({ module, identities, serial: "stock", baud, ...unlimited(module) });
      const at = `${MODELS[module]} at ${baud.toLocaleString("en")} baud`;
      figures.push(
        shown(`${at}: AT commands`, cost.commands, "commands"),
        shown(`${at}: UART bytes over the TLS bytes`, overPercent(cost), "%"),
        shown(`${at}: elapsed, module answers at once`, cost.elapsedMs, "ms"),
        atMost(`${at}: bytes lost`, cost.lost, "bytes", 0),
      );
    }
  return {
    title: "The same handshake with the stock serial class",
    note: "Its FIFO holds 128 bytes: the driver asks for no more than that at a time, and nothing is lost at any rate.",
    figures,
  };
}

/** What becomes of the server's flight of 4.4 KB in the buffer of a BC66, whose size no document tells. */
export async function buffers(identities: Identities): Promise<Chapter> {
  const figures: Figure[] = [];
  for (const link of ["none", "nb-iot"] as const)
    for (const bufferBytes of [SEEN_BUFFER_BYTES, Infinity]) {
      const size = bufferBytes === Infinity ? "unlimited" : `${bufferBytes.toLocaleString("en")} bytes`;
      const kind = await outcome({ module: "bc66", identities, link, bufferBytes });
      const tooMuch = link === "none" && bufferBytes === SEEN_BUFFER_BYTES;
      figures.push(
        tooMuch
          ? atLeast(`link ${link}, buffer ${size}: ends as "overrun"`, kind === "overrun" ? 1 : 0, "", 1)
          : atLeast(`link ${link}, buffer ${size}: handshake completes`, kind === "" ? 1 : 0, "", 1),
      );
    }
  return {
    title: "BC66: receive buffer and a flight of 4.4 KB",
    note:
      "It acknowledges what it has no place for. On nb-iot it is read faster than it fills; on a link without a rate " +
      'the flight comes at once, and the firmware says what was lost ("overrun") instead of waiting for it.',
    figures,
  };
}
