import { FactoryError } from "../../../../certs/factory-error.js";
import type {
  Handshake,
  Holding,
  Present,
  ReadBack,
  ReadBackBy,
  Target,
} from "../../../../certs/factory/target.js";
import type { CredentialRole } from "../../../../modules/io/credentials.js";
import type { DeviceFacts, ProvisioningClient, Where } from "../../provisioning/client.js";
import { ProvisioningError } from "../../provisioning/error.js";
import { equal } from "../../provisioning/proof.js";
import { taken, unequal } from "./device-fault.js";
import { awaitConnection } from "./device-handshake.js";
import { DeviceLine, type DeviceLineOptions } from "./device-line.js";

export interface DeviceTargetOptions extends DeviceLineOptions {
  /** From the restart until the broker has accepted the device. A first search for a network takes minutes. Default: 300,000. */
  readonly handshakeMs?: number | undefined;
}

const ROLES = ["ca", "certificate", "key"] as const;

/** What a place says when it holds nothing of use under a role. */
const OF_NO_USE: readonly string[] = ["kind", "unable", "unusable"];

/**
 * Opens a device with our firmware by its console. `port`: a path, or `tcp:HOST:PORT`. Where the line breaks
 * it is mended within bounds, and the work goes on. Verified on no hardware yet.
 */
export async function openDeviceTarget(
  port: string,
  options: DeviceTargetOptions = {},
): Promise<Required<Target>> {
  return new DeviceTarget(await DeviceLine.open(port, options), options.handshakeMs ?? 300_000);
}

/** `undefined`: there is none, or none that the device can use. */
async function unlessUseless<Value>(work: Promise<Value | undefined>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof ProvisioningError && OF_NO_USE.includes(error.code)) return undefined;
    throw error;
  }
}

async function stored(
  client: ProvisioningClient,
  where: Where,
  role: CredentialRole,
): Promise<Uint8Array | undefined> {
  return unlessUseless(
    role === "key" ? client.publicKey(where).then(key => key?.spki) : client.readBack(where, role),
  );
}

async function holdingOf(client: ProvisioningClient, where: Where): Promise<Holding> {
  const found: { -readonly [Role in CredentialRole]?: Uint8Array } = {};
  for (const role of ROLES) {
    const bytes = await stored(client, where, role);
    if (bytes) found[role] = bytes;
  }
  return found;
}

class DeviceTarget implements Required<Target> {
  readonly kind = "device";
  readonly #line: DeviceLine;
  readonly #handshakeMs: number;
  /** What the place that is being filled was seen to hold last, before it was put in use. */
  #seen: Holding | undefined;

  constructor(line: DeviceLine, handshakeMs: number) {
    this.#line = line;
    this.#handshakeMs = handshakeMs;
  }

