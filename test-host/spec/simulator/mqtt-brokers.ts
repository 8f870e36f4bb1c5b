import { Aedes } from "aedes";
import assert from "node:assert/strict";
import { createServer, type AddressInfo, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Authority, type Issued, type KeyKind } from "../../../certs/issue.js";
import { Mosquitto } from "../cli/mosquitto.js";

/** A broker on a loopback port. */
export interface Broker {
  readonly port: number;
  stop(): Promise<unknown>;
}

export interface Identities {
  readonly ca: string;
  readonly server: Issued;
  readonly device: Issued;
}

export async function identities(key: KeyKind): Promise<Identities> {
  const authority = await Authority.create({ commonName: "Test Root", key });
  return {
    ca: authority.certificatePem,
    server: await authority.server({ commonName: "broker.test", names: ["broker.test"], key }),
    device: await authority.client({ commonName: "device", key }),
  };
}

async function startAedes(tls: Identities | undefined): Promise<Broker> {
  const aedes = await Aedes.createBroker();
  const server: Server = tls
    ? createTlsServer(
        { key: tls.server.keyPem, cert: tls.server.chainPem, ca: tls.ca, requestCert: true },
        aedes.handle,
      )
    : createServer(aedes.handle);
  await new Promise<void>(resolve => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      await new Promise<void>(resolve => aedes.close(() => resolve()));
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

function startMosquitto(suite: Mocha.Context, tls: Identities | undefined): Promise<Broker> {
  if (!tls) return Mosquitto.start(suite);
  return Mosquitto.start(suite, { tls: { server: tls.server, ca: tls.ca, requireCertificate: true } });
}

export function startBroker(
  kind: "mosquitto" | "aedes",
  suite: Mocha.Context,
  tls: Identities | undefined,
): Promise<Broker> {
  return kind === "aedes" ? startAedes(tls) : startMosquitto(suite, tls);
}

/** Shows where two texts begin to differ, which is more use than both of them. */
export function assertSame(actual: string, wanted: string): void {
  let index = 0;
  while (index < wanted.length && actual[index] === wanted[index]) index++;
  const near = (text: string): string => JSON.stringify(text.slice(Math.max(0, index - 20), index + 40));
  assert.ok(actual === wanted, `at ${String(index)}: ${near(actual)} instead of ${near(wanted)}`);
}
