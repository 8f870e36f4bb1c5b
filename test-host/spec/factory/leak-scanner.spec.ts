import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { LeakScanner } from "../../factory/leak-scanner.js";
import { Secrets } from "../../factory/secrets.js";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const PASSPHRASE = "correct-horse.battery/staple";

function scanner(): LeakScanner {
  const secrets = new Secrets();
  secrets.addKeyObject(ec, "ec");
  secrets.addKeyObject(rsa, "rsa");
  secrets.addText(PASSPHRASE, "passphrase");
  return new LeakScanner(secrets);
}

/** 70 lines of a log around what was planted. */
function amid(planted: Uint8Array | string): Buffer {
  const line = '{"event":"state","port":"/dev/ttyUSB0","serial":"unit-0001","state":"issued","ms":12}\n';
  return Buffer.concat([Buffer.from(line.repeat(35)), Buffer.from(planted), Buffer.from(line.repeat(35))]);
}

const number = (key: typeof ec, member: "d" | "p" | "qi"): Buffer =>
  Buffer.from(key.export({ format: "jwk" })[member] ?? "", "base64url");
const der = ec.export({ type: "pkcs8", format: "der" });
const pem = ec.export({ type: "pkcs8", format: "pem" }).toString();
const d = number(ec, "d");
const wrapped = (text: string, columns: number): string =>
  text.replace(new RegExp(`.{${String(columns)}}`, "g"), "$&\n");

