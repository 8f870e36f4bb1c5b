import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
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

  /**
   * A folder with the shape of the SDK, whose `mcconfig` writes down how it was started. For an ESP32 it
   * does what the SDK's does to files: without an error it leaves nothing when ESP-IDF's build fails (`FAILS`),
   * and it writes the port into ESP-IDF's settings.
   */
  function sdk(name: string, version = "8.2.3"): NodeJS.ProcessEnv {
    const place = folder.file(name);
    const tools = join(place, "build", "bin", "lin", "release");
    for (const one of [tools, join(place, "modules"), join(place, "tools")])
      mkdirSync(one, { recursive: true });
    writeFileSync(join(place, "tools", "VERSION"), `${version}\n`);
    writeFileSync(
      join(tools, "mcconfig"),
      [
        "#!/bin/sh",
        'pwd > "$STARTED"; echo "$UPLOAD_PORT" >> "$STARTED"; echo "$@" >> "$STARTED"',
        "mkdir -p bin/esp32/release/it bin/lin/it tmp/esp32/release/it",
        'echo "port=$UPLOAD_PORT" > tmp/esp32/release/it/sdkconfig.mc',
        'case "$*" in *" build "*) [ -n "$FAILS" ] || echo new | tee bin/lin/it/mc.so > bin/esp32/release/it/xs_esp32.bin;; esac',
        "",
      ].join("\n"),
    );
    chmodSync(join(tools, "mcconfig"), 0o755);
    writeFileSync(join(place, "idf.py"), "");
    return { MODDABLE: place, STARTED: join(place, "started"), IDF_PATH: place };
  }

  /** The same with ESP-IDF's tools in the path. */
  function sdkWithIdf(name: string): NodeJS.ProcessEnv {
    const env = sdk(name);
    return { ...env, PATH: `${env["MODDABLE"] ?? ""}${delimiter}${process.env["PATH"] ?? ""}` };
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

  it("what the device would warn of is a note", async () => {
    const { code, stderr } = await dry(["esp32", "wiring.uart.baud=921600"]);
    assert.equal(code, 0);
    assert.match(stderr, /^note: wiring\.uart\.baud /m);
  });

  it("digits stay text where a text is meant: a PIN, an identifier", async () => {
    const { code, manifest } = await dry(["lin", "pin=0042", "clientId=007", "user=1234", "keepAlive=30000"]);
    const { pin, clientId, user, keepAlive } = manifest?.platforms["lin"]?.config ?? {};
    assert.deepEqual([code, pin, clientId, user, keepAlive], [0, "0042", "007", "1234", 30_000]);
  });

  it("without credential files it builds without them, and says what that means", async () => {
    const own = folder.file("bare.json");
    const given = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8")) as object;
    writeFileSync(own, JSON.stringify({ ...given, include: [] }));
    const lin = await dry(["lin", "--manifest", own]);
    assert.deepEqual(lin.manifest?.data, {});
    assert.match(
      lin.stderr,
      /note: without credentials: .+ca\.der.+ a broker that wants a certificate will refuse/,
    );
    const esp32 = await dry(["esp32", "--manifest", own]);
    assert.match(esp32.stderr, /note: without credentials: .+ the device needs them in its flash/);
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
    [
      "sleep without reports",
      ["lin", "sleep.everyMs=60000"],
      /config has sleep, and the product has no reports/,
    ],
    [
      "a product for another module",
      ["lin", "--product", "bc66-host-tls"],
      /the product bc66-host-tls does not contain what config asks for \(module bg95, route auto\)/,
    ],
    [
      "a product for another route",
      ["lin", "--product", "bg95-module-tls", "route=host-tls"],
      /bg95-module-tls does not contain what config asks for \(module bg95, route host-tls\)/,
    ],
    [
      "credentials of the module in a product that cannot use them",
      ["lin", "--product", "bg95-module-tls", "credentials=module"],
      /config has credentials=module, and the product bg95-module-tls takes none from there/,
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
    ["a board that is none", ["esp32", "--board", "none"], /--board none is not known[^]+devkit-bg95/],
    ["a board where there is none", ["lin", "--board", "devkit-bg95"], /--board has no meaning here/],
    ["writing what runs here", ["lin", "--deploy"], /--deploy has no meaning here/],
    ["a setting for a build that is not made", ["esp32", "--deploy", "apn=x"], /apn=x has no meaning here/],
    [
      "a product for a build that is not made",
      ["esp32", "--deploy", "--product", "everything"],
      /--product has no meaning here/,
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

  describe("--board", () => {
    it("takes the place of the manifest's board and wiring, and brings its module", async () => {
      const own = folder.file("wired.json");
      const include = [join(root, "hosts/firmware/manifest.json")];
      const given = JSON.parse(readFileSync(join(root, "manifest.json"), "utf8")) as { config: object };
      const wiring = { uart: { receive: 16, transmit: 17 }, powerKey: 4 };
      writeFileSync(own, JSON.stringify({ include, config: { ...given.config, wiring, module: "bg95" } }));
      const { code, command, manifest } = await dry(["esp32", "--manifest", own, "--board", "devkit-bc66"]);
      assert.equal(code, 0);
      assert.match(command, /^mcconfig -m -p esp32 -t build /);
      const config = manifest?.platforms["esp32"]?.config ?? {};
      assert.deepEqual(
        [config["board"], config["module"], config["wiring"]],
        ["devkit-bc66", "bc66", undefined],
      );
      assert.equal(manifest?.config["wiring"], undefined);
    });

    it("with another chip than the ESP32 builds for that chip", async () => {
      const { command } = await dry(["esp32", "--board", "s3-bg95"]);
      assert.match(command, /^mcconfig -m -p esp32\/esp32s3 -t build /);
    });

    it("can be corrected by KEY=VALUE", async () => {
      const { manifest } = await dry(["esp32", "--board", "devkit-bg95", "wiring.uart.transmit=19"]);
      assert.deepEqual(manifest?.platforms["esp32"]?.config["wiring"], { uart: { transmit: 19 } });
    });
  });

  describe("for an ESP32", () => {
    const esp32 = (env: NodeJS.ProcessEnv, ...args: readonly string[]) =>
      xsCellular(["build", "esp32", ...args], { env });

    it("a build that ESP-IDF could not end has failed, whatever an earlier one left", async () => {
      const env = sdkWithIdf("failing");
      const place = folder.file("f/esp32-release");
      assert.equal((await esp32(env, ...out("f"))).code, 0);
      assert.ok(existsSync(join(place, "bin/esp32/release/it/xs_esp32.bin")));
      const { code, stdout, stderr } = await esp32({ ...env, FAILS: "1" }, ...out("f"));
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, /the build has made nothing/);
      assert.ok(!existsSync(join(place, "bin/esp32/release/it/xs_esp32.bin")));
      const deployed = await esp32(env, "--deploy", ...out("f"));
      assert.equal(deployed.code, 2);
      assert.match(deployed.stderr, /the last build in .+f\/esp32-release failed/);
    });

    it("--deploy writes the last build to the port, and builds nothing", async () => {
      const env = sdkWithIdf("deployed");
      const early = await esp32(env, "--deploy", ...out("d"));
      assert.equal(early.code, 2);
      assert.match(early.stderr, /there is no build in .+d\/esp32-release/);
      assert.equal((await esp32(env, ...out("d"))).code, 0);
      const place = folder.file("d/esp32-release");
      const built = readFileSync(join(place, "manifest.json"), "utf8");
      assert.equal((await esp32(env, "--deploy", "--port", "/dev/ttyUSB1", ...out("d"))).code, 0);
      assert.equal(
        readFileSync(env["STARTED"] ?? "", "utf8"),
        `${place}\n/dev/ttyUSB1\n-m -p esp32 -t deploy -o ${place} ${place}/manifest.json\n`,
      );
      assert.equal(readFileSync(join(place, "manifest.json"), "utf8"), built);
    });

    it("--deploy writes what was built for another chip as that", async () => {
      const env = sdkWithIdf("s3");
      assert.equal((await esp32(env, "--board", "s3-bg95", ...out("s"))).code, 0);
      assert.equal((await esp32(env, "--deploy", ...out("s"))).code, 0);
      assert.match(readFileSync(env["STARTED"] ?? "", "utf8"), /-p esp32\/esp32s3 -t deploy/);
    });

    // The SDK writes the port into ESP-IDF's settings, and a change of these means a build from scratch.
    it("the port of --deploy is nothing that the next build notices", async () => {
      const env = sdkWithIdf("ports");
      assert.equal((await esp32({ ...env, UPLOAD_PORT: "/dev/ttyUSB7" }, ...out("p"))).code, 0);
      const settings = folder.file("p/esp32-release/tmp/esp32/release/it/sdkconfig.mc");
      assert.equal(readFileSync(settings, "utf8"), "port=\n");
      utimesSync(settings, 1, 1);
      assert.equal((await esp32(env, "--deploy", "--port", "/dev/ttyUSB1", ...out("p"))).code, 0);
      assert.equal(readFileSync(settings, "utf8"), "port=\n");
      assert.equal(statSync(settings).mtimeMs, 1000);
    });
  });

  it("another SDK than the one that was tried is told", async () => {
    const { stderr } = await xsCellular(["build", "lin", ...out("v")], { env: sdk("newer", "9.0.0") });
    assert.match(stderr, /note: Moddable SDK 9\.0\.0; tried with 8\.2\.3/);
  });
});
