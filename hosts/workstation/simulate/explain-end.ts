import type { ModuleSocket } from "../../../test-host/simulator/modem/socket.js";
import type { EngineMemory } from "../../../test-host/simulator/engine.js";
import type { StreamFailure } from "../../../test-host/simulator/network.js";
import type { SimulationEnd } from "../../../test-host/simulator/simulation.js";
import type { Failure, HandshakePlace } from "../../../modules/diagnosis/failure.js";
import { explainPassed } from "../../../drivers/quectel/route-sentences.js";
import { explainFailure } from "../diagnosis/explain.js";
import type { BrokerAccess } from "./broker.js";
import type { SimulateOptions } from "./options.js";
import type { RunRecord } from "./record.js";

/** Why a run failed: for machines `kind`, `code`, `command`, for people the rest. */
export interface RunFailure {
  readonly kind: string;
  readonly code?: number;
  readonly command?: string;
  /** How far a handshake by the ESP32 had come. */
  readonly handshake?: HandshakePlace;
  /** Of kind `memory`: the smallest `--heap` with which the run passes. */
  readonly neededBytes?: number;
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
  /** The user ended the run. */
  readonly interrupted: boolean;
}

interface Cause {
  readonly why: string;
  readonly fix: string;
}

/** Which words in the network's own account mean what for the user of this command. First match decides. */
const CAUSES: readonly { readonly words: RegExp; readonly cause: (facts: EndFacts) => Cause }[] = [
  {
    words: /ECONNREFUSED/,
    cause: ({ broker }) => ({
      why: `Nothing listens on port ${String(broker.port)}.`,
      fix: "Start the broker, or correct the port in --broker.",
    }),
  },
  {
    words: /Hostname\/IP|altnames|does not match/,
    cause: ({ broker }) => ({
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
    cause: ({ broker }) => ({
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
    cause: ({ broker }) =>
      broker.certificate === undefined
        ? {
            why: "The broker wants a client certificate, or it has no TLS version or cipher suite in common with the module.",
            fix: "Give --cert and --key (mosquitto: require_certificate is true); otherwise allow TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256 or ECDHE-ECDSA-AES128-GCM-SHA256 on the broker.",
          }
        : {
            why: "Broker and module have no TLS version or cipher suite in common.",
            fix: "Allow TLS 1.2 with ECDHE-RSA-AES128-GCM-SHA256 or ECDHE-ECDSA-AES128-GCM-SHA256 on the broker.",
          },
  },
  {
    words: /ECONNRESET|EPIPE|closed during the handshake|connection is gone/,
    cause: ({ broker }) =>
      broker.secure
        ? {
            why: `What listens on port ${String(broker.port)} ended the connection during the TLS handshake; it may not speak TLS at all.`,
            fix: "Use the broker's TLS port (usually 8883), or mqtt:// for a connection without TLS; the broker's log tells more.",
          }
        : {
            why: `What listens on port ${String(broker.port)} ended the connection without an answer; it may want TLS.`,
            fix: "Use mqtts:// with --ca for a TLS port, or the broker's port without TLS (usually 1883); the broker's log tells more.",
          },
  },
];

/** OpenSSL's own words, without its queue of numbers and file names. */
function readable(detail: string): string {
  const openssl = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):/.exec(detail);
  return (openssl?.[1] ?? detail).trim().replace(/\.$/, "");
}

/**
 * The network's account counts when the connection was never of use: what ends a working one
 * later has reasons of its own.
 */
function causeOf(facts: EndFacts, reason: Failure, seen: StreamFailure): Cause | undefined {
  const isOpening = reason.kind === "tls" || reason.kind === "connect";
  const isAnswered = facts.record.online;
  if (!isOpening && (reason.kind !== "peer-closed" || isAnswered)) return undefined;
  return CAUSES.find(one => one.words.test(seen.detail))?.cause(facts);
}

/** What is known here beside the broker's answer: which options it was asked with. */
function refusedLogin({ options }: EndFacts, { kind, code }: Failure): Cause | undefined {
  if (kind !== "mqtt-refused" || (code !== 4 && code !== 5)) return undefined;
  if (options.jwt !== undefined)
    return {
      why: "The broker does not take this token: its key is not the one that is registered for the device, its audience is another project, or the clocks differ.",
      fix: "Register the public half of --jwt-key for this client identifier, and compare --jwt-audience with the broker's project.",
    };
  return options.username === undefined
    ? {
        why: "The broker does not let this device in without a user name, or does not let this client identifier in.",
        fix: "Give --username and --password-file, or allow the device in the broker's settings (mosquitto: allow_anonymous).",
      }
    : {
        why: "The broker does not take this user name and password, or does not let them in with this client identifier.",
        fix: "Check --username and the file of --password-file against the broker's list of users.",
      };
}

/** What stood in the way of each route, in the place of the words that the firmware reported. */
function noRoute({ options }: EndFacts, { detail = "" }: Failure): Cause & { readonly what: string } {
  const passed = explainPassed(detail);
  return {
    what: "No route leads to the broker",
    why: `${passed.charAt(0).toUpperCase()}${passed.slice(1)}.`,
    fix:
      options.route === "auto"
        ? "Change the smallest of it: the broker's suites, the device's key, or the length that is too much."
        : "Use --route auto, which takes a way that is free, or change what stands in this one.",
  };
}

/** What went wrong, in words; `null` when nothing did. */
export function explainEnd(facts: EndFacts): RunFailure | null {
  const { record, end } = facts;
  if (end.reason === "abort") return explainAbort(facts);
  if (record.end === "done") return null;
  if (facts.interrupted) {
    return {
      kind: "interrupted",
      what: "Stopped before everything was delivered",
      why: "A signal asked for it.",
      fix: "Run again for the whole of it.",
    };
  }
  const reason = record.lastFailure;
  if (reason === undefined) {
    return {
      kind: "stalled",
      what: "The device waits for something that will not come",
      why: `Nothing is left that could happen (the simulation ended with "${end.reason}") and not everything was delivered.`,
      fix: "Run again with --trace FILE and look at the last lines; please report it.",
    };
  }
  const general = explainFailure(reason, facts.options.module);
  const { kind, code, command } = reason;
  const identity = {
    kind,
    ...(code === undefined ? undefined : { code }),
    ...(command === undefined ? undefined : { command }),
    ...(reason.handshake === undefined ? undefined : { handshake: reason.handshake }),
    what: general.what,
  };
  if (kind === "route") return { ...identity, ...noRoute(facts, reason) };
  const refusal = facts.broker.refusal();
  if (refusal !== undefined) return { ...identity, why: `The broker says: ${refusal}.`, fix: general.fix };
  const login = refusedLogin(facts, reason);
  if (login !== undefined) return { ...identity, ...login };
  // TLS on the ESP32 has named the cause; what to do about it is an option of this command.
  if (command === "TLS" && (reason.detail ?? "").startsWith("alert sent")) {
    const words = `${reason.detail ?? ""}${code === 48 ? " issuer" : ""}`.replace(
      "is not for",
      "does not match",
    );
    const cause = CAUSES.find(one => one.words.test(words))?.cause(facts);
    if (cause !== undefined) return { ...identity, ...cause };
  }
  // The module tells a code only; the simulation knows what its network met with.
  const seen = facts.sockets.at(-1)?.failure;
  // TLS on the ESP32 has seen more of it than the module's network.
  if (seen === undefined || !["tls", "connect", "peer-closed"].includes(kind) || command === "TLS") {
    return { ...identity, why: general.why, fix: general.fix };
  }
  const cause = causeOf(facts, reason, seen);
  return {
    ...identity,
    why: `${cause?.why ?? general.why} (The module's network saw: ${readable(seen.detail)}.)`,
    fix: cause?.fix ?? general.fix,
  };
}

function explainAbort({ end, memory, options }: EndFacts): RunFailure {
  const { abort } = end;
  const reason = abort?.reason ?? "unknown";
  // An exception's text ends in its calls, a line each.
  const detail = (abort?.detail ?? "").replace(/\s*\n\s*/g, ", ");
  if (reason === "memory full") {
    return {
      kind: "memory",
      what: `The engine ran out of memory: its heap of ${String(memory.budgetBytes)} bytes was full`,
      why: `A device would have restarted here: ${detail}.`,
      fix:
        options.heapBytes === undefined
          ? "Give the firmware less to hold at once: shorter messages, fewer subscriptions."
          : "Raise --heap.",
    };
  }
  return {
    kind: "engine",
    what: `The engine ended the run: ${reason}`,
    why: `A device would have restarted here (${detail}).`,
    fix: "This is a defect of the firmware: run again with --trace FILE and report it.",
  };
}

/** Adds what a run with enough memory was seen to take. */
export function explainNeed(failure: RunFailure, neededBytes: number | undefined): RunFailure {
  if (neededBytes === undefined) return failure;
  return {
    ...failure,
    neededBytes,
    why: `This run needs ${String(neededBytes)} bytes: with that much it passes (tried again, with an embedded broker). ${failure.why}`,
    fix: `Give --heap ${String(neededBytes)} or more; without --heap the engine has what an ESP32 has.`,
  };
}