const PLANTED: readonly (readonly [title: string, planted: () => Uint8Array | string, secret: string])[] = [
  ["PKCS#8, DER", () => der, "ec (d)"],
  ["SEC 1, DER", () => ec.export({ type: "sec1", format: "der" }), "ec (d)"],
  ["PKCS#1, DER", () => rsa.export({ type: "pkcs1", format: "der" }), "rsa (p)"],
  ["PKCS#8, PEM", () => pem, "ec (d)"],
  ["PEM of CRLF", () => pem.replaceAll("\n", "\r\n"), "ec (d)"],
  ["PEM in JSON", () => JSON.stringify({ key: pem }), "ec (d)"],
  ["PEM in JSON in JSON", () => JSON.stringify(JSON.stringify({ key: pem })), "ec (d)"],
  ["PEM in UTF-16", () => Buffer.from(pem, "utf16le"), "ec (d)"],
  ["PEM in UTF-16, high byte first", () => Buffer.from(pem, "utf16le").swap16(), "ec (d)"],
  ["base64 of PEM", () => Buffer.from(pem).toString("base64"), "ec (d)"],
  ["the RSA key in base64", () => rsa.export({ type: "pkcs8", format: "der" }).toString("base64"), "rsa (d)"],
  ["the number as bytes", () => d, "ec (d)"],
  ["the number, low byte first", () => Buffer.from(d).reverse(), "ec (d)"],
  ["the number in hexadecimal", () => d.toString("hex"), "ec (d)"],
  ["capitals", () => d.toString("hex").toUpperCase(), "ec (d)"],
  [
    "with colons, as openssl shows it",
    () => wrapped(d.toString("hex").replace(/..(?=.)/g, "$&:"), 45),
    "ec (d)",
  ],
  ["with 0x", () => [...d].map(byte => `0x${byte.toString(16).padStart(2, "0")}`).join(", "), "ec (d)"],
  [
    "with backslashes",
    () => [...d].map(byte => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
    "ec (d)",
  ],
  ["behind an odd digit", () => `a${d.toString("hex")}`, "ec (d)"],
  ["hexadecimal in UTF-16", () => Buffer.from(d.toString("hex"), "utf16le"), "ec (d)"],
  ["as Node shows buffers", () => inspect(der), "ec (d)"],
  ["as Node shows arrays", () => inspect(Uint8Array.from(d)), "ec (d)"],
  ["a buffer in JSON", () => JSON.stringify(d), "ec (d)"],
  ["an array in JSON", () => JSON.stringify(Uint8Array.from(d)), "ec (d)"],
  ["an object of numbers", () => inspect(Object.fromEntries(d.entries())), "ec (d)"],
  ["base64", () => d.toString("base64"), "ec (d)"],
  ["base64 from its second byte on", () => d.subarray(1).toString("base64"), "ec (d)"],
  ["base64 from its third byte on", () => d.subarray(2).toString("base64"), "ec (d)"],
  ["base64 for addresses", () => d.toString("base64url"), "ec (d)"],
  ["base64 in lines of 5", () => wrapped(der.toString("base64"), 5), "ec (d)"],
  ["base64 in UTF-16 in lines", () => Buffer.from(wrapped(der.toString("base64"), 20), "utf16le"), "ec (d)"],
  ["base64 in an array of JSON", () => JSON.stringify(der.toString("base64").match(/.{1,9}/g)), "ec (d)"],
  [
    "a request of the console",
    () => `*4 data 0 ${der.subarray(30, 60).toString("base64")} 1d0f3a2b\n`,
    "ec (d)",
  ],
  ["eight bytes of a prime", () => number(rsa, "p").subarray(60, 68), "rsa (p)"],
  ["part of the coefficient", () => number(rsa, "qi").subarray(3, 19).toString("hex"), "rsa (qi)"],
  ["a JSON Web Key", () => JSON.stringify(ec.export({ format: "jwk" })), "ec (d)"],
  ["a passphrase", () => PASSPHRASE, "passphrase"],
  ["a passphrase in UTF-16", () => Buffer.from(PASSPHRASE, "utf16le"), "passphrase"],
  ["a passphrase in base64", () => Buffer.from(PASSPHRASE).toString("base64"), "passphrase"],
  ["part of a passphrase", () => `password: ${PASSPHRASE.slice(0, 9)}...`, "passphrase"],
];

describe("search for key material", () => {
  for (const [title, planted, secret] of PLANTED)
    it(`finds ${title}`, () => {
      const found = scanner().scan("log", amid(planted()));
      assert.ok(
        found.some(leak => leak.secret === secret),
        JSON.stringify(found),
      );
    });

  const UNTOLD: readonly (readonly [title: string, planted: () => Uint8Array | string])[] = [
    ["PEM", () => pem],
    ["PEM in UTF-16", () => Buffer.from(pem, "utf16le")],
    ["PKCS#8 of P-256", () => der],
    ["SEC 1", () => ec.export({ type: "sec1", format: "der" })],
    ["PKCS#8 of RSA", () => rsa.export({ type: "pkcs8", format: "der" })],
    ["base64 of PKCS#8", () => der.toString("base64")],
    ["PKCS#1", () => rsa.export({ type: "pkcs1", format: "der" })],
    ["hexadecimal of PKCS#8", () => der.toString("hex")],
  ];
  for (const [title, planted] of UNTOLD)
    it(`finds a key that nobody told of as ${title}`, () => {
      const found = new LeakScanner(new Secrets()).scan("log", amid(planted()));
      assert.ok(
        found.some(leak => leak.secret === "some key"),
        JSON.stringify(found),
      );
    });

  it("takes nothing public for a secret: certificates' keys, digests, locked keys, random bytes", () => {
    const locked = ec.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: PASSPHRASE,
    });
    const all = [ec, rsa].map(key => createPublicKey(key));
    const clean = [
      ...all.map(key => key.export({ type: "spki", format: "pem" }).toString()),
      ...all.map(key => key.export({ type: "spki", format: "der" })),
      ...all.map(key => JSON.stringify(key.export({ format: "jwk" }))),
      ...all.map(key => inspect(key.export({ type: "spki", format: "der" }))),
      locked.toString(),
      inspect(ec),
      randomBytes(2_000_000),
    ];
    for (const text of clean) assert.deepEqual(scanner().scan("clean", amid(text)), []);
  });

  it("tells where, and nothing of the secret itself", () => {
    const found = scanner().scan("log", amid(pem + PASSPHRASE));
    const told = JSON.stringify(found);
    assert.ok(found.every(({ where }) => where === "log"));
    assert.deepEqual(scanner().scan("told", told), []);
  });

  it("reads all files of folders, and what they are called, but what may hold keys", () => {
    const folder = mkdtempSync(join(tmpdir(), "leaks-"));
    try {
      mkdirSync(join(folder, "sub"));
      writeFileSync(join(folder, "sub", "ledger.db-wal"), amid(der));
      writeFileSync(join(folder, "flash.bin"), der);
      writeFileSync(join(folder, `${d.toString("hex")}.txt`), "");
      const found = scanner().scanPaths([folder], path => path.endsWith("flash.bin"));
      const wheres = new Set(found.map(({ where }) => where));
      assert.equal(wheres.size, 2);
      assert.ok([...wheres].some(where => where.endsWith("ledger.db-wal")));
      assert.ok([...wheres].some(where => where.startsWith("name of ")));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("a key read back from PEM is the same key", () => {
    const secrets = new Secrets();
    secrets.addKeyObject(ec);
    secrets.addKeyObject(createPrivateKey(pem));
    secrets.addKey(der);
    assert.equal(secrets.size, 1);
  });
});
