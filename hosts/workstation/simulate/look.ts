import type { FullProfile } from "../../../drivers/quectel/profile.js";
import { lookAtServer, type ServerAnswer } from "../broker-look.js";
import { deviceProfile } from "../tls-engine.js";
import { suiteName } from "../suites.js";
import type { BrokerAccess } from "./broker.js";
import type { RunFailure } from "./explain-end.js";
import type { RunResult } from "./result.js";

/** What brokers of today take. */
const MODERN: readonly number[] = [0xc02f, 0xc030, 0xc02b, 0xc02c, 0xcca8, 0xcca9, 0xc027, 0xc028];
/** Alerts by which a server says that version or suites do not fit: handshake_failure, protocol_version, insufficient_security. */
const REFUSALS: readonly number[] = [40, 70, 71];

function refused(answer: ServerAnswer): boolean {
  return answer.kind === "closed" || (answer.kind === "alert" && REFUSALS.includes(answer.description));
}

function names(suites: readonly number[]): string {
  return suites.map(suiteName).join(", ");
}

/**
 * The module says only that its TLS failed. Whether suites are the cause can be found out from
 * here: the broker is asked with the module's suites, and with those of today.
 */
export async function lookAtSuites(
  result: RunResult,
  broker: BrokerAccess,
  { model, tls }: Pick<FullProfile, "model" | "tls">,
): Promise<RunFailure | undefined> {
  const { failure } = result;
  if (failure?.kind !== "tls" || !(failure.command ?? "").startsWith("AT+Q")) return undefined;
  const place = { address: "127.0.0.1", port: broker.port, serverName: broker.host };
  const own = await lookAtServer({ ...place, suites: tls.suites });
  if (own.kind === "silent")
    return {
      ...failure,
      why: `What listens on port ${String(broker.port)} takes connections and says nothing to a TLS greeting: asked from here too, it kept silent. It is another service, or a broker that hangs.`,
      fix: "Correct the port in --broker (usually 8883 with TLS), or look at what listens there.",
    };
  const spoken =
    own.kind === "suite" ? `asked from here with the module's, the broker chose ${suiteName(own.suite)}` : "";
  // A reset can overtake the alert that tells its reason.
  if (own.kind === "suite" && failure.why.includes("may not speak TLS"))
    return {
      ...failure,
      why: `The broker ended the connection in the middle of the handshake: most probably it did not accept the device's certificate, or wants one. Cipher suites are not the cause: ${spoken}.`,
      fix: "Give a certificate and key with --cert and --key that a CA of the broker has issued (mosquitto: cafile); the broker's log tells more.",
    };
  if (own.kind === "suite")
    return { ...failure, why: `${failure.why} Cipher suites are not the cause: ${spoken}.` };
  if (!refused(own)) return undefined;
  const esp32 = await lookAtServer({ ...place, suites: deviceProfile.suites });
  const modern = esp32.kind === "suite" ? esp32 : await lookAtServer({ ...place, suites: MODERN });
  if (modern.kind !== "suite") return undefined;
  const staticRsa = tls.suites.every(suite => suite < 0xc000);
  const offer = staticRsa
    ? `nothing but suites with static RSA, ${names(tls.suites)}, which brokers have been dropping`
    : names(tls.suites);
  return {
    ...failure,
    why: `Module and broker have no cipher suite in common. The TLS of the ${model} offers ${offer}. Asked from here with just these, the broker refused; asked with others it chose ${suiteName(modern.suite)}. The certificates were not even looked at.`,
    fix:
      esp32.kind === "suite"
        ? `Use --route host-tls or auto: TLS on the ESP32 over the module's TCP offers ${suiteName(esp32.suite)}.${staticRsa ? " Or allow AES128-SHA256 on the broker (mosquitto: ciphers), which gives up forward secrecy." : ""}`
        : `Allow ECDHE-RSA-AES128-GCM-SHA256 (or ECDHE-ECDSA-AES128-GCM-SHA256) on the broker: ${staticRsa ? "TLS on the ESP32 (--route host-tls or auto) has it" : "module and ESP32 both have it"}.`,
  };
}
