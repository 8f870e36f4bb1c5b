import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { Floor } from "./provision-floor.js";

// Cause: whoever read the folder's faults was never asked, and units waited for ever.
describe("xs-cellular provision, with what came back from whoever issues elsewhere", function () {
  this.timeout(60_000);
  const floor = new Floor();
  before(async () => {
    await floor.open();
    floor.units("units.csv", "unit-1");
    for (const folder of ["out", "back"]) mkdirSync(floor.folder.file(folder));
    floor.profile("requests.json", {
      target: "device",
      key: { made: "device", kind: "P-256" },
      issuer: {
        kind: "requests",
        requests: "out",
        certificates: "back",
        certificate: "factory-ca/ca.pem",
      },
    });
    floor.write("back/key.pem", readFileSync(floor.folder.file("factory-ca/ca.key"), "latin1"));
    floor.write("back/mail.txt", "Your order is on its way.\n");
  });
  after(() => floor.close());
  const common = ["--profile", "requests.json", "--units", "units.csv"];
  const told = [
    /^came back: key\.pem: holds a private key under a password, which is no certificate/,
    /^came back: mail\.txt: holds neither PEM text nor DER$/,
  ];

  for (const [verb, args, code] of [
    ["plan", [], 0],
    ["run", ["--port", "nowhere"], 3],
  ] as const)
    it(`${verb} tells each file that is of no use, by its name and why`, async () => {
      const end = await floor.json([verb, ...common, ...args]);
      assert.equal(end.code, code);
      const texts = end.lines.flatMap(line => (line["code"] === "returned-file" ? [line["text"]] : []));
      assert.equal(texts.length, told.length, texts.join("\n"));
      for (const [at, pattern] of told.entries()) assert.match(String(texts[at]), pattern);
    });

  it("tells people the same", async () => {
    const { stdout } = await floor.good(["plan", ...common]);
    assert.match(stdout, /^note +came back: mail\.txt: /m);
  });
});
