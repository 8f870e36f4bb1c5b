import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { prepare } from "../../../hosts/esp32/prepare.js";
import { checkConfig } from "../../../hosts/firmware/check-config.js";
import type { DeviceConfig } from "../../../hosts/esp32/device-config.js";
import type { FirmwareConfig, ModuleName, SleepConfig } from "../../../hosts/firmware/config.js";
import type { LinkName } from "../../simulator/link.js";
import { root } from "../cli/support.js";
import { config, type Report } from "./hosts.js";
import { startSide, Station, type Side } from "./station-scene.js";

const page = readFileSync(new URL("../../../docs/esp32.md", import.meta.url), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp("```" + language + "\\n([^]*?)```", "g"))].map(([, text = ""]) => text);

/** Tells more of the way than the page shows: how data are sent, credentials, memory. */
const BESIDE = new Set(["send", "credential", "buffer", "subscribed", "handshake"]);

describe("docs/esp32.md", function () {
  this.timeout(60_000);
  let side: Side;
  before(async () => {
    side = await startSide();
  });
  after(() => side.broker.close());

  it("shows a configuration that an ESP32 starts with", () => {
    const [first = ""] = blocks("json");
    const reports: Report[] = [];
    const shown = (JSON.parse(first) as { readonly config: DeviceConfig }).config;
    assert.ok(prepare(shown, (...report) => reports.push(report)));
    assert.deepEqual(reports, []);
  });

  it("names every member of a configuration, and no other", () => {
    const [, table = ""] = /\| member \| what it is \|\n([^]*?)\n\n/.exec(page) ?? [];
    const named = [...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, cell = ""]) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
    );
    // The type itself is the list.
    const members: Record<keyof Omit<DeviceConfig, "tls" | "timeServer" | "version">, true> = {
      module: true,
      board: true,
      wiring: true,
      chip: true,
      route: true,
      credentials: true,
      apn: true,
      apnUser: true,
      apnPassword: true,
      pin: true,
      broker: true,
      clientId: true,
      user: true,
      password: true,
      jwt: true,
      topic: true,
      message: true,
      count: true,
      qos: true,
      subscribe: true,
      commands: true,
      lingerMs: true,
      attempts: true,
      keepAlive: true,
      sleep: true,
      serial: true,
      watchdogS: true,
    };
    assert.deepEqual([...named].sort(), Object.keys(members).sort());
  });

  it("shows the report of a wrong member as it comes", () => {
    const [fault] = checkConfig({ ...config, broker: { ...config.broker, port: "8883" } });
    assert.ok(page.includes(`failure config argument  ${fault?.member} ${fault?.why}`));
  });

  it("shows the sleep that it describes, with every member", () => {
    const [, second = ""] = blocks("json");
    const { sleep } = JSON.parse(second) as { readonly sleep: Required<SleepConfig> };
    assert.deepEqual(checkConfig({ ...config, sleep }), []);
    for (const name of Object.keys(sleep)) assert.ok(page.includes(`| \`${name}\` |`), name);
  });

  it("shows the log of the first message as the simulated device writes it", async () => {
    const shown = blocks("text")
      .find(text => text.startsWith("state booting"))
      ?.trim()
      .split("\n")
      .map(line => line.split(" "));
    const count: Partial<FirmwareConfig> = { count: 1, message: "message {n}" };
    const station = new Station({
      side,
      sleep: null,
      config: count,
      engine: { engine: "node", entry: "hosts/firmware/main" },
    });
    try {
      await station.life.run({ until: () => station.told("done").length > 0, untilMs: 60_000 });
      const told = station.reports
        .map(([, ...report]) => report)
        .filter(([event]) => !BESIDE.has(String(event)) && event !== "done");
      assert.deepEqual(
        shown?.map(([event, value]) => (event === "state" ? `${event} ${value}` : event)),
        told.map(([event, value]) => (event === "state" ? `${event} ${String(value)}` : event)),
      );
    } finally {
      await station.stop();
    }
  });

  it("shows the time awake as it is measured", async () => {
    const [, table = ""] = /<!-- awake -->([^]*)<!-- \/awake -->/.exec(page) ?? [];
    const rows = [
      ...table.matchAll(/^\| (bg95|bc66) +\| ([\w-]+) +\| (psm|off) +\| (yes|no) +\| +([\d,]+) +\|$/gm),
    ];
    assert.equal(rows.length, 4);
    for (const [row, module, link, sleep, wake, shown = ""] of rows) {
      const station = new Station({
        module: module as ModuleName,
        side,
        link: link as LinkName,
        sleep: { module: sleep as "psm" | "off" },
        engine: { engine: "node", wired: { wake: wake === "yes" } },
      });
      try {
        await station.sleeps(2);
        const [, [, awakeMs] = []] = station.told("sleep");
        const expected = Number(shown.replace(",", ""));
        assert.ok(Math.abs(Number(awakeMs) - expected) < 0.05 * expected, `${row}: ${String(awakeMs)}`);
        assert.deepEqual(station.told("failure"), []);
      } finally {
        await station.stop();
      }
    }
  });

  it("names a build command that says what it would do, and what is missing", async () => {
    const args = ["bin/xs-cellular.js", "build", "esp32", "board=devkit-bg95", "--dry-run"];
    const printed = await new Promise<string>(resolve => {
      execFile(process.execPath, args, { cwd: root, env: { PATH: process.env.PATH } }, (_, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    assert.match(printed, /npx xs-dev setup --device esp32/);
    assert.match(printed, /mcconfig -m -p esp32/);
    for (const line of ["npx xs-dev setup", "npx xs-dev setup --device esp32"])
      assert.ok(page.includes(line));
  });
});
