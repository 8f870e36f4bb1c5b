import assert from "node:assert/strict";
import { bg95 } from "../../../drivers/bg95/profile.js";
import type { FullProfile } from "../../../drivers/quectel/profile.js";
import {
  chooseRoute,
  isModuleTlsFailure,
  type Obstacle,
  type Route,
  type RouteFacts,
  type RouteName,
} from "../../../drivers/quectel/route.js";
import { tlsObstacle } from "../../../drivers/quectel/tls-obstacle.js";
import { asRouteReason, explainPassed, explainRoute } from "../../../drivers/quectel/route-sentences.js";
import { ModuleTlsRoute } from "../../../drivers/quectel/routes/module-tls.js";
import { TCP } from "../../../drivers/quectel/tcp.js";
import { Authority } from "../../../certs/issue.js";
import { failure } from "../../../modules/diagnosis/failure.js";
import { PemStream } from "../../../modules/pki/pem.js";
import { BytesCredential } from "../../../modules/pki/bytes.js";

/** As the BC66's profile has it: suites that brokers have dropped, RSA keys, a small store. */
const old: FullProfile = {
  ...bg95,
  model: "BC66",
  tls: { suites: [0x002f, 0x0035, 0x003c, 0x003d], clientKeys: ["rsa"], credentialMax: 3_072 },
};

const MODERN = [0xc02f, 0xc030];

function route(name: RouteName, obstacle: Obstacle | undefined): Route {
  return {
    name,
    obstacle: () => obstacle,
    record: () => assert.fail("no connection is opened here"),
  };
}

function facts(change: Partial<RouteFacts> = {}): RouteFacts {
  return {
    profile: old,
    secure: true,
    credentials: { open: () => undefined },
    engine: undefined,
    hostLength: 9,
    clientIdLength: 9,
    userLength: 0,
    passwordLength: 0,
    topicLength: 9,
    payloadLength: 9,
    ...change,
  };
}

describe("the choice of the route", () => {
  it("takes the first route when nothing stands in its way", () => {
    const choice = chooseRoute(
      [route("host-tls", undefined), route("module-tls", undefined)],
      facts(),
      "auto",
    );
    assert.deepEqual([choice.route?.name, choice.reason, choice.passed], ["host-tls", "usual", ""]);
  });

  it("passes over routes with an obstacle and says which", () => {
    const routes = [
      route("host-tls", "engine"),
      route("module-tls", "suites"),
      route("module-mqtt", undefined),
    ];
    const choice = chooseRoute(routes, facts(), "auto");
    assert.deepEqual(
      [choice.route?.name, choice.reason, choice.passed],
      ["module-mqtt", "obstacle", "host-tls: engine, module-tls: suites"],
    );
  });

  it("gives none when every route has an obstacle, and names each", () => {
    const choice = chooseRoute([route("host-tls", "key"), route("module-tls", "suites")], facts(), "auto");
    assert.equal(choice.route, undefined);
    assert.equal(choice.passed, "host-tls: key, module-tls: suites");
  });

  for (const obstacle of ["engine", "plain", "topic", "payload"] as const)
    it(`does not try the route that is asked for where ${obstacle} stands in its way: it would end the firmware`, () => {
      const choice = chooseRoute([route("module-mqtt", obstacle)], facts(), "module-mqtt");
      assert.equal(choice.route, undefined);
      assert.equal(choice.passed, `module-mqtt: ${obstacle}`);
    });

  it("takes the route that is asked for where the module or the broker has the last word", () => {
    const choice = chooseRoute(
      [route("host-tls", undefined), route("module-tls", "suites")],
      facts(),
      "module-tls",
    );
    assert.deepEqual([choice.route?.name, choice.reason], ["module-tls", "asked"]);
  });

  it("gives none when the route that is asked for is not contained", () => {
    const choice = chooseRoute([route("host-tls", undefined)], facts(), "module-mqtt");
    assert.equal(choice.route, undefined);
    assert.equal(choice.passed, "module-mqtt: absent");
  });

  it("leaves out the route whose TLS has failed", () => {
    const routes = [route("module-tls", undefined), route("host-tls", undefined)];
    const choice = chooseRoute(routes, facts(), "auto", "module-tls");
    assert.deepEqual([choice.route?.name, choice.reason], ["host-tls", "fallback"]);
  });

  it("needs no reason beside the address for a connection without TLS", () => {
    const choice = chooseRoute([route("module-tls", undefined)], facts({ secure: false }), "auto");
    assert.equal(choice.reason, "plain");
  });
});