  async connect(): Promise<Present> {
    this.#seen = undefined;
    const facts = await this.#line.greet();
    return this.#line.run(async client => {
      const used = await holdingOf(client, "used");
      const status = await client.status();
      return {
        ...identityOf(facts),
        locked: facts.locked,
        generates: facts.generate,
        proves: facts.keys,
        used,
        pending: status ? await holdingOf(client, "new") : {},
      };
    });
  }

  async begin(): Promise<void> {
    this.#seen = undefined;
    await this.#line.run(client => client.begin());
  }

  async generate(): Promise<Uint8Array> {
    let asked: DeviceFacts | undefined;
    return this.#line.run(async client => {
      const closed = (await client.status())?.closed ?? {};
      const { facts } = this.#line;
      if (closed.key === undefined || !isSame(asked, facts)) {
        if (closed.key !== undefined) {
          // Who put it there nobody knows, unless this call may have: then nothing is lost with it.
          if (!asked || closed.ca !== undefined || closed.certificate !== undefined) throw taken("key");
          await client.begin();
        }
        asked = facts;
        await client.generate();
      }
      const key = await client.publicKey("new");
      if (!key) throw new ProvisioningError("nothing", "key");
      return key.spki;
    });
  }

  async request(commonName: string, key: Uint8Array): Promise<Uint8Array> {
    return this.#line.run(client => client.certificateRequest(commonName, key));
  }

  async write(role: CredentialRole, bytes: Uint8Array): Promise<void> {
    this.#seen = undefined;
    await this.#line.run(async client => {
      const status = await client.status();
      if (!status) throw new ProvisioningError("nothing", "open");
      if (status.closed[role] === undefined) await client.transfer(role, bytes);
      else if (!(await client.holds("new", role, bytes))) throw taken(role);
    });
  }

  async readBack(expected: Holding): Promise<ReadBack> {
    return this.#line.run(async client => {
      const isPending = (await client.status()) !== undefined;
      const found = await holdingOf(client, isPending ? "new" : "used");
      const by: Partial<Record<CredentialRole, ReadBackBy>> = {};
      for (const role of ROLES) {
        const wanted = expected[role];
        const bytes = found[role];
        if (wanted === undefined) {
          // What is in use may show the build's own CA beside it.
          if (isPending && bytes) throw unequal(`the device holds a ${role} that nobody wrote in this run`);
          continue;
        }
        if (!bytes || !equal(bytes, wanted))
          throw unequal(`the device does not hold the ${role} that was written`);
        by[role] = role === "key" ? "public-key" : "content";
      }
      if (isPending) this.#seen = found;
      return by;
    });
  }

  async prove(where: "pending" | "used", key: Uint8Array): Promise<void> {
    await this.#line.run(async client => {
      const { spki } = await client.prove(where === "pending" ? "new" : "used");
      if (!equal(spki, key)) throw new ProvisioningError("proof", "prove");
    });
  }

  /**
   * Where nothing is begun the place was put in use before: what is there has to be what this target saw
   * in it; when it saw nothing, because an earlier run put it in use, something has to be there.
   */
  async commit(): Promise<void> {
    await this.#line.run(async client => {
      if (await client.status()) {
        await client.commit();
        return;
      }
      const facts = await this.#line.hello();
      const used = await holdingOf(client, "used");
      if (facts.slot === undefined || (used.certificate === undefined && used.key === undefined))
        throw new ProvisioningError("nothing", "commit");
      for (const role of ROLES) {
        const seen = this.#seen?.[role];
        const now = used[role];
        if (seen && (!now || !equal(seen, now)))
          throw unequal(`the device uses another ${role} than the one that was written`);
      }
    });
  }

  async handshake(broker: string): Promise<Handshake> {
    const facts = await awaitConnection(this.#line, this.#handshakeMs, text => {
      this.#line.notice("handshake", text);
    });
    return {
      broker,
      facts: {
        slot: facts.slot ?? "none",
        state: facts.state,
        ...(facts.boot !== undefined && { boot: facts.boot }),
      },
    };
  }

  async confirm(): Promise<void> {
    await this.#line.run(async client => {
      const { state, rejected } = await this.#line.hello();
      if (rejected)
        throw unequal("the device gave up what it had put in use, and uses its former credentials");
      if (state !== "confirmed") await client.confirm();
    });
  }

  async lock(): Promise<void> {
    await this.#line.run(async client => {
      if (!(await this.#line.hello()).locked) await client.lock();
      if (!(await this.#line.hello()).locked) throw new ProvisioningError("storage", "lock");
    });
  }

  async erase(what: "former" | "all"): Promise<void> {
    this.#seen = undefined;
    await this.#line.run(async client => {
      const former = what === "all" ? await holdingOf(client, "used") : {};
      if (what === "former") await client.begin();
      else await client.erase();
      const { slot } = await this.#line.hello();
      const status = await client.status();
      const left = await holdingOf(client, what === "former" ? "new" : "used");
      if (what === "former") {
        if (!status || status.open || Object.values(status.closed).length > 0) throw notErased();
        if (left.ca ?? left.certificate ?? left.key) throw notErased();
        return;
      }
      // What the build brings along shows where the store is empty.
      if (slot !== undefined || status) throw notErased();
      for (const role of ["certificate", "key"] as const) {
        const bytes = left[role];
        if (bytes && former[role] && equal(bytes, former[role])) throw notErased();
      }
    });
  }

  close(): Promise<void> {
    return this.#line.close();
  }
}

/** Whether it is surely the device, or the very life of one, that was asked before. */
function isSame(asked: DeviceFacts | undefined, facts: DeviceFacts | undefined): boolean {
  if (!asked || !facts) return false;
  return asked.unit === undefined
    ? facts.boot !== undefined && asked.boot === facts.boot
    : asked.unit === facts.unit;
}

function notErased(): FactoryError {
  return unequal("the device holds something still that it has just erased");
}

/** What of the facts has the form that it should; a fact in another form is of no use for recognizing anything. */
function identityOf({ unit, imei, module, firmware }: DeviceFacts): Partial<Present> {
  return {
    ...(unit !== undefined && /^[\dA-F]{12}$/.test(unit) && { mac: unit }),
    ...(imei !== undefined && /^\d{15}$/.test(imei) && { imei }),
    ...(module !== undefined && { module }),
    ...(firmware !== undefined && { firmware }),
  };
}
