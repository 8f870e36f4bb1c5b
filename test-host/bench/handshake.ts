import type { ModuleName } from "../../hosts/firmware/config.js";
import { atMost, shown, type Chapter, type Figure } from "./figure.js";
import { HOST, MQTTS_PORT, Scene, type Identities, type SceneOptions } from "./scene.js";

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
}

const OPENED = /\+QIOPEN: ?\d+,0\r/;

async function handshake(options: SceneOptions): Promise<Cost> {
  return Scene.run(
    {
      ...options,
      config: {
        route: "host-tls",
        broker: { host: HOST, port: MQTTS_PORT, secure: true, verify: true },
        count: 1,
        qos: 1,
      },
    },
    async scene => {
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
      };
    },
  );
}

const MODELS: Readonly<Record<ModuleName, string>> = { bg95: "BG95", bc66: "BC66" };
const LIMITS: Readonly<Record<ModuleName, number>> = { bg95: 8, bc66: 16 };

async function figuresOf(module: ModuleName, identities: Identities): Promise<Figure[]> {
  // Over a link without a rate the whole flight comes at once; the buffer of a BC66 would run over.
  const unlimited = module === "bc66" ? { bufferBytes: Infinity } : {};
  const cost = await handshake({ module, identities, ...unlimited });
  const model = MODELS[module];
  const tlsBytes = cost.sentBytes + cost.receivedBytes;
  const over = 100 * (cost.uartBytes / tlsBytes - 1);
  const stock = await handshake({ module, identities, serial: "stock", ...unlimited });
  const slow = await handshake({ module, identities, link: "nb-iot" });
  return [
    shown(`${model}, TLS bytes up`, cost.sentBytes, "bytes"),
    shown(`${model}, TLS bytes down`, cost.receivedBytes, "bytes"),
    atMost(`${model}, AT commands`, cost.commands, "commands", LIMITS[module]),
    atMost(`${model}, reads that brought nothing`, cost.emptyReads, "commands", 0),
    module === "bg95"
      ? atMost(`${model}, UART bytes over the TLS bytes`, over, "%", 5)
      : shown(`${model}, UART bytes over the TLS bytes`, over, "%"),
    shown(`${model}, elapsed, module answers at once`, cost.elapsedMs, "ms"),
    shown(`${model}, AT commands with the stock serial class`, stock.commands, "commands"),
    shown(
      `${model}, UART bytes over the TLS bytes with the stock serial class`,
      100 * (stock.uartBytes / (stock.sentBytes + stock.receivedBytes) - 1),
      "%",
    ),
    shown(`${model} on nb-iot, elapsed`, slow.elapsedMs, "ms"),
    shown(`${model} on nb-iot, AT commands`, slow.commands, "commands"),
  ];
}

/** Figures of a handshake by the ESP32 over the module's TCP. */
export async function handshakes(identities: Identities): Promise<Chapter> {
  return {
    title: "TLS handshake by the ESP32 over the module's TCP",
    note:
      "Mutual TLS 1.2, RSA-2048, a chain of three; buffered serial class at 115,200 baud where nothing else is said. " +
      "Counted from the module's report that the connection is open to the end of the handshake.",
    figures: [...(await figuresOf("bg95", identities)), ...(await figuresOf("bc66", identities))],
  };
}
