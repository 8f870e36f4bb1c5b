import assert from "node:assert/strict";
import { bg95 } from "../../../drivers/bg95/profile.js";
import { bg95Mqtt } from "../../../drivers/bg95/mqtt.js";
import type { Route } from "../../../drivers/quectel/route.js";
import { HostTlsRoute } from "../../../drivers/quectel/routes/host-tls.js";
import { ModuleMqttRoute } from "../../../drivers/quectel/routes/module-mqtt.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import { TLSSocket } from "../../../drivers/quectel/tls.js";
import {
  deviceNetwork,
  type DeviceNetwork,
  type NetworkPlatform,
} from "../../../hosts/moddable/device-network.js";
import type { CellularInterface } from "../../../hosts/moddable/network-interface.js";
import type { SocketOptions, StreamSocket } from "../../../modules/io/socket.js";
import { Bench, HOST, PORT } from "../drivers/bench.js";
import { store } from "../drivers/identities.js";

interface Record {
  readonly io: unknown;
  readonly port: number;
  readonly dns: { readonly io: new (options: object) => { resolve(request: object): void } };
  readonly socket: {
    readonly io: new (options: SocketOptions & { readonly secure?: object }) => StreamSocket;
  };
}

class Client {
  readonly isClient = true;
}

interface Scene {
  readonly bench: Bench;
  readonly network: DeviceNetwork;
  readonly reports: unknown[][];
  readonly record: (name: string) => Record;
}

const usual: readonly Route[] = [
  new ModuleTlsRoute(TLSSocket, TCP),
  new HostTlsRoute(),
  new ModuleMqttRoute(bg95Mqtt),
];

/** Over a bench's port and clock; the bench's own driver rests. */
function scene(
  settings: Partial<NetworkPlatform> = {},
  contained: readonly string[] = ["mqtt", "http", "websocket"],
): Scene {
  const bench = new Bench({ running: true });
  const reports: unknown[][] = [];
  const network = deviceNetwork(
    {
      profile: bg95,
      serial: bench.cellular.serial,
      timer: bench.timer,
      clock: bench.clock,
      power: {},
      routes: usual,
      credentials: store({}),
      report: (...values) => reports.push(values),
      ...settings,
    },
    specifier => (contained.some(name => specifier.includes(name)) ? Client : undefined),
  );
  return { bench, network, reports, record: name => network[name] as Record };
}

async function online(parts: Scene): Promise<CellularInterface> {
  const view = new parts.network.cellular.io({});
  view.connect();
  await parts.bench.until("online", () => view.connection === 500);
  return view;
}

/** As the SDK's examples do with `device`. */
function freezeDeep(value: unknown): void {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || Object.isFrozen(value))
    return;
  Object.freeze(value);
  for (const part of Object.values(value)) freezeDeep(part);
}

