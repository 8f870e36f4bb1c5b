import assert from "node:assert/strict";
import fc from "fast-check";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import { ReconnectingMQTTClient } from "../../../modules/mqtt/reconnect.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import { ModelBroker, type BrokerConnection } from "./model-broker.js";
import { bytes, FakeTime, join, records, text, type ScriptedSocket } from "./support.js";

type QoS = 0 | 1 | 2;

type Action =
  | { readonly kind: "publish"; readonly qos: QoS; readonly size: number }
  | { readonly kind: "broker publishes"; readonly qos: QoS }
  | { readonly kind: "drop"; readonly silent: boolean }
  | { readonly kind: "to broker" | "to client" | "room" | "wait"; readonly count: number };

const qos = fc.constantFrom<QoS>(0, 1, 2);
const count = fc.integer({ min: 1, max: 100 });
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("publish" as const),
      qos,
      size: fc.integer({ min: 0, max: 400 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("broker publishes" as const), qos }) },
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constantFrom("to broker" as const, "to client" as const, "room" as const),
      count,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("wait" as const), count: fc.integer({ min: 1, max: 20_000 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("drop" as const), silent: fc.boolean() }) },
);

/** A client and the model broker with a bad line between them. */
class Line {
  readonly time = new FakeTime();
  readonly broker = new ModelBroker();
  readonly sockets: ScriptedSocket[] = [];
  readonly published: { name: string; qos: QoS }[] = [];
  readonly brokerPublished: { name: string; qos: QoS }[] = [];
  readonly done: string[] = [];
  /** Messages that the application got whole. */
  readonly got: string[] = [];
  readonly violations: unknown[] = [];
  readonly client: ReconnectingMQTTClient<MQTTClient>;
  private partial: Uint8Array[] = [];
  private readonly links = new Map<ScriptedSocket, BrokerConnection | undefined>();
  private readonly upstream = new Map<ScriptedSocket, Uint8Array>();

  constructor(random: () => number) {
    this.client = new ReconnectingMQTTClient({
      io: MQTTClient,
      host: "broker",
      id: "device",
      clean: false,
      keepAlive: 20_000,
      acknowledgeTimeout: 30_000,
      ...records(this.time, this.sockets),
      random,
      onReadable: (size, info) => {
        if (info.topic !== undefined) this.partial = [];
        this.partial.push(new Uint8Array(this.client.client?.read(size) ?? new ArrayBuffer(0)));
        if (!info.more) this.got.push(text(join(this.partial)));
      },
      failure: report => {
        if (!["peer-closed", "connect", "mqtt-timeout"].includes(report.kind)) this.violations.push(report);
      },
    });
    this.time.settle();
  }

  private get socket(): ScriptedSocket | undefined {
    const last = this.sockets.at(-1);
    return last && !last.closed ? last : undefined;
  }

  publish(level: QoS, size: number): void {
    const name = `up${this.published.length}`;
    if (this.client.session.pending >= 30) return;
    this.published.push({ name, qos: level });
    const payload = new BytesSource(bytes(name.padEnd(size, ".")));
    this.client.publish({ topic: "up", qos: level, payload, done: () => this.done.push(name) });
    this.time.settle();
  }

  brokerPublish(level: QoS): void {
    const name = `down${this.brokerPublished.length}`;
    this.brokerPublished.push({ name, qos: level });
    this.broker.publish(name, level);
  }

  room(size: number): void {
    this.socket?.writable(size);
    this.time.settle();
  }

  toBroker(size: number): void {
    const { socket } = this;
    if (!socket) return;
    const waiting = join([this.upstream.get(socket) ?? new Uint8Array(0), socket.sent()]);
    this.upstream.set(socket, waiting.slice(size));
    if (!this.links.has(socket)) this.links.set(socket, this.broker.accept());
    this.links.get(socket)?.feed(waiting.subarray(0, size));
  }

  toClient(size: number): void {
    const { socket } = this;
    const link = socket && this.links.get(socket);
    if (!link) return;
    const piece = link.out.slice(0, size);
    link.out = link.out.slice(size);
    if (piece.length) socket.receive(piece);
    this.time.settle();
  }

  drop(silent: boolean): void {
    const { socket } = this;
    if (!socket) return;
    // The broker forgets the connection and what was on its way; the client may not learn of it.
    this.links.set(socket, undefined);
    this.broker.connection = undefined;
    if (!silent) socket.end();
    this.time.settle();
  }

  do(next: Action): void {
    if (next.kind === "publish") this.publish(next.qos, next.size);
    else if (next.kind === "broker publishes") this.brokerPublish(next.qos);
    else if (next.kind === "drop") this.drop(next.silent);
    else if (next.kind === "to broker") this.toBroker(next.count);
    else if (next.kind === "to client") this.toClient(next.count);
    else if (next.kind === "room") this.room(next.count * 4);
    else this.time.advance(next.count);
  }

  /** A good line until nothing is left to be done. */
  heal(): void {
    for (let i = 0; i < 300; i++) {
      this.room(500);
      this.toBroker(1e6);
      this.toClient(1e6);
      if (this.client.session.pending === 0 && this.broker.settled && this.broker.connection?.established)
        return;
      this.time.advance(1000);
    }
    assert.fail(`never settles: ${this.client.session.pending} pending`);
  }
}

function names(list: readonly { name: string; qos: QoS }[], level: QoS): string[] {
  return list.filter(entry => entry.qos === level).map(entry => entry.name);
}

/** The first of each, in order. */
function firsts(list: readonly string[]): string[] {
  return [...new Set(list)];
}

describe("mqtt client and model broker over a bad line", () => {
  it("delivers QoS 1 at least once and QoS 2 exactly once, in order, both ways, through any drops", () => {
    fc.assert(
      fc.property(
        fc.array(action, { minLength: 30, maxLength: 200, size: "max" }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 5, maxLength: 20 }),
        (actions, chances) => {
          let chance = 0;
          const line = new Line(() => chances[chance++ % chances.length] ?? 0);
          for (const next of actions) line.do(next);
          line.heal();
          assert.deepEqual(line.broker.complaints, []);
          assert.deepEqual(line.violations, []);
          const up = line.broker.delivered.map(payload => payload.replace(/\.*$/, ""));
          for (const [published, received] of [
            [line.published, up],
            [line.brokerPublished, line.got],
          ] as const) {
            const of = (level: QoS) => received.filter(name => names(published, level).includes(name));
            assert.deepEqual(firsts(of(1)), names(published, 1), "QoS 1 at least once, in order");
            assert.deepEqual(of(2), names(published, 2), "QoS 2 exactly once, in order");
            assert.deepEqual(of(0), firsts(of(0)), "QoS 0 at most once");
          }
          assert.deepEqual(
            [...line.done].sort(),
            line.published.map(entry => entry.name).sort(),
            "done once for each",
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
