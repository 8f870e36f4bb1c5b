import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { assertRefused, Floor } from "./provision-floor.js";
import { ended, freePort, hear, start } from "./support.js";

const DEVICE = { target: "device", key: { made: "device", kind: "P-256" } };

describe("xs-cellular provision run", function () {
  this.timeout(90_000);
  const floor = new Floor();
  /** Takes connections and says nothing: a unit that is dead, or no unit of ours. */
  let silent: Server;
  let dead: string;
  before(async () => {
    await floor.open();
    floor.units("units.csv", "unit-1", "unit-2", "unit-3");
    floor.units("one.csv", "unit-1");
    floor.profile("profile.json", DEVICE);
    floor.profile("image.json", { name: "images" });
    floor.profile("modem.json", { name: "modems", target: "modem" });
    floor.write("report.html", "somebody's");
    symlinkSync("/dev/null", floor.folder.file("null"));
    silent = createServer(socket => socket.on("error", () => undefined));
    await new Promise<void>(resolve => silent.listen(0, "127.0.0.1", resolve));
    dead = `tcp:127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
  });
  afterEach(() => floor.stopDevices());
  after(() => {
    silent.close();
    floor.close();
  });

  const wrong: readonly (readonly [title: string, args: readonly string[], about: RegExp])[] = [
    ["no port", ["--units", "units.csv"], /--port is missing/],
    ["the same port twice", ["--port", "/dev/a", "--port", "/dev/a"], /--port \/dev\/a is there twice/],
    [
      "one device by two names",
      ["--port", "/dev/null", "--port", "null"],
      /--port null is there twice: it is the same device as \/dev\/null/,
    ],
    ["a port without a name", ["--port", ""], /--port is empty/],
    ["a port of TCP without a number", ["--port", "tcp:nonsense"], /--port tcp:nonsense is no tcp:HOST:PORT/],
    ["a port of TCP that none can have", ["--port", "tcp:a:65536"], /is no tcp:HOST:PORT/],
    [
      "one serial for two ports",
      ["--serial", "unit-1", "--port", "/dev/a", "--port", "/dev/b"],
      /--serial is given with 2 ports/,
    ],
    [
      "one serial for all that follow",
      ["--serial", "unit-1", "--port", "/dev/a", "--continuous"],
      /--serial is given with --continuous/,
    ],
    ["images of a profile for devices", ["--images", "images", "--port", "/dev/a"], /target is "device"/],
    ["images without a folder", ["--profile", "image.json"], /--images is missing/],
    ["images into a file", ["--profile", "image.json", "--images", "passphrase"], /passphrase is no folder/],
    [
      "a port for images",
      ["--profile", "image.json", "--images", "i", "--port", "/dev/a"],
      /--port is given, but/,
    ],
    [
      "a report of nothing",
      ["--port", "/dev/a", "--dry-run", "--report", "r.html"],
      /--report has no meaning with --dry-run/,
    ],
    [
      "a report in the place of a file",
      ["--port", "/dev/a", "--report", "report.html"],
      /report\.html is there already/,
    ],
    [
      "a rate for the firmware's console",
      ["--port", "/dev/a", "--baud", "9600"],
      /--baud is given, but the profile's target is "device"/,
    ],
    ["an access point for the firmware", ["--port", "/dev/a", "--apn", "internet"], /--apn is given, but/],
    [
      "a rate that no module has",
      ["--profile", "modem.json", "--port", "/dev/a", "--baud", "1"],
      /--baud 1 is not known/,
    ],
    ["a wrong passphrase", ["--port", "/dev/a", "--passphrase-file", "wrong"], /does not open/],
    ["no list and no ledger", ["--port", "/dev/a"], /there is no ledger at/],
  ];
  for (const [title, args, about] of wrong)
    it(`refuses ${title}, and makes no ledger`, async () => {
      assertRefused(await floor.provision(["run", ...args]), about);
      assert.ok(!existsSync(floor.folder.file("ledger.db")));
      assert.equal(floor.read("report.html"), "somebody's");
    });

  it("a port that is not there and a unit that is dead: 3, both told, and the ledger has the list", async () => {
    const { code, lines, summary } = await floor.json([
      "run",
      "--units",
      "units.csv",
      "--port",
      "/dev/nowhere",
    ]);
    assert.equal(code, 3);
    const result = lines.find(({ event }) => event === "result") as unknown as {
      outcome: string;
      failure: { kind: string; code: string; why: string; fix: string };
    };
    assert.deepEqual([result.outcome, result.failure.kind], ["failed", "environment"]);
    assert.ok(result.failure.why !== "" && result.failure.fix !== "");
    assert.deepEqual([summary["units"], summary["unitsDone"], summary["failed"]], [3, 0, 1]);
  });

  it("a serial that nobody listed is refused before a port is opened, dry or not", async () => {
    const args = ["run", "--port", "/dev/nowhere", "--serial", "nobody", "--ledger", "nobody.db"];
    const { code, lines, summary } = await floor.json([...args, "--units", "units.csv"]);
    assert.equal(code, 2);
    assert.ok(!lines.some(({ event }) => event === "result"));
    assert.equal((summary["failure"] as { code: string }).code, "unknown-serial");
    assertRefused(await floor.provision([...args, "--dry-run"]), /the ledger knows no unit nobody/);
  });

  it("a unit that does not answer ends with 1, and in three sentences", async () => {
    const run = await floor.provision(["run", "--port", dead]);
    assert.equal(run.code, 1, run.stderr);
    assert.match(run.stderr, /xs-cellular: .+\n {2}why: .+\n {2}fix: /);
    assert.match(run.stdout, /0 units done, 1 failed \(/);
    assert.match(run.stdout, /failed after \d+\.\d s: silent, the device does not answer/);
    assert.match(run.stdout, /Run again: finished units are left alone/);
  });

  describe("with a device", () => {
    // The list comes into the ledger, and nothing else.
    before(() => floor.provision(["run", "--units", "units.csv", "--port", "/dev/nowhere"]));

    it("--dry-run says who is there and what would be done, and writes nothing", async () => {
      const port = await floor.device("dry");
      const flash = floor.folder.file("dry/esp_secure_cert.bin");
      const before = floor.snapshot().filter(line => !line.includes("/dry"));
      const { stdout } = await floor.good(["run", "--port", port, "--dry-run"]);
      assert.match(stdout, /MAC [0-9A-F]{12}/);
      assert.match(stdout, /unit-1: would get a key \(P-256, made by the unit\)/);
      assert.match(stdout, /Nothing was written, neither to a unit nor to the ledger/);
      const { summary, lines } = await floor.json([
        "run",
        "--port",
        port,
        "--dry-run",
        "--units",
        "units.csv",
      ]);
      assert.equal(summary["dryRun"], true);
      assert.deepEqual(
        lines.filter(({ event }) => event === "would").map(({ serial, action }) => [serial, action]),
        [["unit-1", "begin"]],
      );
      assert.deepEqual(
        floor.snapshot().filter(line => !line.includes("/dry")),
        before,
      );
      // Flash that nothing was written to is no file yet, or as it was erased.
      assert.ok(!existsSync(flash) || readFileSync(flash).every(byte => byte === 0xff));
    });

    it("tells each state as it is reached, and what it all came to", async () => {
      const port = await floor.device("first");
      const { stdout, stderr } = await floor.good([
        "run",
        "--port",
        port,
        "--report",
        "report.html",
        "--force",
      ]);
      const states = [
        "begins",
        "begun",
        "key made by the unit itself",
        "certificate issued",
        "written and read back",
        "key proved",
        "put in use",
        "unit-1 done in",
      ];
      const places = states.map(words => stdout.indexOf(words));
      assert.ok(
        places.every((at, index) => at > (places[index - 1] ?? -1)),
        stdout,
      );
      assert.match(
        stdout,
        /1 unit done, in \d+\.\d s\.\n1 of 3 units of demo is done\.\nReport: report\.html\n$/,
      );
      assert.equal(stderr, "");
      assert.match(floor.read("report.html"), /<html[\s\S]*unit-1/);
    });

    it("a finished unit is left alone, and said so", async () => {
      const port = await floor.device("first");
      const flash = floor.read("first/esp_secure_cert.bin");
      const { stdout } = await floor.good(["run", "--port", port]);
      assert.match(stdout, /unit-1 was done before, and was left alone/);
      assert.equal(floor.read("first/esp_secure_cert.bin"), flash);
      const dry = await floor.good(["run", "--port", port, "--dry-run"]);
      assert.match(dry.stdout, /unit-1: is done, and would be left alone/);
    });

    it("--serial names the unit; another one at the port is refused", async () => {
      const port = await floor.device("first");
      const run = await floor.provision(["run", "--port", port, "--serial", "unit-2"]);
      assert.equal(run.code, 1);
      assert.match(run.stderr, /the unit at this port is unit-1, not unit-2/);
      assert.match(run.stdout, /failed after \d+\.\d s: other-unit, the unit at this port is unit-1/);
      // The next run would end in the same way.
      assert.match(run.stdout, /1 of 3 units of demo is done\. Running again alone does not help/);
      assert.doesNotMatch(run.stdout, /finished units are left alone/);
    });

    it("--json tells the same in lines with stable names, and --station is in the ledger", async () => {
      const port = await floor.device("second", "--mac", "246F28000002");
      const { code, lines, summary } = await floor.json([
        "run",
        "--port",
        port,
        "--serial",
        "unit-3",
        "--station",
        "line-7",
      ]);
      assert.equal(code, 0);
      for (const { at } of lines) assert.equal(new Date(String(at)).toISOString(), at);
      const of = (event: string) => lines.filter(line => line.event === event);
      assert.deepEqual(
        lines.map(({ event }) => event).filter((event, index, all) => event !== all[index - 1]),
        ["begin", "notice", "unit", "state", "result", "summary"],
      );
      assert.deepEqual(
        of("state").map(({ state }) => state),
        ["begun", "keyed", "issuing", "issued", "written", "proved", "used", "done"],
      );
      const [result] = of("result");
      assert.deepEqual(
        [result?.["serial"], result?.["outcome"], result?.["proofs"]],
        ["unit-3", "done", ["read-back", "possession"]],
      );
      assert.deepEqual([summary["done"], summary["failed"], summary["unitsDone"]], [1, 0, 2]);
      const status = await floor.good(["status", "--serial", "unit-3"]);
      assert.match(status.stdout, /line-7 {2}claimed/);
    });

    it("a unit with credentials that the ledger does not know is refused, and replaced when asked for", async () => {
      const port = await floor.device("second", "--mac", "246F28000002");
      const other = ["run", "--units", "one.csv", "--port", port, "--ledger", "other.db"];
      const refused = await floor.provision(other);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /holds a certificate that the ledger does not know/);
      // What is wrong with the station goes before what is wrong with a unit.
      const both = await floor.json([...other, "--port", "/dev/nowhere"]);
      assert.equal(both.code, 3);
      assert.deepEqual([...(both.summary["sides"] as string[])].sort(), ["environment", "unit"]);
      const { stdout } = await floor.good([...other, "--overwrite"]);
      assert.match(stdout, /unit-1 done in/);
    });

    it("a unit for which the list has none left ends with 1: nobody shall take it for a good one", async () => {
      const port = await floor.device("third", "--mac", "246F28000003");
      const run = await floor.provision(["run", "--port", port, "--ledger", "other.db"]);
      assert.equal(run.code, 1);
      assert.match(run.stdout, /no unit of the list is left for what is at this port/);
    });

    it("--continuous ends well when nothing of the list is left", async () => {
      const port = await floor.device("third", "--mac", "246F28000003");
      const { stdout } = await floor.good(["run", "--port", port, "--ledger", "other.db", "--continuous"]);
      assert.match(stdout, /1 port without a unit of the list/);
    });
  });

  describe("stopped by a signal", () => {
    for (const [signal, exitCode] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const)
      it(`${signal}: the unit is left resumable, the ledger closed, exit ${String(exitCode)}`, async () => {
        const name = signal.toLowerCase();
        const ledger = `${name}.db`;
        const port = await floor.device(name);
        const child = floor.start(["run", "--units", "one.csv", "--port", port, "--ledger", ledger]);
        const end = ended(child);
        await hear(child.stdout, /key made/);
        child.kill(signal);
        const { code, stdout, stderr } = await end;
        assert.equal(code, exitCode, stdout + stderr);
        assert.match(stdout, /stopping at the next safe point; once more stops at once/);
        assert.match(stderr, /the run was stopped[\s\S]*fix: Run again/);
        assert.ok(!existsSync(floor.folder.file(`${ledger}-wal`)), "the ledger was closed");
        const again = await floor.good(["run", "--port", port, "--ledger", ledger]);
        assert.match(again.stdout, /unit-1 (goes on from|begins)/);
        assert.match(again.stdout, /1 unit done/);
      });

    it("a second signal ends it at once, and it is resumable all the same", async () => {
      const child = floor.keep(
        floor.start(["run", "--units", "one.csv", "--port", dead, "--ledger", "twice.db"]),
      );
      const exit = once(child, "exit");
      child.stderr.resume();
      await hear(child.stdout, /1 unit new/);
      child.kill("SIGINT");
      await hear(child.stdout, /stopping/);
      const rest: string[] = [];
      child.stdout.on("data", (text: string) => rest.push(text));
      child.kill("SIGINT");
      assert.deepEqual(await exit, [130, null]);
      assert.doesNotMatch(rest.join(""), /units? done/, "it did not wait for the unit");
      const port = await floor.device("twice");
      await floor.good(["run", "--port", port, "--ledger", "twice.db"]);
    });
  });

  // It ended with 3 and "1 failed (port-missing)", though every unit was done.
  it("--continuous that begins before its unit is there waits for it, and ends well", async () => {
    const at = `127.0.0.1:${String(await freePort())}`;
    const args = ["--continuous", "--port", `tcp:${at}`, "--ledger", "early.db"];
    const child = floor.keep(floor.start(["run", "--units", "one.csv", ...args]));
    const end = ended(child);
    await hear(child.stdout, /waiting for the first unit/);
    const device = ["device", "--console", at, "--flash", floor.folder.file("early")];
    floor.keep(start(device)).stdout.resume();
    const { code, stdout, stderr } = await end;
    assert.deepEqual([code, stderr], [0, ""], stdout);
    assert.match(stdout, /\n1 unit done, in .*\n1 of 1 unit of demo is done\.\n$/);
  });

  describe("with a modem", () => {
    it("writes into its store, tells what people should know, and verifies", async () => {
      const port = await floor.modem();
      floor.units("modems.csv", "modem-1");
      const args = ["--profile", "modem.json", "--ledger", "modems.db", "--port", port, "--baud", "115200"];
      const { stdout } = await floor.good(["run", "--units", "modems.csv", "--apn", "internet", ...args]);
      assert.match(stdout, /note: A BG95 keeps the private key as a file/);
      assert.match(stdout, /modem-1 done in .*read back/);
      const verified = await floor.good(["verify", "--serial", "modem-1", ...args]);
      assert.match(verified.stdout, /^ok +certificate/m);
      assert.match(verified.stdout, /^cannot tell +possession/m);
    });
  });

  it("images: one file a unit, for its owner alone; a second run leaves them", async () => {
    const args = ["run", "--profile", "image.json", "--ledger", "images.db", "--images", "images"];
    const dry = await floor.good([...args, "--units", "units.csv", "--dry-run"]);
    assert.match(dry.stdout, /unit-2 +would become images\/unit-2\.bin/);
    assert.ok(!existsSync(floor.folder.file("images")));
    const first = await floor.good([...args, "--units", "units.csv"]);
    assert.match(first.stdout, /3 units done/);
    const { mode, size, mtimeMs } = statSync(floor.folder.file("images/unit-2.bin"));
    assert.deepEqual([mode & 0o777, size], [0o600, 8192]);
    const second = await floor.good(args);
    assert.match(second.stdout, /3 of 3 units of images are done/);
    assert.equal(statSync(floor.folder.file("images/unit-2.bin")).mtimeMs, mtimeMs);
  });
});
