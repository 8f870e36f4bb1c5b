import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { noSuite } from "../../../hosts/workstation/certs/no-suite.js";
import { tlsOf, type RouteTls } from "../../../hosts/workstation/route-tls.js";
import { suiteName } from "../../../hosts/workstation/suites.js";

// Cause: whatever was asked, ECDHE-RSA-AES128-GCM-SHA256 was to be allowed, which a BC66 has not and an EC key cannot do.
describe("advice when a broker refuses all suites of a route", () => {
  const KEYS = {
    ec: generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey,
    rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey,
    ed25519: generateKeyPairSync("ed25519").publicKey,
  };
  const routes = (["bg95", "bc66"] as const).flatMap(module =>
    (["device", "sdk"] as const).flatMap(engine =>
      tlsOf(module, engine).map((tls): [string, RouteTls] => [`${module}, ${tls.route} (${engine})`, tls]),
    ),
  );

  for (const [name, tls] of routes)
    for (const type of ["ec", "rsa", "ed25519", undefined] as const)
      it(`names a suite of that TLS that the broker's key can do, or another key: ${name}, ${type ?? "no certificate"}`, () => {
        const { fix } = noSuite(tls, type && KEYS[type]);
        const suites = tls.suites.map(suiteName);
        const allowed = /^Allow (\S+) on/.exec(fix)?.[1];
        const can = suites.filter(
          suite => type === undefined || (type !== "ed25519" && suite.includes("ECDSA") === (type === "ec")),
        );
        if (can.length > 0) assert.ok(allowed !== undefined && can.includes(allowed), fix);
        else if (type === "ec")
          assert.match(
            fix,
            /^Give the broker a certificate with an RSA key, or use (host-tls|the TLS engine device)\.$/,
          );
        else assert.match(fix, /^Give the broker a certificate with an RSA( or a P-256)? key\.$/);
      });

  it("a BC66's own TLS at a broker with an EC key needs an RSA certificate, or host-tls", () => {
    const tls = tlsOf("bc66", "device").find(({ route }) => route === "module-tls");
    assert.ok(tls);
    const { why, fix } = noSuite(tls, KEYS.ec);
    assert.match(why, /its certificate's key is EC, curve P-256, and none of them works with such a key/);
    assert.equal(fix, "Give the broker a certificate with an RSA key, or use host-tls.");
  });
});
