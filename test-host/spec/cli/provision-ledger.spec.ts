import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseImage } from "../../factory/parse-image.js";
import { PIN, SoftToken, TOKEN } from "../certs/soft-token.js";
import { assertRefused, Floor } from "./provision-floor.js";
import { peer, root } from "./support.js";

const program = join(root, "bin", "xs-cellular.js");

/** Verbs that need no unit at a port: the units of this ledger are images. */
describe("xs-cellular provision", function () {
  this.timeout(60_000);
  const floor = new Floor();
  before(async () => {
    await floor.open();
    floor.write(
      "units.csv",
      "serial,label,client_id\nunit-1,first,client-1\nunit-2,second,client-2\nunit-3,,\n",
    );
    floor.profile("device.json", { target: "device", key: { made: "device", kind: "P-256" } });
    await floor.good(["run", "--units", "units.csv", "--images", "images", "--serial", "unit-1"]);
    floor.write("there", "somebody's");
  });
  afterEach(() => floor.stopDevices());
  after(() => floor.close());

  describe("image", () => {
    const wrong: readonly (readonly [title: string, args: readonly string[], about: RegExp])[] = [
      ["no serial", ["--out", "x.bin"], /'--serial <serial>' not specified/],
      ["no place", ["--serial", "unit-2"], /'--out <file>' not specified/],
      ["a file that is there", ["--serial", "unit-2", "--out", "there"], /there is there already/],
      [
        "a profile for devices",
        ["--serial", "unit-2", "--out", "x.bin", "--profile", "device.json"],
        /its target is "device"/,
      ],
      [
        "JSON lines and the image on stdout",
        ["--serial", "unit-2", "--out", "-", "--json"],
        /--json and --out - were both given/,
      ],
      [
        "a serial that nobody listed",
        ["--serial", "unit-9", "--out", "x.bin"],
        /the ledger knows no unit unit-9/,
      ],
    ];
    for (const [title, args, about] of wrong)
      it(`refuses ${title}, and writes nothing`, async () => {
        assertRefused(await floor.provision(["image", ...args]), about);
        assert.ok(!existsSync(floor.folder.file("x.bin")));
        assert.equal(floor.read("there"), "somebody's");
      });

    it("makes an image that an independent parser reads, for its owner alone, and says what it holds", async () => {
      const { stdout } = await floor.good([
        "image",
        "--serial",
        "unit-2",
        "--out",
        "unit-2.bin",
        "--units",
        "units.csv",
      ]);
      assert.match(stdout, /unit-2\.bin holds the unit's private key, readable by its owner alone/);
      const path = floor.folder.file("unit-2.bin");
      assert.equal(statSync(path).mode & 0o777, 0o600);
      const { ca, certificate, key } = parseImage(readFileSync(path));
      assert.ok(ca && certificate && key);
      const held = new X509Certificate(certificate);
      assert.match(held.subject, /CN=unit-2/);
      assert.ok(
        held.checkPrivateKey(createPrivateKey({ key: Buffer.from(key), format: "der", type: "pkcs8" })),
      );
      assert.match(new X509Certificate(ca).subject, /CN=Broker CA/);
    });

    it("an image that is there is left alone when it is asked for again", async () => {
      const path = floor.folder.file("unit-2.bin");
      const before = readFileSync(path);
      const { stdout } = await floor.good(["image", "--serial", "unit-2", "--out", "unit-2.bin", "--force"]);
      assert.match(stdout, /unit-2 was done before/);
      assert.deepEqual(readFileSync(path), before);
    });

    it("an image is made once: at another place it is refused, with what to do", async () => {
      const run = await floor.provision(["image", "--serial", "unit-2", "--out", "again.bin"]);
      assert.equal(run.code, 1);
      assert.match(run.stderr, /was made before, and is not at this place/);
      assert.ok(!existsSync(floor.folder.file("again.bin")));
    });

    it("--out - gives the image to a pipe, and words to stderr", () => {
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [program, "provision", "image", "--serial", "unit-3", "--out", "-"],
        { cwd: floor.folder.path },
      );
      assert.equal(status, 0, stderr.toString());
      assert.match(stderr.toString(), /unit-3 done in[\s\S]*holds the unit's private key/);
      assert.equal(stdout.length, 8192);
      assert.ok(parseImage(stdout).key);
    });

    it("--out - is refused on a terminal", function () {
      const script = peer(this, "script");
      const command = `"${process.execPath}" "${program}" provision image --serial unit-3 --out -; echo "exit $?"`;
      const shown = execFileSync(script, ["-qec", command, "/dev/null"], {
        cwd: floor.folder.path,
      }).toString();
      assert.match(shown, /would write a private key to a terminal/);
      assert.match(shown, /exit 2/);
    });
  });

  describe("verify", () => {
    it("holds an image against the ledger, point by point", async () => {
      const { lines, summary } = await floor.json([
        "verify",
        "--port",
        "images/unit-1.bin",
        "--serial",
        "unit-1",
      ]);
      const verdicts = new Map(
        lines.filter(({ event }) => event === "point").map(({ point, verdict }) => [point, verdict]),
      );
      assert.deepEqual(
        [verdicts.get("certificate"), verdicts.get("key"), verdicts.get("ca"), verdicts.get("fate")],
        ["ok", "ok", "ok", "ok"],
      );
      assert.equal(verdicts.get("possession"), "unknown");
      assert.equal(summary["ok"], true);
    });

    it("another unit's image differs: 1, and each point says what", async () => {
      const run = await floor.provision(["verify", "--port", "unit-2.bin", "--serial", "unit-1"]);
      assert.equal(run.code, 1);
      assert.match(run.stdout, /^differs +certificate .*it should be/m);
      assert.match(run.stdout, /^differs +key/m);
      assert.match(run.stdout, /What is at unit-2\.bin is unit-2, not unit-1\.\n$/);
    });

    it("is in the ledger afterwards", async () => {
      const { stdout } = await floor.good(["status", "--serial", "unit-1"]);
      assert.match(stdout, /verified .*ok=true/);
      assert.match(stdout, /verified .*ok=false/);
    });

    it("a cut image is short: 1", async () => {
      const cut = readFileSync(floor.folder.file("images/unit-1.bin")).subarray(0, 1500);
      writeFileSync(floor.folder.file("cut.bin"), cut);
      const run = await floor.provision(["verify", "--port", "cut.bin", "--serial", "unit-1"]);
      assert.equal(run.code, 1);
      assert.match(run.stdout, /^differs +image +it has 1,500 bytes, and the partition 8,192/m);
    });

    for (const [title, args, about] of [
      [
        "an image that is not there",
        ["--port", "none.bin", "--serial", "unit-1"],
        /none\.bin does not exist/,
      ],
      ["a folder for an image", ["--port", "images", "--serial", "unit-1"], /images is no file/],
      ["no port", ["--serial", "unit-1"], /'--port <port>' not specified/],
      [
        "a unit that nobody knows",
        ["--port", "unit-2.bin", "--serial", "unit-9"],
        /the ledger knows no unit unit-9/,
      ],
    ] as const)
      it(`refuses ${title}`, async () => {
        assertRefused(await floor.provision(["verify", ...args]), about);
      });
  });

  describe("run", () => {
    // They were skipped without a word: "3 of 3 units are done". Who flashes and deletes images has no failure.
    it("finished units whose images are not in that folder are told, and fail only when they are named", async () => {
      const args = ["run", "--images", "made", "--ledger", "made.db"];
      await floor.good([...args, "--units", "units.csv"]);
      const file = floor.folder.file("made/unit-2.bin");
      rmSync(file);
      const { code, lines, summary } = await floor.json(args);
      assert.deepEqual([code, summary["already"], summary["failed"]], [0, 3, 0]);
      const away = lines.filter(one => one["code"] === "image-away").map(({ serial }) => serial);
      assert.deepEqual(away, ["unit-2"]);
      assert.ok(!existsSync(file));
      const dry = await floor.good([...args, "--dry-run"]);
      assert.match(dry.stdout, /^unit-1 +is done, and would be left alone$/m);
      assert.match(dry.stdout, /^unit-2 +is done, and would be left alone; its image is not here$/m);
      const named = await floor.provision([...args, "--serial", "unit-2"]);
      assert.equal(named.code, 1);
      assert.match(named.stderr, /the image of unit-2 was made before/);
      assert.ok(!existsSync(file));
    });

    it("a damaged image of a finished unit fails, and stays as it is", async () => {
      const args = ["run", "--images", "made", "--ledger", "made.db"];
      const file = floor.folder.file("made/unit-1.bin");
      const bytes = readFileSync(file);
      const cut = bytes.subarray(0, 1_500);
      writeFileSync(file, cut);
      const { code, summary } = await floor.json(args);
      assert.deepEqual([code, summary["failures"]], [1, { "image-made": 1 }]);
      assert.deepEqual(readFileSync(file), Buffer.from(cut));
      const dry = await floor.provision([...args, "--dry-run"]);
      assert.equal(dry.code, 1);
      assert.match(dry.stderr, /the image of unit-1 was made before, and what is at this place is damaged/);
      writeFileSync(file, bytes);
    });
  });

  describe("status", () => {
    it("counts units, failures and certificates, and verifies the audit trail", async () => {
      const { stdout } = await floor.good(["status"]);
      assert.match(stdout, /^units +3\n {2}done +3/m);
      assert.match(stdout, /^certificates +3 active/m);
      assert.match(stdout, /^audit trail +\d+ events, whole; head [0-9a-f]{64}\n$/m);
    });

    it("tells one unit and its history, for machines too", async () => {
      const { lines, summary } = await floor.json([
        "status",
        "--serial",
        "unit-1",
        "--profile",
        "profile.json",
      ]);
      assert.deepEqual(
        [...new Set(lines.map(({ event }) => event))],
        ["unit", "certificate", "history", "summary"],
      );
      assert.equal((summary["chain"] as { whole: boolean }).whole, true);
    });

    it("--failed lists the units whose last attempt failed, by cause", async () => {
      floor.units("more.csv", "more-1", "more-2");
      floor.write("more-1.bin", "somebody's");
      const more = ["--ledger", "more.db"];
      const run = await floor.json(["run", "--units", "more.csv", "--images", ".", ...more]);
      assert.equal(run.code, 2);
      assert.deepEqual([run.summary["done"], run.summary["failures"]], [1, { input: 1 }]);
      assert.equal(floor.read("more-1.bin"), "somebody's");
      const { stdout } = await floor.good(["status", "--failed", ...more]);
      assert.match(stdout, /^failed +1 at the last attempt\n {2}input +1$/m);
      assert.match(stdout, /^ {2}more-1 {2}begun {2}input: more-1\.bin is there already/m);
      await floor.good(["run", "--images", ".", "--force", ...more]);
      assert.doesNotMatch((await floor.good(["status", "--failed", ...more])).stdout, /^failed/m);
    });

    it("a trail that somebody changed is told, and ends with 3", async () => {
      const { default: Database } = await import("better-sqlite3");
      execFileSync("cp", ["ledger.db", "changed.db"], { cwd: floor.folder.path });
      const database = new Database(floor.folder.file("changed.db"));
      const triggers = database.prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'").all() as {
        name: string;
      }[];
      for (const { name } of triggers) database.exec(`DROP TRIGGER "${name}"`);
      database.exec("UPDATE events SET station = 'nobody' WHERE sequence = 5");
      database.close();
      const run = await floor.provision(["status", "--ledger", "changed.db"]);
      assert.equal(run.code, 3);
      assert.match(run.stdout, /audit trail +BROKEN: /);
    });

    it("--head tells whether the event with a hash that was kept is still where it was", async () => {
      const { summary } = await floor.json(["status"]);
      const head = String(summary["head"]);
      const kept = String(summary["events"]);
      // A later event does not move it.
      await floor.good(["export", "--format", "crl", "--out", "later.pem"]);
      const { stdout } = await floor.good(["status", "--head", ` ${head.toUpperCase()}`]);
      assert.match(stdout, new RegExp(`^head +event ${kept} is where it was`, "m"));
      const json = await floor.json(["status", "--head", head]);
      assert.deepEqual([json.code, json.summary["kept"]], [0, { sequence: Number(kept) }]);
      await floor.good(["status", "--head", "0".repeat(64)]);
    });

    // A chain that was computed anew as a whole, or an older copy, fits in itself: only a hash from elsewhere tells.
    it("--head of an event that is not there is told in three sentences, and ends with 1", async () => {
      const run = await floor.provision(["status", "--head", "ab".repeat(32)]);
      assert.equal(run.code, 1);
      assert.match(run.stdout, /^audit trail +\d+ events, whole/m);
      assert.match(
        run.stderr,
        /^xs-cellular: the event whose hash was kept \(abababababababab\) is not in .*\n {2}why: .*\n {2}fix: .*\n$/,
      );
      const json = await floor.json(["status", "--head", "ab".repeat(32)]);
      assert.equal(json.code, 1);
      assert.equal((json.summary["failure"] as { code: string }).code, "head-gone");
    });

    it("refuses a --head that is no hash", async () => {
      assertRefused(await floor.provision(["status", "--head", "abab"]), /--head is no hash/);
    });

    it("refuses a ledger that is not there, and makes none", async () => {
      assertRefused(
        await floor.provision(["status", "--ledger", "nothing.db"]),
        /there is no ledger at nothing\.db/,
      );
      assert.ok(!existsSync(floor.folder.file("nothing.db")));
    });
  });

  describe("export", () => {
    before(() => {
      floor.units("dots.csv", "dot.1", "dot.2");
      return floor.good(["run", "--units", "dots.csv", "--images", "dots", "--ledger", "dots.db"]);
    });

    const formats: readonly (readonly [format: string, args: readonly string[], holds: RegExp])[] = [
      [
        "aws-bulk",
        [
          "--policy",
          "devices",
          "--thing-type",
          "meter",
          "--thing-group",
          "a",
          "--thing-group",
          "b",
          "--attribute",
          "client_id",
          "--thing-name",
          "client-id",
          "--aws-mode",
          "DEFAULT",
          "--authority",
          "factory-ca/ca.pem",
          "--serial",
          "unit-1",
        ],
        /"ThingName":"client-1"/,
      ],
      [
        "aws-jitp",
        ["--policy", "devices", "--role-arn", "arn:aws:iam::123456789012:role/provisioning"],
        /allowAutoRegistration/,
      ],
      ["aws-bulk-template", ["--policy", "devices", "--attribute", "imei"], /"ThingName"/],
      ["aws-without-ca", ["--issued"], /certificatePem/],
      [
        "azure-dps",
        ["--update", "--device-id", "client-id"],
        /"registrationId":"unit-1","deviceId":"client-1"/,
      ],
      ["azure-group", ["--group", "devices", "--authority-name", "factory"], /"caReferences"/],
      ["csv", ["--profile", "profile.json"], /^serial,profile,/],
      ["json", ["--serial", "unit-2"], /^\{"serial":"unit-2"/],
      ["pem", [], /# unit-1 [0-9a-f]{64}\n-----BEGIN CERTIFICATE-----/],
      ["requests", [], /^$/],
      ["audit", [], /^\{"sequence":1,/],
      ["report", [], /<html/],
      ["crl", ["--days", "7", "--passphrase-file", "passphrase"], /-----BEGIN X509 CRL-----/],
    ];
    for (const [format, args, holds] of formats)
      it(`${format} is written whole, and has no private key`, async () => {
        const { stdout } = await floor.good([
          "export",
          "--format",
          format,
          "--out",
          `out.${format}`,
          ...args,
        ]);
        assert.match(stdout, new RegExp(`^out\\.${format}: `));
        const text = floor.read(`out.${format}`);
        assert.match(text, holds);
        assert.doesNotMatch(text, /PRIVATE KEY/);
      });

    it("says how many units it has, and of requests that none is out", async () => {
      const csv = await floor.good(["export", "--format", "csv", "--out", "counted.csv"]);
      const { length } = floor.read("counted.csv").trimEnd().split("\r\n");
      assert.ok(length > 2);
      assert.equal(csv.stdout, `counted.csv: csv, ${String(length - 1)} units.\n`);
      const dps = await floor.json(["export", "--format", "azure-dps", "--out", "counted.json"]);
      assert.equal(dps.summary["units"], floor.read("counted.json").match(/"registrationId"/g)?.length);
      const none = await floor.good(["export", "--format", "requests", "--out", "none.pem"]);
      assert.equal(
        none.stdout,
        "none.pem: requests, 0 units. No request is out: none waits for its certificate.\n",
      );
    });

    it("--out - is stdout, and nothing else is on it", async () => {
      const { stdout } = await floor.good(["export", "--format", "json", "--out", "-"]);
      assert.deepEqual(
        stdout
          .trim()
          .split("\n")
          .map(line => (JSON.parse(line) as { serial: string }).serial),
        ["unit-1", "unit-2", "unit-3"],
      );
    });

    const wrong: readonly (readonly [title: string, args: readonly string[], about: RegExp])[] = [
      ["an unknown format", ["--format", "xml", "--out", "x"], /--format xml is not known/],
      ["a file that is there", ["--format", "csv", "--out", "there"], /there is there already/],
      ["AWS without a policy", ["--format", "aws-bulk", "--out", "x"], /--policy is missing/],
      ["a group without a name", ["--format", "azure-group", "--out", "x"], /--group is missing/],
      [
        "an option of another format",
        ["--format", "csv", "--out", "x", "--policy", "p"],
        /--policy has no meaning for --format csv/,
      ],
      [
        "a verification certificate that is none",
        ["--format", "aws-jitp", "--out", "x", "--policy", "p", "--verification", "there"],
        /there/,
      ],
      [
        "JSON lines and the export on stdout",
        ["--format", "csv", "--out", "-", "--json"],
        /--json and --out - were both given/,
      ],
      [
        "units that a cloud would not take",
        ["--format", "aws-bulk", "--policy", "p", "--out", "x", "--ledger", "dots.db"],
        /aws-bulk: dot\.1: .*\n {2}dot\.1: .*\n {2}dot\.2: /,
      ],
    ];
    for (const [title, args, about] of wrong)
      it(`refuses ${title}, and writes nothing`, async () => {
        assertRefused(await floor.provision(["export", ...args]), about);
        assert.ok(!existsSync(floor.folder.file("x")));
        assert.equal(floor.read("there"), "somebody's");
        assert.ok(!readdirSync(floor.folder.path).some(name => name.endsWith(".part")));
      });

    it("--force replaces a file", async () => {
      await floor.good(["export", "--format", "csv", "--out", "out.csv", "--force"]);
    });
  });

  describe("label", () => {
    it("one unit as SVG, with a payload and lines of one's own", async () => {
      await floor.good([
        "label",
        "--serial",
        "unit-1",
        "--out",
        "one.svg",
        "--payload",
        "https://example.com/{serial}",
        "--line",
        "{serial}",
        "--line",
        "{label?}",
        "--size",
        "50x25",
        "--correction",
        "H",
      ]);
      assert.match(floor.read("one.svg"), /<svg.*unit-1.*first/s);
    });

    // A file of the name "-" was written instead.
    for (const format of ["svg", "png", "sheet"] as const)
      it(`--out - gives the ${format} to a pipe, and words to stderr`, () => {
        const which = format === "sheet" ? ["--all"] : ["--serial", "unit-1"];
        const { stdout, stderr, status } = spawnSync(
          process.execPath,
          [program, "provision", "label", ...which, "--format", format, "--out", "-"],
          { cwd: floor.folder.path },
        );
        assert.equal(status, 0, stderr.toString());
        assert.match(stderr.toString(), /^\d labels? on stdout\.\n$/);
        assert.match(
          stdout.toString("latin1"),
          format === "png" ? /^.PNG.*IEND.{4}$/s : /^<svg.*<\/svg>\s*$/s,
        );
        assert.ok(!existsSync(floor.folder.file("-")));
      });

    it("--out - refuses a PNG on a terminal", function () {
      const script = peer(this, "script");
      const command = `"${process.execPath}" "${program}" provision label --serial unit-1 --format png --out -; echo "exit $?"`;
      const shown = execFileSync(script, ["-qec", command, "/dev/null"], {
        cwd: floor.folder.path,
      }).toString();
      assert.match(shown, /would write a PNG to a terminal/);
      assert.match(shown, /exit 2/);
    });

    it("refuses a unit that is not done: its label would say that it is", async () => {
      const args = ["--ledger", "half.db", "--units", "units.csv", "--images", "half", "--serial", "unit-1"];
      await floor.good(["run", ...args]);
      const run = await floor.provision([
        "label",
        "--ledger",
        "half.db",
        "--serial",
        "unit-2",
        "--out",
        "l.svg",
      ]);
      assertRefused(run, /unit-2 is not done: the ledger has it as "listed"/);
      assert.ok(!existsSync(floor.folder.file("l.svg")));
    });

    it("all units as PNG, one file each, and as a sheet", async () => {
      const { summary } = await floor.json([
        "label",
        "--all",
        "--out",
        "labels",
        "--format",
        "png",
        "--dpi",
        "300",
      ]);
      assert.equal(summary["labels"], 3);
      assert.deepEqual(readdirSync(floor.folder.file("labels")).sort(), [
        "unit-1.png",
        "unit-2.png",
        "unit-3.png",
      ]);
      await floor.good(["label", "--all", "--out", "sheet.svg", "--format", "sheet", "--paper", "Letter"]);
      assert.match(floor.read("sheet.svg"), /<svg/);
    });

    const wrong: readonly (readonly [title: string, args: readonly string[], about: RegExp])[] = [
      ["neither one unit nor all", ["--out", "l.svg"], /neither --serial nor --all/],
      ["both one unit and all", ["--serial", "unit-1", "--all", "--out", "l"], /were both given/],
      [
        "a size that is none",
        ["--serial", "unit-1", "--out", "l.svg", "--size", "big"],
        /--size big is no WIDTHxHEIGHT/,
      ],
      [
        "a name that no unit has",
        ["--serial", "unit-1", "--out", "l.svg", "--line", "{colour}"],
        /unit-1 has no colour/,
      ],
      ["a file that is there", ["--serial", "unit-1", "--out", "there"], /there is there already/],
      ["all labels on stdout", ["--all", "--out", "-"], /--out - is given with --all/],
      [
        "JSON lines and a label on stdout",
        ["--serial", "unit-1", "--out", "-", "--json"],
        /--json and --out - were both given/,
      ],
      [
        "a sheet of two pages on stdout",
        ["--all", "--out", "-", "--format", "sheet", "--size", "190x150"],
        /need more than one page/,
      ],
      [
        "a unit that nobody knows",
        ["--serial", "unit-9", "--out", "l.svg"],
        /the ledger knows no unit unit-9/,
      ],
    ];
    for (const [title, args, about] of wrong)
      it(`refuses ${title}`, async () => {
        assertRefused(await floor.provision(["label", ...args]), about);
        assert.ok(!existsSync(floor.folder.file("l.svg")));
      });
  });

  describe("revoke", () => {
    it("refuses a reason that RFC 5280 does not have, and a unit that nobody knows", async () => {
      assertRefused(
        await floor.provision(["revoke", "--serial", "unit-1", "--reason", "lost"]),
        /--reason lost is not known/,
      );
      assertRefused(
        await floor.provision(["revoke", "--serial", "unit-9"]),
        /the ledger knows no unit unit-9/,
      );
    });

    it("records the certificate's fate, says what it did, and the list of revoked ones has it", async () => {
      const { stdout } = await floor.good([
        "revoke",
        "--serial",
        "unit-3",
        "--reason",
        "cessationOfOperation",
      ]);
      assert.match(stdout, /unit-3: certificate [0-9a-f]{16} .* is revoked: cessationOfOperation/);
      assert.match(stdout, /The unit itself was not touched/);
      const listed = await floor.good(["export", "--format", "crl", "--out", "revoked.pem"]);
      assert.match(
        listed.stdout,
        /^revoked\.pem: crl, \d+ certificates?; the next list is due by \d{4}-\d\d-\d\d\.\n$/,
      );
      const shown = execFileSync("openssl", [
        "crl",
        "-in",
        floor.folder.file("revoked.pem"),
        "-noout",
        "-text",
      ]).toString();
      assert.match(shown, /Cessation Of Operation/);
      const run = await floor.provision(["image", "--serial", "unit-3", "--out", "x.bin"]);
      assert.equal(run.code, 1);
      assert.match(run.stderr, /was revoked, and nothing was asked for in its place/);
    });

    it("--replace gives the unit another certificate with the next run", async () => {
      await floor.good(["revoke", "--serial", "unit-2", "--replace"]);
      const { stdout } = await floor.good(["image", "--serial", "unit-2", "--out", "second.bin"]);
      assert.match(stdout, /unit-2 done in/);
      const { certificate } = parseImage(readFileSync(floor.folder.file("second.bin")));
      const { certificate: first } = parseImage(readFileSync(floor.folder.file("unit-2.bin")));
      assert.ok(certificate && first && Buffer.compare(certificate, first) !== 0);
    });

    it("says that nothing was revoked when the unit cannot be reached, and what goes without it", async () => {
      const run = await floor.provision([
        "revoke",
        "--serial",
        "unit-1",
        "--port",
        "/dev/nowhere",
        "--profile",
        "device.json",
      ]);
      assert.equal(run.code, 3);
      assert.match(run.stderr, /; nothing was revoked\n/);
      assert.match(run.stderr, /fix: .*Without --port the certificate is revoked in the ledger alone/);
    });

    it("--port erases the unit, and looks that it is gone", async () => {
      const port = await floor.device("erased");
      floor.units("devices.csv", "device-1");
      const args = ["--profile", "device.json", "--ledger", "devices.db", "--port", port];
      const made = await floor.good(["run", "--units", "devices.csv", ...args]);
      assert.match(made.stdout, /note: On the route auto the firmware may hand a copy .* to the BG95/);
      const { stdout } = await floor.good(["revoke", "--serial", "device-1", ...args]);
      assert.match(
        stdout,
        /The ESP32's credential store at .* was erased, and looked at: nothing is left in it/,
      );
      // "Nothing is left" was said while the module kept the key as a file.
      assert.match(stdout, /note: .* copy of the key to the BG95, where it stays until .* AT\+QFDEL=/);
      const run = await floor.provision(["verify", "--serial", "device-1", ...args]);
      assert.equal(run.code, 1);
      assert.match(run.stdout, /the unit holds no certificate/);
    });
  });

  describe("with a token", () => {
    let token: SoftToken | undefined;
    before(function () {
      token = new SoftToken(this);
      const key = createPrivateKey({
        key: floor.read("factory-ca/ca.key"),
        passphrase: "correct horse battery",
      });
      floor.write("plain.key", key.export({ type: "pkcs8", format: "pem" }).toString());
      token.importKey(floor.folder.file("plain.key"), "authority", "01");
      assert.equal(createPublicKey(key).asymmetricKeyType, "ec");
      floor.write("pin", `${PIN}\n`);
      floor.profile("token.json", {
        name: "token",
        issuer: {
          kind: "pkcs11",
          library: token.library,
          token: TOKEN,
          key: "authority",
          certificate: "factory-ca/ca.pem",
        },
      });
      floor.units("token.csv", "token-1", "token-2");
    });
    after(() => token?.remove());

    for (const [serial, args, input] of [
      ["token-1", ["--pin-file", "pin"], undefined],
      ["token-2", ["--pin-fd", "0"], "pin"],
    ] as const)
      it(`issues with the key of the token, its PIN by ${args[0]}`, async () => {
        const run = ["image", "--profile", "token.json", "--ledger", "token.db", "--units", "token.csv"];
        await floor.good([...run, "--serial", serial, "--out", `${serial}.bin`, ...args], {}, input);
        const { certificate } = parseImage(readFileSync(floor.folder.file(`${serial}.bin`)));
        const ca = new X509Certificate(floor.read("factory-ca/ca.pem"));
        assert.ok(certificate && new X509Certificate(certificate).verify(ca.publicKey));
      });

    it("plan without a PIN says that the key was not opened; with one that it opens", async () => {
      const plan = ["plan", "--profile", "token.json", "--units", "token.csv"];
      assert.match((await floor.good(plan)).stdout, /as no PIN was given/);
      assert.match((await floor.good([...plan, "--pin-file", "pin"])).stdout, /its key opens/);
    });
  });
});
