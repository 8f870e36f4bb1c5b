import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { Authority } from "../../../certs/issue.js";
import { TLSSocket } from "../../../drivers/quectel/tls.js";
import { moduleStore } from "../../../drivers/quectel/module-store.js";
import { explainPassed } from "../../../drivers/quectel/route-sentences.js";
import type { ModuleName } from "../../../hosts/firmware/config.js";
import { nodeTls, deviceProfile } from "../../../hosts/workstation/tls-engine.js";
import type { CredentialRole } from "../../../modules/io/credentials.js";
import { BG95 } from "../../simulator/bg95/bg95.js";
import type { Bg95Changes } from "../../simulator/bg95/settings.js";
import { LoopbackNetwork } from "../../simulator/loopback.js";
import { Scheduler } from "../../simulator/scheduler.js";
import { Simulation } from "../../simulator/simulation.js";
import { createEngine } from "../../xs/index.js";
import { Mosquitto } from "../cli/mosquitto.js";
import { Bench, Client } from "../drivers/bench.js";
import { store } from "../drivers/identities.js";
import { fill, ModemBench, opened } from "../factory/modem-bench.js";
import { dates, EPOCH_MS, HOST, issueIdentities, RouteScene, type Identities, type Way } from "./scene.js";

/** What lies in a module's file system. */
type Files = ReadonlyMap<string, Uint8Array>;

const NOTHING = { ca: undefined, certificate: undefined, key: undefined } as const;
const WAYS: readonly Way[] = [
  ["bg95", "module-tls"],
  ["bg95", "module-mqtt"],
];
/** Commands that change a file or read one. */
const TOUCHING = ["+QFUPL", "+QFDWL", "+QFDEL", "+QFOPEN", "+QFREAD", "+QFWRITE"];

/** A module as it comes from the factory's bench. */
async function provisioned({ root, device }: Pick<Identities, "root" | "device">): Promise<Files> {
  const bench = await ModemBench.bg95();
  try {
    const { target } = await opened(bench.address);
    await target.connect();
    const half = createPublicKey(device.keyPem).export({ type: "spki", format: "der" });
    const { certificate, key } = device;
    await fill(target, { ca: root.certificate, certificate, key, half: Uint8Array.from(half) });
    await target.close();
    return new Map(
      bench.modem.files.names.map(name => [name, bench.modem.files.read(name) ?? new Uint8Array()]),
    );
  } finally {
    await bench.close();
  }
}

/** Puts them into a module in place of what is there. */
function put(modem: { readonly files: BG95["files"] }, files: Files): void {
  for (const name of modem.files.names) modem.files.delete(name);
  for (const [name, bytes] of files) modem.files.write(name, bytes);
}

function fileOf(files: Files, role: CredentialRole): string {
  const name = [...files.keys()].find(one => one.startsWith(`xs-${role}-`));
  assert.ok(name !== undefined, `a file of ${role}`);
  return name;
}

function without(files: Files, ...roles: readonly CredentialRole[]): Files {
  return new Map([...files].filter(([name]) => !roles.some(role => name.startsWith(`xs-${role}-`))));
}

function bg95Of({ modem }: RouteScene): BG95 {
  assert.ok(modem instanceof BG95);
  return modem;
}

/** What was done to files, by command. */
function touched(modem: BG95): readonly string[] {
  return TOUCHING.filter(name => (modem.commandCounts.get(name) ?? 0) > 0);
}

