import { generateKeyPairSync, randomBytes, verify, type KeyObject } from "node:crypto";
import { esp32Cost } from "../simulator/simulation.js";
import { createEngine } from "../xs/index.js";
import { shown, type Chapter, type Figure } from "./figure.js";

/** A token's header and claims are about this long. */
const TEXT = "a".repeat(220);

interface Case {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly message: object;
}

function hex(base64url: string | undefined): string {
  return Buffer.from(base64url ?? "", "base64url").toString("hex");
}

function cases(): readonly Case[] {
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const { d } = ec.privateKey.export({ format: "jwk" });
  const { p, q, dp, dq, qi } = rsa.privateKey.export({ format: "jwk" });
  return [
    {
      name: "ES256",
      publicKey: ec.publicKey,
      message: { algorithm: "ES256", text: TEXT, d: hex(d), nonce: randomBytes(32).toString("hex") },
    },
    {
      name: "RS256, 2048 bits",
      publicKey: rsa.publicKey,
      message: {
        algorithm: "RS256",
        text: TEXT,
        p: hex(p),
        q: hex(q),
        dp: hex(dp),
        dq: hex(dq),
        qi: hex(qi),
      },
    },
  ];
}

function checked(report: string, publicKey: KeyObject): void {
  const [, signature] = JSON.parse(report) as [string, string];
  const key = { key: publicKey, dsaEncoding: "ieee-p1363" } as const;
  if (!verify("sha256", Buffer.from(TEXT), key, Buffer.from(signature, "hex")))
    throw new Error("a signature made in JavaScript does not hold");
}

async function measure({ name, publicKey, message }: Case): Promise<readonly Figure[]> {
  const engine = await createEngine({ engine: "xs", entry: "test-host/bench/programs/signing" });
  const inputs = { nowMs: 0, moduleStatus: true, transmitRoom: 0 };
  try {
    await engine.turn({ kind: "start" }, inputs);
    const before = performance.now();
    const turn = await engine.turn({ kind: "message", text: JSON.stringify(message) }, inputs);
    const wallMs = performance.now() - before;
    if (turn.abort) throw new Error(`${name}: ${turn.abort.reason} ${turn.abort.detail}`);
    for (const action of turn.actions) if (action.kind === "report") checked(action.text, publicKey);
    const memory = await engine.memory();
    const { nanosecondsPerStep, collectionMs } = esp32Cost;
    return [
      shown(`${name}: compute`, turn.compute, "steps"),
      shown(`${name}: garbage collections`, turn.collections, ""),
      shown(`${name}: peak of the heap`, memory.peakBytes, "bytes"),
      shown(`${name}: stack`, memory.stackPeakSlots, "slots"),
      shown(`${name}: on this machine`, wallMs, "ms"),
      shown(
        `${name}: ESP32, at most`,
        (turn.compute * nanosecondsPerStep) / 1e6 + turn.collections * collectionMs,
        "ms",
      ),
    ];
  } finally {
    await engine.stop();
  }
}

/** What a signature costs in JavaScript alone, inside XS with an ESP32's memory. */
export async function measureSigning(): Promise<Chapter> {
  const figures: Figure[] = [];
  for (const each of cases()) figures.push(...(await measure(each)));
  return {
    title: "Signing in JavaScript",
    note:
      "Why the device signs natively: one signature with the engine's BigInt, hash included, as firmware without native code would make it, in one turn that nothing interrupts. " +
      "XS counts a step for each pair of words that a remainder takes, too, which an ESP32 does faster than a byte code: the time by steps is an upper bound.",
    figures,
  };
}
