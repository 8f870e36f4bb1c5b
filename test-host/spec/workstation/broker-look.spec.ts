import assert from "node:assert/strict";
import { createServer as createPlainServer, type AddressInfo, type Server } from "node:net";
import { createServer } from "node:tls";
import { Authority, type Issued } from "../../../certs/issue.js";
import { lookAtServer, type ServerAnswer } from "../../../hosts/workstation/broker-look.js";
import { opensslList, suiteName, suiteNumber } from "../../../hosts/workstation/suites.js";

const STATIC_RSA = [0x002f, 0x0035, 0x003c, 0x003d];
const MODERN = [0xc02f, 0xc030];

async function asked(server: Server, suites: readonly number[]): Promise<ServerAnswer> {
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await lookAtServer({
      address: "127.0.0.1",
      port,
      serverName: "localhost",
      suites,
      timeoutMs: 300,
    });
  } finally {
    await new Promise(resolve => server.close(resolve));
  }
}

describe("a look at a server's suites", () => {
  let identity: Issued;
  let root: Authority;
  before(async () => {
    root = await Authority.create({ commonName: "CA", key: "RSA-2048" });
    identity = await root.server({ commonName: "localhost", key: "RSA-2048" });
  });

  const tls = (ciphers: string): Server =>
    createServer({
      cert: identity.chainPem,
      key: identity.keyPem,
      ciphers,
      maxVersion: "TLSv1.2",
      requestCert: true,
      ca: root.certificatePem,
    }).on("tlsClientError", () => undefined);

  const vectors = [
    { ciphers: "ECDHE-RSA-AES128-GCM-SHA256", suites: MODERN, answer: { kind: "suite", suite: 0xc02f } },
    {
      ciphers: "ECDHE-RSA-AES128-GCM-SHA256",
      suites: STATIC_RSA,
      answer: { kind: "alert", description: 40 },
    },
    { ciphers: "AES128-SHA256", suites: STATIC_RSA, answer: { kind: "suite", suite: 0x003c } },
    { ciphers: "AES128-SHA256", suites: MODERN, answer: { kind: "alert", description: 40 } },
  ];
  for (const { ciphers, suites, answer } of vectors)
    it(`is answered by ${JSON.stringify(answer)} where ${ciphers} is allowed and ${opensslList(suites)} is offered, though a client certificate is wanted`, async () => {
      assert.deepEqual(await asked(tls(ciphers), suites), answer);
    });

  it("tells a server that speaks something else", async () => {
    const http = createPlainServer(socket => socket.resume().end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert.deepEqual(await asked(http, MODERN), { kind: "no-tls" });
  });

  it("tells a server that closes", async () => {
    assert.deepEqual(
      await asked(
        createPlainServer(socket => socket.destroy()),
        MODERN,
      ),
      { kind: "closed" },
    );
  });

  it("tells a server that says nothing", async () => {
    const mute = createPlainServer(socket => socket.resume());
    assert.deepEqual(await asked(mute, MODERN), { kind: "silent" });
  });

  it("tells a port where nothing listens", async () => {
    const server = createPlainServer();
    await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise(resolve => server.close(resolve));
    const answer = await lookAtServer({ address: "127.0.0.1", port, serverName: "", suites: MODERN });
    assert.deepEqual(answer, { kind: "unreachable" });
  });
});

describe("names of suites", () => {
  it("are read as OpenSSL writes them and as numbers", () => {
    for (const text of ["ECDHE-RSA-AES128-GCM-SHA256", "ecdhe-rsa-aes128-gcm-sha256", "C02F", "0xc02f"])
      assert.equal(suiteNumber(text), 0xc02f);
    assert.equal(suiteNumber("AES128-SHA1"), undefined);
  });

  it("are numbers where none is known", () => {
    assert.equal(suiteName(0x00ff), "0x00FF");
    assert.equal(suiteName(0x003c), "AES128-SHA256");
  });
});