describe("credentials in the module's file system alone", () => {
  let identities: Identities;
  let files: Files;

  before(async function () {
    this.timeout(60_000);
    identities = await issueIdentities();
    files = await provisioned(identities);
  });

  /** A device without credentials of its own on a module with these files. */
  function run(
    way: Way,
    held: Files,
    work: (scene: RouteScene, modem: BG95) => Promise<void>,
    options: Partial<Parameters<typeof RouteScene.run>[0]> = {},
  ): Promise<void> {
    const config = { credentials: "module", ...options.config } as const;
    return RouteScene.run({ identities, way, credentials: NOTHING, ...options, config }, async scene => {
      const modem = bg95Of(scene);
      put(modem, held);
      await work(scene, modem);
    });
  }

  for (const way of WAYS) {
    const route = way[1];

    it(`bring a device without a store online by ${route} in XS, and no file is read, written or deleted`, () =>
      run(
        way,
        files,
        async (scene, modem) => {
          await scene.online();
          assert.deepEqual(touched(modem), []);
          assert.deepEqual(
            scene.record.credentials.map(({ role, fileName, action, byteLength }) => [
              role,
              fileName,
              action,
              byteLength,
            ]),
            (["ca", "certificate", "key"] as const).map(role => {
              const name = fileOf(files, role);
              return [role, name, "kept", files.get(name)?.length];
            }),
          );
        },
        { engine: "xs" },
      ));

    it(`present the provisioned certificate to mosquitto by ${route}, which requires one`, async function () {
      this.timeout(60_000);
      const broker = await Mosquitto.start(this, {
        tls: {
          server: identities.server,
          ca: identities.root.certificatePem,
          requireCertificate: true,
          version: "tlsv1.2",
        },
      });
      const scheduler = new Scheduler({ mode: "sockets" });
      const network = new LoopbackNetwork({ scheduler, resolve: [`${HOST}=127.0.0.1`] });
      const engine = await createEngine({
        engine: "xs",
        config: {
          module: "bg95",
          route,
          credentials: "module",
          baud: 115_200,
          broker: { host: HOST, port: broker.port, secure: true, verify: true },
          clientId: "device",
          topic: "up",
          message: "{n}",
          count: 2,
          qos: 1,
          commands: 0,
          lingerMs: 0,
          attempts: 1,
          keepAlive: 60_000,
        },
        credentials: {},
        tls: now => nodeTls({ profile: deviceProfile, now }),
      });
      try {
        const modem = new BG95({ scheduler, network, settings: { epochMs: EPOCH_MS } });
        put(modem, files);
        const reports: string[] = [];
        const simulation = new Simulation({ scheduler, modem, engine, onReport: text => reports.push(text) });
        const isOver = (): boolean => reports.some(text => /^\["(done|gave-up)"/.test(text));
        await simulation.run({ until: isOver, untilMs: 600_000 });
        assert.equal(reports.at(-1), '["done"]', reports.slice(-5).join(" "));
        assert.deepEqual(touched(modem), []);
      } finally {
        await engine.stop();
        network.close();
        await broker.stop();
      }
    });

    const missing: readonly (readonly [string, CredentialRole, (files: Files) => Files])[] = [
      ["nothing", "ca", () => new Map()],
      ["no CA", "ca", held => without(held, "ca")],
      ["no certificate", "certificate", held => without(held, "certificate")],
      ["no key", "key", held => without(held, "key")],
      [
        "a file of another name alone",
        "key",
        held => new Map([...without(held, "key"), ["key.pem", new Uint8Array(9)]]),
      ],
    ];
    for (const [what, role, held] of missing)
      it(`that hold ${what} fail by ${route} with the role, and that it is to be provisioned`, () =>
        run(way, held(files), async (scene, modem) => {
          const failure = await scene.failure();
          assert.deepEqual(
            [failure.kind, failure.command, failure.detail],
            ["credential", "AT+QFLST", `${role}: the module holds no file xs-${role}-*.pem`],
          );
          assert.match(scene.explain(failure), /Provision the module/);
          assert.deepEqual(touched(modem), []);
          assert.equal(scene.connections, 0);
        }));

    it(`that hold two keys fail by ${route}, because nobody knows which of them counts`, () =>
      run(way, new Map([...files, ["xs-key-00000000.pem", new Uint8Array(1_000)]]), async (scene, modem) => {
        const failure = await scene.failure();
        assert.equal(failure.kind, "credential");
        assert.match(failure.detail ?? "", /^key: the module holds 2 files xs-key-\*\.pem/);
        assert.match(scene.explain(failure), /AT\+QFDEL/);
        assert.equal(modem.files.names.length, 4);
        assert.equal(scene.connections, 0);
      }));

    it(`are looked for again at each connection by ${route}: those of a later provisioning are used`, async () => {
      const root = await Authority.create({ commonName: "Later Root", key: "RSA-2048", ...dates });
      const device = await root.client({ commonName: "device", key: "RSA-2048", ...dates });
      // The broker's own certificate stays that of the former CA.
      const later = await provisioned({ root: identities.root, device });
      await run(
        way,
        files,
        async (scene, modem) => {
          const connected = (times: number) => () =>
            scene.reports.filter(([name]) => name === "mqtt").length >= times;
          assert.equal((await scene.until(connected(1))).reason, "condition", scene.told);
          put(modem, later);
          scene.serve({ ca: root.certificatePem });
          scene.broker.end();
          assert.equal((await scene.until(connected(2))).reason, "condition", scene.told);
          assert.equal(scene.record.credentials.at(-1)?.fileName, fileOf(later, "key"));
          assert.deepEqual(touched(modem), []);
        },
        { config: { count: 0, attempts: 0 } },
      );
    });

    it(`that were deleted in the middle are missed at the next connection by ${route}, and used once they are back`, () =>
      run(
        way,
        files,
        async (scene, modem) => {
          const happened = (wanted: string, times: number) => () =>
            scene.reports.filter(([name]) => name === wanted).length >= times;
          assert.equal((await scene.until(happened("mqtt", 1))).reason, "condition", scene.told);
          put(modem, without(files, "key"));
          scene.broker.end();
          await scene.until(() => scene.failures.some(({ kind }) => kind === "credential"));
          assert.match(scene.failures.at(-1)?.detail ?? "", /^key: the module holds no file/);
          put(modem, files);
          assert.equal((await scene.until(happened("mqtt", 2))).reason, "condition", scene.told);
        },
        { config: { count: 0, attempts: 0 } },
      ));

    it(`whose contents were damaged are the handshake's failure by ${route}, and nothing is uploaded in their place`, () =>
      run(way, new Map([...files, [fileOf(files, "key"), new Uint8Array(1_000)]]), async (scene, modem) => {
        assert.equal((await scene.failure()).kind, "tls");
        assert.deepEqual(touched(modem), []);
      }));
  }

  it("are named anew after the module has restarted and forgotten its settings", () =>
    run(
      ["bg95", "module-tls"],
      files,
      async (scene, modem) => {
        const connected = (times: number) => () =>
          scene.reports.filter(([name]) => name === "mqtt").length >= times;
        await scene.until(connected(1));
        modem.module.power.crash();
        assert.equal((await scene.until(connected(2))).reason, "condition", scene.told);
        assert.deepEqual(touched(modem), []);
      },
      { config: { count: 0, attempts: 0 } },
    ));

  const refused: readonly (readonly [ModuleName, Way[1] | "auto", string])[] = [
    ["bg95", "host-tls", "host-tls: store"],
    ["bc66", "module-tls", "module-tls: store"],
    ["bc66", "module-mqtt", "module-mqtt: store"],
    ["bc66", "auto", "host-tls: store, module-tls: store, module-mqtt: store"],
  ];
  for (const [module, route, passed] of refused)
    it(`are refused by route ${route} of a ${module.toUpperCase()} before anything is sent to a broker`, () =>
      RouteScene.run(
        {
          identities,
          way: [module, "module-tls"],
          credentials: NOTHING,
          config: { credentials: "module", route },
        },
        async scene => {
          const failure = await scene.failure();
          assert.deepEqual([failure.kind, failure.detail], ["route", passed]);
          assert.match(
            explainPassed(failure.detail ?? ""),
            /cannot use credentials that only the module's file system holds/,
          );
          assert.equal(scene.connections, 0);
        },
      ));

  it("are not asked for suites less than others: a broker without a common one is passed over", () =>
    run(
      ["bg95", "module-tls"],
      files,
      async scene => {
        const failure = await scene.failure();
        assert.deepEqual(
          [failure.kind, failure.detail],
          ["route", "module-tls: suites, host-tls: suites, module-mqtt: suites"],
        );
      },
      {
        config: {
          route: "auto",
          broker: { host: HOST, port: 8883, secure: true, verify: true, suites: [0x1301] },
        },
      },
    ));

  const forms: readonly (readonly [string, Bg95Changes, boolean])[] = [
    ["that answers OK when there is no file", { listEmpty: "ok" }, false],
    ["that answers 405 when there is no file", { listEmpty: "error-405" }, false],
    ["that writes UFS: before each name", { listPrefix: true }, true],
  ];
  for (const [form, settings, isFilled] of forms)
    it(`are ${isFilled ? "found" : "missed"} with firmware ${form}`, () =>
      run(
        ["bg95", "module-tls"],
        isFilled ? files : new Map(),
        async scene => {
          if (isFilled) await scene.online();
          else assert.match((await scene.failure()).detail ?? "", /^ca: the module holds no file/);
        },
        { bg95: { settings } },
      ));

  it("are not called missing when the module refuses to list them: its own answer is the failure", () =>
    run(
      ["bg95", "module-tls"],
      files,
      async scene => {
        const failure = await scene.failure();
        assert.deepEqual([failure.kind, failure.command], ["error", "AT+QFLST"]);
      },
      { faults: ["error command=+QFLST nth=2"] },
    ));

  for (const fault of [
    "reset command=+QFLST nth=2",
    "silence for=60000 command=+QFLST nth=3",
    "lose to=host at=3000 count=40",
  ])
    it(`bring the device online after ${fault}`, () =>
      run(
        ["bg95", "module-tls"],
        files,
        async (scene, modem) => {
          await scene.online();
          assert.deepEqual(touched(modem), []);
        },
        { faults: [fault], config: { attempts: 0 } },
      ));

  it("can be the key's and the certificate's alone, with a CA that the application brings", async () => {
    const bench = await new Bench({ settings: { epochMs: EPOCH_MS } }).goOnline();
    put(bench.module, without(files, "ca"));
    const { root } = identities;
    const server = await root.server({ commonName: "broker.test", key: "RSA-2048", ...dates });
    bench.network.serveTls(
      8883,
      {
        key: server.keyPem,
        cert: server.chainPem,
        ca: root.certificatePem,
        requestCert: true,
        rejectUnauthorized: true,
      },
      socket => socket.on("error", () => undefined),
    );
    const ca = store({ ca: root.certificate }).open("ca");
    assert.ok(ca);
    const client = new Client(
      bench,
      all => new TLSSocket({ ...all, secure: { certificate: ca, credentials: moduleStore } }),
      { host: "broker.test", port: 8883 },
    );
    await bench.until("result", () => client.connected || client.ended);
    assert.equal(client.failure, undefined);
    assert.equal(bench.module.commandCounts.get("+QFUPL"), 1);
    assert.ok(bench.module.files.has(fileOf(files, "key")));
  });
});
