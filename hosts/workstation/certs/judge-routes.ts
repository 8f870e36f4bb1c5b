import type { X509Certificate } from "node:crypto";
import { checkDevice, type DeviceCredentials } from "../../../certs/check/rules.js";
import { once, type Finding } from "../../../certs/check/finding.js";
import { lookAtServer } from "../broker-look.js";
import type { RouteTls } from "../route-tls.js";
import { suiteName } from "../suites.js";
import type { BrokerAddress } from "./broker-address.js";
import { brokerCertificate, lookAtChain } from "./broker-chain.js";
import { noSuite } from "./no-suite.js";

export interface JudgedRoute {
  readonly tls: RouteTls;
  /** Nothing refuses it. */
  readonly ok: boolean;
  /** A warning says what its TLS is not known to take. */
  readonly unsure: boolean;
  /** What the broker chose of its suites; absent: it was not asked, or chose none. */
  readonly suite?: string;
}

export interface Judgement {
  readonly routes: readonly JudgedRoute[];
  /** What stands in the way of every route, or can be said whichever is taken. */
  readonly findings: readonly Finding[];
}

/** Asks a broker with the suites of a route. `shown`: the broker's certificate, which is asked for when it refuses. */
async function ask(
  tls: RouteTls,
  { host, port }: BrokerAddress,
  shown: () => Promise<X509Certificate | undefined>,
): Promise<{ readonly suite?: string; readonly refused?: Finding }> {
  const answer = await lookAtServer({ address: host, port, serverName: host, suites: tls.suites });
  switch (answer.kind) {
    case "suite":
      return { suite: suiteName(answer.suite) };
    case "alert":
    case "closed": {
      const certificate = await shown();
      return { refused: noSuite(tls, certificate?.publicKey) };
    }
    // What a server without TLS is, the look at its chain tells.
    default:
      return {};
  }
}

/**
 * Holds a device's credentials against the TLS of each route, and, where `broker` is given, against the
 * broker that runs there. One route that will do is enough.
 */
export async function judgeRoutes(
  device: DeviceCredentials,
  routes: readonly RouteTls[],
  now: Date,
  broker?: BrokerAddress,
): Promise<Judgement> {
  const findings = [...checkDevice(device, now)];
  const judged: JudgedRoute[] = [];
  const refusals: Finding[] = [];
  const doubts: Finding[] = [];
  let certificate: Promise<X509Certificate | undefined> | undefined;
  const shown = (): Promise<X509Certificate | undefined> =>
    (certificate ??=
      broker === undefined ? Promise.resolve(undefined) : brokerCertificate(broker.host, broker.port));
  for (const tls of routes) {
    const ofRoute = checkDevice({ ...device, tls: [tls] }, now);
    const refused = ofRoute.filter(({ rule }) => rule === "route-key" || rule === "size");
    const doubted = ofRoute.filter(({ rule }) => rule === "route-signature");
    const answer = broker === undefined ? {} : await ask(tls, broker, shown);
    if (answer.refused !== undefined) refused.push(answer.refused);
    const ok = refused.length === 0;
    refusals.push(...refused);
    if (ok) doubts.push(...doubted);
    const { suite } = answer;
    judged.push({ tls, ok, unsure: ok && doubted.length > 0, ...(suite !== undefined && { suite }) });
  }
  if (!judged.some(({ ok, unsure }) => ok && !unsure))
    findings.push(...once(judged.some(({ ok }) => ok) ? doubts : refusals));
  if (broker !== undefined && device.ca !== undefined) {
    const found = await lookAtChain(broker.host, broker.port, device.ca, now);
    if (found !== undefined) findings.push(found);
  }
  return { routes: judged, findings };
}
