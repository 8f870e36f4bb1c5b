import type { TlsOptions } from "node:tls";
import type { EngineTurn } from "../../simulator/engine.js";
import { createEngine, type EngineOptions } from "../../xs/index.js";
import { nodeTls, sdkProfile, type TlsEngineProfile } from "../../../hosts/workstation/tls-engine.js";
import { Bench, PROGRAMS, reports } from "./support.js";
import { TlsPeer, type Identities } from "./tls-peer.js";

/** Rounds of the event loop without a byte after which the server has nothing more to say. */
const QUIET_ROUNDS = 8;

/**
 * The program `tls` in an engine, its serial port joined to a TLS server. Orders run until neither
 * side has more to send; their reports are given without times.
 */
export class TlsLine {
  readonly bench: Bench;
  readonly peer: TlsPeer;
  /** Lengths of what the engine transmitted, one for each call, and what the server sent. */
  readonly transmitted: number[] = [];
  readonly sentByServer: number[] = [];
  /** Changes the server's bytes on their way. */
  alter: ((bytes: Uint8Array) => Uint8Array[]) | undefined;
  #coming: Uint8Array[] = [];

  constructor(bench: Bench, options: TlsOptions) {
    this.bench = bench;
    this.bench.inputs.transmitRoom = 1e6;
    this.peer = new TlsPeer(options, bytes => {
      this.sentByServer.push(bytes.length);
      this.#coming.push(...(this.alter?.(bytes) ?? [Uint8Array.from(bytes)]));
    });
  }

  async order(value: unknown): Promise<unknown[]> {
    return this.#until(await this.bench.message(value));
  }

  /** Lets through what the server has sent by itself. */
  async listen(): Promise<unknown[]> {
    return this.#until({ actions: [], compute: 0, collections: 0 });
  }

  async #until(first: EngineTurn): Promise<unknown[]> {
    const told: unknown[] = [];
    let turn = first;
    for (;;) {
      told.push(...reports(turn));
      if (turn.abort) throw new Error(`${turn.abort.reason}: ${turn.abort.detail}`);
      for (const action of turn.actions) {
        if (action.kind !== "write") continue;
        this.transmitted.push(action.bytes.length);
        this.peer.receive(action.bytes);
      }
      await this.#quiet();
      const bytes = this.#coming.shift();
      if (!bytes) return told;
      turn = await this.bench.readable([...bytes]);
    }
  }

  async #quiet(): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS;) {
      const before = this.#coming.length;
      await new Promise(resolve => setImmediate(resolve));
      quiet = before === this.#coming.length ? quiet + 1 : 0;
    }
  }
}

export interface LineOptions {
  readonly engine: "xs" | "node";
  readonly identities: Identities;
  readonly server: TlsOptions;
  readonly profile?: TlsEngineProfile;
  /** Seconds since 1970 that the firmware's clock is set to; `undefined`: now. */
  readonly clock?: number;
  readonly options?: EngineOptions;
}

export async function withLine(
  { engine, identities, server, profile = sdkProfile, clock, options }: LineOptions,
  work: (line: TlsLine) => Promise<void>,
): Promise<void> {
  const firmware = await createEngine({
    engine,
    entry: `${PROGRAMS}/tls`,
    tls: now => nodeTls({ profile, now }),
    credentials: {
      ca: identities.root.certificate,
      certificate: identities.client.certificate,
      key: identities.client.key,
    },
    ...options,
  });
  const line = new TlsLine(new Bench(firmware), server);
  try {
    await line.bench.start();
    await line.order({ run: "setClock", seconds: clock ?? Math.floor(Date.now() / 1000) });
    await work(line);
  } finally {
    await firmware.stop();
    line.peer.close();
  }
}
