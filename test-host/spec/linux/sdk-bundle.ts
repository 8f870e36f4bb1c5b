import { build } from "esbuild";
import { join } from "node:path";
import { root } from "../cli/support.js";
import { installXSNumbers } from "./sdk-arithmetic.js";

const arithmetic = (what: string): string => `export ${what} from "./sdk-arithmetic.ts";`;

/** The SDK's modules that have a stand-in: what is in their place. */
const STAND_INS: Readonly<Record<string, string>> = {
  crypt: arithmetic("{ Digest }"),
  curve: arithmetic("{ Curve as default }"),
  ecdsa: arithmetic("{ ECDSA as default }"),
  ecp: arithmetic("{ ECPoint as default }"),
  rsa: arithmetic("{ RSA as default }"),
  // Played by the spec.
  "embedded:io/serial":
    "export default class { constructor(options) { return globalThis.playedSerial(options); } }",
  timer:
    "export default { set: (...values) => globalThis.playedTimer.set(...values), clear: id => globalThis.playedTimer.clear(id) };",
  time: "export default { ticks: 0, delta: () => 0, set() {} };",
};

/** A module of `hosts` with stand-ins in place of the SDK's. */
export async function loadHost(name: string): Promise<unknown> {
  installXSNumbers();
  const made = await build({
    entryPoints: [join(root, "hosts", `${name}.ts`)],
    bundle: true,
    write: false,
    format: "esm",
    platform: "node",
    logLevel: "silent",
    plugins: [
      {
        name: "stand-ins",
        setup(build) {
          build.onResolve({ filter: /^[^./]/ }, ({ path }) =>
            path in STAND_INS ? { path, namespace: "sdk" } : undefined,
          );
          build.onLoad({ filter: /.*/, namespace: "sdk" }, ({ path }) => ({
            contents: STAND_INS[path] ?? "",
            resolveDir: join(root, "test-host", "spec", "linux"),
            loader: "ts",
          }));
        },
      },
    ],
  });
  const text = made.outputFiles[0]?.text ?? "";
  return import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
}
