import { EmbeddedBroker, type BrokerRefusal } from "../broker.js";
import { loadCredentials } from "../credentials.js";
import type { SimulateOptions } from "./options.js";

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

async function embedded(options: SimulateOptions): Promise<BrokerAccess> {
  let refusal: BrokerRefusal | undefined;
  const broker = await EmbeddedBroker.start({
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
