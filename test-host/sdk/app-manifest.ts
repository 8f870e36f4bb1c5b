import { join } from "node:path";
import type { ModuleName } from "../../hosts/firmware/config.js";
import { modulesOf } from "../../scripts/manifests/graph.js";
import type { ManifestText } from "./manifest.js";
import { PTY } from "./processes.js";
import { EXAMPLES, MQTT_TESTS, TCP_TESTS } from "./programs.js";
import { root, work } from "./toolchain.js";

/** What the programs' files are in: their own name, and the kernel's random numbers. */
export const FILES = join(work, "files");
/** The vectors' module, without its ending. */
export const VECTOR_FILE = join(work, "vectors");
export const VECTORS = "test-host/sdk/app/vectors";

const APP = "test-host/sdk/app";
const ENTRY = `${APP}/main`;

/** Ways to TLS that are sockets. */
export type SocketRoute = "module-tls" | "host-tls";

/** The application that contains everything; which program it runs a file tells. */
export function programsManifest(module: ModuleName, route: SocketRoute, device: string): ManifestText {
  // The rest comes by the manifest that applications include.
  const own = [...new Set([ENTRY, VECTORS].flatMap(entry => [...modulesOf(root, entry)]))];
  const modules = Object.fromEntries(own.map(name => [name, join(root, name)]));
  const preload = own.filter(name => ![ENTRY, VECTORS, `${APP}/assert`].includes(name));
  const examples = "$(MODDABLE)/examples/io/tcp";
  const tests = "$(MODDABLE)/tests/modules";
  return {
    include: [
      join(root, "hosts/moddable/manifest_network.json"),
      "$(MODDABLE)/modules/data/text/decoder/manifest.json",
    ],
    creation: { main: ENTRY, stack: 1024 },
    strip: [],
    config: { module, route, device: PTY, files: FILES },
    modules: {
      ...modules,
      "embedded:io/socket/tcp": join(root, APP, "tcp"),
      mqtt: join(root, APP, "mqtt"),
      "sdk/vectors": VECTOR_FILE,
      "sdk/tcp": "$(MODDABLE)/modules/io/socket/lin/tcp",
      "embedded:io/socket/listener": "$(MODDABLE)/modules/io/socket/lin/listener",
      "embedded:network/mqtt/client": `${examples}/mqttclient/mqttclient`,
      "embedded:network/http/client": `${examples}/httpclient/httpclient`,
      securesocket: join(root, APP, "securesocket"),
      ...Object.fromEntries(EXAMPLES.map(({ name }) => [`examples/${name}`, `${examples}/${name}/main`])),
      ...Object.fromEntries(TCP_TESTS.map(name => [`tests/tcp/${name}`, `${tests}/io/socket/tcp/${name}`])),
      ...Object.fromEntries(
        MQTT_TESTS.map(([name]) => [`tests/mqtt/${name}`, `${tests}/network/mqtt/${name}`]),
      ),
    },
    preload: [
      ...preload,
      "sdk/tcp",
      "embedded:io/socket/tcp",
      "embedded:io/socket/listener",
      "mqtt",
      "embedded:network/mqtt/client",
      "embedded:network/http/client",
    ],
    data: { "*": [join(device, "*")] },
    typescript: {
      tsconfig: {
        compilerOptions: {
          // Longer than the list of the manifest that is included, which it takes the place of.
          types: [
            "hosts/moddable/typings/tls",
            "hosts/moddable/typings/files",
            `${APP}/sdk-tcp`,
            `${APP}/sdk-vectors`,
          ].map(name => join(root, name)),
        },
      },
    },
  };
}
