import { Authority } from "../../../certs/issue.js";
import { EmbeddedBroker, type BrokerOptions, type BrokerRefusal } from "../broker.js";
import { loadCredentials } from "../credentials.js";
import type { SimulateOptions } from "./options.js";

/** What the BC66's own TLS offers, in OpenSSL's words; brokers of today have to be told to take them. */
const BC66_SUITES = "AES128-SHA256:AES256-SHA256";

/** The broker as the device is told of it. */
export interface BrokerAccess {
  readonly url: string;
  readonly secure: boolean;
  /** Name for TLS and DNS. */
  readonly host: string;
  readonly port: number;
  /** `NAME=ADDRESS:PORT` for the simulated network, when the name is not the machine's own. */
  readonly resolve: readonly string[];
  readonly ca?: Uint8Array;
  readonly certificate?: Uint8Array;
  readonly key?: Uint8Array;
  /** Topic filter for commands; empty: none. */
  readonly subscribe: string;
  /** Commands that will come. */
  readonly commands: number;
  /** Sentences for the user about the credentials. */
  readonly notes: readonly string[];
  /** Why the embedded broker refused the device, when it did. */
  refusal(): string | undefined;
  close(): Promise<void>;
}

/** Prepares the broker of the run: the user's own, or an embedded one with certificates made on the spot. */
export async function prepareBroker(options: SimulateOptions): Promise<BrokerAccess> {
  const { broker } = options;
  if (broker === undefined) return embedded(options);
  const loaded = loadCredentials(
    {
      ...(options.ca === undefined ? undefined : { ca: options.ca }),
      ...(options.cert === undefined ? undefined : { certificate: options.cert }),
      ...(options.key === undefined ? undefined : { key: options.key }),
    },
    new Date(),
  );
  const { serverName } = options;
  const address = broker.host === "localhost" ? "127.0.0.1" : broker.host;
  return {
    url: broker.url,
    secure: broker.secure,
    host: serverName ?? broker.host,
    port: broker.port,
    resolve: serverName === undefined || serverName === broker.host ? [] : [`${serverName}=${address}`],
    ...(loaded.ca === undefined ? undefined : { ca: loaded.ca }),
    ...(loaded.certificate === undefined ? undefined : { certificate: loaded.certificate }),
    ...(loaded.key === undefined ? undefined : { key: loaded.key }),
    subscribe: options.subscribe ?? "",
    commands: 0,
    notes: loaded.notes,
    refusal: () => undefined,
    close: () => Promise.resolve(),
  };
}

/**
 * Keys and suites of the embedded broker, such that the route can be taken at all: the BC66's own TLS
 * knows RSA and none but suites that have gone out of use. For TLS on the ESP32 the device has an RSA
 * key, as clouds issue them, and the broker a short chain, which a BC66 can hold whole.
 */
async function identity({ module, route }: SimulateOptions): Promise<BrokerOptions> {
  if (module === "bg95" && route !== "host-tls") return {};
  const ownTls = module === "bc66" && (route === "module-tls" || route === "module-mqtt");
  const key = ownTls ? "RSA-2048" : "P-256";
  const root = await Authority.create({ commonName: "Embedded broker root", key });
  // The SDK's TLS compares names only while it walks a chain of two certificates or more.
  const authority = await root.authority({ commonName: "Embedded broker CA", key });
  const names = ["localhost", "127.0.0.1"];
  const server = await authority.server({ commonName: "Embedded broker", key, names });
  return {
    key: "RSA-2048",
    authority: root,
    server,
    ...(ownTls ? { tls: { maxVersion: "TLSv1.2", ciphers: BC66_SUITES } } : undefined),
  };
}

async function embedded(options: SimulateOptions): Promise<BrokerAccess> {
  let refusal: BrokerRefusal | undefined;
  const broker = await EmbeddedBroker.start({
    ...(await identity(options)),
    onRefusal: one => {
      refusal ??= one;
    },
  });
  const client = await broker.issueClient(options.clientId.slice(0, 64));
  const subscribe = options.subscribe ?? `devices/${options.clientId}/command`;
  // With a filter of the user's own the topic of a command cannot be known.
  const own = options.subscribe === undefined;
  if (own) broker.command(subscribe, JSON.stringify({ command: "report", intervalSeconds: 60 }));
  return {
    url: `mqtts://localhost:${String(broker.port)}`,
    secure: true,
    host: "localhost",
    port: broker.port,
    resolve: [],
    ca: broker.authority.certificate,
    certificate: client.certificate,
    key: client.key,
    subscribe,
    commands: own ? 1 : 0,
    notes: [],
    refusal: () => refusal?.reason,
    close: () => broker.close(),
  };
}
