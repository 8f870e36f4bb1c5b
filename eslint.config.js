import js from "@eslint/js";
import { createTypeScriptImportResolver } from "eslint-import-resolver-typescript";
import { importX } from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

/** Import rules of the architecture: what each folder may not reach. */
const zones = [
  {
    target: "./modules",
    from: ["./drivers", "./hosts", "./certs", "./test-host"],
    message: "modules/ imports modules/ only",
  },
  {
    target: "./drivers",
    from: ["./hosts", "./certs", "./test-host"],
    message: "drivers/ imports modules/ only",
  },
  {
    target: "./certs",
    from: ["./drivers", "./hosts", "./test-host"],
    message: "certs/ imports modules/ only",
  },
  {
    target: "./hosts/firmware",
    from: [
      "./hosts/esp32",
      "./hosts/linux",
      "./hosts/moddable",
      "./hosts/workstation",
      "./certs",
      "./test-host",
    ],
    message: "the firmware is portable",
  },
  ...["./hosts/esp32", "./hosts/linux", "./hosts/moddable"].map(target => ({
    target,
    from: ["./hosts/workstation", "./certs", "./test-host"],
    message: "device code",
  })),
  ...["./hosts/workstation/*.ts", "./hosts/workstation/!(simulate|modem|device-command)/**"].map(target => ({
    target,
    from: ["./test-host"],
    message: "only the simulate, modem and device commands use the simulation",
  })),
  {
    target: "./test-host/simulator",
    from: ["./modules", "./drivers", "./hosts", "./certs", "./test-host/xs"],
    message: "the simulator is a second opinion: it shares no code with the driver",
  },
];

/** What XS on a device does not have. */
const hostNames = [
  "Buffer",
  "console",
  "process",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "clearTimeout",
  "clearInterval",
  "queueMicrotask",
  "structuredClone",
  "TextEncoder",
  "TextDecoder",
  "URL",
  "fetch",
  "crypto",
  "performance",
  "AbortController",
  "Intl",
  "trace",
  "screen",
  "globalThis",
  "navigator",
  "WebAssembly",
  "SharedArrayBuffer",
  "Atomics",
].map(name => ({ name, message: "Not in the language: comes in by constructor." }));

/** Declarations at module level, exported or not. */
const moduleLevel =
  ":matches(Program > VariableDeclaration, Program > ExportNamedDeclaration > VariableDeclaration)";
const preloadRule = "A module must be preloadable into flash:";

/** Rules of modules that are preloaded into flash. */
const preloadable = [
  {
    selector: "Program > VariableDeclaration[kind!='const']",
    message: `${preloadRule} no let or var at module level.`,
  },
  {
    selector: "Program > ExportNamedDeclaration > VariableDeclaration[kind!='const']",
    message: `${preloadRule} no let or var at module level.`,
  },
  {
    selector: `:matches(${moduleLevel} > VariableDeclarator, PropertyDefinition[static=true]) NewExpression[callee.name=/^(Map|Set|WeakMap|WeakSet|WeakRef|Date|RegExp|DataView|(Shared)?ArrayBuffer|.*Array)$/]`,
    message: `${preloadRule} no buffer or collection at module level.`,
  },
  {
    selector: `:matches(${moduleLevel} > VariableDeclarator, PropertyDefinition[static=true]) > :matches(ArrayExpression, ObjectExpression, Literal[regex])`,
    message: `${preloadRule} constants are frozen.`,
  },
  { selector: "ImportExpression", message: "Modules are linked when the device is built." },
  {
    selector:
      "AssignmentExpression[left.type='MemberExpression'][left.object.type='ThisExpression'][left.property.name=/^(name|constructor|toString|valueOf)$/]",
    message: "Built-ins are frozen on the device: assigning an inherited name throws.",
  },
  {
    selector:
      ":matches(ClassDeclaration, ClassExpression)[superClass.name=/Error$/] PropertyDefinition[key.name=/^(name|message|toString|constructor)$/]",
    message:
      "A class field is an assignment here, and assigning an inherited frozen name throws on the device.",
  },
  {
    selector: "AwaitExpression, :function[async=true]",
    message: "Device code uses callbacks: a rejection that nobody sees restarts the device.",
  },
];

/** The linker cannot run native code: what a platform's module gives is called by functions, later. */
const nativeRules = [
  {
    selector: `:matches(CallExpression[callee.object.name=/^(Timer|Time|storage|files|Resource|Modules|crypt)$/], NewExpression[callee.name=/^(Resource|Flash|NativeDigest|Digest|Digital|DigitalPin|StockSerial|Buffered|BufferedSerial|Analog|RNG)$/]):not(:function *)`,
    message: `${preloadRule} no native function or class at module level.`,
  },
];

export default tseslint.config(
  // Faces of C functions are in the syntax of the SDK's compiler.
  {
    ignores: [
      "dist/**",
      "lib/**",
      "build/**",
      "coverage/**",
      ".cache/**",
      "node_modules/**",
      "hosts/esp32/*/*.js",
    ],
  },
  js.configs.recommended,
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        project: ["./tsconfig.json", "./tsconfig.device.json", "./test-host/xs/tsconfig.json"],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    plugins: { "import-x": importX },
    settings: { "import-x/resolver-next": [createTypeScriptImportResolver({ project: "tsconfig.json" })] },
    rules: {
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": ["error", { zones }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // `() => this.close()` is the usual way to hand over a method; the longer form costs byte code on the device.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/ban-ts-comment": [
        "error",
        { "ts-expect-error": false, "ts-ignore": true, "ts-nocheck": true },
      ],
    },
  },
  {
    files: ["modules/**/*.ts", "drivers/**/*.ts", "hosts/firmware/**/*.ts"],
    rules: {
      "no-restricted-globals": ["error", ...hostNames],
      "no-restricted-imports": [
        "error",
        { patterns: [{ regex: "^(?!\\.{1,2}/)", message: "Portable code imports by relative path only." }] },
      ],
      "no-restricted-syntax": ["error", ...preloadable],
    },
  },
  {
    files: ["hosts/esp32/**/*.ts", "hosts/moddable/**/*.ts"],
    ignores: ["**/*.d.ts"],
    rules: { "no-restricted-syntax": ["error", ...preloadable, ...nativeRules] },
  },
  {
    files: ["test-host/spec/**/*.ts"],
    rules: {
      // Classes made inside a class, as the serial classes of the benches are, need to name the outer one.
      "@typescript-eslint/no-this-alias": "off",
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", name: ["it", "describe"], package: "mocha" }] },
      ],
    },
  },
  {
    // Methods are handed on with their `this` typed and bound where they are called: no closure for each step.
    files: ["drivers/quectel/modem.ts", "drivers/quectel/climb.ts"],
    rules: { "@typescript-eslint/unbound-method": "off" },
  },
  { files: ["**/*.js"], extends: [tseslint.configs.disableTypeChecked] },
);
