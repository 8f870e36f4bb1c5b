import assert from "node:assert/strict";
import { nodeTls } from "../../../hosts/workstation/tls-engine.js";
import { Settler } from "../../simulator/memory-duplex.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Simulation, type SimulatedModem } from "../../simulator/simulation.js";
import { createEngine, type NativeCost } from "../../xs/index.js";
import { ENGINES, PROGRAMS } from "./support.js";
import { identities, mutual, TlsPeer, type Identities } from "./tls-peer.js";

/** A line to a TLS server in place of a modem. */
class ServerLine implements SimulatedModem {
  readonly baud = 115200;
  readonly heedsRts = true;
  readonly status = true;
  readonly peer: TlsPeer;
  onOutput: SimulatedModem["onOutput"];
  onDiscard: SimulatedModem["onDiscard"];
  sentBytes = 0;
  receivedBytes = 0;

  constructor(scheduler: Scheduler, ids: Identities) {
    const settler = new Settler(scheduler);
    this.peer = new TlsPeer(mutual(ids), bytes => {
      settler.touch();
      const copy = Uint8Array.from(bytes);
      this.sentBytes += copy.length;
      scheduler.post(() => this.onOutput?.(copy, this.baud));
    });
    this.receive = bytes => {
      settler.touch();
      this.receivedBytes += bytes.length;
      this.peer.receive(bytes);
    };
  }

  receive: (bytes: Uint8Array) => void;

  powerKey(): void {
    // The line has no power of its own.
  }

  resetLine(): void {
    // Nor a reset.
  }
}

interface Seen {
  readonly reports: readonly (readonly [unknown, number])[];
  readonly endMs: number;
  readonly busyMs: number;
  readonly bytes: readonly [sent: number, received: number];
}

/** A handshake, then 2,000 bytes there and back. */
async function simulate(engine: "xs" | "node", ids: Identities, nativeCost: NativeCost = {}): Promise<Seen> {
  const scheduler = new Scheduler();
  const line = new ServerLine(scheduler, ids);
  line.peer.onData = (bytes, socket) => socket.write(bytes);
  const firmware = await createEngine({
    engine,
    entry: `${PROGRAMS}/tls`,
    tls: now => nodeTls({ now }),
    nativeCost,
    credentials: { ca: ids.root.certificate, certificate: ids.client.certificate, key: ids.client.key },
  });
  const reports: [unknown, number][] = [];
  const simulation = new Simulation({
    scheduler,
    modem: line,
    engine: firmware,
    onReport: (text, atMs) => reports.push([JSON.parse(text), atMs]),
  });
  const until = (name: string) => (): boolean =>
    reports.some(([report]) => Array.isArray(report) && report[0] === name);
  try {
    simulation.send(JSON.stringify({ run: "setClock", seconds: Math.floor(Date.now() / 1000) }));
    simulation.send(JSON.stringify({ run: "open" }));
    assert.equal((await simulation.run({ until: until("connected"), untilMs: 60_000 })).reason, "condition");
    simulation.send(JSON.stringify({ run: "send", count: 2000 }));
    assert.equal((await simulation.run({ until: until("received"), untilMs: 60_000 })).reason, "condition");
    const { busyMs } = simulation.counters;
    return { reports, endMs: scheduler.nowMs, busyMs, bytes: [line.sentBytes, line.receivedBytes] };
  } finally {
    await firmware.stop();
    line.peer.close();
  }
}

describe("TLS engines in a simulation that never looks at the wall clock", () => {
  let ids: Identities;

  before(async function () {
    this.timeout(30_000);
    ids = await identities();
  });

  for (const engine of ENGINES) {
    it(`${engine}: times and bytes repeat exactly`, async () => {
      const first = await simulate(engine, ids);
      assert.deepEqual(await simulate(engine, ids), first);
    });

    it(`${engine}: a handshake lasts as long as its bytes on the UART, however long OpenSSL takes`, async () => {
      const { reports, busyMs } = await simulate(engine, ids);
      const [report, atMs] = reports[0] ?? [];
      assert.deepEqual(report, ["connected", 0xc02f]);
      // 107 + 819 + 75 + 269 + 6 + 45 bytes there, about 2.3 kB back, 86.8 us each, and the turns.
      assert.ok(
        atMs !== undefined && atMs > 290 && atMs < 320 + busyMs,
        `${String(atMs)} ms, ${busyMs} busy`,
      );
    });
  }

  it("xs: the steps that a handshake is said to take pass before our Finished", async () => {
    const timeOf = async (handshakeSteps: number): Promise<number> =>
      (await simulate("xs", ids, { handshakeSteps })).reports[0]?.[1] ?? NaN;
    const added = (await timeOf(3_000_000)) - (await timeOf(0));
    assert.ok(Math.abs(added - 1500) < 5, String(added));
  });
});
