import assert from "node:assert/strict";
import fc from "fast-check";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { MQTTClient } from "../../../modules/mqtt/client.js";
import { ReconnectingMQTTClient, type ReconnectOptions } from "../../../modules/mqtt/reconnect.js";
import { BytesSource } from "../../../modules/mqtt/source.js";
import { bytes, FakeTime, records, type ScriptedSocket } from "./support.js";

interface Setup {
  readonly time: FakeTime;
  readonly sockets: ScriptedSocket[];
  readonly client: ReconnectingMQTTClient<MQTTClient>;
  readonly delays: number[];
  readonly failures: Failure[];
}

function setup(options: Partial<ReconnectOptions<MQTTClient>> = {}): Setup {
  const time = new FakeTime();
  const sockets: ScriptedSocket[] = [];
  const delays: number[] = [];
  const failures: Failure[] = [];
  const client = new ReconnectingMQTTClient({
    io: MQTTClient,
    host: "broker",
    id: "device",
    ...records(time, sockets),
    random: () => 0.5,
    failure: report => failures.push(report),
    onError: () => delays.push(client.delay),
    ...options,
  });
  time.settle();
  return { time, sockets, client, delays, failures };
}

function last({ sockets }: Setup): ScriptedSocket {
  const socket = sockets.at(-1);
  assert.ok(socket);
  return socket;
}

function accept(made: Setup): ScriptedSocket {
  const socket = last(made);
  socket.writable(4096);
  socket.sent();
  socket.receivePacket({ cmd: "connack", returnCode: 0, sessionPresent: false });
  made.time.settle();
  return socket;
}

/** Fails each connection at once, and lets the delay pass. */
function failTimes(made: Setup, times: number): void {
  for (let i = 0; i < times; i++) {
    last(made).end();
    made.time.settle();
    made.time.advance(made.delays.at(-1) ?? 0);
  }
}

describe("mqtt reconnecting", () => {
  it("doubles the bound of the delay up to the maximum", () => {
    const made = setup({ random: () => 0.999999, minimumDelay: 1000, maximumDelay: 20_000 });
    failTimes(made, 8);
    assert.deepEqual(
      made.delays.map(delay => Math.ceil(delay)),
      [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000, 20_000],
    );
    assert.equal(made.sockets.length, 9);
  });

  it("takes any delay from nothing up to the bound", () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 0.9999, noNaN: true }), { minLength: 12, maxLength: 12 }),
        chances => {
          let next = 0;
          const made = setup({ random: () => chances[next++] ?? 0, minimumDelay: 500, maximumDelay: 60_000 });
          failTimes(made, 12);
          made.delays.forEach((delay, i) => {
            assert.equal(delay, (chances[i] ?? 0) * Math.min(500 * 2 ** i, 60_000));
          });
        },
      ),
    );
  });

  it("stays at the maximum for ever", () => {
    const made = setup({ random: () => 0.5, maximumDelay: 10_000 });
    failTimes(made, 1200);
    assert.equal(made.delays.at(-1), 5000);
  });

  it("does not connect before the delay has passed", () => {
    const made = setup();
    last(made).end();
    made.time.advance(499);
    assert.equal(made.sockets.length, 1);
    made.time.advance(1);
    assert.equal(made.sockets.length, 2);
  });

  it("begins with a short delay again after a connection that outlasted the bound", () => {
    const made = setup();
    failTimes(made, 5);
    accept(made);
    made.time.advance(40_000);
    last(made).end();
    made.time.settle();
    assert.equal(made.delays.at(-1), 500);
  });

  it("keeps slowing down when the broker accepts and then throws out", () => {
    const made = setup();
    for (let i = 0; i < 6; i++) {
      accept(made);
      failTimes(made, 1);
    }
    assert.deepEqual(made.delays, [500, 1000, 2000, 4000, 8000, 16_000]);
  });

  it("tells the reason of each end", () => {
    const made = setup();
    last(made).end({ kind: "pdp-deactivated" });
    made.time.settle();
    assert.deepEqual(made.failures, [{ kind: "pdp-deactivated" }]);
    assert.deepEqual(made.delays, [500]);
  });

  it("goes on when the application's callbacks throw", () => {
    const bad = (): never => {
      throw new Error("oh no");
    };
    const made = setup({ failure: bad, onError: bad });
    last(made).end();
    made.time.advance(1000);
    assert.equal(made.sockets.length, 2);
  });

  it("goes on when the network underneath throws", () => {
    const { dns } = records(new FakeTime(), []);
    class Gone extends dns.io {
      constructor() {
        super();
        throw new Error("no network");
      }
    }
    const made = setup({ dns: { io: Gone } });
    made.time.advance(3999);
    assert.deepEqual(made.delays, [500, 1000, 2000, 4000]);
    assert.deepEqual(made.failures[0], { kind: "socket", detail: "no network" });
  });

  it("takes messages and subscriptions while it waits, and sends them when it can", () => {
    const made = setup();
    last(made).end();
    made.time.settle();
    made.client.subscribe([{ topic: "in" }]);
    made.client.publish({ topic: "out", qos: 1, payload: new BytesSource(bytes("x")) });
    made.time.advance(500);
    const socket = accept(made);
    assert.deepEqual(
      socket.packets().map(packet => packet.cmd),
      ["subscribe", "publish"],
    );
  });

  it("asks for the password anew for each connection", () => {
    let tokens = 0;
    const made = setup({ user: "u", password: () => `token${++tokens}` });
    for (let i = 1; i <= 3; i++) {
      last(made).writable(1000);
      const [packet] = last(made).packets();
      assert.ok(packet?.cmd === "connect");
      assert.equal(String(packet.password), `token${i}`);
      failTimes(made, 1);
    }
  });

  it("takes leave with DISCONNECT and does not come back", () => {
    const made = setup();
    const socket = accept(made);
    made.client.close();
    assert.deepEqual(
      socket.packets().map(packet => packet.cmd),
      ["disconnect"],
    );
    socket.end();
    made.time.advance(1_000_000);
    assert.equal(made.sockets.length, 1);
    assert.equal(made.time.pending, 0);
  });

  it("hangs up two seconds after DISCONNECT when the broker does not", () => {
    const made = setup({ keepAlive: 60_000 });
    const socket = accept(made);
    made.client.close();
    made.time.advance(1999);
    assert.equal(socket.closed, false);
    made.time.advance(1);
    assert.ok(socket.closed);
    assert.equal(made.time.pending, 0);
  });

  it("stops waiting when it is closed", () => {
    const made = setup();
    last(made).end();
    made.time.settle();
    made.client.close();
    made.time.advance(1_000_000);
    assert.equal(made.sockets.length, 1);
    assert.equal(made.time.pending, 0);
  });

  it("closes a connection that is not established yet", () => {
    const made = setup();
    made.client.close();
    assert.ok(last(made).closed);
    made.time.advance(1_000_000);
    assert.equal(made.sockets.length, 1);
  });
});
