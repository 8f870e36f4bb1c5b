import { build } from "esbuild";
import { join } from "node:path";
import { root } from "../cli/support.js";
import { installXSNumbers } from "./sdk-arithmetic.js";

/** The SDK's modules that have a stand-in, with its name there. */
const STAND_INS: Readonly<Record<string, string>> = {
  crypt: "{ Digest }",
  curve: "{ Curve as default }",
  ecdsa: "{ ECDSA as default }",
  ecp: "{ ECPoint as default }",
  rsa: "{ RSA as default }",
};

/** A module of `hosts/moddable` with the stand-ins in place of the SDK's arithmetic. */
export async function loadModdable(name: string): Promise<unknown> {
  installXSNumbers();
  const made = await build({
    entryPoints: [join(root, "hosts", "moddable", `${name}.ts`)],
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
            contents: `export ${STAND_INS[path] ?? "{}"} from "./sdk-arithmetic.ts";`,
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
