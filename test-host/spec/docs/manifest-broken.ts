import type { Manifest, ManifestPart } from "../../../scripts/manifests/manifest.js";
import { APPLICATION, productManifest } from "../../../scripts/manifests/plan.js";

const SERIAL = "hosts/esp32/serial/manifest.json";
const SENSOR = "examples/sensor/manifest.json";
const PRODUCT = productManifest("bg95-module-tls");

/** The manifest that most cases break. */
export const BG95 = "drivers/bg95/manifest.json";

/** A manifest whose part for a platform is changed. */
function onPlatform(
  manifest: Manifest,
  platform: string,
  change: (part: ManifestPart) => ManifestPart,
): Manifest {
  const platforms = manifest.platforms ?? {};
  return { ...manifest, platforms: { ...platforms, [platform]: change(platforms[platform] ?? {}) } };
}

/** Without one of its members. */
function without<T>(record: Readonly<Record<string, T>> = {}, left: string): Record<string, T> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== left));
}

type Change = (manifest: Manifest) => Manifest;

/** A manifest that is changed, and the sentence that tells so. */
export const BROKEN: readonly (readonly [string, string, Change, RegExp])[] = [
  [
    "a module is missing",
    BG95,
    manifest => ({ ...manifest, modules: without(manifest.modules, "drivers/bg95/profile") }),
    /^drivers\/bg95\/manifest\.json: drivers\/bg95\/profile is imported but not listed$/m,
  ],
  [
    "who imports the missing module is told",
    BG95,
    manifest => ({ ...manifest, modules: without(manifest.modules, "drivers/bg95/profile") }),
    /^drivers\/bg95\/manifest\.json: drivers\/bg95\/index imports drivers\/bg95\/profile, which nothing lists or includes$/m,
  ],
  [
    "a file is not there",
    BG95,
    manifest => ({ ...manifest, modules: { ...manifest.modules, "drivers/none": "../none" } }),
    /drivers\/none is \.\.\/none\.ts, which does not exist/,
  ],
  [
    "a name differs from its folder",
    BG95,
    manifest => ({ ...manifest, modules: { ...manifest.modules, "drivers/bg95/profile": "./commands" } }),
    /drivers\/bg95\/profile is \.\/commands: the name does not mirror the folder/,
  ],
  [
    "a module is not preloaded",
    BG95,
    manifest => ({ ...manifest, preload: manifest.preload?.slice(1) ?? [] }),
    /drivers\/bg95\/manifest\.json: drivers\/bg95\/commands is not preloaded/,
  ],
  [
    "a module is listed in vain",
    BG95,
    manifest => ({ ...manifest, modules: { ...manifest.modules, "drivers/bc66/urcs": "../bc66/urcs" } }),
    /drivers\/bc66\/urcs is listed but nothing needs it/,
  ],
  [
    "a module is preloaded and not there",
    BG95,
    manifest => ({ ...manifest, preload: [...(manifest.preload ?? []), "drivers/none"] }),
    /drivers\/none is preloaded but not listed/,
  ],
  [
    "what two drivers share is not included",
    BG95,
    manifest => ({ ...manifest, include: [] }),
    /drivers\/bg95\/core imports .+, which nothing lists or includes/,
  ],
  [
    "an include leads nowhere",
    "modules/manifest_diagnosis.json",
    manifest => ({ ...manifest, include: ["./none.json"] }),
    /includes \.\/none\.json, which does not exist/,
  ],
  [
    "a member is misspelt",
    BG95,
    manifest => Object.assign({}, manifest, { preloads: [] }),
    /drivers\/bg95\/manifest\.json: mcconfig knows no member preloads/,
  ],
  [
    "a file beside a module would be taken with it",
    BG95,
    // A JSON file of the project beside which no module stands, put in a module's place.
    manifest => ({ ...manifest, modules: { ...manifest.modules, package: "../../package" } }),
    /package is \.\.\/\.\.\/package\.ts and \.\.\/\.\.\/package\.json, and mcconfig takes both/,
  ],
  [
    "what a platform adds is missing",
    APPLICATION,
    manifest => onPlatform(manifest, "esp32", part => ({ ...part, modules: {} })),
    /hosts\/firmware\/manifest\.json \(esp32\): hosts\/esp32\/main is imported but not listed/,
  ],
  [
    "another main module is named",
    APPLICATION,
    manifest => onPlatform(manifest, "lin", part => ({ ...part, creation: { main: "main" } })),
    /on lin: creation\.main is main, not hosts\/linux\/main/,
  ],
  [
    "a module that runs native code when it is loaded is preloaded",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "lin", part => ({
        ...part,
        preload: [...(part.preload ?? []), "hosts/linux/entropy"],
      })),
    /hosts\/linux\/entropy runs native code when it is loaded and cannot be preloaded/,
  ],
  [
    "a manifest of the SDK is not included",
    productManifest("bg95-host-tls"),
    manifest => ({ ...manifest, include: [] }),
    /bg95-host-tls on lin: hosts\/moddable\/\S+ imports \S+, but \$\(MODDABLE\)\/modules\/crypt\/tls_419\.json is not included/,
  ],
  [
    "the manifest that every build starts from is not included",
    APPLICATION,
    manifest => ({ ...manifest, include: manifest.include?.filter(one => !one.includes("base")) ?? [] }),
    /everything on lin: \$\(MODDABLE\)\/examples\/manifest_base\.json is not included/,
  ],
  [
    "the partition table is not there",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "esp32", part => ({ ...part, build: { PARTITIONS_FILE: "./none.csv" } })),
    /PARTITIONS_FILE is \.\/none\.csv, which does not exist/,
  ],
  [
    "a path of the build is one that mcconfig takes as it stands",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "esp32", part => ({
        ...part,
        build: { PARTITIONS_FILE: "../esp32/partitions.csv" },
      })),
    /PARTITIONS_FILE is \.\.\/esp32\/partitions\.csv, which mcconfig does not look for beside the manifest/,
  ],
  [
    "the manifest of a native class is not included",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "esp32", part => ({
        ...part,
        include: part.include?.filter(one => !one.includes("serial")) ?? [],
      })),
    /hosts\/firmware\/manifest\.json \(esp32\): \.\.\/esp32\/serial\/manifest\.json is not included/,
  ],
  [
    "a native class is included where it cannot run",
    APPLICATION,
    manifest =>
      onPlatform(manifest, "lin", part => ({
        ...part,
        include: [...(part.include ?? []), "../esp32/serial/manifest.json"],
      })),
    /on lin: the buffered serial class is for the ESP32/,
  ],
  [
    "a native class is not listed by its own manifest",
    SERIAL,
    manifest => ({ ...manifest, modules: {} }),
    /hosts\/esp32\/serial\/manifest\.json: hosts\/esp32\/serial\/buffered-serial is there but not listed/,
  ],
  [
    "a native class does not refuse other platforms",
    SERIAL,
    manifest => ({ ...manifest, platforms: without(manifest.platforms, "...") }),
    /hosts\/esp32\/serial\/manifest\.json: other platforms than its own are not refused/,
  ],
  [
    "a product puts nothing in its place",
    PRODUCT,
    manifest => ({ ...manifest, modules: without(manifest.modules, "hosts/firmware/products/chosen") }),
    /bg95-module-tls on esp32: hosts\/esp32\/main imports hosts\/firmware\/products\/chosen, which nothing lists/,
  ],
  [
    "a product carries what another needs",
    PRODUCT,
    manifest => ({
      ...manifest,
      modules: { ...manifest.modules, "drivers/bc66/tls": "../../../drivers/bc66/tls" },
    }),
    /bg95-module-tls on lin: drivers\/bc66\/tls is in the build but nothing imports it/,
  ],
  [
    "two manifests of a build mean different files by one name",
    PRODUCT,
    manifest => ({
      ...manifest,
      modules: { ...manifest.modules, "modules/at/trace": "../../../modules/at/line" },
    }),
    /modules\/at\/trace is modules\/at\/trace in hosts\/firmware\/manifest\.json and modules\/at\/line in hosts\/firmware\/products\/manifest_bg95-module-tls\.json/,
  ],
  // Found with the SDK: of two files of one name mcconfig takes that of the manifest that comes first.
  [
    "an application puts its own product beside the one that it includes",
    SENSOR,
    manifest => ({ ...manifest, modules: without(manifest.modules, "~") }),
    /examples\/sensor\/manifest\.json on lin: hosts\/firmware\/products\/chosen is .+ and examples\/sensor\/chosen/,
  ],
  [
    "a configuration is one that the firmware refuses",
    "manifest.json",
    manifest => ({ ...manifest, config: { ...manifest.config, qos: 3 } }),
    /manifest\.json on lin: qos is 3/,
  ],
  [
    "a wiring is one that the chip does not have",
    "manifest.json",
    manifest => onPlatform(manifest, "esp32", part => ({ ...part, config: { board: "none" } })),
    /manifest\.json on esp32: .*board/,
  ],
];
