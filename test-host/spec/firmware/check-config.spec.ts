import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { prepare } from "../../../hosts/esp32/prepare.js";
import { checkConfig, refuses } from "../../../hosts/firmware/check-config.js";
import type { DeviceConfig } from "../../../hosts/esp32/device-config.js";
import { config, type Report } from "./hosts.js";

const sleep = { everyMs: 900_000 };

/** A change of a good configuration, the member that is told, and the words. */
const wrong: readonly (readonly [name: string, change: object, member: string, why: RegExp])[] = [
  ["no module", { module: undefined }, "module", /is missing.*bg95, bc66/],
  ["a module that is not supported", { module: "bg96" }, "module", /is "bg96".*bg95, bc66/],
  ["a route that does not exist", { route: "tls" }, "route", /is "tls".*auto, module-tls/],
  [
    "credentials in a place that does not exist",
    { credentials: "sim" },
    "credentials",
    /is "sim".*device, module/,
  ],
  [
    "credentials in the module with a BC66",
    { credentials: "module", module: "bc66" },
    "module",
    /is "bc66".*bg95/,
  ],
  [
    "credentials in the module with TLS on the ESP32",
    { credentials: "module", route: "host-tls" },
    "route",
    /is "host-tls".*module-tls or module-mqtt/,
  ],
  ["no broker", { broker: undefined }, "broker.host", /is missing/],
  ["a broker without a name", { broker: { ...config.broker, host: "" } }, "broker.host", /1 to 150/],
  [
    "a port that is a text, as mcconfig makes it",
    { broker: { ...config.broker, port: "8883" } },
    "broker.port",
    /is "8883".*1 to 65535/,
  ],
  ["a port beyond the last", { broker: { ...config.broker, port: 65_536 } }, "broker.port", /1 to 65535/],
  ["TLS as a text", { broker: { ...config.broker, secure: "false" } }, "broker.secure", /true or false/],
  ["no client identifier", { clientId: "" }, "clientId", /1 to 65535/],
  ["no topic", { topic: undefined }, "topic", /is missing.*without \+ and #/],
  ["a topic with a wildcard", { topic: "devices/+/telemetry" }, "topic", /without \+ and #/],
  ["a count below zero", { count: -1 }, "count", /from 0/],
  ["a count that is no number", { count: NaN }, "count", /whole number/],
  ["half a message", { count: 1.5 }, "count", /whole number/],
  ["a QoS that does not exist", { qos: 3 }, "qos", /from 0 to 2/],
  ["a keep-alive in microseconds", { keepAlive: 60_000_000_000 }, "keepAlive", /65535000/],
  ["a unit's name in a password", { password: "{unit}" }, "password", /has \{unit\}; allowed in clientId/],
  ["a unit's name in a message", { message: "{unit} {n}" }, "message", /has \{unit\}/],
  [
    "a unit's name in a broker's",
    { broker: { host: "{unit}.example.com", port: 8883, secure: true, verify: true } },
    "broker.host",
    /has \{unit\}/,
  ],
  ["a PIN that is a number", { pin: 1234 }, "pin", /4 to 8 characters/],
  ["a token without an audience", { jwt: { lifetimeS: 3_600 } }, "jwt.audience", /is missing/],
  ["a token and a password", { jwt: { audience: "a", lifetimeS: 3_600 }, password: "p" }, "jwt", /either/],
  ["an interval in seconds", { sleep: { everyMs: 900 } }, "sleep.everyMs", /from 1000/],
  ["an interval of two years", { sleep: { everyMs: 63_072_000_000 } }, "sleep.everyMs", /to 2678400000/],
  ["no interval", { sleep: {} }, "sleep.everyMs", /is missing/],
  ["a way to sleep that does not exist", { sleep: { ...sleep, module: "deep" } }, "sleep.module", /psm, off/],
  ["no time awake", { sleep: { ...sleep, awakeMs: 0 } }, "sleep.awakeMs", /from 10000/],
  ["QoS 2 with sleep", { sleep, qos: 2 }, "qos", /with sleep/],
];

describe("check of the configuration", () => {
  it("finds nothing in a good one", () => {
    assert.deepEqual(checkConfig(config), []);
    assert.deepEqual(
      checkConfig({
        ...config,
        sleep: { ...sleep, awakeMs: 60_000, module: "off", sendEvery: 4, skipMost: 0, activeS: 10 },
      }),
      [],
    );
  });

  for (const [name, change, member, why] of wrong)
    it(`names ${name}`, () => {
      const faults = checkConfig({ ...config, ...change });
      const fault = faults.find(one => one.member === member);
      assert.ok(fault, JSON.stringify(faults));
      assert.match(fault.why, why);
    });

  it("names each of several faults", () => {
    const faults = checkConfig({ ...config, module: "x", qos: 9, topic: "" });
    assert.deepEqual(
      faults.map(({ member }) => member),
      ["module", "topic", "qos"],
    );
  });

  it("repeats no value that may be secret", () => {
    const secrets = { password: 4711, pin: "12345678901234", user: 4712, apnPassword: 4713, apnUser: 4714 };
    const faults = checkConfig({ ...config, ...secrets });
    assert.equal(faults.length, 5);
    assert.doesNotMatch(JSON.stringify(faults), /471|1234/);
  });

  it("throws at nothing that JSON can hold", () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        for (const { why } of checkConfig(value)) assert.ok(why.length < 200);
      }),
    );
  });

  it("reports each fault, and that nothing follows", () => {
    const reports: Report[] = [];
    const told = refuses((...report) => reports.push(report), checkConfig({ ...config, qos: 3 }));
    assert.ok(told);
    assert.deepEqual(reports, [
      ["failure", "config", "argument", undefined, "qos", "is 3; allowed is a whole number from 0 to 2"],
      ["gave-up"],
    ]);
  });
});

