import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { Folder, root, xsCellular } from "./support.js";

interface MadeManifest {
  readonly include: readonly string[];
  readonly config: Readonly<Record<string, unknown>>;
  readonly data: Readonly<Record<string, readonly string[]>>;
  readonly platforms: Readonly<Record<string, { readonly config: Readonly<Record<string, unknown>> }>>;
}

describe("xs-cellular build", () => {
  const folder = new Folder();
  after(() => folder.remove());

  /** A folder with the shape of the SDK, whose `mcconfig` writes down how it was started. */
  function sdk(name: string, version = "8.2.3"): NodeJS.ProcessEnv {
    const place = folder.file(name);
    const tools = join(place, "build", "bin", "lin", "release");
    for (const one of [tools, join(place, "modules"), join(place, "tools")])
      mkdirSync(one, { recursive: true });
    writeFileSync(join(place, "tools", "VERSION"), `${version}\n`);
    writeFileSync(
      join(tools, "mcconfig"),
      `#!/bin/sh\npwd > "$STARTED"\necho "$UPLOAD_PORT" >> "$STARTED"\necho "$@" >> "$STARTED"\n`,
    );
    chmodSync(join(tools, "mcconfig"), 0o755);
    return { MODDABLE: place, STARTED: join(place, "started"), IDF_PATH: place };
  }

  const bare = { MODDABLE: "", IDF_PATH: "" };
  const out = (name: string): readonly string[] => ["--out", folder.file(name)];

  async function dry(args: readonly string[], env: NodeJS.ProcessEnv = bare) {
    const { code, stdout, stderr } = await xsCellular(["build", ...args, "--dry-run"], { env });
    const [command = "", ...lines] = stdout.split("\n");
    return {
      code,
      command,
      stderr,
      manifest: code === 0 ? (JSON.parse(lines.join("\n")) as MadeManifest) : undefined,
    };
  }

  it("without the SDK it ends with 3, and says how to get it", async () => {
    const { code, stdout, stderr } = await xsCellular(["build", "lin", ...out("none")], { env: bare });
    assert.deepEqual([code, stdout], [3, ""]);
    assert.match(stderr, /^xs-cellular: MODDABLE is not set\n {2}why: .+\n {2}fix: npx xs-dev setup/m);
    assert.ok(!existsSync(folder.file("none")));
  });

  it("for an ESP32 it tells everything that is missing at once", async () => {
    const { code, stderr } = await xsCellular(["build", "esp32", ...out("none")], { env: bare });
    assert.equal(code, 3);
    assert.match(stderr, /MODDABLE is not set/);
    assert.match(stderr, /IDF_PATH is not set\n.+\n {2}fix: npx xs-dev setup --device esp32/);
  });

  it("an SDK that is not where MODDABLE says is told by its path", async () => {
    const { code, stderr } = await xsCellular(["build", "lin"], { env: { MODDABLE: "/no/such/sdk" } });
    assert.equal(code, 3);
    assert.match(stderr, /MODDABLE is \/no\/such\/sdk, and Moddable's SDK is not there/);
  });

  it("ESP-IDF without its tools in the path is told", async () => {
    const { code, stderr } = await xsCellular(["build", "esp32"], { env: sdk("without-idf") });
    assert.equal(code, 3);
    assert.match(stderr, /idf\.py is not in the path\n.+\n {2}fix: \. \$IDF_PATH\/export\.sh/);
  });

  it("the manifest of the build holds the product that was asked for, and absolute paths", async () => {
    const { code, command, manifest } = await dry(["lin", "--product", "bg95-module-tls", ...out("o")]);
    assert.equal(code, 0);
    assert.equal(
      command,
      `mcconfig -m -p lin -t build -o ${folder.file("o")}/lin-release ${folder.file("o")}/lin-release/manifest.json`,
    );
    assert.deepEqual(manifest?.include, [
      join(root, "hosts/firmware/manifest.json"),
      join(root, "hosts/firmware/products/manifest_bg95-module-tls.json"),
    ]);
  });

  it("KEY=VALUE replaces members of the configuration, nested ones and numbers too", async () => {
    const { manifest } = await dry([
      "lin",
      "apn=internet",
      "broker.host=mqtt.example.com",
      "broker.port=8884",
      "broker.verify=true",
      "device=/dev/ttyACM0",
    ]);
    const config = manifest?.platforms["lin"]?.config ?? {};
    assert.equal(config["apn"], "internet");
    assert.equal(config["device"], "/dev/ttyACM0");
    assert.deepEqual(config["broker"], {
      host: "mqtt.example.com",
      port: 8884,
      secure: true,
      verify: true,
    });
  });

  it("without credential files it builds without them, and says what that means", async () => {
    const { manifest, stderr } = await dry(["lin"]);
    if (existsSync(join(root, "credentials"))) return;
    assert.deepEqual(manifest?.data, {});
    assert.match(stderr, /note: without credentials: .+ca\.der.+ the device has to be provisioned/);
  });

  it("credential files that are there are part of the build", async () => {
    const own = folder.file("own.json");
    writeFileSync(folder.file("ca.der"), "x");
    const given = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8")) as object;
    const include = [
      join(root, "hosts/firmware/manifest.json"),
      join(root, "hosts/firmware/products/manifest_everything.json"),
    ];
    writeFileSync(own, JSON.stringify({ ...given, include, data: { "*": ["./ca", "./key"] } }));
    const { manifest, stderr } = await dry(["lin", "--manifest", own]);
    assert.deepEqual(manifest?.data, { "*": [folder.file("ca")] });
    assert.match(stderr, /without credentials: \.\/key\.der is not there/);
  });

  const faults: readonly (readonly [string, readonly string[], RegExp])[] = [
    [
      "a port that is none",
      ["lin", "broker.port=0"],
      /manifest\.json: broker\.port is 0; allowed is a whole number from 1 to 65535/,
    ],
    ["a module that is none", ["lin", "module=bg77"], /module is "bg77"; allowed is one of bg95, bc66/],
    ["a pin that an ESP32 does not have", ["esp32", "wiring.uart.transmit=99"], /transmit/],
    ["a target that is none", ["avr"], /target avr is not known/],
    ["a product that is none", ["lin", "--product", "bg77"], /--product bg77 is not known/],
    ["no KEY=VALUE", ["lin", "apn"], /apn is no KEY=VALUE/],
    [
      "a manifest that is not there",
      ["lin", "--manifest", "none.json"],
      /none\.json cannot be read \(ENOENT\)/,
    ],
    ["two kinds of build", ["lin", "--debug", "--instrument"], /--debug and --instrument were both given/],
  ];
  for (const [name, args, message] of faults)
    it(`ends with 2 before anything is built: ${name}`, async () => {
      const { code, stdout, stderr } = await xsCellular(["build", ...args, ...out("refused")], {
        env: sdk("any"),
      });
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, message);
      assert.ok(!existsSync(folder.file("refused")));
    });

  it("mcconfig is started in the build's folder with its manifest", async () => {
    const env = sdk("started");
    const { code, stdout } = await xsCellular(["build", "lin", "--instrument", ...out("b")], { env });
    assert.equal(code, 0);
    const place = folder.file("b/lin-instrumented");
    assert.equal(stdout, `built: ${place}\n`);
    assert.equal(
      readFileSync(env["STARTED"] ?? "", "utf8"),
      `${place}\n\n-im -p lin -t build -o ${place} ${place}/manifest.json\n`,
    );
    assert.ok(existsSync(join(place, "manifest.json")));
  });

  it("--deploy writes the last build to the port, and builds nothing", async () => {
    const env = sdk("deployed");
    const idf = join(env["MODDABLE"] ?? "", "idf.py");
    writeFileSync(idf, "");
    const withIdf = { ...env, PATH: `${dirname(idf)}${delimiter}${process.env["PATH"] ?? ""}` };
    const early = await xsCellular(["build", "esp32", "--deploy", ...out("d")], { env: withIdf });
    assert.equal(early.code, 2);
    assert.match(early.stderr, /there is no build in .+d\/esp32-release/);
    assert.equal((await xsCellular(["build", "esp32", ...out("d")], { env: withIdf })).code, 0);
    const { code } = await xsCellular(["build", "esp32", "--deploy", "--port", "/dev/ttyUSB1", ...out("d")], {
      env: withIdf,
    });
    assert.equal(code, 0);
    const place = folder.file("d/esp32-release");
    assert.equal(
      readFileSync(env["STARTED"] ?? "", "utf8"),
      `${place}\n/dev/ttyUSB1\n-m -p esp32 -t deploy -o ${place} ${place}/manifest.json\n`,
    );
  });

  it("another SDK than the one that was tried is told", async () => {
    const { stderr } = await xsCellular(["build", "lin", ...out("v")], { env: sdk("newer", "9.0.0") });
    assert.match(stderr, /note: Moddable SDK 9\.0\.0; tried with 8\.2\.3/);
  });
});
