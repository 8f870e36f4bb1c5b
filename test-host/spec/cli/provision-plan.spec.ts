import assert from "node:assert/strict";
import { readdirSync, renameSync, rmSync } from "node:fs";
import { assertRefused, Floor } from "./provision-floor.js";

describe("xs-cellular provision plan", function () {
  this.timeout(30_000);
  const floor = new Floor();
  before(async () => {
    await floor.open();
    floor.units("units.csv", "unit-1", "unit-2");
    floor.write(
      "bad.csv",
      "serial,imei,mac\nunit-1,866425030000017,\nunit 2,,\nunit-3,,00:11:22\nunit-4,866425030000014,\n",
    );
    floor.write("twice.csv", "serial\nunit-1\nUNIT-1\n");
    floor.write("header.csv", "seriel\nunit-1\n");
    floor.profile("bc66.json", { module: "bc66", target: "modem" });
    const rsa = { module: "bc66", key: { made: "host", kind: "RSA-2048" } };
    floor.profile("bc66-own.json", { ...rsa, route: "module-tls" });
    floor.profile("bc66-any.json", rsa);
    floor.profile("long.json", { certificate: { days: 20_000 } });
    floor.profile("no-ca.json", { brokerCa: "passphrase" });
    floor.profile("open.json", { issuer: { kind: "authority", folder: "factory-ca" } });
  });
  after(() => floor.close());
  const plan = (...args: readonly string[]): readonly string[] => ["plan", "--units", "units.csv", ...args];

  const wrong: readonly (readonly [title: string, args: readonly string[], about: RegExp])[] = [
    ["no list", ["plan"], /'--units <file>' not specified/],
    [
      "a list that is not there",
      ["plan", "--units", "nothing.csv"],
      /nothing\.csv: cannot be read \(ENOENT\)/,
    ],
    ["a list without serials", ["plan", "--units", "header.csv"], /there is no column serial/],
    [
      "a serial that is there twice",
      ["plan", "--units", "twice.csv"],
      /line 3: serial unit-1 is that of line 2/,
    ],
    ["a profile that is not there", plan("--profile", "nothing.json"), /nothing\.json: cannot be read/],
    [
      "a P-256 key for a BC66's own TLS",
      plan("--profile", "bc66.json"),
      /P-256 key is of no use to a BC66's own TLS/,
    ],
    [
      "certificates that outlive their authority",
      plan("--profile", "long.json"),
      /days is 20000, but .*Factory CA ends on/,
    ],
    ["a broker's CA that holds no certificate", plan("--profile", "no-ca.json"), /passphrase/],
    ["a wrong passphrase", plan("--passphrase-file", "wrong"), /does not open with this passphrase/],
    [
      "a PIN where a passphrase is needed",
      plan("--pin-file", "passphrase"),
      /a PIN was given, but the profile's issuer/,
    ],
    ["a PIN's descriptor", plan("--pin-fd", "3"), /a PIN was given, but the profile's issuer/],
    [
      "a password in the ledger's URL",
      plan("--ledger", "postgres://me:secret@localhost/x"),
      /--ledger holds a password/,
    ],
    ["a station without a name", plan("--station", ""), /--station must have 1 to 64 characters/],
    ["an unknown option", plan("--colour"), /unknown option '--colour'/],
  ];
  for (const [title, args, about] of wrong)
    it(`refuses ${title}, and touches nothing`, async () => {
      const before = floor.snapshot();
      const run = await floor.provision(args);
      assertRefused(run, about);
      assert.equal(run.stdout, "");
      assert.doesNotMatch(run.stderr, /secret/);
      assert.deepEqual(floor.snapshot(), before);
    });

  it("names every bad row of a list with its line, for people and machines", async () => {
    const run = await floor.provision(["plan", "--units", "bad.csv"]);
    assertRefused(run, /bad\.csv: 3 lines are wrong/);
    for (const line of [
      /line 2: imei "866425030000017" has a wrong check digit/,
      /line 3: serial "unit 2"/,
      /line 4: mac/,
    ])
      assert.match(run.stderr, line);
    const { code, summary } = await floor.json(["plan", "--units", "bad.csv"]);
    assert.equal(code, 2);
    const failure = summary["failure"] as { kind: string; faults: readonly { line: number }[] };
    assert.equal(failure.kind, "input");
    assert.deepEqual(
      failure.faults.map(({ line }) => line),
      [2, 3, 4],
    );
  });

  it("says in words what would happen, and touches nothing: no ledger comes to be", async () => {
    const before = floor.snapshot();
    const { stdout, stderr } = await floor.good(plan());
    for (const words of [
      /units +2 units in units\.csv: 2 new, 0 known already/,
      /keys +P-256, made on this machine/,
      /issued by +CN=Factory CA .*its key opens/,
      /certificates +CN = serial, 365 days, until \d{4}-/,
      /written +into an image/,
      /proofs +read back/,
      /ledger +ledger\.db, which run will make/,
      /Nothing was touched\.\n$/,
    ])
      assert.match(stdout, words);
    assert.equal(stderr, "");
    assert.deepEqual(floor.snapshot(), before);
  });

  it("warns of EC authorities for a BC66's own TLS, unless another route takes them", async () => {
    const own = await floor.good(plan("--profile", "bc66-own.json"));
    assert.match(own.stdout + own.stderr, /signed by ECDSA[^\n]*BC66's own TLS reads ECDSA is not known/);
    assert.match(own.stdout + own.stderr, /CN=Broker CA[^\n]*BC66's own TLS reads ECDSA is not known/);
    const any = await floor.good(plan("--profile", "bc66-any.json"));
    assert.doesNotMatch(any.stdout + any.stderr, /ECDSA/);
  });

  it("needs no passphrase, and says that the key was not opened", async () => {
    const { stdout } = await floor.good(plan("--profile", "open.json"));
    assert.match(stdout, /its key was not opened, as no passphrase was given/);
  });

  it("takes a passphrase from a descriptor", async () => {
    const { stdout } = await floor.good(
      plan("--profile", "open.json", "--passphrase-fd", "0"),
      {},
      "passphrase",
    );
    assert.match(stdout, /its key opens/);
  });

  it("--json gives one line with everything that was told", async () => {
    const { code, lines, summary } = await floor.json(plan());
    assert.equal(code, 0);
    assert.equal(lines.length, 1);
    const { units, added, known, target, routes, keyOpened } = summary;
    assert.deepEqual(
      { units, added, known, target, keyOpened },
      { units: 2, added: 2, known: 0, target: "image", keyOpened: true },
    );
    assert.ok(Array.isArray(routes) && routes.includes("host-tls"));
  });

  for (const [module, code, about] of [
    ["bc66", "forgets", /note +A BC66 keeps certificates and key in RAM/],
    ["bg95", "readable", /note +A BG95 keeps the private key as a file/],
  ] as const)
    it(`warns of what a ${module.toUpperCase()}'s own store cannot do, before one is at a port`, async () => {
      const key = { made: "host", kind: module === "bc66" ? "RSA-2048" : "P-256" };
      floor.profile("modem.json", { module, target: "modem", key });
      const { lines } = await floor.json(plan("--profile", "modem.json"));
      assert.ok(lines.some(one => one.event === "notice" && one["code"] === code));
      const { stdout } = await floor.good(plan("--profile", "modem.json"));
      assert.match(stdout, about);
    });

  // "The private half never leaves it" was said on every route, also where the firmware hands a copy to the module.
  const byDevice = { target: "device", key: { made: "device", kind: "P-256" } };
  const byHost = { target: "device", key: { made: "host", kind: "RSA-2048" } };
  for (const [title, members, about, isNoted] of [
    ["a BG95 with auto", byDevice, /itself, on the ESP32; the firmware may hand a copy to the BG95/, true],
    ["module-tls", { ...byDevice, route: "module-tls" }, /hands a copy to the BG95 .*AT\+QFDWL/, true],
    ["module-mqtt", { ...byHost, route: "module-mqtt" }, /hands a copy to the BG95/, true],
    ["an image", { route: "module-tls" }, /hands a copy to the BG95/, false],
    ["host-tls", { ...byDevice, route: "host-tls" }, /private half never leaves the ESP32$/m, false],
    ["a BC66 with P-256", { ...byDevice, module: "bc66" }, /private half never leaves the ESP32$/m, false],
    ["a BC66 with RSA", { ...byHost, module: "bc66" }, /may hand a copy to the BC66 .* in RAM until/, false],
  ] as const)
    it(`says where keys get to: ${title}`, async () => {
      floor.profile("copy.json", members);
      const { stdout } = await floor.good(plan("--profile", "copy.json"));
      assert.match(/^keys .*$/m.exec(stdout)?.[0] ?? "", about);
      const { lines } = await floor.json(plan("--profile", "copy.json"));
      assert.equal(
        lines.some(one => one.event === "notice" && one["code"] === "module-copy"),
        isNoted,
      );
    });

  describe("with a ledger", () => {
    before(async () => {
      await floor.good(["run", "--units", "units.csv", "--images", "images", "--serial", "unit-1"]);
      floor.units("more.csv", "unit-2", "unit-3");
      floor.write("other.csv", "serial,label\nunit-1,another\nunit-9,new\n");
    });

    it("tells new units from known ones, and leaves not a trace in the folder", async () => {
      const before = floor.snapshot();
      const { stdout } = await floor.good(["plan", "--units", "more.csv"]);
      assert.match(stdout, /1 new, 1 known already/);
      assert.deepEqual(floor.snapshot(), before);
      assert.ok(!readdirSync(floor.folder.path).some(name => /-(wal|shm)$/.test(name)));
    });

    it("refuses a list that says something else of a unit than the ledger, with its line", async () => {
      const before = floor.snapshot();
      assertRefused(await floor.provision(["plan", "--units", "other.csv"]), /line 2: /);
      assert.deepEqual(floor.snapshot(), before);
    });

    it("finds the ledger by --ledger and by the environment", async () => {
      renameSync(floor.folder.file("ledger.db"), floor.folder.file("elsewhere.db"));
      try {
        const given = await floor.good(["plan", "--units", "more.csv", "--ledger", "elsewhere.db"]);
        const named = await floor.good(["plan", "--units", "more.csv"], {
          XS_CELLULAR_LEDGER: "elsewhere.db",
        });
        for (const { stdout } of [given, named]) assert.match(stdout, /1 new, 1 known/);
      } finally {
        renameSync(floor.folder.file("elsewhere.db"), floor.folder.file("ledger.db"));
      }
    });

    it("a file that is no ledger is refused, not overwritten", async () => {
      floor.write("text.db", "this is no database, and somebody may need it");
      const run = await floor.provision(plan("--ledger", "text.db"));
      assert.notEqual(run.code, 0);
      assert.match(run.stderr, /text\.db|ledger/);
      assert.equal(floor.read("text.db"), "this is no database, and somebody may need it");
      rmSync(floor.folder.file("text.db"));
    });
  });
});
