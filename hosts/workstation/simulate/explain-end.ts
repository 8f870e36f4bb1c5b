import type { ModuleSocket } from "../../../test-host/simulator/bg95/socket.js";
import type { EngineMemory } from "../../../test-host/simulator/engine.js";
import type { StreamFailure } from "../../../test-host/simulator/network.js";
import type { SimulationEnd } from "../../../test-host/simulator/simulation.js";
import { explainFailure } from "../diagnosis/explain.js";
import type { BrokerAccess } from "./broker.js";
import type { SimulateOptions } from "./options.js";
import type { RunRecord } from "./record.js";

/** Why a run failed: for machines `kind`, `code`, `command`, for people the rest. */
export interface RunFailure {
  readonly kind: string;
  readonly code?: number;
  readonly command?: string;
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

export interface EndFacts {
  readonly options: SimulateOptions;
  readonly broker: BrokerAccess;
  readonly record: RunRecord;
  readonly end: SimulationEnd;
  readonly sockets: readonly ModuleSocket[];
  readonly memory: EngineMemory;
}

interface Cause {
  readonly why: string;
  readonly fix: string;
}

/** Which words in the network's own account mean what for the user of this command. First match decides. */
const CAUSES: readonly { readonly words: RegExp; readonly cause: (broker: BrokerAccess) => Cause }[] = [
  {
    words: /ECONNREFUSED/,
    cause: broker => ({
      why: `Nothing listens on port ${String(broker.port)}.`,
      fix: "Start the broker, or correct the port in --broker.",
    }),
  },
  {
    words: /Hostname\/IP|altnames|does not match/,
    cause: broker => ({
      why: `The broker's certificate does not name ${broker.host}.`,
      fix: "Give a name that stands in the broker's certificate with --server-name, or have one issued for this host.",
    }),
  },
  {
    words: /issuer|self-signed|not a CA/,
    cause: () => ({
      why: "The broker's certificate was not issued by the CA of --ca.",
      fix: "Give the CA certificate that issued the broker's certificate with --ca.",
    }),
  },
  {
    words: /has expired/,
    cause: () => ({ why: "The broker's certificate has expired.", fix: "Renew the broker's certificate." }),
  },
  {
    words: /not yet valid/,
    cause: () => ({
      why: "The broker's certificate is not valid yet.",
      fix: "Look at this machine's clock and at the dates of the broker's certificate.",
    }),
  },
  {
    words: /wrong version number|packet length too long|http request/i,
    cause: broker => ({
      why: `What listens on port ${String(broker.port)} does not speak TLS.`,
      fix: "Use the broker's TLS port (usually 8883), or mqtt:// for a connection without TLS.",
    }),
  },
  {
    words: /unknown ca|certificate unknown|bad certificate|certificate required|decrypt error|access denied/i,
    cause: () => ({
      why: "The broker did not accept the device's certificate.",
      fix: "Give a certificate and key with --cert and --key that a CA of the broker has issued (mosquitto: cafile).",
    }),
  },
  {
    words:
      /handshake failure|no shared cipher|no cipher|insufficient security|unsupported protocol|protocol version/i,
    cause: () => ({
      why: "Broker and module have no TLS version or cipher suite in common, or the broker wants a client certificate.",
      fix: "Allow TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256 or ECDHE-ECDSA-AES128-GCM-SHA256 on the broker; give --cert and --key if it asks for a client certificate.",
    }),
  },
];

function causeOf(seen: StreamFailure, broker: BrokerAccess): Cause | undefined {
  return CAUSES.find(one => one.words.test(seen.detail))?.cause(broker);
}

/** What went wrong, in words; `null` when nothing did. */
export function explainEnd(facts: EndFacts): RunFailure | null {
  const { record, end } = facts;
  if (end.reason === "abort") return explainAbort(facts);
  if (record.end === "done") return null;
  const reason = record.lastFailure;
  if (reason === undefined) {
    return {
      kind: "stalled",
      what: "The device waits for something that will not come",
      why: `Nothing is left that could happen (the simulation ended with "${end.reason}") and not everything was delivered.`,
      fix: "Run again with --trace FILE and look at the last lines; please report it.",
    };
  }
  const general = explainFailure(reason);
  const { kind, code, command } = reason;
  const identity = {
    kind,
    ...(code === undefined ? undefined : { code }),
    ...(command === undefined ? undefined : { command }),
    what: general.what,
  };
  const refusal = facts.broker.refusal();
  if (refusal !== undefined) return { ...identity, why: `The broker says: ${refusal}.`, fix: general.fix };
  // The module tells a code only; the simulation knows what its network met with.
  const seen = facts.sockets.at(-1)?.failure;
  if (seen === undefined || !["tls", "connect", "peer-closed"].includes(kind)) {
    return { ...identity, why: general.why, fix: general.fix };
  }
  const cause = causeOf(seen, facts.broker);
  return {
    ...identity,
    why: `${cause?.why ?? general.why} (The module's network saw: ${seen.detail}.)`,
    fix: cause?.fix ?? general.fix,
  };
}

function explainAbort({ end, memory, options }: EndFacts): RunFailure {
  const { abort } = end;
  const reason = abort?.reason ?? "unknown";
  const detail = abort?.detail ?? "";
  if (reason === "memory full") {
    const needed = Math.max(abort?.neededBytes ?? 0, memory.peakBytes);
    return {
      kind: "memory",
      what: `The engine ran out of memory: at least ${String(needed)} bytes were needed, ${String(memory.budgetBytes)} were there`,
      why: `A device would have restarted here (${detail}).`,
      fix:
        options.heapBytes === undefined
          ? "Give the firmware less to hold at once."
          : `Raise --heap above ${String(needed)}; npm run bench prints the smallest heap that passes.`,
    };
  }
  return {
    kind: "engine",
    what: `The engine ended the run: ${reason}`,
    why: `A device would have restarted here (${detail}).`,
    fix: "This is a defect of the firmware: run again with --trace FILE and report it.",
  };
}
