import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { nameOf, products } from "../../bench/products.js";
import { atLeast, atMost, markdownOf, shown, tableOf, type Figure } from "../../bench/figure.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));

const names = products.map(nameOf);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function bench(...flags: readonly string[]): Promise<Ended> {
  return new Promise(resolve => {
    const options = { cwd: root, maxBuffer: 1e7 };
    const child = execFile(
      process.execPath,
      ["--import", "tsx", "test-host/bench/run.ts", ...flags],
      options,
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

/** Every figure that has a limit, as `docs/memory-and-time.md` shows it; of those that stand for both modules, one. */
const limited = [
  "open a TCP connection",
  "send 1 KB",
  "receive 1 KB",
  "send 10 KB",
  "MQTT publish, 200 bytes, QoS 0",
  "MQTT publish, 200 bytes, QoS 0, module-tls",
  "an hour with an open connection",
  "send 1 KB by prompt",
  "at 9,600 baud: what the driver's choice takes longer, at worst",
  "payload time of elapsed, module answers at once, engine free",
  "elapsed, module answers after 40 ms, engine free",
  "BG95: AT commands",
  "BG95: UART bytes over the TLS bytes",
  "BC66: AT commands",
  "BC66: reads that brought nothing",
  "BG95: elapsed on nb-iot, mean delays",
  "BC66: elapsed on nb-iot, mean delays",
  "BC66 at 115,200 baud: bytes lost",
  'link none, buffer 2,168 bytes: ends as "overrun"',
  "link nb-iot, buffer 2,168 bytes: handshake completes",
  "BG95: an hour with an open host-tls connection",
  ...names.map(name => `${name}: byte code`),
  ...names.map(name => `${name}: byte code, linked into one module`),
  ...names.map(name => `${name}: stack peak`),
  ...names.map(name => `${name}: rates with loss that the driver lets pass unsaid`),
  "BC66 module-tls, messages of 1,200 bytes at 9,600 baud: bytes lost",
  "BC66 module-tls, messages of 1,200 bytes at 115,200 baud: bytes lost",
  "BC66 module-tls: socket receive, most bytes held",
  "host-tls adds",
  "one flight recorder behind a handshake",
  "splits with other events than the whole",
];

/** Byte code over its budget of 72 KB while products are not linked, which the page shows as it is. */
const over: ReadonlySet<string> = new Set(
  products
    .filter(({ codeCeiling }) => codeCeiling !== undefined)
    .map(product => `${nameOf(product)}: byte code`),
);

describe("bench", () => {
  it("meets every limit in its short form, and gives each figure with its limit", async function () {
    this.timeout(60_000);
    const { code, stdout, stderr } = await bench("--smoke", "--json");
    const { figures } = JSON.parse(stdout) as { figures: Figure[] };
    const broken = figures.filter(({ ok }) => !ok);
    assert.deepEqual(broken, [], stderr);
    assert.equal(code, 0);
    for (const name of limited)
      assert.ok(
        figures.some(figure => figure.name.endsWith(`: ${name}`) && figure.limit !== null),
        name,
      );
  });

  it("refuses a flag that it does not know", async () => {
    const { code, stderr } = await bench("--fast");
    assert.equal(code, 2);
    assert.match(stderr, /^unknown: --fast\nusage: /);
  });

  it("is what the documentation shows, with every limit met but the known ones", () => {
    const text = readFileSync(new URL("../../../docs/memory-and-time.md", import.meta.url), "utf8");
    const shownWith = (end: string): string[] =>
      text
        .split("\n")
        .flatMap(line => (line.endsWith(` | ${end} |`) ? [line.slice(2, line.indexOf(" | "))] : []));
    const met = shownWith("yes");
    const heaps = names.map(name => `${name}: smallest heap that passes`);
    for (const name of [...limited, ...heaps, "growth over 10,000 publishes"])
      assert.ok(met.includes(name) || over.has(name), name);
    for (const name of shownWith("NO")) assert.ok(over.has(name), name);
  });

  const limits: readonly (readonly [string, Figure, boolean])[] = [
    ["below the most", atMost("a", 1, "bytes", 2), true],
    ["at the most", atMost("a", 2, "bytes", 2), true],
    ["above the most", atMost("a", 2.001, "bytes", 2), false],
    ["at the least", atLeast("a", 95, "%", 95), true],
    ["below the least", atLeast("a", 94.999, "%", 95), false],
    ["without a limit", shown("a", 5, "ms"), true],
    ["not measured", shown("a", NaN, "ms"), false],
  ];
  for (const [name, figure, ok] of limits)
    it(`takes a figure ${name} for ${ok ? "good" : "bad"}`, () => assert.equal(figure.ok, ok));

  it("prints a table for people, and one for documents", () => {
    const figures = [atMost("long name", 12_345, "bytes", 10_000), shown("b", 1.234, "ms")];
    const chapters = [{ title: "Title", note: "Note.", figures }];
    assert.equal(
      tableOf(chapters),
      [
        "Title",
        "Note.",
        "",
        "figure      value  unit    limit  met",
        "long name  12,345  bytes  10,000  NO",
        "b            1.23  ms",
        "",
      ].join("\n"),
    );
    assert.ok(
      markdownOf(chapters).includes(
        "| long name | 12,345 | bytes | 10,000 | NO |\n| b | 1.23 | ms |  |  |\n",
      ),
    );
  });
});
