import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import type { RunResult } from "../../../hosts/workstation/simulate/result.js";
import { assertForPeople, resultOf, succeed } from "./result.js";
import { Folder, together, xsCellular, type Ended } from "./support.js";

/** Members of the JSON object by path, and what each must be. */
const MEMBERS: readonly (readonly [path: string, holds: (value: unknown) => boolean])[] = [
  ["ok", value => value === true],
  ["engine.name", value => value === "xs"],
  ["engine.version", value => /^XS \d+\.\d+/.test(String(value))],
  ["module.model", value => value === "BG95-M3"],
  ["route.name", value => value === "module-tls"],
  ["route.reason", value => String(value).length > 20],
  ["broker.url", value => /^mqtts:\/\/localhost:\d+$/.test(String(value))],
  ["broker.tls.version", value => value === "TLSv1.2"],
  ["broker.tls.cipher", value => /^ECDHE-ECDSA-/.test(String(value))],
  ["broker.tls.handshakeSent", value => within(value, 700, 1_000)],
  ["broker.tls.handshakeReceived", value => within(value, 1_500, 2_500)],
  ["broker.tls.handshakeCommands", value => value === 1],
  ["messages.published", value => value === 3],
  ["messages.acknowledged", value => value === 3],
  ["messages.received.0.topic", value => value === "devices/xs-cellular-0001/command"],
  ["messages.received.0.payload", value => value === '{"command":"report","intervalSeconds":60}'],
  ["uart.baud", value => value === 115_200],
  ["uart.serial", value => value === "buffered"],
  ["uart.toModule", value => within(value, 2_000, 5_000)],
  ["uart.fromModule", value => within(value, 500, 5_000)],
  ["uart.commands", value => within(value, 20, 100)],
  ["uart.overruns", value => value === 0],
  ["memory.budgetBytes", value => value === 4_928 * 16 + 78_848],
  ["memory.loadedBytes", value => within(value, 20_000, 250_000)],
  ["memory.peakBytes", value => within(value, 10_000, 157_696)],
  // Both modules and all routes: a product has one of each.
  ["memory.bytecodeBytes", value => within(value, 20_000, 150_000)],
  ["buffers.0.name", value => typeof value === "string"],
  ["buffers.0.size", value => within(value, 128, 8_192)],
  ["buffers.0.highWater", value => within(value, 1, 8_192)],
  ["durationMs", value => within(value, 1, 20_000)],
  ["simulatedMs", value => within(value, 4_000, 60_000)],
  ["failure", value => value === null],
];