describe("the module's TLS as a route", () => {
  const secure = class extends TCP {};

  it("has nothing to do for a broker without TLS in a product without TCP of the module", () => {
    assert.equal(new ModuleTlsRoute(secure).obstacle(facts({ secure: false })), "plain");
    assert.equal(new ModuleTlsRoute(secure).obstacle(facts()), undefined);
  });

  it("reaches a broker without TLS by the TCP that the product contains", () => {
    assert.equal(new ModuleTlsRoute(secure, TCP).obstacle(facts({ secure: false })), undefined);
  });
});

describe("what a TLS cannot do", () => {
  let ec: Uint8Array;
  let rsa: Uint8Array;
  before(async () => {
    const authority = await Authority.create({ commonName: "CA" });
    ec = (await authority.client({ commonName: "device", key: "P-256" })).key;
    rsa = (await authority.client({ commonName: "device", key: "RSA-2048" })).key;
  });

  const store = (key: Uint8Array | undefined, certificate?: Uint8Array): RouteFacts["credentials"] => ({
    open(role) {
      const bytes = role === "key" ? key : role === "certificate" ? certificate : undefined;
      return bytes === undefined ? undefined : new BytesCredential(bytes);
    },
  });

  it("has no suite in common with a broker that takes ECDHE only", () => {
    assert.equal(tlsObstacle(old.tls, facts({ suites: MODERN })), "suites");
    assert.equal(tlsObstacle(bg95.tls, facts({ suites: MODERN })), undefined);
  });

  it("is not judged by suites that nobody knows", () => {
    assert.equal(tlsObstacle(old.tls, facts()), undefined);
  });

  it("does not sign with a P-256 key where it knows RSA only", () => {
    assert.equal(tlsObstacle(old.tls, facts({ credentials: store(ec) })), "key");
    assert.equal(tlsObstacle(bg95.tls, facts({ credentials: store(ec) })), undefined);
    assert.equal(tlsObstacle(old.tls, facts({ credentials: store(rsa) })), undefined);
  });

  it("does not store a certificate whose PEM is longer than the module's store", () => {
    // 54 bytes of dashes and labels, 4 for each 3, a line end for each 48.
    const fits = new Uint8Array(2_226);
    const longer = new Uint8Array(2_227);
    assert.equal(new PemStream(new BytesCredential(fits), "CERTIFICATE").byteLength, 3_069);
    assert.equal(tlsObstacle(old.tls, facts({ credentials: store(rsa, fits) })), undefined);
    assert.equal(tlsObstacle(old.tls, facts({ credentials: store(rsa, longer) })), "size");
  });
});

describe("falling back to another route", () => {
  const vectors = [
    { reason: failure("tls", "AT+QSSLOPEN", -5), expected: true },
    { reason: failure("tls", "AT+QSSLOPEN", -9), expected: true },
    { reason: failure("tls", "AT+QSSLOPEN", 566), expected: true },
    { reason: failure("tls", "TLS", 48), expected: false },
    { reason: failure("connect", "AT+QIOPEN", 566), expected: false },
    { reason: failure("clock", "AT+QSSLOPEN"), expected: false },
    { reason: failure("mqtt-refused", "CONNECT", 5), expected: false },
  ];
  for (const { reason, expected } of vectors)
    it(`${expected ? "follows" : "does not follow"} ${reason.kind} of ${reason.command ?? ""}`, () => {
      assert.equal(isModuleTlsFailure(reason), expected);
    });
});

describe("the sentence for a route", () => {
  it("says of the BC66 which suites its own TLS has", () => {
    assert.match(explainRoute("BC66", "host-tls", "usual", ""), /static-RSA suites with CBC/);
  });

  it("names every obstacle", () => {
    assert.equal(
      explainPassed("module-tls: suites, host-tls: key"),
      "the module's TLS has no cipher suite in common with the broker; TLS on the ESP32 cannot sign with the device's kind of key",
    );
  });

  it("is there for every reason", () => {
    for (const word of ["asked", "plain", "usual", "fallback"])
      assert.notEqual(explainRoute("BG95", "module-mqtt", asRouteReason(word), ""), "");
  });
});