describe("device.network", () => {
  describe("cellular, as an interface of the SDK's kind", () => {
    it("goes from 200 to 500 and has an address then; each step is told once", async () => {
      const parts = scene();
      const told: unknown[] = [];
      const view = new parts.network.cellular.io({
        onChanged(property) {
          told.push(property === "connection" ? this.connection : this.address);
        },
      });
      assert.deepEqual([view.connection, view.address], [200, undefined]);
      view.connect();
      await parts.bench.until("online", () => view.connection === 500);
      assert.deepEqual(told, [300, 400, 500, view.address]);
      assert.match(view.address ?? "", /^\d+\.\d+\.\d+\.\d+$/);
      view.disconnect();
      await parts.bench.until("offline", () => view.connection === 200);
      assert.deepEqual(told.slice(4), [200, undefined]);
    });

    it("shows the same modem to every instance, and close ends the instance alone", async () => {
      const parts = scene();
      const told: string[] = [];
      const first = new parts.network.cellular.io({ onChanged: property => told.push(property) });
      first.close();
      first.close();
      const view = await online(parts);
      assert.deepEqual(told, []);
      assert.equal(new parts.network.interface.cellular.io({}).connection, view.connection);
      for (const member of [
        () => first.connection,
        () => first.address,
        () => first.connect(),
        () => first.disconnect(),
      ])
        assert.throws(member, SyntaxError);
    });

    it("an instance may close itself and others in its callback, and begin new ones", async () => {
      const parts = scene();
      const { io } = parts.network.cellular;
      let calls = 0;
      const first = new io({
        onChanged() {
          calls++;
          this.close();
          second.close();
          new io({});
        },
      });
      const second = new io({ onChanged: () => assert.fail("closed before its turn") });
      await online(parts);
      assert.equal(calls, 1);
      assert.throws(() => first.connection, SyntaxError);
    });

    it("an exception in a callback stays there: others hear, and it is reported", async () => {
      const parts = scene();
      const told: string[] = [];
      new parts.network.cellular.io({
        onChanged: () => {
          throw new Error("of the application");
        },
      });
      new parts.network.cellular.io({ onChanged: property => told.push(property) });
      await online(parts);
      assert.ok(told.includes("address"));
      assert.ok(
        parts.reports.some(
          ([event, words]) => event === "exception" && String(words).includes("of the application"),
        ),
      );
    });
  });

  describe("records", () => {
    it("are there for the clients that the application contains, with their ports", () => {
      const ports = (parts: Scene): unknown =>
        Object.entries(parts.network)
          .filter(([name]) => name !== "cellular" && name !== "interface")
          .map(([name, record]) => [name, (record as Record).port]);
      assert.deepEqual(ports(scene()), [
        ["mqtt", 1883],
        ["mqtts", 8883],
        ["http", 80],
        ["https", 443],
        ["ws", 80],
        ["wss", 443],
      ]);
      assert.deepEqual(ports(scene({}, ["http"])), [
        ["http", 80],
        ["https", 443],
      ]);
      assert.deepEqual(ports(scene({}, [])), []);
      assert.equal(scene().record("http").io, Client);
    });

    it("without a way to TLS there are the plain ones alone; MQTT by the module is no socket", () => {
      for (const routes of [[], [new ModuleMqttRoute(bg95Mqtt)]]) {
        const { network, reports } = scene({ routes });
        assert.deepEqual(
          Object.keys(network).filter(name => name.endsWith("s")),
          ["ws"],
        );
        assert.deepEqual(reports[0]?.slice(0, 2), ["route", undefined]);
      }
    });

    it("connect as the SDK's clients do, also when the application has frozen everything", async () => {
      const parts = scene();
      freezeDeep(parts.network);
      await online(parts);
      const { bench } = parts;
      bench.network.serve(PORT, peer => {
        peer.onData = bytes => peer.write(Buffer.from(bytes).toString("latin1").toUpperCase());
      });
      const record = parts.record("http");
      let answer = "";
      new record.dns.io(record.dns).resolve({
        host: HOST,
        onResolved: (host: string, address: string) => {
          let asked = false;
          new record.socket.io({
            ...record.socket,
            address,
            host,
            port: PORT,
            onWritable() {
              if (!asked) this.write(Uint8Array.from(Buffer.from("question")));
              asked = true;
            },
            onReadable(count) {
              answer += Buffer.from(this.read(count) as ArrayBuffer).toString("latin1");
            },
          });
        },
      });
      await bench.until("an answer", () => answer.length === 8);
      assert.equal(answer, "QUESTION");
    });

    it("tell why a connection failed, which the SDK's clients do not, unless the application asks itself", async () => {
      const parts = scene();
      await online(parts);
      const { io } = parts.record("http").socket;
      let ended = 0;
      const own: string[] = [];
      const onError = (): void => {
        ended++;
      };
      new io({ host: HOST, port: PORT, onError });
      new io({ host: HOST, port: PORT, onError, failure: ({ kind }) => own.push(kind) });
      await parts.bench.until("both have ended", () => ended === 2);
      const told = parts.reports.filter(([event]) => event === "failure");
      assert.deepEqual(
        told.map(values => values.slice(1, 4)),
        [["socket", "connect", 566]],
      );
      assert.deepEqual(own, ["connect"]);
    });

    it("TLS: nothing is checked where the application says so", async () => {
      const parts = scene();
      await online(parts);
      const { io } = parts.record("https").socket;
      let ended = false;
      new io({ host: HOST, port: PORT, secure: { verify: false }, onError: () => (ended = true) });
      await parts.bench.until("it has ended", () => ended);
      assert.deepEqual(parts.bench.sent('AT+QSSLCFG="seclevel"'), ['AT+QSSLCFG="seclevel",0,0']);
    });

    it("TLS: everything is checked by default, and without a trusted certificate nothing is opened", async () => {
      const parts = scene();
      await online(parts);
      const { io } = parts.record("https").socket;
      let reason = "";
      new io({ host: HOST, port: PORT, failure: ({ kind }) => (reason = kind) });
      await parts.bench.until("it has ended", () => reason !== "");
      assert.equal(reason, "credential");
      assert.deepEqual(parts.bench.sent("AT+QSSLOPEN"), []);
    });
  });
});