function within(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function member(result: unknown, path: string): unknown {
  let value: unknown = result;
  for (const name of path.split("."))
    value = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return value;
}

describe("simulate with the embedded broker", function () {
  // The first run on a machine builds the XS host.
  this.timeout(60_000);
  const folder = new Folder();
  after(() => folder.remove());

  describe("for people", () => {
    let run: Ended;
    before(async () => (run = await xsCellular(["simulate"])));

    it("ends with 0 and says nothing on stderr", () => {
      assert.equal(run.code, 0, run.stderr);
      assert.equal(run.stderr, "");
      assertForPeople(run.stdout);
    });

    it("shows every stage with its time, in order", () => {
      const lines = run.stdout.split("\n").filter(line => /^ *\d+\.\d{3} s {2}/.test(line));
      const stages = lines.map(line => line.slice(13, 21).trim());
      const order = [
        "power",
        "module",
        "SIM",
        "network",
        "PDP",
        "clock",
        "files",
        "TLS",
        "MQTT",
        "up",
        "down",
      ];
      const places = order.map(stage => stages.indexOf(stage));
      assert.ok(!places.includes(-1), stages.join(" "));
      assert.deepEqual(
        places,
        [...places].sort((a, b) => a - b),
      );
      const times = lines.map(line => Number(line.slice(0, 9)));
      assert.deepEqual(
        times,
        [...times].sort((a, b) => a - b),
      );
    });

    it("sums up what went up and down, the handshake, the UART, the memory and the buffers", () => {
      assert.match(run.stdout, /^Online, 3 of 3 messages delivered, 1 received\.$/m);
      for (const row of [
        "route",
        "broker",
        "TLS",
        "handshake",
        "received",
        "UART",
        "memory",
        "buffers",
        "time",
      ])
        assert.match(run.stdout, new RegExp(`^  ${row} +\\S`, "m"));
      assert.match(run.stdout, /^ {2}handshake +[\d,]+ bytes up, [\d,]+ bytes down, 1 AT command/m);
      assert.match(run.stdout, /^ {2}memory +XS [\d.]+: heap peak [\d,]+ bytes of 157,696 bytes/m);
    });
  });

  describe("with --json", () => {
    let run: Ended;
    let result: RunResult;
    before(async () => {
      run = await xsCellular(["simulate", "--json"]);
      result = resultOf(run);
    });

    for (const [path, holds] of MEMBERS)
      it(`tells ${path}`, () => {
        const value = member(result, path);
        assert.ok(holds(value), `${path} is ${JSON.stringify(value)}`);
      });

    it("logs on stderr what would have been on stdout", () => {
      assert.match(run.stderr, /^ +\d+\.\d{3} s {2}MQTT +connected$/m);
      assert.match(run.stderr, / up +message 3 delivered/);
    });
  });

  describe("options", () => {
    const runs: Record<string, RunResult> = {};
    const sets: Readonly<Record<string, readonly string[]>> = {
      node: ["--engine", "node"],
      xs: ["--engine", "xs", "--qos", "2", "--count", "2"],
      stock: ["--serial", "stock", "--baud", "921600"],
      slow: ["--link", "nb-iot", "--baud", "9600"],
      lte: ["--link", "lte-m"],
      seed: [
        "--seed",
        "7",
        "--qos",
        "0",
        "--message",
        "nr {n} \u00e4",
        "--subscribe",
        "devices/#",
        "--count",
        "2",
      ],
      again: ["--seed", "7", "--count", "1"],
      names: ["--client-id", "pump-7", "--topic", "plant/pump-7", "--count", "1", "--engine", "node"],
    };
    before(async () => {
      const results = await together(Object.entries(sets), async ([name, args]) => {
        runs[name] = await succeed(args);
      });
      assert.equal(results.length, Object.keys(sets).length);
    });
    const of = (name: string): RunResult => {
      const result = runs[name];
      assert.ok(result, name);
      return result;
    };

    it("--engine node runs the same firmware and says so", () => {
      const { engine, memory, messages } = of("node");
      assert.equal(engine.name, "node");
      assert.equal(messages.acknowledged, 3);
      assert.equal(memory.peakBytes, 0);
    });

    it("--engine xs --qos 2 --count 2 delivers two messages exactly once", () => {
      const { engine, messages } = of("xs");
      assert.equal(engine.name, "xs");
      assert.deepEqual([messages.published, messages.acknowledged], [2, 2]);
    });

    it("--serial stock works on the 128-byte FIFO", () => {
      const { uart, buffers } = of("stock");
      assert.deepEqual([uart.serial, uart.baud], ["stock", 921_600]);
      assert.ok(buffers.some(({ name, size }) => name === "UART receive" && size === 128));
    });

    it("--link nb-iot is slower than lte-m, and lte-m than none", () => {
      assert.ok(of("slow").simulatedMs > of("lte").simulatedMs);
      assert.ok(of("lte").simulatedMs > of("node").simulatedMs);
    });

    it("--baud 9600 is kept", () => {
      assert.equal(of("slow").uart.baud, 9600);
    });

    it("--qos 0 counts a message as delivered once it is sent", () => {
      assert.equal(of("seed").messages.acknowledged, 2);
    });

    it("--message takes the number and any text, which --subscribe hears as it is", () => {
      const payloads = of("seed").messages.received.map(({ payload }) => payload);
      assert.deepEqual(payloads, ["nr 1 \u00e4", "nr 2 \u00e4"]);
    });

    it("--seed makes the client identifier, the same each time", () => {
      assert.match(of("again").messages.received[0]?.topic ?? "", /^devices\/xs-cellular-0007\/command$/);
    });

    it("--client-id names the device to the broker", () => {
      assert.equal(of("names").messages.received[0]?.topic, "devices/pump-7/command");
    });
  });

  it("--seed repeats what the network gives the device", async () => {
    const addresses = await together(["7", "7", "8"], async seed => {
      const { stdout } = await xsCellular(["simulate", "--engine", "node", "--seed", seed, "--count", "1"]);
      return /PDP +address ([\d.]+)/.exec(stdout)?.[1];
    });
    assert.match(addresses[0] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
    assert.equal(addresses[0], addresses[1]);
    assert.notEqual(addresses[0], addresses[2]);
  });

  describe("--heap 2000", () => {
    let run: Ended;
    before(async () => (run = await xsCellular(["simulate", "--json", "--heap", "2000"])));

    it("ends with 1 and says that memory ran out", () => {
      assert.equal(run.code, 1);
      assert.match(run.stderr, /ran out of memory: its heap of 2000 bytes was full/);
      assert.equal(resultOf(run).failure?.kind, "memory");
      assertForPeople(run.stderr);
    });

    it("says how much was needed, and that much is enough", async () => {
      const needed = resultOf(run).failure?.neededBytes ?? 0;
      assert.match(run.stderr, new RegExp(`This run needs ${String(needed)} bytes`));
      assert.ok(needed > 8_000 && needed < 40_000, String(needed));
      await succeed(["--heap", String(needed)]);
    });
  });

  describe("--trace", () => {
    const file = folder.file("lines.txt");
    let text: string;
    before(async () => {
      await succeed(["--trace", file]);
      text = readFileSync(file, "utf8");
    });

    it("has every line in both directions with its time", () => {
      assert.match(text, /^ +\d+\.\d{3} < APP RDY$/m);
      assert.match(text, /^ +\d+\.\d{3} > AT\+QFUPL="xs-key-[0-9a-f]{8}\.pem",\d+/m);
      assert.match(text, /^ +\d+\.\d{3} < \+QSSLOPEN: \d+,0$/m);
      for (const line of text.trimEnd().split("\n")) assert.match(line, /^ +\d+\.\d{3} [<>] [\x20-\x7e]+$/);
    });

    it("shows credentials and payload by their length only", () => {
      assert.match(text, /> <\d+ bytes>$/m);
      assert.doesNotMatch(text, /BEGIN|PRIVATE|MII[A-Za-z0-9+/]{20}|intervalSeconds/);
    });
  });

  it("a trace that fills its drive ends, the run does not", async function () {
    if (!existsSync("/dev/full")) this.skip();
    const run = await xsCellular(["simulate", "--engine", "node", "--trace", "/dev/full"]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /note: the trace \/dev\/full ends here: it cannot be written \(ENOSPC\)/);
    assert.equal(run.stdout.match(/ENOSPC/g)?.length, 1);
  });
});