describe("an ESP32 that starts", () => {
  const device = { ...config, board: "devkit-bg95", tls: { DHE_RSA: false } } as const;

  function start(changes: object): { readonly reports: readonly Report[]; readonly isReady: boolean } {
    const reports: Report[] = [];
    const board = prepare({ ...device, ...changes }, (...report) => reports.push(report));
    return { reports, isReady: board !== undefined };
  }

  it("goes on with a good configuration, and says nothing", () => {
    assert.deepEqual(start({}), { reports: [], isReady: true });
  });

  it("goes on with one that has something to heed, and says it", () => {
    const { reports, isReady } = start({ wiring: { reset: 5 } });
    assert.ok(isReady);
    assert.deepEqual(
      reports.map(([event, member]) => [event, member]),
      [["warning", "wiring.reset"]],
    );
  });

  for (const [name, changes, member] of [
    ["a wrong pin", { wiring: { powerKey: 34 } }, "wiring.powerKey"],
    ["a board that is none", { board: "no-such" }, "board"],
    ["a module that is none", { module: "sim7000" }, "module"],
    ["a serial class that is none", { serial: "fast" }, "serial"],
    ["a watchdog of a day", { watchdogS: 86_400 }, "watchdogS"],
  ] as const)
    it(`stops at ${name}: says what is wrong and what to do, and that it gave up`, () => {
      const { reports, isReady } = start(changes);
      assert.ok(!isReady);
      assert.ok(
        reports.some(([event, , , , told]) => event === "failure" && told === member),
        JSON.stringify(reports),
      );
      assert.deepEqual(reports.at(-1), ["gave-up"]);
    });

  it("has a good configuration in the manifest of this project", () => {
    const text = readFileSync(new URL("../../../manifest.json", import.meta.url), "utf8");
    const manifest = JSON.parse(text) as {
      readonly config: object;
      readonly platforms?: { readonly esp32?: { readonly config?: object } };
    };
    const merged = { ...manifest.config, ...manifest.platforms?.esp32?.config } as DeviceConfig;
    const reports: Report[] = [];
    assert.ok(
      prepare(merged, (...report) => reports.push(report)),
      JSON.stringify(reports),
    );
  });
});
